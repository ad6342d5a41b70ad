public import Green

/// Serves a stream listener with TLS: each connection gets a greenlet of its own, handshake included, up to a limit of
/// connections. Subclasses override `handle(_: TLSSocket)`, or pass a closure to the initializer.
@safe open class TLSServer: StreamServer {
    /// Certificates and protocols, for connections that come from now on: a new context may take its place at any time, with renewed
    /// certificates for one. Connections that are open keep theirs.
    public var context: TLSContext {
        willSet {
            require(newValue.isServer, "a client's TLS context for a server; make it with TLSContext.server")
        }
    }
    /// A handshake that takes longer ends the connection.
    public var handshakeLimit = Duration.seconds(10)
    /// Handshakes that failed or took too long.
    public private(set) var failedHandshakes: UInt64 = 0
    private let handler: ((TLSSocket) throws -> Void)?

    /// A server on `listener`, not started yet. Throws where the loop cannot watch the listener.
    public init(
        hub: Hub = .current, listener: Listener, context: TLSContext, limit: Int,
        handler: ((TLSSocket) throws -> Void)? = nil
    ) throws(SocketError) {
        self.context = context
        self.handler = handler
        try super.init(hub: hub, listener: listener, limit: limit, handler: nil)
    }

    /// Serves one connection in a greenlet of its own; it is closed afterwards, with a farewell unless this throws.
    open func handle(_ connection: TLSSocket) throws {
        try handler?(connection)
    }

    /// What peers cause, with TLS as well.
    open override func isOfPeer(_ error: any Error) -> Bool {
        switch error as? TLSError {
        case .protocolFailure, .truncated, .certificate: true
        case .configuration, nil: super.isOfPeer(error)
        }
    }

    /// Does the handshake first. Throws the error of the handshake or of the handler; then there is no farewell.
    public final override func handle(_ connection: StreamSocket) throws {
        let socket: TLSSocket
        do {
            let deadline = hub.loop.now().advanced(by: handshakeLimit)
            socket = try TLSSocket.accept(over: connection, context: context, until: deadline)
        } catch {
            failedHandshakes += 1
            throw error
        }
        try handle(socket)
        socket.finish(until: hub.loop.now().advanced(by: .seconds(1)))
    }
}

/// Serves TLS on a port of this machine, each connection in a greenlet of its own: the server, which runs already.
///
/// ```swift
/// try green {
///     let identity = TLSIdentity(certificateFile: "cert.pem", keyFile: "key.pem")
///     let context = try TLSContext.server(TLSServerOptions(identity: identity))
///     try serve(8443, tls: context) { connection in try connection.write("hello\n") }.serveForever()
/// }
/// ```
///
/// Port 0 takes a free one: see `address`. Connections beyond `limit` are closed at once. Throws a `SocketError` where the
/// address is not to be had.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
@discardableResult
public func serve(
    _ port: UInt16, at address: IPAddress = .loopback, tls context: TLSContext, limit: Int = 10_000,
    _ handler: @escaping (TLSSocket) throws -> Void
) throws -> TLSServer {
    let listener = try Hub.current.loop.listen(.stream, at: SocketAddress(address, port: port), options: ListenOptions())
    let server = try TLSServer(listener: listener, context: context, limit: limit, handler: handler)
    server.start()
    return server
}
