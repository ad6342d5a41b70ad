/// Waits for a descriptor that Green did not make: a pipe, a device, a socket of some C library. The caller keeps it open,
/// non-blocking, and reads and writes it by itself.
///
/// The first wait after a read or write that would block costs one `poll`; readiness that came before is seen.
@safe public final class DescriptorWatch {
    let hub: Hub
    private let handle: SocketHandle

    /// Watches `descriptor` from now on. Throws where the kernel cannot: for regular files.
    public init(_ descriptor: Int32, hub: Hub = .current) throws(SocketError) {
        self.hub = hub
        unsafe handle = try hub.loop.watch(descriptor: descriptor)
    }

    deinit {
        // Wherever the last reference goes; nobody waits on it any more.
        unsafe hub.loop.close(handle)
        unsafe hub.freeSocketRecord(handle)
    }

    /// Waits until it can be read without blocking (true), or `deadline` passes (false). Throws `closed` after `close`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func waitReadable(until deadline: Instant = .never) throws -> Bool {
        check()
        guard unsafe handle.isOpen else { throw SocketError.closed }
        unsafe handle.pointee.canRead = hub.loop.poll(handle).readable
        return try unsafe hub.waitReadable(handle, until: deadline)
    }

    /// Whether it can be read without blocking, or was closed.
    var isReadable: Bool { unsafe !handle.isOpen || hub.loop.poll(handle).readable }

    /// Waits until it can be written without blocking (true), or `deadline` passes (false). Throws `closed` after `close`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func waitWritable(until deadline: Instant = .never) throws -> Bool {
        check()
        guard unsafe handle.isOpen else { throw SocketError.closed }
        unsafe handle.pointee.canWrite = hub.loop.poll(handle).writable
        return try unsafe hub.waitWritable(handle, until: deadline)
    }

    /// Watches it no more: all waits throw `closed`. The descriptor itself stays open.
    public func close() {
        check()
        unsafe hub.loop.close(handle)
    }

    private func check() {
        unsafe hub.core.checkThread("a watch")
    }
}
