import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Walks and removals` {
    /// A cache with names `n0.a.example`, `n1.b.example` and so on.
    private func filled(_ count: Int) throws -> TestClient {
        let client = try TestClient(sizeBytes: 4 << 20)
        for index in 0..<count {
            let zone = index % 2 == 0 ? "a.example" : "b.example"
            client.store(.addresses("n\(index).\(zone)", ttls: [300]), at: 0, upstream: UInt16(index % 3))
        }
        return client
    }

    /// The names met on a walk; `between` runs after each step.
    private func names(_ cache: MemoryCache, between: (Int) throws -> Void = { _ in }) throws -> [String] {
        var cursor = WalkCursor()
        var names: [String] = []
        var step = 0
        while let entries = cache.walk(&cursor, at: BootSeconds(rawValue: 0)) {
            #expect(entries.count < 2 * Shard.copyLimit)
            names += entries.map { TestClient.text($0.key.name.view) }
            try between(step)
            step += 1
        }
        return names
    }

    @Test func `a walk meets every entry once`() throws {
        let client = try filled(3000)
        let met = try names(client.cache)
        #expect(met.count == 3000)
        #expect(Set(met).count == 3000)
    }

    @Test func `entries that stay are met once while the cache grows, shrinks and is refreshed`() throws {
        let client = try filled(1000)
        let before = Set(try names(client.cache))
        var added = 0
        let met = try names(client.cache) { step in
            for _ in 0..<300 where added < 9000 {
                client.store(.addresses("new\(added).example", ttls: [300]), at: 0)
                added += 1
            }
            client.store(.addresses("n\(step).a.example", ttls: [200]), at: 0)
            client.cache.remove(TestReply.fixed("new\(step).example"), .a)
        }
        #expect(added > 3000)
        #expect(client.cache.statistics.evicted == 0)
        let old = met.filter { before.contains($0) }
        #expect(Set(old) == before)
        #expect(old.count == before.count)
    }

    @Test func `a copy tells everything about its entry`() throws {
        let client = try TestClient()
        client.store(.benchmark("m1.bench.example"), dnssecOK: true, at: 100, upstream: 9)
        _ = try client.ask("m1.bench.example", dnssecOK: true, at: 105)
        var cursor = WalkCursor()
        let entry = try #require(client.cache.walk(&cursor, at: BootSeconds(rawValue: 110))?.first)
        #expect(client.cache.walk(&cursor, at: BootSeconds(rawValue: 110)) == nil)
        #expect(entry.key.type == .a)
        #expect(entry.key.flags == KeyFlags(dnssecOK: true, checkingDisabled: false))
        #expect(entry.key.hash == client.key("m1.bench.example", dnssecOK: true).hash)
        #expect(entry.provenance == Provenance(upstream: 9, transport: .udp))
        #expect(entry.answer.uses == 1)
        #expect(entry.answer.secondsLeft == 3590)
        #expect(entry.byteCount == 136)
        #expect(!entry.isExpired)
        let records = try TestClient.records(of: entry.message())
        #expect(records.map(\.ttl) == [3590])
        #expect(records.map(\.owner) == ["m1.bench.example"])
    }

    @Test func `a name and type is removed with all its flags, other types stay`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        client.store(.addresses("www.example", ttls: [300]), dnssecOK: true, at: 0)
        var other = TestReply(name: "www.example", type: .txt)
        other.add(.answer, "@", .txt, 300, [0])
        client.store(other, at: 0)
        #expect(client.cache.remove(TestReply.fixed("WWW.example"), .a) == 2)
        #expect(try client.ask("www.example", at: 0) == nil)
        #expect(try client.ask("www.example", .txt, at: 0) != nil)
        #expect(client.cache.remove(.name(TestReply.fixed("www.example"))) == 1)
        #expect(client.cache.statistics.entries == 0)
        #expect(client.cache.statistics.removed == 3)
    }

    @Test func `a subtree is removed at label borders, its top included`() throws {
        let client = try TestClient()
        for name in ["example", "www.example", "a.b.example", "wwwexample", "www.example.test"] {
            client.store(.addresses(name, ttls: [300]), at: 0)
        }
        #expect(client.cache.remove(.subtree(TestReply.fixed("example"))) == 3)
        #expect(try client.ask("wwwexample", at: 0) != nil)
        #expect(try client.ask("www.example.test", at: 0) != nil)
        #expect(client.cache.remove(.subtree(FixedName())) == 2)
    }

    @Test func `what came from one upstream is removed`() throws {
        let client = try filled(300)
        #expect(client.cache.remove(.upstream(2)) == 100)
        #expect(client.cache.statistics.entries == 200)
    }

    @Test func `removing everything gives the memory back and leaves a cache that works`() throws {
        let client = try filled(2000)
        #expect(try client.cache.removeAll() == 2000)
        #expect(client.cache.statistics.entries == 0)
        #expect(client.cache.statistics.bytesResident < 16 << 10)
        #expect(client.cache.statistics.removed == 2000)
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(try client.ask("www.example", at: 0) != nil)
    }
}
