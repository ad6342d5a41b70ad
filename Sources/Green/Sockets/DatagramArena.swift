internal import CGreen
internal import Glibc

/// The buffers of a hub's datagrams: taken for the time of a receive, a handler or a send, the last used first, so
/// that few of them are ever touched.
@safe final class DatagramArena {
    /// What changes; raw, because greenlets switch while buffers are out.
    @safe struct State {
        var free: UnsafeMutablePointer<UnsafeMutablePointer<green_slot>?>
        var freeCount = 0
    }

    /// Bytes of one buffer. A longer datagram is cut and marked so.
    static let slotCapacity = 4096
    /// Bytes from one buffer to the next: three cache lines more than a page, so that the beginnings of a batch's
    /// buffers do not all compete for the same few places of the first-level cache.
    static let slotStride = slotCapacity + 192
    /// How many buffers there are.
    static let slotCount = 1024

    let state: UnsafeMutablePointer<State>
    private let slots: UnsafeMutablePointer<green_slot>
    private let memory: UnsafeMutableRawPointer

    init() {
        let length = Self.slotStride * Self.slotCount
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let memory = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            halt("no address space for datagram buffers")
        }
        unsafe self.memory = memory
        unsafe slots = .allocate(capacity: Self.slotCount)
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(free: .allocate(capacity: Self.slotCount)))
        for index in (0..<Self.slotCount).reversed() {
            var slot = unsafe green_slot()
            unsafe slot.data = (memory + index * Self.slotStride).assumingMemoryBound(to: UInt8.self)
            unsafe slot.capacity = UInt32(Self.slotCapacity)
            unsafe (slots + index).initialize(to: slot)
            unsafe state.pointee.free[state.pointee.freeCount] = slots + index
            unsafe state.pointee.freeCount += 1
        }
    }

    deinit {
        unsafe munmap(memory, Self.slotStride * Self.slotCount)
        unsafe state.pointee.free.deallocate()
        unsafe state.deallocate()
        unsafe slots.deallocate()
    }
}

extension UnsafeMutablePointer<DatagramArena.State> {
    /// A free buffer, or nil.
    @inline(__always)
    func take() -> UnsafeMutablePointer<green_slot>? {
        guard unsafe pointee.freeCount > 0 else { return nil }
        unsafe pointee.freeCount -= 1
        return unsafe pointee.free[pointee.freeCount]
    }

    /// Takes a buffer back.
    @inline(__always)
    func giveBack(_ slot: UnsafeMutablePointer<green_slot>) {
        unsafe pointee.free[pointee.freeCount] = slot
        unsafe pointee.freeCount += 1
    }
}
