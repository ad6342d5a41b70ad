// HTTP/1.1 for greenlets: a server whose handlers are plain functions from a request to a response, and a client.
//
//     let server = try HTTPServer { request in
//         guard request.path == "/lines" else { throw HTTPError(404, "no such page") }
//         var numbers = (1...1_000_000).makeIterator()
//         return HTTPResponse(.pieces { numbers.next().map { Array("\($0)\n".utf8) } })
//     }
//     try server.listen(path: "/run/example/control.sock", mode: 0o600)
//
// A request walks like this: `HTTPListener` (a `StreamServer`) gives its connection a greenlet, which does TLS first where
// that is wanted. `HTTPServerConnection` reads the head by `HTTPHeadReader` and the body by `HTTPBodyReader`, calls the handler,
// and hands the response on in pieces: the next piece is made when the client's socket has taken the one before, so that a
// slow reader costs one piece of memory. While pieces are made the connection is read ahead: when the client goes away, its
// greenlet is killed, and the handler's next wait throws. Then the next request, in the same greenlet.
//
// The client (`HTTPClient`) reads with the same two readers, so that there is one grammar, and it is strict: what could be read
// in two ways is refused.
//
// Invariants: everything the other side can make grow is bounded, by `HTTPLimits` or by the caller. A message is whole, or its
// connection is broken off. Nothing here knows libevent or OpenSSL: it runs over any `ByteStream`, in a simulated world too.

public import Green
public import GreenTLS

/// An HTTP/1.1 server whose handlers are greenlets. Belongs to its hub's thread, and listens until it is stopped. A connection
/// costs a greenlet and some kilobytes, a request what its headers and body take.
@safe public final class HTTPServer {
    /// What answers a request; may wait. An ``HTTPError`` that it throws becomes the response, any other error a 500, which
    /// tells the client nothing and `HubOptions.report` everything.
    public typealias Handler = (HTTPRequest) throws -> HTTPResponse
    /// As ``Handler``, for one that takes the body as it comes; the request's own is empty.
    public typealias StreamingHandler = (HTTPRequest, HTTPBodyReader) throws -> HTTPResponse

    /// The hub it belongs to.
    public let hub: Hub
    /// What clients may make it keep.
    public let limits: HTTPLimits
    /// How many requests have come.
    public internal(set) var requestCount: UInt64 = 0
    /// Told of each response that was sent, or broken off: an access log. It must not wait.
    public var onResponse: ((HTTPLogEntry) -> Void)?
    let handler: StreamingHandler
    /// Whether the body is read before the handler is called.
    let readsBodies: Bool
    /// Takes no more requests.
    private(set) var isStopping = false
    private var listeners: [HTTPListener] = []
    private var files: [UnixListener] = []
    private var connections: [ObjectIdentifier: HTTPServerConnection] = [:]
    /// Set when a connection ends.
    private let ended: Event

    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 128
    /// Who takes nothing for so long gives way to others.
    private static let stillness = Duration.seconds(1)

    /// A server that listens nowhere yet.
    public init(hub: Hub = .current, limits: HTTPLimits = HTTPLimits(), handler: @escaping Handler) throws(SocketError) {
        self.hub = hub
        self.limits = limits
        self.handler = { request, _ in try handler(request) }
        readsBodies = true
        ended = Event(hub: hub)
    }

    /// A server that listens nowhere yet, whose handler reads the bodies itself: `limits.bodyBytes` does not bound them then.
    public init(
        hub: Hub = .current, limits: HTTPLimits = HTTPLimits(), streaming handler: @escaping StreamingHandler
    ) throws(SocketError) {
        self.hub = hub
        self.limits = limits
        self.handler = handler
        readsBodies = false
        ended = Event(hub: hub)
    }

    // MARK: - Listening

    /// Listens on TCP, with TLS where a server's context for it is given; returns where, with the port that was really taken.
    /// Throws where the address is not to be had.
    @discardableResult
    public func listen(at address: SocketAddress, tls: TLSContext? = nil) throws(SocketError) -> SocketAddress {
        let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
        try take(listener, tls: tls)
        return listener.address
    }

    /// Takes a new context for all connections over TLS that come from now on, with renewed certificates for one. Those that are open
    /// keep theirs; where nothing listens with TLS, nothing happens.
    public func renew(_ context: TLSContext) {
        require(context.isServer, "a client's TLS context for a server; make it with TLSContext.server")
        for listener in listeners where listener.tls != nil { listener.tls = context }
    }

    /// Listens on a Unix socket whose file has this mode. A file that a dead process left gives way; throws `addressInUse`
    /// where a living one listens. The file is removed by `stop`.
    public func listen(path: String, mode: UInt32 = 0o600) throws(SocketError) {
        guard hub.loop is LibeventLoop else { return try take(hub.loop.listen(path: path, backlog: Self.backlog), tls: nil) }
        let listener = try UnixListener(path: path, mode: mode, backlog: Self.backlog)
        do throws(SocketError) {
            try take(listener.listener, tls: nil)
        } catch {
            listener.removeFile()
            throw error
        }
        files.append(listener)
    }

