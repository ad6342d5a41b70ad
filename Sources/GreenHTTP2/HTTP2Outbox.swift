internal import Green

/// Carries an engine's bytes to and from a stream. Who has something sent never waits: a greenlet of its own writes.
final class HTTP2Outbox {
    private let engine: HTTP2Engine
    private let stream: any ByteStream
    private let isDue: Event
    private var writer: Greenlet<Void>?

    /// A peer must take what is written within this time.
    static let patience = Duration.seconds(10)

    init(_ engine: HTTP2Engine, _ stream: any ByteStream) {
        self.engine = engine
        self.stream = stream
        isDue = Event(hub: stream.hub)
    }

    /// Starts to write; `failed` is told once why it ended.
    func start(_ failed: @escaping (any Error) -> Void) {
        isDue.set()
        let (engine, stream, isDue) = (engine, stream, isDue)
        writer = stream.hub.spawn(name: "HTTP/2 writer") {
            do {
                while true {
                    try isDue.wait()
                    isDue.clear()
                    try Self.write(engine, to: stream)
                }
            } catch {
                failed(error)
            }
        }
    }

    /// Something may be due.
    func flush() { if engine.hasOutput { isDue.set() } }

    /// Writes no more.
    func stop() {
        writer?.kill()
        writer = nil
    }

    /// Writes all that is due. Waits.
    static func write(_ engine: HTTP2Engine, to stream: any ByteStream) throws {
        while true {
            var bytes: [UInt8] = []
            engine.output(to: &bytes)
            if bytes.isEmpty { return }
            try stream.write(bytes, until: stream.hub.loop.now().advanced(by: patience))
        }
    }

    /// Reads until the stream ends, and calls `received` after each read. Throws where it fails, or nothing comes in time.
    static func read(
        _ stream: any ByteStream, _ engine: HTTP2Engine, until deadline: () -> Instant, _ received: () throws -> Void
    ) throws {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = try unsafe buffer.withUnsafeMutableBytes { unsafe try stream.read(into: $0, until: deadline()) }
            if count == 0 { return }
            try unsafe buffer.withUnsafeBytes { unsafe try engine.receive(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            try received()
            // One read a turn: others have connections too.
            try stream.hub.yield(afterEvents: true)
        }
    }
}
