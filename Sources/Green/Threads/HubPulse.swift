internal import CGreen

/// What a hub's thread shows others of its progress: how often it gave the processor to a greenlet, and to which.
@safe final class HubPulse: @unchecked Sendable {
    // SAFETY: the pointer never changes; what it leads to is only touched by relaxed atomic loads and stores.
    let pointer: UnsafeMutablePointer<green_pulse>

    init() {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: green_pulse())
    }

    deinit {
        unsafe pointer.deallocate()
    }

    /// How many times a greenlet was given the processor, and which has it now.
    var reading: (turns: UInt64, greenlet: UInt64?) {
        let pulse = unsafe green_pulse_read(pointer)
        return (pulse.beats >> 1, pulse.beats & 1 == 1 ? pulse.greenlet : nil)
    }
}
