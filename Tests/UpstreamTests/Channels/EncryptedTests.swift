import DNSWire
import Foundation
import Green
import GreenTLS
import Testing

@testable import Upstream

/// What a DNS over TLS upstream is known by in the tests.
private func encryption(
    _ name: String = "dns.test", isNamed: Bool = true, pins: [TLSPin] = [], trustFile: String? = nil
) -> UpstreamEncryption {
    var encryption = UpstreamEncryption(name, isNamed: isNamed)
    encryption.pins = pins
    encryption.trustFile = trustFile
    return encryption
}

/// A fake upstream over TLS that answers everything unless told otherwise.
private func upstream(
    _ certificate: String = "good", id: UInt16 = 1, security: FakeSecurity? = nil, _ how: UpstreamEncryption = encryption(),
    client: TLSContext? = nil, _ behavior: @escaping (FakeQuery) -> [FakeAct] = { [.send($0.answer(9))] }
) throws -> FakeUpstream {
    let context = try Certificates.shared.server(certificate, protocols: ["dot"])
    return try FakeUpstream(
        transport: .tls, id: id, security: security ?? .tls(context), encryption: how,
        tls: client ?? Certificates.shared.client(), behavior)
}

/// DNS over TLS.
@Suite struct `Encrypted upstreams` {
    @Test(arguments: World.allCases) func `questions share a connection with TLS, answered in any order`(_ world: World) throws {
        try onHub(world) { hub in
            var held: [FakeQuery] = []
            let upstream = try upstream { query in
                held.append(query)
                guard held.count == 100 else { return [] }
                return held.reversed().map { .send($0.answer()) }
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<100).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
            for asker in askers { _ = try asker.get() }
            #expect(upstream.connectionCount == 1 && upstream.handshakes == 1)
            #expect(upstream.queries.allSatisfy { $0.transport == .tcp })
        }
    }

    @Test func `queries are padded to 128 bytes over TLS, and not over TCP or UDP`() throws {
        try onHub { _ in
            let secret = try upstream()
            let open = try FakeUpstream(transport: .tcp) { [.send($0.answer())] }
            for name in [
                "a.example", "a-much-longer-name-than-that.of.some.other.example", String(repeating: "x.", count: 80) + "y",
            ] {
                for fake in [secret, open] { _ = try ask(fake, name) }
                open.forget(transport: .udp)
                _ = try ask(open, name)
                open.forget(transport: .tcp)
            }
            #expect(secret.queries.map(\.bytes.count) == [128, 128, 256])
            #expect(open.queries.allSatisfy { $0.bytes.count < 128 || $0.name.count > 100 })
            for query in secret.queries {
                let message = try Message(query.bytes.span)
                #expect(message.edns?.options.last?.code == .padding)
                #expect(message.edns?.options.last?.data.allSatisfy { $0 == 0 } == true)
            }
        }
    }

