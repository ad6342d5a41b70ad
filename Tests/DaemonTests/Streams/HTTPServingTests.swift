import AnswerCache
import DNSWire
import Green
import GreenHTTP2
import GreenTLS
import TestSupport
import Testing

@testable import Daemon

/// DNS over HTTPS as one client sees it: polite, odd or hostile.
@Suite struct HTTPServingTests {
    private static let certificates = TestCertificates.shared

    private func run(_ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(tls: Self.certificates.settings("dns"), body)
    }

    private func connect(_ world: ServingWorld, _ protocols: [String] = ["h2"]) throws -> TLSSocket {
        let stream = try StreamSocket.connect(to: ServingWorld.httpsAddress, until: world.soon)
        return try TLSSocket.connect(
            over: stream, host: "dns.test", context: Self.certificates.client(protocols: protocols), until: world.soon)
    }

    private func client(_ world: ServingWorld) throws -> HTTP2Client { try HTTP2Client(over: connect(world)) }

    private static func fields(_ method: String, _ path: String, _ more: [(name: String, value: String)] = []) -> HTTP2Fields {
        HTTP2Fields([(":method", method), (":scheme", "https"), (":authority", "dns.test"), (":path", path)] + more)
    }

    private static let type = [(name: "content-type", value: "application/dns-message")]

    private static func path(_ query: Message, _ base: String = "/dns-query") -> String {
        base + "?dns=" + PresentationText.base64URL(query.wire)
    }

    @Test(arguments: ["GET", "POST"], ["/dns-query", "/other", "/clients/kitchen"])
    func `a query is answered by either method on each path, with its time to live`(_ method: String, _ base: String) throws {
        try run { world throws in
            world.upstream.answer = { .address($0, ttl: 120) }
            let client = try client(world)
            for _ in 0..<3 {
                let query = Message.query("www.example.", id: 0)
                let reply =
                    method == "GET"
                    ? try client.send(Self.fields("GET", Self.path(query, base)), until: world.soon)
                    : try client.send(Self.fields("POST", base, Self.type), body: query.wire, until: world.soon)
                #expect(reply.fields.status == 200 && reply.fields["content-type"] == "application/dns-message")
                #expect(reply.fields["cache-control"] == "max-age=120")
                #expect(reply.fields["content-length"] == "\(reply.body.count)")
                #expect(try Message(reply.body.span).answers.count == 1)
            }
        }
    }

    @Test func `HEAD is told the length of an answer and gets none`() throws {
        try run { world throws in
            let client = try client(world)
            let path = Self.path(.query("www.example.", id: 0))
            let whole = try client.send(Self.fields("GET", path), until: world.soon)
            let head = try client.send(Self.fields("HEAD", path), until: world.soon)
            #expect(head.fields.status == 200 && head.body.isEmpty)
            #expect(head.fields["content-length"] == "\(whole.body.count)")
        }
    }

    @Test(arguments: [
        ("GET", "/nowhere?dns=AAAA", 404), ("GET", "/dns-query", 400), ("GET", "/dns-query?dns=", 400),
        ("GET", "/dns-query?dns=AAA*", 400), ("GET", "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlAAABAAE+", 400),
        ("GET", "/dns-query?dns=AAABAAAB=", 400), ("GET", "/dns-query?dns=AAAA", 400), ("PUT", "/dns-query", 405),
        ("DELETE", "/dns-query?dns=AAAA", 405), ("GET", "/clients/?dns=AAAA", 404), ("GET", "/clients/a.b?dns=AAAA", 404),
        ("GET", "/dns-query/x?dns=AAAA", 404), ("POST", "/dns-query", 415),
        ("GET", "/dns-query?dns=AACAAAABAAAAAAAAA3d3dwdleGFtcGxlAAABAAE", 400),
    ])
    func `what is no query is told so, and the connection goes on`(_ method: String, _ path: String, _ status: Int) throws {
        try run { world throws in
            let client = try client(world)
            let got = try client.send(Self.fields(method, path), until: world.soon).fields.status
            #expect(got == status, "\(method) \(path)")
            let good = try client.send(Self.fields("GET", Self.path(.query("www.example.", id: 0))), until: world.soon)
            #expect(good.fields.status == 200)
        }
    }

