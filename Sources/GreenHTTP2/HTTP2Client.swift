public import Green

/// A client's connection: any number of greenlets send requests over it at the same time. Belongs to its hub's thread.
public final class HTTP2Client {
    private let stream: any ByteStream
    private let engine: HTTP2Engine
    private let outbox: HTTP2Outbox
    /// Who waits for which stream.
    private var waiting: [Int32: AsyncResult<HTTP2Message>] = [:]
    private var reader: Greenlet<Void>?
    private var failure: (any Error)?

    /// A client over a connection whose peer speaks HTTP/2: by ALPN, or because it is known to. Closes it at the end.
    public init(over stream: any ByteStream, limits: HTTP2Limits = HTTP2Limits()) throws(HTTP2Error) {
        self.stream = stream
        engine = try HTTP2Engine(isServer: false, limits: limits)
        outbox = HTTP2Outbox(engine, stream)
        outbox.start { [weak self] error in self?.end(error) }
        reader = stream.hub.spawn(name: "HTTP/2 client") { [weak self, engine, stream, outbox] in
            do {
                try HTTP2Outbox.read(stream, engine, until: { .never }) {
                    outbox.flush()
                    self?.takeEvents()
                }
                self?.end(SocketError.closed)
            } catch {
                self?.end(error)
            }
        }
    }

    deinit { close() }

    /// Whether it takes another request.
    public var hasRoom: Bool { failure == nil && engine.hasRoom }

    /// Sends a request and waits for its answer. Throws `HTTP2Error`, what the connection failed with, or `timedOut`.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func send(_ fields: HTTP2Fields, body: [UInt8] = [], until deadline: Instant) throws -> HTTP2Message {
        if let failure { throw failure }
        let result = AsyncResult<HTTP2Message>(hub: stream.hub)
        let number = try engine.send(fields, body: body)
        waiting[number] = result
        outbox.flush()
        defer {
            if waiting.removeValue(forKey: number) != nil {
                engine.cancel(number)
                outbox.flush()
            }
        }
        guard let message = try result.get(until: deadline) else { throw SocketError.timedOut }
        return message
    }

    /// Closes the connection: who waits is told so. Does not wait.
    public func close() { end(SocketError.closed) }

    private func takeEvents() {
        while let event = engine.next() {
            switch event {
            case .message(let message): waiting.removeValue(forKey: message.stream)?.set(message)
            case .failed(let number, let error): waiting.removeValue(forKey: number)?.fail(error)
            case .farewell: break
            }
        }
        if engine.isOver { end(HTTP2Error.closed) }
    }

    private func end(_ error: any Error) {
        guard failure == nil else { return }
        failure = error
        outbox.stop()
        reader?.kill()
        reader = nil
        stream.close()
        let all = waiting
        waiting = [:]
        for result in all.values { result.fail(error) }
    }
}