    /// What happens to a question, what of it the news tell, and who was asked in the clear.
    private func trial(_ first: (UpstreamWatch) throws -> FakeUpstream) throws -> (
        news: [String], second: UInt16?, alone: UpstreamFailure?
    ) {
        let hub = Hub.current
        let lines = Locked<[String]>([])
        let watch = UpstreamWatch { news in
            if case .stopped(_, let trouble) = news { lines.withLock { $0.append(trouble.text) } }
        }
        let fake = try first(watch)
        let server = UpstreamServer(
            fake.server.address, id: 1, hub: hub, health: watch.health(of: fake.server.address), tls: fake.server.tls)
        let next = try FakeUpstream(id: 2) { [.send($0.answer())] }
        let both = Forwarder(hub: hub, servers: [server, next.server], tryLimit: .seconds(2), watch: watch)
        let second = try? both.ask(question("www.example.com"))
        try sleep(.seconds(4))
        let one = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2), watch: watch)
        var failure: UpstreamFailure?
        do throws(UpstreamFailure) { _ = try one.ask(question("alone.example.com")) } catch { failure = error }
        #expect(fake.queries.isEmpty)
        server.retire()
        return (lines.withLock { $0 }, second?.upstream, failure)
    }

    @Test(arguments: [
        ("wrong", "hostname mismatch"), ("expired", "certificate has expired"), ("self", "self-signed certificate"),
    ])
    func
        `a certificate that is wrong means the next upstream, never an answer in the clear, and news once that say what is wrong`(
            _ certificate: String, _ reason: String
        ) throws
    {
        try onHub { _ in
            let result = try trial { _ in try upstream(certificate) }
            #expect(result.second == 2)
            #expect(result.news.count == 1 && result.news.first?.contains(reason) == true, "\(result.news)")
            #expect(result.alone == .insecure || result.alone == .unreachable)
        }
    }

    @Test func `what was wrong with TLS once is no reason for what fails later`() throws {
        try onHub { hub in
            let lines = Locked<[String]>([])
            let watch = UpstreamWatch { news in
                if case .stopped(_, let trouble) = news { lines.withLock { $0.append(trouble.text) } }
            }
            let fake = try upstream("wrong")
            let server = UpstreamServer(
                fake.server.address, id: 1, hub: hub, health: watch.health(of: fake.server.address), tls: fake.server.tls)
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2), watch: watch)
            #expect(throws: UpstreamFailure.insecure) { try forwarder.ask(question("a.example")) }
            #expect(!server.insecurity.isEmpty)
            fake.security = .tls(try Certificates.shared.server())
            #expect(try eventually { !server.isFailing })
            #expect(server.insecurity.isEmpty)
            fake.behavior = { [.send($0.reply(.servFail))] }
            for index in 0..<3 { _ = try? forwarder.ask(question("n\(index).example")) }
            try sleep(.seconds(4))
            #expect(lines.withLock { $0 } == ["answers SERVFAIL to everything"])
            server.retire()
        }
    }

    @Test func `the longest answer comes through TLS`() throws {
        try onHub { _ in
            let record = [0xC0, 12] + word(16) + word(1) + [0, 0, 1, 0] + word(2000) + [UInt8](repeating: 9, count: 2000)
            let fake = try upstream { query in
                var reply = query.reply(answers: Array(repeating: record, count: 32))
                reply[11] = 0
                return [.send(Array(reply.dropLast(11)))]
            }
            let forwarder = Forwarder(hub: .current, servers: [fake.server], tryLimit: .seconds(2))
            let answer = try forwarder.ask(question("www.example.com", .txt)).answer
            #expect(answer.records.count > 64_000)
            fake.server.retire()
        }
    }

    @Test func `a certificate is held against the address where no name is written`() throws {
        try onHub { _ in
            let fits = try upstream("good", encryption("127.0.0.1", isNamed: false))
            #expect(address(try ask(fits)) != nil)
            let other = try upstream("wrong", encryption("127.0.0.1", isNamed: false))
            #expect(throws: UpstreamFailure.insecure) { try ask(other) }
        }
    }

    @Test func `an upstream that does not speak TLS is not spoken to in the clear`() throws {
        try onHub { _ in
            let plain = try trial { _ in try upstream(security: FakeSecurity.none) }
            #expect(plain.second == 2 && plain.news.count == 1, "\(plain)")
            let closing = try trial { _ in try upstream(security: .closing) }
            #expect(closing.second == 2 && closing.news.count == 1)
            let context = try Certificates.shared.server()
            let cut = try trial { _ in try upstream(security: .cut(context)) }
            #expect(cut.second == 2 && cut.news.count == 1)
        }
    }

    @Test func `a port that speaks plain text is told as one without TLS`() throws {
        try onHub { _ in
            let plain = try FakeUpstream(transport: .tls, encryption: encryption(), tls: Certificates.shared.client()) { _ in [] }
            plain.security = .none
            // What reads the handshake as a message answers with one.
            plain.behavior = { _ in [.raw(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)), .close] }
            #expect(throws: UpstreamFailure.self) { try ask(plain) }
            let garbage = try upstream(security: FakeSecurity.none) { _ in [] }
            #expect(throws: UpstreamFailure.self) { try ask(garbage) }
        }
    }

    @Test func `a handshake that stops is left for the next upstream within the time of a try`() throws {
        try onHub { hub in
            let silent = try upstream(security: .silent)
            let next = try FakeUpstream(id: 2) { [.send($0.answer())] }
            var reply: UpstreamReply?
            let time = try elapsed { reply = try ask([silent, next], tryLimit: .milliseconds(300)) }
            #expect(reply?.upstream == 2)
            #expect(time < .milliseconds(320))
            try #expect(eventually { silent.server.isFailing })
            try sleep(.seconds(10))
            #expect(silent.server.streams.openCount <= 1)
            silent.server.retire()
        }
    }

    @Test func `without certificates to check by there is no connection`() throws {
        try onHub { _ in
            let bare = try FakeUpstream(transport: .tls) { [.send($0.answer())] }
            #expect(throws: UpstreamFailure.insecure) { try ask(bare) }
            #expect(bare.queries.isEmpty)
        }
    }

    @Test func `a connection that stops in the middle of an answer has its question asked again, once`() throws {
        try onHub { _ in
            var cuts = 1
            let upstream = try upstream { query in
                guard cuts > 0 else { return [.send(query.answer(5))] }
                cuts -= 1
                return [.part(Array(query.answer().prefix(20)), of: query.answer().count), .close]
            }
            #expect(try ask(upstream).answer.recordByteCount > 0)
            #expect(upstream.queries.count == 2 && upstream.connectionCount == 2)
        }
    }

    @Test(arguments: World.allCases)
    func `a server that closes after each answer costs a handshake each, resumed, and no question`(_ world: World) throws {
        try onHub(world) { hub in
            let upstream = try upstream { [.send($0.answer()), .close] }
            for _ in 0..<6 { _ = try ask(upstream) }
            #expect(upstream.queries.count == 6 && upstream.handshakes == 6)
            #expect(upstream.resumptions == 5)
            let figures = upstream.server.figures
            #expect([figures.connections.value, figures.handshakes.value, figures.resumptions.value] == [6, 6, 5])
            #expect(!upstream.server.isFailing)
        }
    }

    @Test func `a session is not gone on with where other keys are wanted`() throws {
        try onHub { hub in
            let client = try Certificates.shared.client()
            let first = try upstream(client: client) { [.send($0.answer()), .close] }
            _ = try ask(first)
            var address = first.server.address
            address.encryption?.pins = [.key([UInt8](repeating: 1, count: 32))]
            let strict = UpstreamServer(address, id: 2, hub: hub, tls: client)
            let forwarder = Forwarder(hub: hub, servers: [strict], tryLimit: .seconds(2))
            #expect(throws: UpstreamFailure.insecure) { try forwarder.ask(question("a.example")) }
            #expect(first.resumptions == 0 && strict.figures.insecure.value > 0)
            strict.retire()
        }
    }

    @Test func `pins hold besides the chain where a name is written, and instead of it where none is`() throws {
        try onHub { _ in
            let all = Certificates.shared
            let (good, own, authority) = (all.keyDigest("good"), all.keyDigest("self"), all.keyDigest("ca"))
            let wrong = [UInt8](repeating: 7, count: 32)
            let trials: [(String, UpstreamEncryption, Bool)] = [
                ("good", encryption(pins: [.key(good)]), true),
                ("good", encryption(pins: [.key(wrong), .key(good)]), true),
                ("good", encryption(pins: [.key(authority)]), true),
                ("good", encryption(pins: [.key(wrong)]), false),
                ("good", encryption(pins: [.certificate(all.signedDigest("good"))]), true),
                ("good", encryption(pins: [.certificate(all.signedDigest("ca"))]), true),
                ("good", encryption(pins: [.certificate(wrong)]), false),
                // A pin takes the place of neither chain nor name where a name is written, or who vouches for it.
                ("self", encryption(pins: [.key(own)]), false),
                ("self", encryption("127.0.0.1", isNamed: false, pins: [.key(own)], trustFile: "ca.pem"), false),
                ("self", encryption("127.0.0.1", isNamed: false, pins: [.key(own)]), true),
                ("wrong", encryption("127.0.0.1", isNamed: false, pins: [.key(all.keyDigest("wrong"))]), true),
                ("self", encryption("127.0.0.1", isNamed: false, pins: [.key(good)]), false),
                // Alone it must be the server's own key: anybody can send the authority's certificate along.
                ("good", encryption("127.0.0.1", isNamed: false, pins: [.key(authority)]), false),
            ]
            for (index, (certificate, how, isGood)) in trials.enumerated() {
                let upstream = try upstream(certificate, how)
                let isAnswered = (try? ask(upstream)) != nil
                #expect(isAnswered == isGood, "trial \(index)")
                upstream.server.retire()
            }
        }
    }

    @Test func `a server that asks who we are is shown our certificate`() throws {
        try onHub { _ in
            let context = try Certificates.shared.server(
                protocols: ["dot"], clientTrust: .file(Certificates.shared.file("ca.pem")))
            let known = try upstream(security: .tls(context), client: Certificates.shared.client("wrong"))
            #expect(address(try ask(known)) != nil)
            let unknown = try upstream(security: .tls(context))
            #expect(throws: UpstreamFailure.self) { try ask(unknown) }
        }
    }

    @Test func `a connection is silent, raced by a fresh one, and left`() throws {
        try onHub { _ in
            var dead: Int?
            var isDead = false
            let upstream = try upstream { query in
                if isDead, dead == nil { dead = query.path }
                return query.path == dead ? [] : [.send(query.answer())]
            }
            _ = try ask(upstream)
            isDead = true
            let raced = try elapsed { _ = try ask(upstream) }
            #expect(raced < .milliseconds(420))
            let next = try elapsed { _ = try ask(upstream) }
            #expect(next < .milliseconds(10))
            #expect(upstream.handshakes == 2)
        }
    }
}

