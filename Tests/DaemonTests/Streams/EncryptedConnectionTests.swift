import DNSWire
import Glibc
import Green
import GreenTLS
import TestSupport
import Testing

@testable import Daemon

/// DNS over TLS as one client sees it: polite, impatient or hostile.
@Suite struct EncryptedConnectionTests {
    private static let certificates = TestCertificates.shared

    private func run(_ settings: TLSSettings? = nil, _ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(tls: settings ?? Self.certificates.settings("dns", "other"), body)
    }

    private func connect(
        _ world: ServingWorld, as host: String = "dns.test", context: TLSContext? = nil
    ) throws -> TLSSocket {
        let stream = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
        let context = try context ?? Self.certificates.client()
        return try TLSSocket.connect(over: stream, host: host, context: context, until: world.soon)
    }

    /// A connection on which no handshake is done.
    private func connectPlainly(_ world: ServingWorld) throws -> StreamSocket {
        try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
    }

    @Test func `a certificate that ends within 14 days is warned of`() throws {
        let certificates = try ServerCertificates(Self.certificates.settings("dns", "other"), LibeventLoop().files)
        // Both are good for 30 days.
        let now = Int64(time(nil))
        #expect([29, 30].contains(certificates.daysLeft(at: now)))
        #expect(certificates.warnings(at: now + 15 * 86_400).isEmpty)
        #expect(certificates.warnings(at: now + 17 * 86_400).count == 2)
    }

    @Test func `queries are pipelined and answered as answers are known`() throws {
        try run { world throws in
            world.upstream.delay = .milliseconds(100)
            _ = try world.ask(.query("known.example."))
            let client = try connect(world)
            #expect(client.negotiatedProtocol == "dot" && client.version == "TLSv1.3")
            for (id, name) in ["new.example.", "known.example.", "version.bind.", "known.example."].enumerated() {
                try client.send(.query(name, id: UInt16(id)))
            }
            var order: [UInt16] = []
            while order.count < 4, let answer = try client.answer() { order.append(answer.id) }
            #expect(order.first == 1 && Set(order) == [0, 1, 2, 3] && order.firstIndex(of: 0)! >= 2)
        }
    }

    @Test func `large answers and many queries go through, whatever the size of what is read`() throws {
        try run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { .address($0, count: 4_000) }
            let client = try connect(world)
            let wire = Message.query("large.example.").wire
            try client.write((0..<20).flatMap { _ in [0, UInt8(wire.count)] + wire } as [UInt8], until: world.soon)
            for _ in 0..<20 { #expect(try client.answer()?.answers.count == 4_000) }
        }
    }

    @Test func `a client without ALPN is served, one that offers only another protocol is not`() throws {
        try run { world throws in
            let plain = try connect(world, context: Self.certificates.client(protocols: []))
            try plain.send(.query("www.example."))
            #expect(try plain.answer()?.answers.count == 1)
            #expect(throws: TLSError.self) { try connect(world, context: Self.certificates.client(protocols: ["h2"])) }
        }
    }

    @Test func `the certificate is picked by the name that is asked for`() throws {
        try run { world throws in
            for host in ["dns.test", "other.test", "a.wild.test"] {
                let client = try connect(world, as: host)
                try client.send(.query("www.example."))
                #expect(try client.answer() != nil)
            }
            #expect(throws: TLSError.self) { try connect(world, as: "unknown.test") }
        }
    }

    @Test func `certificates that are read again are shown to new connections, and old ones go on`() throws {
        try run(Self.certificates.settings("dns")) { world throws in
            let before = try connect(world)
            #expect(throws: TLSError.self) { try connect(world, as: "other.test") }
            world.worker.adopt(try ServerCertificates(Self.certificates.settings("other"), world.hub.loop.files))
            #expect(throws: TLSError.self) { try connect(world) }
            try connect(world, as: "other.test").send(.query("www.example."))
            try before.send(.query("www.example."))
            #expect(try before.answer() != nil)
        }
    }

    @Test func `answers to padded queries are padded to blocks, over TLS and not over TCP`() throws {
        try run { world throws in
            let edns = EDNS(options: [.padding(20)])
            let client = try connect(world)
            let plain = try world.connect()
            for name in ["www.example.", "www.example.", "nothing.example.", "version.bind."] {
                try client.send(.query(name, edns: edns))
                let message = try client.message()
                #expect(message?.count == 468, "\(name): \(message?.count ?? 0)")
                #expect(try message.map { try Message($0.span) }?.edns?.options.last?.code == .padding)
                try plain.send(.query(name, edns: edns))
                #expect(try plain.answer()?.edns?.options.isEmpty == true)
            }
            try client.send(.query("www.example.", edns: EDNS()))
            #expect(try client.message()?.count ?? 468 < 468)
        }
    }

