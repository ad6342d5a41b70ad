import DNSWire
import Green
import GreenHTTP2
import GreenTLS
import TestSupport
import Testing

@testable import Daemon

/// What proxies say of their clients before these speak.
@Suite struct ProxyHeaderTests {
    private static let certificates = TestCertificates.shared
    private static let local = ClientAccess(allow: [.local], deny: [], networks: [])

    /// A worker whose proxies are on this machine, and which answers private addresses.
    private func run(_ proxies: [String] = ["127.0.0.1"], _ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(access: Self.local, tls: Self.certificates.settings("dns"), proxies: proxies, body)
    }

    /// A header of version 2.
    private static func header(_ source: String, command: UInt8 = 0x21, family: UInt8? = nil, more: [UInt8] = []) -> [UInt8] {
        let ip = IPAddress(source)!
        let addresses = ip.bytes + ip.bytes + [0x30, 0x39, 0, 53] + more
        let kind = family ?? (ip.family == .v4 ? 0x11 : 0x21)
        return signature + [command, kind, UInt8(addresses.count >> 8), UInt8(addresses.count & 255)] + addresses
    }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private static func read(_ bytes: [UInt8], isDatagram: Bool = false) -> ProxyHeader.Reading {
        ProxyHeader.read(bytes.span, isDatagram: isDatagram)
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 4000 53\r\n", "192.0.2.1"),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 4000 53\r\n", "2001:db8::1"),
        ("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 65535 0\r\n", "192.0.2.1"),
    ])
    func `a line says who the client is, whatever comes behind it`(_ line: String, _ client: String) {
        let expected = ProxyHeader.Reading.header(length: line.utf8.count, client: IPAddress(client))
        #expect(Self.read(Array(line.utf8)) == expected && Self.read(Array((line + "\0\u{1}abc\n").utf8)) == expected)
        for count in 1..<line.utf8.count { #expect(Self.read(Array(line.utf8.prefix(count))) == .incomplete) }
        #expect(Self.read(Array(line.utf8), isDatagram: true) == .absent)
    }

    @Test(arguments: [
        "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 4000\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 4000 53\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 4000 53 \r\n", "PROXY TCP4  192.0.2.1 192.0.2.2 4000 53\r\n",
        "PROXY TCP4 2001:db8::1 192.0.2.2 4000 53\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 4000 53\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 53\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 53\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 4000 \r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 4000 53\r\n",
        "PROXY TCP4 192.0.2.1\0 192.0.2.2 4000 53\r\n", "PROXY TCP6 fe80::1%1 2001:db8::2 4000 53\r\n",
        "PROXY TCP4 0.0.0.0 192.0.2.2 4000 53\r\n", "PROXY TCP4 224.0.0.1 192.0.2.2 4000 53\r\n",
        "PROXY TCP6 ffff:ffff:ffff:ffff::7f00:1 2001:db8::2 4000 53\r\n", "PROXY unknown\r\n",
        "PROXY TCP4 " + String(repeating: "1", count: 200),
    ])
    func `a line that is wrong is no client`(_ line: String) { #expect(Self.read(Array(line.utf8)) == .wrong) }

    @Test func `version 2 says who the client is, in a stream and in a datagram, and TLVs are passed over`() {
        for source in ["192.0.2.1", "2001:db8::1"] {
            for more in [[], [3, 0, 4, 1, 2, 3, 4], [UInt8](repeating: 9, count: 900)] {
                let header = Self.header(source, more: more)
                let expected = ProxyHeader.Reading.header(length: header.count, client: IPAddress(source))
                for isDatagram in [false, true] {
                    #expect(Self.read(header + [0, 12, 1], isDatagram: isDatagram) == expected)
                    #expect(Self.read(Array(header.dropLast()), isDatagram: isDatagram) == .incomplete)
                }
            }
        }
        #expect(Self.read(Self.header("::ffff:192.0.2.1")) == .header(length: 52, client: IPAddress("192.0.2.1")))
    }

    @Test func `a proxy that asks for itself, or for nobody with an address, says so`() {
        let own = Self.signature + [0x20, 0, 0, 0]
        #expect(Self.read(own) == .header(length: 16, client: nil))
        #expect(Self.read(Self.signature + [0x21, 0, 0, 2, 7, 7]) == .header(length: 18, client: nil))
        let unix = Self.signature + [0x21, 0x31, 0, 216] + [UInt8](repeating: 0x61, count: 216)
        #expect(Self.read(unix) == .header(length: 232, client: nil))
        #expect(Self.read(Self.header("192.0.2.1", command: 0x20)) == .header(length: 28, client: nil))
        // The family of who asks for itself means nothing.
        for family: UInt8 in [0x13, 0x41, 0xFF] {
            #expect(Self.read(Self.signature + [0x20, family, 0, 1, 7]) == .header(length: 17, client: nil))
        }
        #expect(Self.read(Array("PROXY UNKNOWN\r\n".utf8)) == .header(length: 15, client: nil))
        #expect(Self.read(Array("PROXY UNKNOWN ffff:: a 1 2\r\n".utf8)) == .header(length: 28, client: nil))
    }

    @Test(
        arguments: [
            [0x11, 0x11, 0, 12], [0x22, 0x11, 0, 12], [0x21, 0x13, 0, 12], [0x21, 0x41, 0, 12], [0x21, 0x11, 0, 11],
            [0x21, 0x21, 0, 35], [0x21, 0x31, 0, 215], [0x21, 0x11, 0xFF, 0xFF], [0x20, 0, 0x04, 0x00],
        ] as [[UInt8]])
    func `version 2 that is wrong is no client, and no more of it is waited for`(_ head: [UInt8]) {
        #expect(Self.read(Self.signature + head) == .wrong)
    }

    // MARK: - On listeners

    private static let query = Message.query("www.example.", id: 7)

    /// A connection that begins with some bytes.
    private func connect(_ world: ServingWorld, _ bytes: [UInt8], to address: SocketAddress = ServingWorld.address) throws
        -> StreamSocket
    {
        let socket = try StreamSocket.connect(to: address, until: world.soon)
        if !bytes.isEmpty { try socket.write(bytes, until: world.soon) }
        return socket
    }

    private static func datagram(_ world: ServingWorld, _ bytes: [UInt8]) throws -> Message? {
        let socket = try DatagramSocket(connectedTo: ServingWorld.address)
        defer { socket.close() }
        socket.send(Datagram(bytes, hub: world.hub)!)
        var answer: [UInt8] = []
        _ = try socket.receive(until: world.hub.loop.now().advanced(by: .seconds(3))) { answer = [UInt8](copying: $0.bytes) }
        return answer.isEmpty ? nil : try Message(answer.span)
    }

    @Test func `who asks over UDP is whom the proxy names`() throws {
        try run { world throws in
            for _ in 0..<2 {
                let known = try Self.datagram(world, Self.header("10.0.0.1") + Self.query.wire)
                let other = try Self.datagram(world, Self.header("192.0.2.9") + Self.query.wire)
                let own = try Self.datagram(world, Self.header("192.0.2.9", command: 0x20) + Self.query.wire)
                #expect(known?.answers.count == 1 && other?.responseCode == .refused && own?.answers.count == 1)
            }
            // Without a header that can be read nobody knows whom an answer would be for.
            for wrong in [
                Self.query.wire, Self.header("10.0.0.1"), Array(Self.header("10.0.0.1").dropLast()), Self.signature, [],
            ] {
                #expect(try Self.datagram(world, wrong) == nil)
            }
            #expect(try Self.datagram(world, Array("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".utf8) + Self.query.wire) == nil)
        }
    }

    @Test func `who asks over TCP is whom the proxy names, however the header is cut`() throws {
        try run { world throws in
            let line = Array("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".utf8)
            let query = [0, UInt8(Self.query.wire.count)] + Self.query.wire
            for header in [line, Self.header("10.0.0.1"), Self.header("fd00::1", more: [UInt8](repeating: 1, count: 500))] {
                let whole = try connect(world, header + query + query)
                #expect(try whole.answer()?.answers.count == 1 && whole.answer()?.id == 7)
                let cut = try connect(world, [])
                for byte in header + query {
                    try cut.write([byte], until: world.soon)
                    try sleep(.milliseconds(1))
                }
                #expect(try cut.answer()?.answers.count == 1)
            }
            let other = try connect(world, Self.header("192.0.2.9") + query)
            #expect(try other.answer()?.responseCode == .refused)
            let own = try connect(world, Self.signature + [0x20, 0, 0, 0] + query)
            #expect(try own.answer()?.answers.count == 1)
        }
    }

    @Test func `a header that is wrong, missing or slow ends the connection`() throws {
        try run { world throws in
            let query = [0, UInt8(Self.query.wire.count)] + Self.query.wire
            for wrong in [query, Array("PROXY TCP5 \r\n".utf8), Self.signature + [0x31, 0x11, 0, 12], [0xFF]] {
                #expect(try connect(world, wrong).isOver(within: .milliseconds(500)))
            }
            for start in [[], Self.signature, Array("PROXY TCP4 10.0.0.1".utf8)] {
                let slow = try connect(world, start)
                #expect(!slow.isOver(within: .milliseconds(4_900)) && slow.isOver(within: .milliseconds(200)))
            }
            let half = try connect(world, Self.signature)
            half.shutdownWrite()
            #expect(half.isOver(within: .milliseconds(500)))
            #expect(world.worker.places.count == 0)
        }
    }

    @Test func `what others send is no header`() throws {
        try run(["127.0.0.9"]) { world throws in
            let answer = try Self.datagram(world, Self.header("10.0.0.1") + Self.query.wire)
            #expect(answer?.answers.isEmpty != false)
            let line = Array("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".utf8)
            let client = try connect(world, line + [0, UInt8(Self.query.wire.count)] + Self.query.wire)
            #expect(throws: (any Error).self) {
                guard try client.answer() != nil else { throw SocketError.closed }
            }
        }
    }

    @Test func `a proxy's header stands before TLS, and who may not ask gets no handshake`() throws {
        try run { world throws in
            let stream = try connect(world, Self.header("10.0.0.1"), to: ServingWorld.tlsAddress)
            let client = try TLSSocket.connect(
                over: stream, host: "dns.test", context: Self.certificates.client(), until: world.soon)
            try client.send(Self.query)
            #expect(try client.answer()?.answers.count == 1)
            // dnsdist sends it inside.
            for isKnown in [true, false] {
                let stream = try connect(world, [], to: ServingWorld.tlsAddress)
                let client = try TLSSocket.connect(
                    over: stream, host: "dns.test", context: Self.certificates.client(), until: world.soon)
                for byte in Self.header("10.0.0.2") where isKnown { try client.write([byte], until: world.soon) }
                try client.send(Self.query)
                let answer = try? client.answer()
                #expect((answer?.answers.count == 1) == isKnown)
                if isKnown { client.close() }
            }
            let other = try connect(world, Self.header("192.0.2.9"), to: ServingWorld.tlsAddress)
            #expect(other.isOver(within: .milliseconds(200)) && world.worker.places.count == 1)
        }
    }

    /// What comes of a request of HTTP/1.1 behind some bytes: `answered`, `refused`, or its status.
    private func outcome(_ world: ServingWorld, _ header: [UInt8], _ fields: String = "") throws -> String {
        let path = "/dns-query?dns=" + PresentationText.base64URL(Self.query.wire)
        let socket = try connect(
            world, header + Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8), to: ServingWorld.httpAddress)
        let reply = try socket.read(upTo: 8192, until: world.soon)
        let text = String(decoding: reply, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 200") else { return String(text.dropFirst(9).prefix(3)) }
        var start = 0
        while start + 4 < reply.count, Array(reply[start..<start + 4]) != [13, 10, 13, 10] { start += 1 }
        let answer = try Message(Array(reply[(start + 4)...]).span)
        return answer.responseCode == .refused ? "refused" : answer.answers.count == 1 ? "answered" : "\(answer.responseCode)"
    }

    @Test func `requests say whom they are for in a header, in a field, or not at all`() throws {
        try run { world throws in
            #expect(try outcome(world, []) == "answered")
            #expect(try outcome(world, Self.header("10.0.0.1")) == "answered")
            #expect(try outcome(world, Self.header("192.0.2.9")) == "refused")
            // Whom a proxy asks for is no proxy.
            #expect(try outcome(world, Self.header("192.0.2.9"), "X-Forwarded-For: 10.0.0.1\r\n") == "refused")
            #expect(try outcome(world, [], "X-Forwarded-For: 10.0.0.1\r\n") == "answered")
            #expect(try outcome(world, [], "X-Forwarded-For: 192.0.2.9\r\n") == "refused")
            for odd in ["unknown", "", "10.0.0.1,", "10.0.0.300"] {
                #expect(try outcome(world, [], "X-Forwarded-For: \(odd)\r\n") == "400", "\(odd)")
            }
        }
    }

    @Test func `HTTP/2 refuses a request whose field cannot be read, and its proxy's next is answered`() throws {
        try run { world throws in
            let client = try HTTP2Client(over: StreamSocket.connect(to: ServingWorld.httpAddress, until: world.soon))
            func ask(_ field: String?) throws -> HTTP2Message {
                let path = "/dns-query?dns=" + PresentationText.base64URL(Self.query.wire)
                let more = field.map { [(name: "x-forwarded-for", value: $0)] } ?? []
                let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)] + more
                return try client.send(HTTP2Fields(fields), until: world.soon)
            }
            for odd in ["unknown", "", "10.0.0.1 x"] { #expect(try ask(odd).fields.status == 400) }
            for (field, code) in [("192.0.2.9", ResponseCode.refused), ("10.0.0.1", .noError), (nil, .noError)] {
                let reply = try ask(field)
                let answer = try Message(reply.body.span)
                #expect(answer.responseCode == code)
            }
        }
    }

    @Test func `a proxy's connections are counted to its clients`() throws {
        try run { world throws in
            let query = [0, UInt8(Self.query.wire.count)] + Self.query.wire
            var clients: [StreamSocket] = []
            for number in 0..<600 { clients.append(try connect(world, Self.header("10.0.\(number / 200).1") + query)) }
            for client in clients { #expect(try client.answer()?.answers.count == 1) }
            #expect(world.worker.places.count == 600)
            // One client of theirs has a quarter of the places.
            for _ in 0..<300 { clients.append(try connect(world, Self.header("10.1.0.1") + query)) }
            try sleep(.milliseconds(100))
            #expect(world.worker.places.count <= 850)
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `any change to a header gives a client that was named, or none`(_ seed: UInt64) throws {
        let headers = [
            Array("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8),
            Array("PROXY TCP6 fd00::1 fd00::2 1 2\r\n".utf8), Self.header("10.0.0.1"),
            Self.header("fd00::1", more: [1, 0, 1, 5]),
        ]
        var mutate = Mutation(seed: seed)
        for round in 0..<30_000 {
            let bytes = mutate(headers[round % headers.count])
            if case .header(let length, _) = Self.read(bytes, isDatagram: round % 2 == 0) {
                #expect(length <= bytes.count && length <= ProxyHeader.longest && length >= 15)
            }
        }
        try run { world throws in
            let query = [0, UInt8(Self.query.wire.count)] + Self.query.wire
            for round in 0..<200 {
                let socket = try connect(world, mutate(headers[round % headers.count]) + query)
                _ = try? socket.read(upTo: 4096, until: world.hub.loop.now().advanced(by: .milliseconds(20)))
                socket.close()
            }
            #expect(try connect(world, Self.header("10.0.0.1") + query).answer()?.answers.count == 1)
            try sleep(.milliseconds(100))
            #expect(world.worker.places.count <= 1)
        }
    }
}