/// How long connections may idle (RFC 7828).
@Suite struct `Keepalive` {
    /// An answer with what the server says of idle connections.
    private func answer(_ query: FakeQuery, tenths: UInt16?) -> [UInt8] {
        var reply = query.answer()
        guard query.hasEDNS, let tenths else { return reply }
        // OPT stands last but for the answer's record, whose length is known.
        let record = Array(reply.suffix(query.reply().count - query.questionEnd))
        let address = Array(reply[query.questionEnd..<reply.count - record.count])
        reply = Array(reply[..<query.questionEnd]) + address
        return reply + record.dropLast(2) + word(6) + word(11) + word(2) + word(tenths)
    }

    @Test(arguments: [(UInt16?.none, 10), (20, 1.8), (600, 54), (65_535, 120)] as [(UInt16?, Double)])
    func `a connection idles as long as the server says, within limits`(_ tenths: UInt16?, _ seconds: Double) throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send(answer($0, tenths: tenths))] }
            _ = try ask(upstream)
            try sleep(.seconds(seconds - 0.2))
            #expect(upstream.server.streams.openCount == 1)
            try sleep(.seconds(0.4))
            #expect(upstream.server.streams.openCount == 0)
        }
    }

    @Test func `a server that wants no more questions gets them over another connection, and answers what it has`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { query in
                query.number % 2 == 0
                    ? [.send(answer(query, tenths: 0))] : [.wait(.milliseconds(50)), .send(answer(query, tenths: 0))]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<2).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
            for asker in askers { _ = try asker.get() }
            #expect(upstream.connectionCount == 1)
            #expect(upstream.server.streams.openCount == 0)
            _ = try ask(upstream)
            #expect(upstream.connectionCount == 2)
        }
    }

    @Test func `the first query of a connection asks for it, over UDP none does`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send($0.answer())] }
            for _ in 0..<3 { _ = try ask(upstream) }
            upstream.forget(transport: .udp)
            _ = try ask(upstream)
            let asks = try upstream.queries.map { query in
                try Message(query.bytes.span).edns?.options.contains { $0.code == .tcpKeepalive && $0.data.isEmpty } == true
            }
            #expect(asks == [true, false, false, false])
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>) func `whatever a server sends instead is no time, and no trap`(_ seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let head = word(1) + word(0x8180) + word(0) + word(0) + word(0) + word(1)
        let opt = [0] + word(41) + word(1232) + [0, 0, 0, 0] + word(6) + word(11) + word(2) + word(300)
        var message = head + opt
        #expect(KeepaliveOption.timeout(in: message.span) == 300)
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            message[Int.random(in: 0..<message.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
        }
        message = Array(message.prefix(Int.random(in: 0...message.count, using: &numbers)))
        _ = KeepaliveOption.timeout(in: message.span)
    }
}