    @Test func `a client that asks how long connections are kept is told, over TCP and TLS`() throws {
        try run { world throws in
            let edns = EDNS(options: [EDNSOption(.tcpKeepalive, [])])
            let (client, plain) = (try connect(world), try world.connect())
            for _ in 0..<2 {
                try client.send(.query("www.example.", edns: edns))
                #expect(try client.answer()?.edns?.options == [EDNSOption(.tcpKeepalive, [0, 100])])
                try plain.send(.query("www.example.", edns: edns))
                #expect(try plain.answer()?.edns?.options == [EDNSOption(.tcpKeepalive, [0, 100])])
            }
            #expect(try world.ask(.query("www.example.", edns: edns))?.edns?.options.isEmpty == true)
        }
    }

    @Test func `a cookie is answered with one, over UDP, TCP and TLS, beside what else the client asks for`() throws {
        try run { world throws in
            let cookie = EDNSOption.cookie(client: [1, 2, 3, 4, 5, 6, 7, 8])
            let edns = EDNS(options: [cookie, .padding(20), EDNSOption(.tcpKeepalive, [])])
            let (client, plain) = (try connect(world), try world.connect())
            for name in ["www.example.", "www.example.", "nothing.example.", "version.bind."] {
                try client.send(.query(name, edns: edns))
                let secure = try client.answer()?.edns?.options ?? []
                try plain.send(.query(name, edns: edns))
                let streamed = try plain.answer()?.edns?.options ?? []
                let datagram = try world.ask(.query(name, edns: edns))?.edns?.options ?? []
                for options in [secure, streamed, datagram] {
                    #expect(options.first?.cookies?.client == [1, 2, 3, 4, 5, 6, 7, 8], "\(options)")
                }
                #expect(secure.map(\.code) == [.cookie, .tcpKeepalive, .padding] && streamed.count == 2 && datagram.count == 1)
            }
        }
    }

