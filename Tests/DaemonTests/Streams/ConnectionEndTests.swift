import DNSWire
import Foundation
import Green
import GreenHTTP2
import GreenTLS
import TestSupport
import Testing

@testable import Daemon

/// How connections of TLS and HTTP end, hang together and leave others alone.
@Suite struct ConnectionEndTests {
    private static let certificates = TestCertificates.shared

    private func run(_ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(tls: Self.certificates.settings("dns"), body)
    }

    private func connect(
        _ world: ServingWorld, _ name: String, context: TLSContext? = nil
    ) throws -> TLSSocket {
        let address = name == "dot" ? ServingWorld.tlsAddress : ServingWorld.httpsAddress
        let stream = try StreamSocket.connect(to: address, until: world.soon)
        let context = try context ?? Self.certificates.client(protocols: [name])
        return try TLSSocket.connect(over: stream, host: "dns.test", context: context, until: world.soon)
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0)

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        var bytes: [UInt8] = [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
        for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
        return bytes + payload
    }

    /// A request for a name, without Huffman codes and without indices.
    private static func request(_ stream: UInt32, _ name: String) -> [UInt8] {
        let path = "/dns-query?dns=" + PresentationText.base64URL(Message.query(name, id: 0).wire)
        var bytes: [UInt8] = []
        for (name, value) in [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", path)] {
            bytes += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return frame(1, 5, stream, bytes)
    }

    /// The types of the frames that come until the other side ends, or for so long.
    private func frames(_ socket: TLSSocket, within limit: Duration) -> (types: [UInt8], hasEnded: Bool) {
        var (bytes, hasEnded) = ([UInt8](), false)
        let end = socket.hub.loop.now().advanced(by: limit)
        do {
            while true {
                let more = try socket.read(upTo: 16_384, until: end)
                if more.isEmpty { break }
                bytes += more
            }
            hasEnded = true
        } catch {}
        var (types, start) = ([UInt8](), 0)
        while start + 9 <= bytes.count {
            types.append(bytes[start + 3])
            start += 9 + Int(bytes[start]) << 16 + Int(bytes[start + 1]) << 8 + Int(bytes[start + 2])
        }
        return (types, hasEnded)
    }

    @Test func `an idle connection of HTTP/2 is told farewell before it ends`() throws {
        try run { world throws in
            let socket = try connect(world, "h2")
            try socket.write(Self.preface + Self.request(1, "www.example."), until: world.soon)
            let (types, hasEnded) = frames(socket, within: .seconds(12))
            #expect(types.last == 7 && hasEnded && types.contains(0), "\(types)")
        }
    }

    @Test(arguments: ["dot", "h2"]) func `a farewell is whole where the kernel takes it in parts`(_ name: String) throws {
        try run { world throws in
            let connections = try (0..<20).map { _ in try connect(world, name) }
            if name == "h2" { for each in connections { try each.write(Self.preface, until: world.soon) } }
            try sleep(.seconds(1))
            world.world.loopback.shortCalls = 0.9
            for each in connections {
                let (types, hasEnded) = frames(each, within: .seconds(12))
                #expect(hasEnded && (name == "dot" || types.last == 7), "\(types)")
            }
        }
    }

    @Test func `clients are told farewell when the daemon stops, and who is owed an answer gets it first`() throws {
        try run { world throws in
            world.upstream.delay = .milliseconds(500)
            let (idle, asking, plain) = (try connect(world, "h2"), try connect(world, "h2"), try connect(world, "dot"))
            try idle.write(Self.preface, until: world.soon)
            try asking.write(Self.preface + Self.request(1, "slow.example."), until: world.soon)
            try sleep(.milliseconds(100))
            let stop = world.hub.spawn { try world.worker.finish() }
            let left = frames(idle, within: .milliseconds(300))
            #expect(left.types.last == 7 && left.hasEnded)
            #expect(try plain.answer() == nil)
            let served = frames(asking, within: .seconds(3))
            #expect(served.types.suffix(3) == [1, 0, 7] && served.hasEnded, "\(served.types)")
            try stop.join()
        }
    }

    @Test func `a client that is refused is told why, though it goes on sending`() throws {
        try run { world throws in
            let stream = try StreamSocket.connect(to: ServingWorld.httpsAddress, until: world.soon)
            let socket = try TLSSocket.connect(
                over: stream, host: "dns.test", context: Self.certificates.client(protocols: ["h2"]), until: world.soon)
            try socket.write(Self.preface + [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1], until: world.soon)
            // Were it closed, a second write would be reset, and what it was told lost with that.
            for _ in 0..<5 {
                try sleep(.milliseconds(50))
                try stream.write([UInt8](repeating: 0, count: 16_000), until: world.soon)
            }
            #expect(frames(socket, within: .seconds(3)).types.last == 7)
            try sleep(.seconds(2))
            #expect(world.worker.places.count == 0)
        }
    }

    @Test func `what waits while others fill a turn is taken up after it`() throws {
        try run { world throws in
            world.upstream.answer = { .address($0, count: 4_000) }
            _ = try HTTP2Client(over: connect(world, "h2")).send(
                HTTP2Fields([
                    (":method", "GET"), (":scheme", "https"), (":authority", "a"),
                    (":path", "/dns-query?dns=" + PresentationText.base64URL(Message.query("www.example.", id: 0).wire)),
                ]), until: world.soon)
            let second = try (0..<16).map { _ in try connect(world, "h2") }
            let first = try (0..<16).map { _ in try connect(world, "dot") }
            let window = Self.frame(4, 0, 0, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]) + Self.frame(8, 0, 0, [0x7F, 0, 0, 0])
            // Each of them asks for a quarter of a turn, or for all of it, and some of them at the same moment.
            let requests = [1, 3, 5, 7, 9].flatMap { Self.request($0, "www.example.") }
            for socket in second { try socket.write(Self.preface + window + requests, until: world.soon) }
            for socket in first { try socket.send(.query("www.example.")) }
            let begin = world.hub.loop.now()
            for socket in first { #expect(try socket.answer()?.answers.count == 4_000) }
            // All read at once, for who does not read in time is left.
            let readers = second.map { socket in world.hub.spawn { frames(socket, within: .seconds(2)).types.count { $0 == 0 } } }
            for reader in readers { #expect(try reader.get() >= 20) }
            #expect(begin.duration(to: world.hub.loop.now()) < .seconds(9))
        }
    }

    @Test(arguments: [true, false])
    func `a connection that was handed over to HTTP/1.1 is read by nobody else`(_ isEncrypted: Bool) throws {
        try run { world throws in
            let plain = try StreamSocket.connect(to: ServingWorld.httpAddress, until: world.soon)
            let secure = try connect(world, "http/1.1")
            let stream: any ByteStream = isEncrypted ? secure : plain
            _ = try world.ask(.query("known.example."))
            world.upstream.delay = .milliseconds(500)
            // What comes while one is answered is its greenlet's to read, when it is done.
            for (id, name) in [(UInt16(1), "slow.example."), (2, "known.example.")] {
                let path = "/dns-query?dns=" + PresentationText.base64URL(Message.query(name, id: id).wire)
                try stream.write(Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8), until: world.soon)
                try sleep(.milliseconds(100))
            }
            var (replies, ids) = ([UInt8](), [UInt8]())
            while ids.count < 2 {
                replies += try stream.read(upTo: 4096, until: world.soon)
                ids = []
                for start in 0..<max(0, replies.count - 6) where Array(replies[start..<start + 4]) == [13, 10, 13, 10] {
                    ids.append(replies[start + 5])
                }
            }
            #expect(ids == [1, 2])
            let wire = Message.query("www.example.", id: 3).wire
            let request =
                Array(
                    "POST /dns-query HTTP/1.1\r\nHost: a\r\nContent-Type: application/dns-message\r\nContent-Length: \(wire.count)\r\n\r\n"
                        .utf8) + wire
            for _ in 0..<3 {
                for byte in request {
                    try stream.write([byte], until: world.soon)
                    try sleep(.milliseconds(1))
                }
                var reply: [UInt8] = []
                while reply.count < 150 { reply += try stream.read(upTo: 4096, until: world.soon) }
                #expect(String(decoding: reply, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test func `a method that is not served is told which are, and a body of another type is refused`() throws {
        try run { world throws in
            func ask(_ request: String) throws -> String {
                let stream = try StreamSocket.connect(to: ServingWorld.httpAddress, until: world.soon)
                try stream.write(Array(request.utf8), until: world.soon)
                return String(decoding: try stream.read(upTo: 4096, until: world.soon), as: UTF8.self)
            }
            let put = try ask("PUT /dns-query HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(put.hasPrefix("HTTP/1.1 405") && put.contains("\r\nAllow: GET, HEAD, POST\r\n"), "\(put)")
            let large = try ask("GET /dns-query HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n")
            #expect(large.hasPrefix("HTTP/1.1 431"), "\(large)")
            for (type, isTaken) in [
                ("application/dns-message", true), ("Application/DNS-Message; charset=utf-8", true),
                ("application/dns-message ;a=b", true), ("application/dns-messages", false), ("application/dns", false),
                ("", false),
            ] {
                #expect(HTTPQueries.isMessage(Array(type.utf8).span) == isTaken, "\(type)")
            }
        }
    }

    @Test func `handshakes that are broken off at any point leave others alone`() throws {
        try run { world throws in
            for round in 0..<40 {
                // A hello that is answered with certificates, and nobody who takes them.
                let pipe = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
                let shaking = world.hub.spawn {
                    let stream = HalfStream(pipe, after: round % 3)
                    _ = try? TLSSocket.connect(
                        over: stream, host: "dns.test", context: Self.certificates.client(), until: world.soon)
                }
                let polite = try connect(world, round % 2 == 0 ? "dot" : "h2")
                if round % 2 == 0 {
                    try polite.send(.query("www.example."))
                    #expect(try polite.answer()?.answers.count == 1)
                }
                polite.close()
                try shaking.join()
            }
            try sleep(.seconds(12))
            #expect(world.worker.places.count == 0)
        }
    }

    @Test func `a session is resumed by another server with the same secret, and after a restart, and by no stranger`() throws {
        let directory = Self.certificates.directory
        let secret = directory + "/session.secret", other = directory + "/other.secret"
        let context = try Self.certificates.client()
        for (path, text, isResumed) in [
            (secret, "a", false), (secret, "a", true), (other, "b", false), (other, "b", true), (secret, "a", false),
        ] {
            try String(repeating: text, count: 40).write(toFile: path, atomically: false, encoding: .utf8)
            var settings = Self.certificates.settings("dns")
            settings.sessionSecret = path
            // Each is a daemon of its own.
            try run { world throws in
                world.worker.adopt(try ServerCertificates(settings, LibeventLoop().files))
                let client = try connect(world, "dot", context: context)
                try client.send(.query("www.example."))
                #expect(try client.answer()?.answers.count == 1)
                #expect(client.isResumed == isResumed, "\(path)")
                client.finish(until: world.soon)
            }
        }
    }

    @Test func `connections that come in a crowd are taken a few at a time`() throws {
        try run { world throws in
            var (largest, last) = (0, world.worker.places.count)
            let watch = world.hub.spawn {
                while true {
                    try world.hub.yield(afterEvents: true)
                    largest = max(largest, world.worker.places.count - last)
                    last = world.worker.places.count
                }
            }
            let clients = (0..<200).map { _ in
                world.hub.spawn { try StreamSocket.connect(to: ServingWorld.address, until: world.soon) }
            }
            for client in clients { _ = try client.get() }
            try sleep(.milliseconds(100))
            watch.kill()
            #expect(world.worker.places.count == 200 && largest <= 32, "\(largest)")
        }
    }

    @Test func `a place for one more is found without a look at all`() throws {
        try run { world throws in
            var clients = try (0..<250).map { _ in try StreamSocket.connect(to: ServingWorld.address, until: world.soon) }
            try sleep(.milliseconds(10))
            let before = world.worker.places.looks
            for _ in 0..<20 { clients.append(try StreamSocket.connect(to: ServingWorld.address, until: world.soon)) }
            try sleep(.milliseconds(10))
            #expect(world.worker.places.count == 250)
            #expect(world.worker.places.looks - before <= 20 * UInt64(StreamPlaces.mostLooks))
        }
    }
}

/// A stream that is broken off after so many reads.
private final class HalfStream: ByteStream {
    private let inner: StreamSocket
    private var left: Int

    init(_ inner: StreamSocket, after reads: Int) { (self.inner, left) = (inner, reads) }

    var hub: Hub { inner.hub }
    var isOpen: Bool { inner.isOpen }

    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        guard left > 0 else {
            inner.close()
            throw SocketError.reset
        }
        left -= 1
        return try inner.read(into: buffer, until: deadline)
    }

    func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws { try inner.write(buffer, until: deadline) }
    func close() { inner.close() }
}

/// What is said of descriptors.
@Suite struct DescriptorWarningTests {
    @Test func `too few descriptors for all connections are warned of`() {
        #expect(ListenerPart.warning(connections: 10_000, workers: 2, descriptors: 1_024)?.contains("21024") == true)
        #expect(ListenerPart.warning(connections: 10_000, workers: 2, descriptors: 21_024) == nil)
        #expect(ListenerPart.warning(connections: 1_000_000, workers: 256, descriptors: .max) == nil)
    }
}
