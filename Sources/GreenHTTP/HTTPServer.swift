// HTTP/1.1 at the edge of a program: control, metrics, health. libevent's evhttp does the protocol on the hub's own event
// base, a handler does the rest: a plain function from a request to a response, run in a greenlet of its own, so that it
// may wait, and needs no server to be tested.
//
//     let server = try HTTPServer { request in
//         guard request.path == "/lines" else { throw HTTPError(404, "no such page") }
//         var numbers = (1...1_000_000).makeIterator()
//         return HTTPResponse(.pieces { numbers.next().map { Array("\($0)\n".utf8) } })
//     }
//     try server.listen(path: "/run/example/control.sock", mode: 0o600)
//
// A request walks like this: evhttp accepts (`HTTPConnections` counts), reads and bounds it, and calls `begin` while the
// loop waits. An `HTTPExchange` starts a greenlet, which calls the handler and hands the response on in pieces: the next
// piece is made when the client's socket has taken the one before, so that a slow reader costs one piece of memory. When
// the client goes away, the greenlet is killed: the handler's next wait throws.
//
// Invariants: evhttp's callbacks never wait. Everything a client can make grow is bounded by `HTTPLimits`. A response is
// whole, or its connection is broken off.
//
// Not for the open internet: no TLS, no HTTP/2, and who connects and sends nothing holds a place until `idle` is over.

internal import CLibeventExtra
internal import Glibc
public import Green

/// An HTTP/1.1 server whose handlers are greenlets. Belongs to its hub's thread; needs a hub on `LibeventLoop`. A request
/// costs a greenlet and what evhttp allocates for it.
@safe public final class HTTPServer {
    /// What answers a request; may wait. An ``HTTPError`` that it throws becomes the response, any other error a 500.
    public typealias Handler = (HTTPRequest) throws -> HTTPResponse

    /// The hub it belongs to.
    public let hub: Hub
    /// What clients may make it keep.
    public let limits: HTTPLimits
    /// How many requests have come.
    public private(set) var requestCount: UInt64 = 0
    let handler: Handler
    /// Takes no more requests.
    private(set) var isStopping = false
    private var http: OpaquePointer?
    private var connections: HTTPConnections
    private var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
    private var bound: [OpaquePointer] = unsafe []
    private var files: [UnixListener] = []
    private var resumption: Greenlet<Void>?
    private var resumptionTimer: HubTimer?
    private var acceptPause = AcceptPause("the HTTP server")

    /// A body at hand is sent in pieces of this size.
    static let pieceBytes = 64 << 10
    /// How often a server without room looks whether there is some.
    private static let resumptionInterval = Duration.milliseconds(20)
    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 128

    /// A server that listens nowhere yet. Throws where the system has no memory. The process ignores SIGPIPE from then on:
    /// evhttp writes to sockets that may be closed.
    public init(hub: Hub = .current, limits: HTTPLimits = HTTPLimits(), handler: @escaping Handler) throws(SocketError) {
        guard let loop = hub.loop as? LibeventLoop else {
            halt("an HTTP server on a hub that does not run on libevent; call the handler itself")
        }
        self.hub = hub
        self.limits = limits
        self.handler = handler
        connections = HTTPConnections(limits: limits)
        guard let http = unsafe evhttp_new(loop.eventBase) else { throw SocketError(errno: ENOMEM, call: "evhttp_new") }
        unsafe self.http = http
        signal(SIGPIPE, SIG_IGN)
        unsafe setUp(http)
    }

