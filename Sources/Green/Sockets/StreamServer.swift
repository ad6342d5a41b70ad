internal import Glibc

/// Serves a stream listener: each connection gets a greenlet of its own, up to a limit of connections. A connection costs
/// that greenlet, its place in a group, and three system calls before it is served.
///
/// Subclasses override `handle`, or pass a closure to the initializer.
@safe open class StreamServer {
    /// The hub it belongs to.
    public let hub: Hub
    /// Where it listens, with the port that was really taken.
    public let address: SocketAddress
    /// How many connections may be open at once; a further one is closed at once.
    public var limit: Int
    /// How many are open.
    public var connectionCount: Int { connections.count }
    /// How many were closed because of the limit.
    public private(set) var refusedCount: UInt64 = 0
    private let handle: SocketHandle
    private let handler: ((StreamSocket) throws -> Void)?
    private var loop: Greenlet<Void>?
    private let connections: Group

    /// A server on `listener`, not started yet. Throws where the loop cannot watch the listener.
    public init(
        hub: Hub = .current, listener: Listener, limit: Int, handler: ((StreamSocket) throws -> Void)? = nil
    ) throws(SocketError) {
        self.hub = hub
        self.limit = limit
        self.handler = handler
        connections = Group(hub: hub)
        address = listener.address
        unsafe handle = try hub.loop.adopt(listener)
    }

    deinit {
        unsafe hub.loop.close(handle)
        unsafe hub.freeSocketRecord(handle)
    }

    /// Serves one connection in a greenlet of its own; it is closed afterwards. What it throws ends it; see
    /// `isOfPeer`.
    open func handle(_ connection: StreamSocket) throws {
        try handler?(connection)
    }

    /// Takes a connection over before it has a greenlet, and says so; it must not wait. A subclass that does serves and closes it
    /// by itself: it counts as none of `connectionCount`.
    open func take(_ connection: StreamSocket) -> Bool { false }

    /// Whether an error of `handle` is one that peers cause as they please: it goes away, its time is over. Any other goes to `HubOptions.report`.
    open func isOfPeer(_ error: any Error) -> Bool {
        if error is Interruption { return true }
        guard let error = error as? SocketError else { return false }
        return [.reset, .closed, .timedOut, .unreachable].contains(error)
    }

    /// Whether `limit` connections are open.
    open var isFull: Bool { connectionCount >= limit }

    /// Called when a connection comes while the server is full; a subclass may close one that it can spare, or wait for room.
    open func makeRoom() {}

    /// Starts to serve.
    public func start() {
        guard loop == nil else { return }
        require(unsafe handle.isOpen, "a server that was stopped has closed its listener; make another one")
        loop = hub.spawn(name: "stream server") { try self.serve() }
    }

    /// Starts to serve where it does not yet, and waits until it is stopped. Throws the interruption of that wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func serveForever() throws(Interruption) {
        start()
        try loop?.join()
    }

    /// Takes no more connections and closes the listener; connections that are open go on.
    public func stop() {
        unsafe hub.core.checkThread("a server")
        loop?.kill()
        loop = nil
        unsafe hub.loop.close(handle)
    }

    /// Takes no more connections, lets those that are open end by themselves until `deadline`, and then ends them. Waits
    /// until all have ended. Throws the interruption of that wait; connections go on then.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func stop(until deadline: Instant) throws(Interruption) {
        stop()
        if try connections.join(until: deadline) { return }
        connections.kill()
        try connections.join()
    }

    fileprivate static func listening(
        at address: SocketAddress, limit: Int, handler: @escaping (StreamSocket) throws -> Void
    ) throws -> StreamServer {
        let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
        let server = try StreamServer(listener: listener, limit: limit, handler: handler)
        server.start()
        return server
    }

    /// So many connections are taken before others have their turn.
    private static let acceptsPerTurn = 16

    private func serve() throws {
        var pause = AcceptPause("the listener at \(address)")
        var accepted = 0
        while true {
            switch unsafe hub.loop.accept(handle) {
            case .connection(let connection, let peer):
                pause.succeeded(at: hub.now)
                unsafe try serve(StreamSocket(hub: hub, handle: connection, peer: peer))
                // Others have something to do, however many come.
                accepted += 1
                if accepted.isMultiple(of: Self.acceptsPerTurn) { try hub.yield(afterEvents: true) }
            case .failure(let code) where code == EAGAIN || code == EWOULDBLOCK:
                unsafe handle.pointee.canRead = false
                do {
                    _ = try unsafe hub.waitReadable(handle, until: .never)
                } catch SocketError.closed {
                    return
                }
            case .failure(EBADF):
                return
            case .failure(let code) where AcceptPause.isPassing(code):
                try hub.yield(afterEvents: true)
            case .failure(let code):
                // Out of descriptors or memory: others must end first.
                makeRoom()
                let now = hub.loop.now()
                try hub.sleep(until: now.advanced(by: pause.failed(code, at: now)))
            }
        }
    }

    private func serve(_ socket: StreamSocket) throws(Interruption) {
        if isFull {
            makeRoom()
            // The one that was closed ends when its greenlet has its turn.
            try hub.yield()
            // A stop that came meanwhile takes this one no more.
            guard unsafe handle.isOpen else { return }
        }
        guard !isFull else {
            refusedCount += 1
            return
        }
        if take(socket) { return }
        try connections.spawn(name: "connection") {
            defer { socket.close() }
            do {
                try self.handle(socket)
            } catch {
                if !self.isOfPeer(error) { self.hub.options.report("connection of \(socket.peer)", error) }
            }
        }
    }
}

/// Serves TCP connections on a port of this machine, each in a greenlet of its own: the server, which runs already.
///
/// ```swift
/// try green {
///     try serve(8007) { connection in
///         let reader = BufferedReader(connection)
///         while let line = try reader.readLine() { try connection.write("\(line)\n") }
///     }.serveForever()
/// }
/// ```
///
/// Port 0 takes a free one: see `address`. Connections beyond `limit` are closed at once. Throws a `SocketError` where the
/// address is not to be had.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
@discardableResult
public func serve(
    _ port: UInt16, at address: IPAddress = .loopback, limit: Int = 10_000,
    _ handler: @escaping (StreamSocket) throws -> Void
) throws -> StreamServer {
    try StreamServer.listening(at: SocketAddress(address, port: port), limit: limit, handler: handler)
}
