import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Hostile replies` {
    /// Replies of every kind, to be damaged.
    private static var seeds: [TestReply] {
        var alias = TestReply(name: "wWw.Old.eXaMpLe")
        alias.add(.answer, "old.example", .dname, 300, TestReply.wire("new.test"))
        alias.add(.answer, "@", .cname, 300, TestReply.wire("wWw.new.test"))
        alias.add(.answer, "wWw.new.test", .a, 300, [192, 0, 2, 1])
        alias.add(.additional, "", .opt, 0, [0, 15, 0, 2, 0, 22])
        var service = TestReply(name: "_sIp.eXaMpLe", type: .srv)
        service.add(.answer, "@", .srv, 300, [0, 1, 0, 1, 0, 53, 1, 0x74, 0xC0, 17])
        service.add(.answer, "@", .naptr, 300, [0, 1, 0, 1, 1, 65, 0, 1, 66] + TestReply.wire("a.eXaMpLe"))
        return [
            .benchmark("m1.bench.example"), alias, service,
            .negative("nO.eXample", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 120),
            TestReply(name: "www.example", rcode: 2),
        ]
    }

    @Test func `damaged replies are refused or kept readable, never more`() throws {
        let client = try TestClient(sizeBytes: 256 << 10)
        var numbers = SeededNumbers(seed: 20_261)
        let seeds = Self.seeds.map { (reply: $0, key: client.key($0.name, $0.type), bytes: $0.bytes) }
        var kept = 0
        for _ in 0..<25_000 {
            let seed = seeds.randomElement(using: &numbers)!
            var bytes = seed.bytes
            for _ in 0..<Int.random(in: 1...4, using: &numbers) { damage(&bytes, &numbers) }
            let result = client.cache.store(
                seed.key, reply: bytes, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 0))
            if case .stored = result {
                kept += 1
                // Throws when what was kept cannot be read.
                _ = try client.ask(seed.reply.name, seed.reply.type, at: 0)
            }
        }
        #expect(kept > 1000)
        #expect(client.cache.statistics.entries <= 2 * seeds.count)
    }

    /// Changes, cuts, doubles or adds bytes.
    private func damage(_ bytes: inout [UInt8], _ numbers: inout SeededNumbers) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &numbers)
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0: bytes.removeLast(bytes.count - place)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &numbers), at: place)
        case 2: bytes.remove(at: place)
        case 3: bytes[place] = 0xC0 | UInt8.random(in: 0...1, using: &numbers)
        case 4: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &numbers)
        case 5: bytes.append(contentsOf: bytes[place...].prefix(40))
        default: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
        }
    }

    @Test func `counts that promise more than there is are malformed`() throws {
        let client = try TestClient()
        var bytes = TestReply.addresses("www.example", ttls: [300]).bytes
        bytes[7] = 2
        #expect(store(bytes, client) == nil)
        bytes[7] = 1
        bytes[5] = 2
        #expect(store(bytes, client) == nil)
    }

    @Test func `an SOA too short for its numbers is malformed`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "www.example", rcode: 3)
        reply.add(.authority, "example", .soa, 300, [0, 0, 0, 0, 0, 1])
        #expect(client.store(reply, at: 0) == nil)
    }

    @Test func `a short message is malformed`() throws {
        let client = try TestClient()
        for count in 0..<29 {
            let bytes = Array(TestReply.addresses("www.example", ttls: [300]).bytes.prefix(count))
            #expect(store(bytes, client) == nil)
        }
    }

    @Test func `a reply full of names takes no more than its size in time`() throws {
        let client = try TestClient(sizeBytes: 256 << 20)
        var reply = TestReply(name: "aA.eXample", type: .ns)
        for index in 0..<2000 { reply.add(.answer, "@", .ns, 300, TestReply.wire("Ns\(index).aA.eXample")) }
        let clock = ContinuousClock()
        var result: StoreResult?
        let time = clock.measure { result = client.store(reply, at: 0) }
        #expect(result == .stored(seconds: 300))
        #expect(time < .seconds(5))
        #expect(try client.ask("aa.example", .ns, at: 0)?.records.count == 2000)
    }

    /// Stores bytes as the answer to `www.example A`.
    private func store(_ bytes: [UInt8], _ client: TestClient) -> StoreResult? {
        client.cache.store(
            client.key("www.example"), reply: bytes, from: Provenance(upstream: 1, transport: .udp),
            at: BootSeconds(rawValue: 0))
    }
}