    private func setUp(_ http: OpaquePointer) {
        var idle = timeval(limits.idle)
        unsafe evhttp_set_timeout_tv(http, &idle)
        unsafe evhttp_set_max_headers_size(http, limits.headerBytes)
        unsafe evhttp_set_max_body_size(http, limits.bodyBytes)
        unsafe evhttp_set_default_content_type(http, nil)
        let methods = [
            EVHTTP_REQ_GET, EVHTTP_REQ_HEAD, EVHTTP_REQ_POST, EVHTTP_REQ_PUT, EVHTTP_REQ_DELETE, EVHTTP_REQ_PATCH,
            EVHTTP_REQ_OPTIONS,
        ]
        unsafe evhttp_set_allowed_methods(http, methods.reduce(0) { $0 | UInt16($1.rawValue) })
        // SAFETY: evhttp is freed before this object goes, by `stop` or `deinit`.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe evhttp_set_gencb(
            http,
            { request, context in unsafe Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue().begin(request!) },
            context)
        unsafe evhttp_set_bevcb(
            http,
            { base, context in unsafe Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue().accept(base) },
            context)
    }

    deinit {
        // No exchange is left: each of them holds this object.
        release()
    }

    // MARK: - Listening

    /// Listens on TCP; returns where, with the port that was really taken. Throws where the address is not to be had.
    @discardableResult
    public func listen(at address: SocketAddress) throws(SocketError) -> SocketAddress {
        let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
        try take(listener.descriptor)
        return listener.address
    }

    /// Listens on a Unix socket whose file has this mode. A file that a dead process left gives way; throws `addressInUse`
    /// where a living one listens. The file is removed by `stop`.
    public func listen(path: String, mode: UInt32 = 0o600) throws(SocketError) {
        let listener = try UnixListener(path: path, mode: mode, backlog: Self.backlog)
        do throws(SocketError) {
            try take(listener.descriptor)
        } catch {
            listener.removeFile()
            throw error
        }
        files.append(listener)
    }

    private func take(_ descriptor: Int32) throws(SocketError) {
        guard let handle = unsafe evhttp_accept_socket_with_handle(http, descriptor) else {
            close(descriptor)
            throw SocketError(errno: ENOMEM, call: "evhttp_accept_socket")
        }
        unsafe bound.append(handle)
        let listener = unsafe evhttp_bound_socket_get_listener(handle)!
        unsafe AcceptErrors.add(listener, self)
        unsafe evconnlistener_set_error_cb(listener) { listener, _ in
            let code = errno
            unsafe AcceptErrors.server(of: listener)?.acceptFailed(code)
        }
    }

    /// The system gave no connection: out of descriptors, most likely.
    private func acceptFailed(_ code: Int32) {
        guard resumption == nil else { return }
        let rest = AcceptPause.isPassing(code) ? .milliseconds(1) : acceptPause.failed(code)
        pause { try Green.sleep(rest) }
    }

    // MARK: - Connections and requests

    /// How many connections are open.
    public var connectionCount: Int {
        connections.sweep()
        return connections.count
    }

    /// How many requests are being answered.
    public var activeCount: Int { exchanges.count }

    /// evhttp is about to accept a connection.
    private func accept(_ base: OpaquePointer?) -> OpaquePointer? {
        let buffer = unsafe connections.makeBuffer(base)
        acceptPause.succeeded()
        if connections.isFull, resumption == nil { pause {} }
        return unsafe buffer
    }

    /// Accepts no more until `rest` returns and there is room.
    private func pause(_ rest: @escaping () throws -> Void) {
        for index in unsafe bound.indices { unsafe evconnlistener_disable(evhttp_bound_socket_get_listener(bound[index])) }
        let greenlet = hub.spawn(name: "http accept") { [weak self] in
            try rest()
            while let self, self.connectionCount >= self.limits.connections { try Green.sleep(Self.resumptionInterval) }
            self?.resume()
        }
        resumption = greenlet
        guard greenlet.isDone else { return }
        // There is no greenlet to be had: a timer needs none.
        let timer = HubTimer(hub: hub) { [weak self] in self?.resume() }
        resumptionTimer = timer
        timer.fire(at: hub.loop.now().advanced(by: .seconds(1)))
    }

    private func resume() {
        resumption = nil
        resumptionTimer = nil
        for index in unsafe bound.indices { unsafe evconnlistener_enable(evhttp_bound_socket_get_listener(bound[index])) }
    }

    /// A request is complete.
    private func begin(_ request: OpaquePointer) {
        requestCount += 1
        guard !isStopping else {
            unsafe evhttp_send_error(request, 503, nil)
            return
        }
        let exchange = unsafe HTTPExchange(self, request)
        if exchange.start() { exchanges[ObjectIdentifier(exchange)] = exchange }
    }

    /// An exchange is done with its request.
    func ended(_ exchange: HTTPExchange) {
        exchanges[ObjectIdentifier(exchange)] = nil
    }

    // MARK: - The end

    /// Takes no more connections and requests, gives those in progress `limit` to end, and then breaks them off.
    /// Throws the interruption of that wait.
    public func stop(within limit: Duration) throws(Interruption) {
        guard unsafe http != nil, !isStopping else { return }
        isStopping = true
        resumption?.kill()
        resumption = nil
        forgetListeners()
        for index in unsafe bound.indices { unsafe evhttp_del_accept_socket(http, bound[index]) }
        unsafe bound.removeAll()
        for file in files { file.removeFile() }
        files.removeAll()
        defer { release() }
        let deadline = hub.loop.now().advanced(by: limit)
        while isBusy, hub.loop.now() < deadline { try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(2))) }
        for exchange in exchanges.values { exchange.kill() }
        while !exchanges.isEmpty { try hub.yield(afterEvents: true) }
    }

    private func forgetListeners() {
        for index in unsafe bound.indices { unsafe AcceptErrors.remove(evhttp_bound_socket_get_listener(bound[index])!) }
    }

    private var isBusy: Bool {
        connections.sweep()
        return !exchanges.isEmpty || connections.hasOutput
    }

    /// Gives everything back. What is still being answered keeps evhttp until it ends with this object.
    private func release() {
        guard exchanges.isEmpty, let http = unsafe http else { return }
        unsafe self.http = nil
        forgetListeners()
        unsafe evhttp_free(http)
        connections.releaseAll()
        for file in files { file.removeFile() }
    }
}