    @Test func `a client's certificate is wanted where an authority for clients is named`() throws {
        var settings = Self.certificates.settings("dns")
        settings.clients = Self.certificates.file("ca.pem")
        try run(settings) { world throws in
            let known = try connect(world, context: Self.certificates.client(identity: "other"))
            try known.send(.query("www.example."))
            #expect(try known.answer()?.answers.count == 1)
            // TLS 1.3 tells a client only after its own part of the handshake.
            #expect(throws: (any Error).self) {
                let unknown = try connect(world)
                try unknown.send(.query("www.example."))
                _ = try unknown.answer()
            }
        }
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: dns.test\r\n\r\n".utf8), [0x80, 0x2E, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10],
        [0x16, 3, 1, 0xFF, 0xFF], [0x16, 3, 1, 0, 0], [0x15, 3, 3, 0, 2, 2, 40], [0x17, 3, 3, 0, 1, 0],
        [UInt8](repeating: 0xFF, count: 70_000), [0, 12] + [UInt8](repeating: 0, count: 12),
    ])
    func `what is no handshake ends the connection, and nobody else notices`(_ bytes: [UInt8]) throws {
        try run { world throws in
            let polite = try connect(world)
            let client = try connectPlainly(world)
            try? client.write(bytes, until: world.soon)
            #expect(client.isOver(within: .seconds(6)))
            try polite.send(.query("www.example."))
            #expect(try polite.answer()?.answers.count == 1)
            #expect(world.worker.places.count == 1)
        }
    }

    @Test func `one that connects and says nothing, or half a handshake, is let go after five seconds`() throws {
        try run { world throws in
            let silent = try connectPlainly(world)
            let half = try connectPlainly(world)
            try half.write([0x16, 3, 1, 2, 0, 1, 0], until: world.soon)
            #expect(!silent.isOver(within: .milliseconds(4_900)))
            #expect(silent.isOver(within: .milliseconds(200)) && half.isOver(within: .milliseconds(200)))
        }
    }

    @Test func `records cut anywhere are put together`() throws {
        try run { world throws in
            let inner = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
            let slow = SlowStream(inner)
            let client = try TLSSocket.connect(
                over: slow, host: "dns.test", context: Self.certificates.client(), until: world.soon)
            for id in 0..<3 {
                try client.send(.query("www.example.", id: UInt16(id)))
                #expect(try client.answer()?.id == UInt16(id))
            }
        }
    }

    @Test func `a record that was tampered with ends the connection`() throws {
        try run { world throws in
            let inner = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
            let stream = SlowStream(inner)
            let client = try TLSSocket.connect(
                over: stream, host: "dns.test", context: Self.certificates.client(), until: world.soon)
            stream.flipsLast = true
            try client.send(.query("www.example."))
            #expect(throws: (any Error).self) { _ = try client.answer() }
            #expect(world.worker.places.count == 0)
        }
    }

    @Test func `a client that has said all over TLS gets all its answers, then the end`() throws {
        try run { world throws in
            world.upstream.delay = .milliseconds(300)
            let stream = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
            let client = try TLSSocket.connect(
                over: stream, host: "dns.test", context: Self.certificates.client(), until: world.soon)
            for id in 0..<5 { try client.send(.query("n\(id).example.", id: UInt16(id))) }
            stream.shutdownWrite()
            var ids: Set<UInt16> = []
            while let answer = try client.answer() { ids.insert(answer.id) }
            #expect(ids == Set(0..<5))
        }
    }

    @Test func `handshakes at once are bounded for each client`() throws {
        try run { world throws in
            let clients = try (0..<100).map { _ in
                let client = try connectPlainly(world)
                try client.write([0x16, 3, 1, 2, 0, 1, 0], until: world.soon)
                return client
            }
            try sleep(.milliseconds(100))
            #expect(clients.count { !$0.isOver(within: .zero) } == 64)
            try sleep(.seconds(6))
            #expect(world.worker.places.count == 0)
            try connect(world).send(.query("www.example."))
        }
    }

    @Test func `idle connections hold no greenlet, and end after ten seconds`() throws {
        try run { world throws in
            let before = world.hub.greenletCount
            let clients = try (0..<50).map { _ in
                let client = try connect(world)
                try client.send(.query("version.bind.", .txt, class: .chaos))
                #expect(try client.answer() != nil)
                return client
            }
            #expect(world.hub.greenletCount == before)
            #expect(world.worker.places.count == 50)
            try sleep(.seconds(11))
            #expect(world.worker.places.count == 0)
            #expect(try clients[0].answer() == nil)
        }
    }
}

/// A stream that writes byte by byte, and may spoil the last of what it is given.
private final class SlowStream: ByteStream {
    private let inner: StreamSocket
    var flipsLast = false

    init(_ inner: StreamSocket) { self.inner = inner }

    var hub: Hub { inner.hub }
    var isOpen: Bool { inner.isOpen }

    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        try inner.read(into: buffer, until: deadline)
    }

    func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        var bytes = Array(buffer)
        if flipsLast { bytes[bytes.count - 1] ^= 1 }
        for byte in bytes {
            try inner.write([byte], until: deadline)
            try hub.sleep(until: hub.loop.now().advanced(by: .microseconds(200)))
        }
    }

    func close() { inner.close() }
}

extension TLSSocket {
    /// Asks without waiting for the answer.
    func send(_ query: Message) throws {
        let wire = query.wire
        try write([UInt8(wire.count >> 8), UInt8(wire.count & 255)] + wire, until: hub.loop.now().advanced(by: .seconds(30)))
    }

    /// The next answer; nil at the end of the stream.
    func answer() throws -> Message? { try message().map { try Message($0.span) } }

    /// The bytes of the next answer; nil at the end of the stream.
    func message() throws -> [UInt8]? {
        let soon = hub.loop.now().advanced(by: .seconds(30))
        var bytes: [UInt8] = []
        while bytes.count < 2 || bytes.count < 2 + Int(bytes[0]) << 8 + Int(bytes[1]) {
            let wanted = bytes.count < 2 ? 2 : 2 + Int(bytes[0]) << 8 + Int(bytes[1])
            let more = try read(upTo: wanted - bytes.count, until: soon)
            if more.isEmpty { return nil }
            bytes += more
        }
        return Array(bytes[2...])
    }
}

extension StreamSocket {
    /// Whether the other side ends the connection within a time, whatever it says before.
    func isOver(within limit: Duration) -> Bool {
        let end = hub.loop.now().advanced(by: limit)
        do {
            while try !read(upTo: 4096, until: end).isEmpty {}
            return true
        } catch {
            return error as? SocketError != .timedOut
        }
    }
}
