internal import CGreen

/// A connected stream for greenlets: TCP. Belongs to its hub's thread. One greenlet may read while another writes.
///
/// Reads and writes are tried first, a system call each, and wait only where the kernel has nothing or takes nothing; a
/// wait makes no system call of its own, for a socket is registered with the kernel once for as long as it lives.
@safe public final class StreamSocket {
    /// The hub it belongs to.
    public let hub: Hub
    /// Who is on the other side.
    public let peer: SocketAddress
    let handle: SocketHandle

    init(hub: Hub, handle: SocketHandle, peer: SocketAddress) {
        self.hub = hub
        self.peer = peer
        unsafe self.handle = handle
    }

    deinit {
        // Wherever the last reference goes; nobody waits on it any more.
        unsafe hub.loop.close(handle)
        unsafe hub.freeSocketRecord(handle)
    }

    /// Connects to `peer`; throws `timedOut` when that is not done by `deadline`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func connect(
        to peer: SocketAddress, hub: Hub = .current, until deadline: Instant = .never
    ) throws -> StreamSocket {
        try met(at: .address(peer)) {
            let handle = unsafe try hub.loop.beginConnect(to: peer)
            return try unsafe finishConnect(StreamSocket(hub: hub, handle: handle, peer: peer), until: deadline)
        }
    }

    /// Waits for an attempt to work or fail.
    static func finishConnect(_ socket: StreamSocket, until deadline: Instant) throws -> StreamSocket {
        let hub = socket.hub
        guard try unsafe hub.waitWritable(socket.handle, until: deadline) else { throw SocketError.timedOut }
        let code = unsafe hub.loop.connectResult(socket.handle)
        if code != 0 { throw SocketError(errno: code, call: "connect") }
        return socket
    }

    /// Where this side is.
    public var localAddress: SocketAddress? { unsafe hub.loop.localAddress(handle) }

    /// The user on the other side of a Unix socket, as the kernel says; nil for any other connection.
    public var peerUser: UInt32? {
        check()
        guard hub.loop is LibeventLoop, unsafe handle.isOpen else { return nil }
        let user = unsafe green_peer_user(handle.pointee.descriptor)
        return user < 0 ? nil : UInt32(user)
    }

    /// Whether this side has not closed it.
    public var isOpen: Bool { unsafe handle.isOpen }

    /// Reads what there is, at most the buffer's size: how many bytes, 0 at the end of the stream. Throws `timedOut`
    /// when nothing has come by `deadline`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        check()
        while true {
            guard unsafe handle.isOpen else { throw SocketError.closed }
            let got = unsafe hub.loop.read(handle, buffer)
            if got >= 0 { return got }
            guard SocketError.wouldBlock(got) else { throw SocketError(errno: Int32(-got), call: "recv") }
            unsafe handle.pointee.canRead = false
            guard try unsafe hub.waitReadable(handle, until: deadline) else { throw SocketError.timedOut }
        }
    }

    /// Reads what there is, at most the buffer's size, without waiting: how many bytes, 0 at the end of the stream, nil where
    /// nothing has come. Throws `closed`, or the error of the connection.
    package func readNow(into buffer: UnsafeMutableRawBufferPointer) throws(SocketError) -> Int? {
        check()
        guard unsafe handle.isOpen else { throw .closed }
        let got = unsafe hub.loop.read(handle, buffer)
        if got >= 0 { return got }
        guard SocketError.wouldBlock(got) else { throw SocketError(errno: Int32(-got), call: "recv") }
        unsafe handle.pointee.canRead = false
        return nil
    }

    /// Has `watcher` called with `subject` once, when something has come since `readNow` said that nothing had, or when the
    /// socket is closed: on the loop's own stack, or in the call that closes. Nothing is called where there is one already.
    package func watch(_ watcher: SocketWatcher, _ subject: UnsafeMutableRawPointer) {
        check()
        guard unsafe handle.isOpen, unsafe !handle.pointee.canRead, unsafe handle.pointee.watcher == nil else {
            return unsafe watcher(subject)
        }
        unsafe handle.pointee.watcher = watcher
        unsafe handle.pointee.watched = subject
    }

    /// Has `call` called once, when there is something to read, the end or an error, or when the socket is closed: on the
    /// loop's own stack, so that it must not wait, but may spawn. A connection that is silent for long needs no greenlet so, and
    /// takes some hundred bytes: what `call` holds, the socket most often, lives as long. At once where something is there.
    /// While somebody is to be called already, `call` is called at once too.
    ///
    /// ```swift
    /// final class Parking: StreamServer {
    ///     override func take(_ connection: StreamSocket) -> Bool {
    ///         connection.whenReadable { spawn { try self.answer(connection) } }
    ///         return true
    ///     }
    /// }
    /// ```
    public func whenReadable(_ call: @escaping () -> Void) {
        check()
        if unsafe handle.isOpen { unsafe handle.pointee.canRead = hub.loop.poll(handle).readable }
        let box = unsafe Unmanaged.passRetained(ReadableCall(call))
        unsafe watch({ unsafe Unmanaged<ReadableCall>.fromOpaque($0).takeRetainedValue().call() }, box.toOpaque())
    }

    /// Whether somebody is to be called so.
    package var isWatched: Bool { unsafe handle.pointee.watcher != nil }

    /// Fills the buffer. False when the stream ends before its first byte; throws `closed` when it ends later.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func readExactly(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Bool {
        var filled = 0
        while filled < buffer.count {
            let got = try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]), until: deadline)
            if got == 0 {
                if filled == 0 { return false }
                throw SocketError.closed
            }
            filled += got
        }
        return true
    }

    /// Writes all of the buffer; throws `timedOut` when the peer has not taken it by `deadline`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        check()
        var done = 0
        while done < buffer.count {
            guard unsafe handle.isOpen else { throw SocketError.closed }
            let sent = unsafe hub.loop.write(handle, UnsafeRawBufferPointer(rebasing: buffer[done...]))
            if sent >= 0 {
                done += sent
                continue
            }
            guard SocketError.wouldBlock(sent) else { throw SocketError(errno: Int32(-sent), call: "send") }
            unsafe handle.pointee.canWrite = false
            guard try unsafe hub.waitWritable(handle, until: deadline) else { throw SocketError.timedOut }
        }
    }

    /// Writes what the kernel takes at once: how many bytes, 0 when none. Does not wait. Throws `closed`, or the error of
    /// the connection.
    public func writeNow(_ buffer: UnsafeRawBufferPointer) throws(SocketError) -> Int {
        check()
        guard unsafe handle.isOpen else { throw .closed }
        let sent = unsafe hub.loop.write(handle, buffer)
        if sent >= 0 { return sent }
        guard SocketError.wouldBlock(sent) else { throw SocketError(errno: Int32(-sent), call: "send") }
        unsafe handle.pointee.canWrite = false
        return 0
    }

    /// Whether a read may succeed at once, as far as is known.
    var mayRead: Bool { unsafe !handle.isOpen || handle.pointee.canRead && hub.loop.poll(handle).readable }

    /// Waits until there is something to read: bytes, the end, or an error.
    func waitReadable() throws {
        while unsafe handle.isOpen {
            unsafe handle.pointee.canRead = hub.loop.poll(handle).readable
            if unsafe handle.pointee.canRead { return }
            _ = try unsafe hub.waitReadable(handle, until: .never)
        }
    }

    /// Says that no more will be written; reading goes on.
    public func shutdownWrite() {
        check()
        if unsafe handle.isOpen { unsafe hub.loop.shutdownWrite(handle) }
    }

    /// Breaks it off: closes it, and nothing of what was written and is not sent yet stays with the kernel.
    public func abort() {
        check()
        if unsafe handle.isOpen { unsafe hub.loop.dropUnsent(handle) }
        unsafe hub.loop.close(handle)
    }

    /// Closes it: all waits on it throw `closed`.
    public func close() {
        check()
        unsafe hub.loop.close(handle)
    }

    private func check() {
        unsafe hub.core.checkThread("a socket")
    }
}

/// What is to be called when a socket can be read.
private final class ReadableCall {
    let call: () -> Void

    init(_ call: @escaping () -> Void) {
        self.call = call
    }
}
