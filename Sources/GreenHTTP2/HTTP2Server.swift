public import Green

/// What a server answers.
public struct HTTP2Response: Sendable {
    /// The head, `:status` first.
    public var fields: HTTP2Fields
    /// The body.
    public var body: [UInt8]

    /// An answer with a status and further fields.
    public init(status: Int, _ fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.fields = HTTP2Fields([(":status", "\(status)")] + fields)
        self.body = body
    }
}

/// Serves HTTP/2 over connections that were accepted: each request in a greenlet of its own, as many at once as the limits
/// allow streams.
public enum HTTP2Server {
    /// Serves a connection until its client goes or is silent for `idleLimit`, then closes it. Waits. What `handler` throws is
    /// answered with 500. Throws what ended the connection, unless the client said farewell.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func serve(
        _ stream: any ByteStream, limits: HTTP2Limits = HTTP2Limits(), idleLimit: Duration = .seconds(30),
        handler: @escaping (HTTP2Message) throws -> HTTP2Response
    ) throws {
        let hub = stream.hub
        let engine = try HTTP2Engine(isServer: true, limits: limits)
        let outbox = HTTP2Outbox(engine, stream)
        let requests = Group(hub: hub)
        var running: [Int32: Greenlet<Void>] = [:]
        outbox.start { _ in stream.close() }
        defer {
            outbox.stop()
            requests.kill()
            stream.close()
        }
        do {
            try HTTP2Outbox.read(stream, engine, until: { hub.loop.now().advanced(by: idleLimit) }) {
                while let event = engine.next() {
                    switch event {
                    case .message(let request):
                        let greenlet = try requests.spawn(name: "HTTP/2 request") {
                            defer { running[request.stream] = nil }
                            let response = (try? handler(request)) ?? HTTP2Response(status: 500)
                            try engine.answer(request.stream, response.fields, body: response.body)
                            outbox.flush()
                        }
                        if !greenlet.isDone { running[request.stream] = greenlet }
                    case .failed(let number, _): running.removeValue(forKey: number)?.kill()
                    case .farewell: break
                    }
                }
                outbox.flush()
            }
        } catch let error as HTTP2Error {
            // The peer is told why.
            try? HTTP2Outbox.write(engine, to: stream)
            throw error
        }
    }
}
