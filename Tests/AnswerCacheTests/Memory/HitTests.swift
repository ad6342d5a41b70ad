import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Hits` {
    @Test func `an answer comes back with all its records and flags`() throws {
        let client = try TestClient()
        client.store(.benchmark("m1.bench.example"), at: 0, upstream: 77)
        let answer = try #require(try client.ask("m1.bench.example", at: 0))
        #expect(answer.records.map(\.owner) == ["m1.bench.example"])
        #expect(answer.records.map(\.type) == [.a])
        #expect(answer.records[0].rdata == [192, 0, 2, 1])
        #expect(answer.stored.isAuthoritative)
        #expect(!answer.stored.authenticData)
        #expect(answer.stored.upstream == 77)
        #expect(answer.stored.uses == 1)
        #expect(answer.message.count == 12 + 22 + 16)
    }

    @Test func `type, DO and CD are parts of the key, letter case is not`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [300], last: 1), at: 0)
        client.store(.addresses("www.example", ttls: [300], last: 2), dnssecOK: true, at: 0)
        client.store(.addresses("www.example", ttls: [300], last: 3), checkingDisabled: true, at: 0)
        #expect(try client.ask("WWW.EXAMPLE", at: 0)?.records[0].rdata[3] == 1)
        #expect(try client.ask("www.example", dnssecOK: true, at: 0)?.records[0].rdata[3] == 2)
        #expect(try client.ask("www.example", checkingDisabled: true, at: 0)?.records[0].rdata[3] == 3)
        #expect(try client.ask("www.example", dnssecOK: true, checkingDisabled: true, at: 0) == nil)
        #expect(try client.ask("www.example", .aaaa, at: 0) == nil)
        #expect(try client.ask("ww.example", at: 0) == nil)
    }

    @Test func `keys with the same hash are told apart`() throws {
        let client = try TestClient()
        let bytes = TestReply.addresses("www.example", ttls: [300]).bytes
        let key = client.key("www.example")
        client.cache.store(
            key, reply: bytes, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 0))
        var buffer = [UInt8](repeating: 0, count: 512)
        for name in ["wwx.example", "www.example.", "www.exampl", "www.example.com"] {
            var span = buffer.mutableSpan
            let wire = TestReply.wire(name)
            let view = KeyView(wire.span, hash: key.hash, type: .a, view: .general, flags: key.flags)
            var locked = client.cache.shards.lock(client.cache.shards.number(forHash: key.hash))
            let outcome = locked.shard.answer(view, at: BootSeconds(rawValue: 0), epoch: 0, into: &span, at: 0)
            if case .hit = outcome { #expect(wire == TestReply.wire("www.example")) } else { #expect(name != "www.example.") }
        }
    }

    @Test func `a buffer that is too small is left alone and the size is told`() throws {
        let client = try TestClient()
        client.store(.benchmark("m1.bench.example"), at: 0)
        var buffer = [UInt8](repeating: 7, count: 49)
        var span = buffer.mutableSpan
        let outcome = client.cache.answer(
            client.key("m1.bench.example"), at: BootSeconds(rawValue: 0), into: &span, at: 34)
        guard case .tooLarge(let count) = outcome else {
            Issue.record("16 bytes do not fit into 15")
            return
        }
        #expect(count == 16)
        #expect(buffer.allSatisfy { $0 == 7 })
    }

    @Test func `answers of many blocks come back whole`() throws {
        let client = try TestClient(sizeBytes: 4 << 20)
        var numbers = SeededNumbers(seed: 3)
        for count in [1, 2, 3, 4, 5, 20, 100, 200] {
            var reply = TestReply(name: "n\(count).example", type: .txt)
            for _ in 0..<count {
                let text = (0..<Int.random(in: 0...70, using: &numbers)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
                reply.add(.answer, "@", .txt, 300, [UInt8(text.count)] + text)
            }
            #expect(client.store(reply, at: 0) == .stored(seconds: 300))
            let answer = try #require(try client.ask("n\(count).example", .txt, at: 100))
            #expect(answer.records.map(\.rdata) == reply.records.map(\.rdata))
            #expect(answer.ttls.allSatisfy { $0 == 200 })
        }
    }

    @Test func `uses are counted over refreshes and stay at the largest number`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        for expected in 1...3 { #expect(try client.ask("www.example", at: 0)?.stored.uses == UInt16(expected)) }
        client.store(.addresses("www.example", ttls: [300]), at: 10)
        #expect(try client.ask("www.example", at: 10)?.stored.uses == 4)
        #expect(client.cache.statistics.replaced == 1)
        let key = client.key("www.example")
        do {
            var locked = client.cache.shards.lock(client.cache.shards.number(forHash: key.hash))
            let found = locked.shard.find(key.view, isFailure: false)
            locked.shard.blocks[try #require(found)].uses = .max
        }
        #expect(try client.ask("www.example", at: 10)?.stored.uses == .max)
    }

    @Test func `a cache of size 0 keeps nothing and says so`() throws {
        let client = try TestClient(sizeBytes: 0)
        #expect(client.cache.isOff)
        #expect(client.store(.addresses("www.example", ttls: [300]), at: 0) == .notKept(.cacheIsOff))
        #expect(try client.ask("www.example", at: 0) == nil)
        #expect(client.cache.remove(.everything) == 0)
        #expect(client.cache.remove(TestReply.fixed("www.example"), .a) == 0)
        #expect(try client.cache.removeAll() == 0)
        #expect(client.cache.statistics == CacheStatistics())
    }

    @Test func `the root and the longest name are kept like any other`() throws {
        let client = try TestClient()
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        for name in ["", longest] {
            var reply = TestReply(name: name, type: .txt)
            reply.add(.answer, name, .txt, 300, [1, 65])
            #expect(client.store(reply, at: 0) == .stored(seconds: 300))
            #expect(try client.ask(name, .txt, at: 0)?.records[0].owner == name)
        }
    }
}
