import Green
import Observation
import TestSupport
import Testing

@testable import Daemon

/// Messages as they are handed to who takes dnstap.
@Suite struct DnstapTests {
    /// A stream that says what it was told to, and keeps what it is sent.
    private final class ScriptedStream: ByteStream {
        let hub = Hub.current
        let isOpen = true
        var answers: [UInt8]
        var sent: [UInt8] = []

        init(_ answers: [UInt8]) { self.answers = answers }

        func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
            let part = answers.prefix(min(3, buffer.count))
            buffer.copyBytes(from: part)
            answers.removeFirst(part.count)
            return part.count
        }

        func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws { sent += Array(buffer) }

        func close() {}
    }

    private func simulated(_ body: @escaping () throws -> Void) throws {
        let world = VirtualWorld(seed: 1)
        try withExtendedLifetime(world) { try Hub(loop: world.host.makeLoop()).run(body) }
    }

    private static let type = FrameStream.contentType
    private static let accept = [0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 22] + type

    @Test func `who takes frames is told what they are, and has to want them`() throws {
        try simulated {
            let stream = ScriptedStream(Self.accept + [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5])
            let frames = try FrameStream(stream, until: .never)
            let head: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0]
            let field: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 22] + Self.type
            #expect(stream.sent == head + [4] + field + head + [2] + field)
            stream.sent = []
            try frames.finish(until: .never)
            #expect(stream.sent == [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3])
            // It takes anything.
            _ = try FrameStream(ScriptedStream([0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1]), until: .never)
        }
    }

    @Test func `whatever answers, it is an error or good, and no more than a frame of control is read`() throws {
        try simulated {
            var numbers = SeededNumbers(seed: 3)
            var other = Self.accept
            other[other.count - 1] ^= 1
            #expect(throws: FrameStream.Fault.contentType) { try FrameStream(ScriptedStream(other), until: .never) }
            let long = [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 600)
            #expect(throws: FrameStream.Fault.unexpected) { try FrameStream(ScriptedStream(long), until: .never) }
            for _ in 0..<3_000 {
                var bytes = Self.accept
                for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                    bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
                }
                let stream = ScriptedStream(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &numbers))))
                _ = try? FrameStream(stream, until: .never)
            }
        }
    }

    @Test func `messages are read by one at a time, and told of only then`() throws {
        let tap = QueryTap()
        #expect(!tap.isOpen)
        var reader = tap.watchMessages()
        #expect(reader != nil && QueryTap.hasMessages(tap.word) && tap.interval == 0 && tap.watchMessages() == nil)
        let (hub, other) = (QueryTap(), QueryTap())
        weak let ring = tap.messages.ring(of: ObjectIdentifier(hub))
        #expect(ring != nil && tap.messages.ring(of: ObjectIdentifier(hub)) === ring)
        #expect(tap.messages.ring(of: ObjectIdentifier(other)) !== ring)
        let message = MessageTap.Message(.clientQuery, .tcp, peer: 7, port: 53, at: 9, askedAt: 8)
        for _ in 0..<40_000 { tap.messages.tell(message, [UInt8](repeating: 1, count: 64).span, by: try #require(ring)) }
        let (messages, dropped) = reader!.take()
        #expect(dropped > 0 && UInt64(messages.count) + dropped == 40_000)
        #expect(messages[0].bytes == [UInt8](repeating: 1, count: 64) && messages[0].port == 53 && messages[0].carrier == .tcp)
        let watcher = tap.watch(oneIn: 10)
        #expect(tap.interval == 10 && QueryTap.hasMessages(tap.word))
        reader = nil
        // What was kept for messages goes with who reads them.
        #expect(ring == nil && tap.messages.ring(of: ObjectIdentifier(hub)) == nil)
        #expect(tap.interval == 10 && !QueryTap.hasMessages(tap.word))
        withExtendedLifetime(watcher) {}
        #expect(try read("dnstap: unix:/run/dnstap.sock\n").dnstap == .unix("/run/dnstap.sock"))
        #expect(try read("dnstap: \"tcp:127.0.0.1:6000\"\n").dnstap == .tcp(SocketAddress("127.0.0.1:6000", defaultPort: 1)!))
        for bad in ["unix:relative", "tcp:127.0.0.1", "tcp:host:1", "/run/dnstap.sock"] {
            #expect(throws: ConfigurationError.self, "\(bad)") { try read("dnstap: \"\(bad)\"\n") }
        }
    }
}
