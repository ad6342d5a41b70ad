internal import CGreen
internal import CLibevent
internal import Glibc

/// The signal descriptor of a loop and who is told.
@safe final class SignalWatch {
    let descriptor: Int32
    let handler: (Int32) -> Void
    var event: OpaquePointer?

    init(descriptor: Int32, handler: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.handler = handler
    }

    func close() {
        if let event = unsafe event { unsafe event_free(event) }
        Glibc.close(descriptor)
    }
}

extension LibeventLoop {
    /// Blocks the signals for this thread and all that it starts later, and reads them from a descriptor.
    /// Throws where the system gives none.
    public func onSignals(_ signals: [Int32], _ handler: @escaping (Int32) -> Void) throws(SocketError) {
        let descriptor = unsafe green_signal_descriptor(signals, UInt32(signals.count))
        guard descriptor >= 0 else { throw SocketError(errno: -descriptor, call: "signalfd") }
        let watch = SignalWatch(descriptor: descriptor, handler: handler)
        let flags = Int16(EV_READ) | Int16(EV_PERSIST)
        unsafe watch.event = event_new(
            base, descriptor, flags,
            { descriptor, _, context in
                let watch = unsafe Unmanaged<SignalWatch>.fromOpaque(context!).takeUnretainedValue()
                while case let number = green_signal_read(descriptor), number != 0 { watch.handler(number) }
            },
            Unmanaged.passUnretained(watch).toOpaque()
        )
        unsafe event_add(watch.event, nil)
        signalWatch?.close()
        signalWatch = watch
    }
}