    private func take(_ listener: Listener, tls: TLSContext?) throws(SocketError) {
        require(!isStopping, "an HTTP server that was stopped; make another one")
        require(tls?.isServer ?? true, "a client's TLS context for a server; make it with TLSContext.server")
        let server = try HTTPListener(self, listener, tls: tls)
        server.start()
        listeners.append(server)
    }

    /// Serves a connection that somebody else has accepted, over a stream that is that or stands on it, until the client goes or
    /// is silent for too long. Waits. Throws what ended it; closes nothing. `handler` answers it in place of the server's own.
    package func serve(_ stream: any ByteStream, over socket: StreamSocket, _ handler: Handler? = nil) throws {
        let connection = HTTPServerConnection(self, socket, handler)
        began(connection)
        defer { ends(connection) }
        try connection.serve(over: stream)
    }

    // MARK: - Connections and requests

    /// How many connections are open.
    public var connectionCount: Int { listeners.reduce(0) { $0 + $1.connectionCount } }

    /// How many requests are being answered.
    public var activeCount: Int { connections.values.count { $0.isActive } }

    /// Whether there is no room for another connection.
    var isFull: Bool { connectionCount >= limits.connections }

    /// Waits until there is, or the server stops.
    func waitForRoom() {
        while isFull, !isStopping {
            ended.clear()
            if limits.givesWay { closeOne() }
            // Who takes nothing is found by time alone.
            let deadline = limits.givesWay ? hub.loop.now() + Self.stillness : .never
            guard (try? ended.wait(until: deadline)) != nil else { return }
        }
    }

    /// Closes a connection that can be spared: the one that has waited for a request, or for its client to take what it was sent,
    /// for longest; else, where one peer has more than half of the places, its oldest.
    private func closeOne() {
        let now = hub.loop.now()
        let open = connections.values.filter { !$0.isClosing }
        let still = open.compactMap { connection in connection.stillSince.map { (connection, $0) } }
        // Bytes that were written just now are on their way.
        let spare = still.filter { !$0.0.isActive || $0.1 + Self.stillness <= now }
        if let longest = spare.min(by: { $0.1 < $1.1 }) { return longest.0.close() }
        let peers = Dictionary(grouping: open, by: \.peer)
        guard let most = peers.values.max(by: { $0.count < $1.count }), most.count > limits.connections / 2 else { return }
        most.min { $0.begunAt < $1.begunAt }?.close()
    }

    /// A connection waits for its next request.
    func becameIdle() { ended.set() }

    /// A connection has begun.
    func began(_ connection: HTTPServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    /// A connection ends: its greenlet waits no more.
    func ends(_ connection: HTTPServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        ended.set()
    }

    // MARK: - The end

    /// Takes no more connections and requests, gives those in progress `limit` to end, and then breaks them off.
    /// Throws the interruption of that wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func stop(within limit: Duration) throws(Interruption) {
        guard !isStopping else { return }
        isStopping = true
        ended.set()
        for listener in listeners { listener.stop() }
        for file in files { file.removeFile() }
        files.removeAll()
        for connection in connections.values where !connection.isActive { connection.close() }
        let deadline = hub.loop.now() + limit
        for listener in listeners { try listener.stop(until: deadline) }
        listeners.removeAll()
    }
}

/// One response of a server, for its access log.
public struct HTTPLogEntry: Sendable {
    /// The request's method.
    public let method: String
    /// The request's path.
    public let path: String
    /// The response's status.
    public let status: Int
    /// Bytes of the body that were sent.
    public let bytes: Int
    /// From the end of the request's head to the end of the response.
    public let duration: Duration
    /// Who asked.
    public let peer: SocketAddress
    /// Whether all of it was sent.
    public let isWhole: Bool
}

/// Accepts the connections of a server.
final class HTTPListener: StreamServer {
    private let server: HTTPServer
    /// What TLS is spoken with, where it is.
    fileprivate(set) var tls: TLSContext?

    init(_ server: HTTPServer, _ listener: Listener, tls: TLSContext?) throws(SocketError) {
        self.server = server
        self.tls = tls
        try super.init(hub: server.hub, listener: listener, limit: .max, handler: nil)
    }

    override var isFull: Bool { server.isFull }

    override func makeRoom() { server.waitForRoom() }

    override func isOfPeer(_ error: any Error) -> Bool {
        if case .configuration = error as? TLSError { return false }
        return error is TLSError || error is HTTPExchange.Broken || super.isOfPeer(error)
    }

    override func handle(_ socket: StreamSocket) throws {
        let connection = HTTPServerConnection(server, socket)
        server.began(connection)
        defer { server.ends(connection) }
        guard let tls else { return try connection.serve(over: socket) }
        let secured = try TLSSocket.accept(over: socket, context: tls, until: hub.loop.now() + server.limits.idle)
        try connection.serve(over: secured)
        secured.finish(until: hub.loop.now() + .seconds(1))
    }
}