    @Test func `a message of 65,535 bytes is taken and one of more is not`() throws {
        try run { world throws in
            let client = try client(world)
            let long = try client.send(
                Self.fields("POST", "/dns-query", Self.type), body: [UInt8](repeating: 0, count: 65_535), until: world.soon)
            #expect(long.fields.status == 200)
            #expect(try Message(long.body.span).responseCode == .formErr)
            let longer = try client.send(
                Self.fields("POST", "/dns-query", Self.type), body: [UInt8](repeating: 0, count: 65_536), until: world.soon)
            #expect(longer.fields.status == 413)
        }
    }

    @Test func `many queries at once are answered as answers are known, large ones through small windows`() throws {
        try run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { .address($0, count: 4_000) }
            let client = try client(world)
            let requests = (0..<12).map { number in
                world.hub.spawn {
                    try client.send(Self.fields("GET", Self.path(.query("n\(number % 4).example.", id: 0))), until: world.soon)
                }
            }
            for request in requests {
                let body = try request.get().body
                #expect(try Message(body.span).answers.count == 4_000)
            }
        }
    }

    @Test func `an answer reaches its own client, where many ask at the same moment`() throws {
        try run { world throws in
            let clients = try (0..<10).map { _ in try client(world) }
            let requests = (0..<200).map { number in
                world.hub.spawn {
                    let query = Message.query("c\(number % 10).example.", id: UInt16(number))
                    let reply = try clients[number % 10].send(Self.fields("GET", Self.path(query)), until: world.soon)
                    let answer = try Message(reply.body.span)
                    #expect(answer.id == UInt16(number) && "\(answer.questions[0].name)" == "c\(number % 10).example.")
                }
            }
            for request in requests { try request.get() }
        }
    }

    @Test func `HTTP/1.1 is spoken on the same port, by GET, HEAD and POST`() throws {
        try run { world throws in
            world.upstream.answer = { .address($0, ttl: 77) }
            let socket = try connect(world, ["http/1.1"])
            let query = Message.query("www.example.", id: 0)
            for _ in 0..<2 {
                try socket.write(Array("GET \(Self.path(query)) HTTP/1.1\r\nHost: dns.test\r\n\r\n".utf8), until: world.soon)
                let reply = try socket.read(upTo: 4096, until: world.soon)
                let text = String(decoding: reply, as: UTF8.self)
                #expect(text.hasPrefix("HTTP/1.1 200") && text.contains("Cache-Control: max-age=77"), "\(text)")
            }
            let post =
                "POST /dns-query HTTP/1.1\r\nHost: dns.test\r\nContent-Type: application/dns-message\r\nContent-Length: \(query.wire.count)\r\n\r\n"
            try socket.write(Array(post.utf8) + query.wire, until: world.soon)
            #expect(String(decoding: try socket.read(upTo: 4096, until: world.soon), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            let chunked =
                "POST /dns-query HTTP/1.1\r\nHost: dns.test\r\nContent-Type: application/dns-message\r\nTransfer-Encoding: chunked\r\n\r\n"
            let pieces = query.wire.flatMap { Array("1\r\n".utf8) + [$0] + Array("\r\n".utf8) } + Array("0\r\n\r\n".utf8)
            try socket.write(Array(chunked.utf8) + pieces, until: world.soon)
            #expect(String(decoding: try socket.read(upTo: 4096, until: world.soon), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
            try socket.write(Array("GET /no HTTP/1.1\r\nHost: dns.test\r\n\r\n".utf8), until: world.soon)
            #expect(String(decoding: try socket.read(upTo: 4096, until: world.soon), as: UTF8.self).hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test func `without TLS both versions of HTTP are spoken`() throws {
        try run { world throws in
            let stream = try StreamSocket.connect(to: ServingWorld.httpAddress, until: world.soon)
            let client = try HTTP2Client(over: stream)
            let path = Self.path(.query("www.example.", id: 0))
            #expect(try client.send(Self.fields("GET", path), until: world.soon).fields.status == 200)
            let plain = try StreamSocket.connect(to: ServingWorld.httpAddress, until: world.soon)
            for piece in ["G", "ET ", path, " HTTP/1.1\r\nHost: a\r\n\r\n"] {
                try plain.write(Array(piece.utf8), until: world.soon)
            }
            #expect(String(decoding: try plain.read(upTo: 4096, until: world.soon), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func `an idle connection holds no greenlet, and ends after ten seconds`() throws {
        try run { world throws in
            let socket = try connect(world)
            let before = world.hub.greenletCount
            let client = try HTTP2Client(over: socket)
            let reply = try client.send(
                Self.fields("GET", Self.path(.query("version.bind.", .txt, class: .chaos))), until: world.soon)
            #expect(reply.fields.status == 200)
            // The client itself has two.
            #expect(world.hub.greenletCount <= before + 2)
            try sleep(.seconds(11))
            #expect(world.worker.places.count == 0)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("198.51.100.7", false), ("10.0.0.1, 192.0.2.9", false), ("192.0.2.9, 10.0.0.1", true),
        ("x", false), ("", false), ("10.0.0.1,", false), ("10.0.0.1, 127.0.0.1", true), ("192.0.2.9, 127.0.0.1", false),
        ("10.0.0.1:5353", true), ("[fd00::1]:53", true), ("fd00::1", true), ("2001:db8::1", false), ("::ffff:10.0.0.1", true),
        ("ffff:ffff:ffff:ffff::a00:1", false), ("fe80::1%1", false), ("0.0.0.0", false), ("127.0.0.1, x, 127.0.0.1", false),
    ])
    func `a proxy is believed for whom it asks, by the last address that it names`(_ value: String, _ isAllowed: Bool) throws {
        let access = ClientAccess(allow: [.local], deny: [], networks: [])
        try ServingWorld.run(listen: SocketAddress(.any, port: 53), access: access, tls: Self.certificates.settings("dns")) {
            world throws in
            // Loopback listeners admit all; what counts is whom the query is from.
            let queries = HTTPQueries(
                ListenerSet.Stream(
                    listener: try world.hub.loop.listen(
                        .stream, at: SocketAddress(.loopback, port: 81), options: ListenOptions()),
                    listen: ListenAddress(ServingWorld.httpAddress, transport: .http), paths: ["/dns-query"]),
                proxies: ClientAccess(allow: [.network(AddressPrefix("127.0.0.1/32")!)], deny: [], networks: []),
                resolver: world.worker.resolver, gate: ClientGate(access, at: SocketAddress(.any, port: 443)))
            var isAdmitted = false
            if case .client(let client) = queries.client(Array(value.utf8).span) {
                isAdmitted = queries.gate.admitsForwarded(client)
            }
            #expect(isAdmitted == isAllowed, "\(value)")
            #expect(queries.isProxy(IPAddress.loopback.number) && !queries.isProxy(IPAddress("10.0.0.1")!.number))
        }
    }

    @Test func `one client has a quarter of the places of HTTP/1.1, a proxy all, and they are given back`() throws {
        let access = ClientAccess(allow: [.local], deny: [], networks: [])
        try ServingWorld.run { world throws in
            let proxy = IPAddress("10.0.0.1")!.number
            let queries = HTTPQueries(
                ListenerSet.Stream(
                    listener: try world.hub.loop.listen(
                        .stream, at: SocketAddress(.loopback, port: 81), options: ListenOptions()),
                    listen: ListenAddress(SocketAddress(.loopback, port: 81), transport: .http), paths: ["/dns-query"]),
                proxies: ClientAccess(allow: [.network(AddressPrefix("10.0.0.1/32")!)], deny: [], networks: []),
                resolver: world.worker.resolver, gate: ClientGate(access, at: SocketAddress(.any, port: 443)))
            func places(of number: UInt128) -> Int { (0..<1_000).count { _ in queries.enterPlain(number, number) } }
            #expect(places(of: 1) == 128)
            queries.leavePlain(1)
            #expect(places(of: 1) == 1 && places(of: 2) == 128 && places(of: proxy) == 256 && places(of: 3) == 0)
        }
    }

    // MARK: - Hostile clients

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        var bytes: [UInt8] = [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
        for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
        return bytes + payload
    }

    /// A head without Huffman codes and without indices.
    private static func head(_ fields: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in fields {
            bytes += [0, UInt8(name.utf8.count)]
            bytes += Array(name.utf8)
            bytes.append(UInt8(value.utf8.count))
            bytes += Array(value.utf8)
        }
        return bytes
    }

    private static let request = head([
        (":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", path(.query("www.example.", id: 0))),
    ])

    private static let settings = frame(4, 0, 0)

    @Test func `each answer ends a record of TLS, for clients that read one from a record`() throws {
        try run { world throws in
            _ = try world.ask(.query("www.example."))
            let socket = try connect(world)
            let asked = (0..<3).flatMap { Self.frame(1, 5, UInt32(2 * $0 + 1), Self.request) }
            try socket.write(Self.preface + Self.settings + asked, until: world.soon)
            var answers = 0
            while answers < 3 {
                let record = try socket.read(upTo: 16_384, until: world.soon)
                if record.isEmpty { break }
                var (start, ends) = (0, 0)
                while start + 9 <= record.count {
                    if record[start + 3] <= 1, record[start + 4] & 1 != 0 { ends += 1 }
                    start += 9 + Int(record[start]) << 16 + Int(record[start + 1]) << 8 + Int(record[start + 2])
                }
                #expect(ends <= 1)
                answers += ends
            }
            #expect(answers == 3)
        }
    }

    private static let floods: [(String, @Sendable (Int) -> [UInt8])] = [
        ("rapid reset", { n in frame(1, 5, UInt32(2 * n + 1), request) + frame(3, 0, UInt32(2 * n + 1), [0, 0, 0, 8]) }),
        ("pings", { _ in frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) }),
        ("settings", { _ in settings }),
        ("empty continuations", { n in n == 0 ? frame(1, 0, 1, request) : frame(9, 0, 1) }),
        (
            "long continuations",
            { n in n == 0 ? frame(1, 0, 1, request) : frame(9, 0, 1, head([("x", String(repeating: "a", count: 100))])) }
        ),
        ("priorities", { n in frame(2, 0, UInt32(2 * n + 1), [0, 0, 0, 0, 1]) }),
        ("window updates", { _ in frame(8, 0, 0, [0, 0, 0, 1]) }),
        ("window overflow", { _ in frame(8, 0, 0, [0x7F, 0xFF, 0xFF, 0xFF]) }),
        ("empty data", { n in n == 0 ? frame(1, 4, 1, request) : frame(0, 0, 1) }),
        ("unknown frames", { _ in frame(0xFA, 0, 0, [UInt8](repeating: 0, count: 100)) }),
        ("a huge frame", { _ in [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1] }),
        ("rubbish", { _ in [UInt8](repeating: 0xAB, count: 64) }),
        ("even streams", { n in frame(1, 5, UInt32(2 * n + 2), request) }),
        ("pushes", { _ in frame(5, 4, 1, [0, 0, 0, 2] + request) }),
    ]

    @Test(arguments: floods.map(\.0))
    func `a flood ends its connection, and others do not notice`(_ name: String) throws {
        let make = Self.floods.first { $0.0 == name }!.1
        try run { world throws in
            let polite = try client(world)
            let socket = try connect(world)
            try socket.write(Self.preface + Self.settings, until: world.soon)
            var (number, hasEnded) = (0, false)
            while number < 20_000, !hasEnded {
                do {
                    try socket.write((0..<50).flatMap { make(number + $0) }, until: world.soon)
                    number += 50
                    try world.hub.yield(afterEvents: true)
                    if world.worker.places.count < 2 { hasEnded = true }
                } catch {
                    hasEnded = true
                }
            }
            #expect(hasEnded, "\(name): \(number) frames")
            #expect(world.worker.resolver.waitingCount <= 128)
            let path = Self.path(.query("www.example.", id: 0))
            #expect(try polite.send(Self.fields("GET", path), until: world.soon).fields.status == 200)
        }
    }

    @Test func `a client that gives no window is kept little for, and not for long`() throws {
        try run { world throws in
            world.upstream.answer = { .address($0, count: 4_000) }
            _ = try client(world).send(Self.fields("GET", Self.path(.query("www.example.", id: 0))), until: world.soon)
            let sockets = try (0..<8).map { _ in
                let socket = try connect(world)
                // SETTINGS_INITIAL_WINDOW_SIZE is 0.
                try socket.write(Self.preface + Self.frame(4, 0, 0, [0, 4, 0, 0, 0, 0]), until: world.soon)
                return socket
            }
            for socket in sockets {
                try? socket.write((0..<100).flatMap { Self.frame(1, 5, UInt32(2 * $0 + 1), Self.request) }, until: world.soon)
            }
            try sleep(.seconds(1))
            #expect(world.worker.places.heldBytes <= StreamPlaces.mostHeld)
            try sleep(.seconds(25))
            #expect(world.worker.places.count == 0 && world.worker.places.heldBytes == 0)
        }
    }

    @Test func `too large a head costs its stream, not the connection's memory`() throws {
        try run { world throws in
            let client = try client(world)
            let path = Self.path(.query("www.example.", id: 0))
            let bomb = (0..<200).map { (name: "x-\($0)", value: String(repeating: "b", count: 100)) }
            #expect(try client.send(Self.fields("GET", path, bomb), until: world.soon).fields.status == 431)
            let good = try client.send(Self.fields("GET", path), until: world.soon)
            #expect(good.fields.status == 200)
        }
    }

    @Test(arguments: 0..<40) func `any change to a conversation leaves the server well`(_ seed: UInt64) throws {
        try run { world throws in
            var numbers = SeededNumbers(seed: seed)
            let talk =
                Self.preface + Self.settings + Self.frame(1, 5, 1, Self.request)
                + Self.frame(
                    1, 4, 3,
                    Self.head([
                        (":method", "POST"), (":scheme", "https"), (":authority", "a"),
                        (":path", "/dns-query"), ("content-type", "application/dns-message"),
                    ]))
                + Self.frame(0, 1, 3, Message.query("www.example.").wire) + Self.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])
            for _ in 0..<5 {
                let socket = try connect(world)
                var bytes = talk
                for _ in 0..<Int(numbers.next() % 4) + 1 {
                    let at = Int(numbers.next() % UInt64(bytes.count))
                    switch numbers.next() % 3 {
                    case 0: bytes[at] = UInt8(truncatingIfNeeded: numbers.next())
                    case 1: bytes.remove(at: at)
                    default: bytes.insert(UInt8(truncatingIfNeeded: numbers.next()), at: at)
                    }
                }
                try? socket.write(bytes, until: world.soon)
                _ = try? socket.read(upTo: 4096, until: world.hub.loop.now().advanced(by: .milliseconds(50)))
                socket.close()
            }
            let path = Self.path(.query("www.example.", id: 0))
            #expect(try client(world).send(Self.fields("GET", path), until: world.soon).fields.status == 200)
        }
    }
}
