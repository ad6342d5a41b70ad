import Belief
import DNSWire
import Testing

@testable import AnswerCache

@Suite struct StaleTests {
    /// A cache that gives out stale answers for an hour.
    private func client(sizeBytes: Int = 1 << 20, staleSeconds: UInt32 = 3600) throws -> TestClient {
        let client = try TestClient(sizeBytes: sizeBytes)
        client.cache.staleSeconds = staleSeconds
        return client
    }

    /// What the cache gives to who has waited; nil for nothing.
    private func late(
        _ client: TestClient, _ name: String, orStale: Bool, at now: UInt32
    ) throws -> (StoredAnswer, [TestReply.Record])? {
        let query = TestClient.query(name, .a, dnssecOK: false, checkingDisabled: false)
        var buffer = query + [UInt8](repeating: 0, count: 600)
        var span = buffer.mutableSpan
        let key = client.key(name)
        let outcome = client.cache.answerLate(
            key, orStale: orStale, at: BootSeconds(rawValue: now), into: &span, at: query.count)
        guard case .hit(let stored) = outcome else { return nil }
        for (index, count) in [stored.answerCount, stored.authorityCount, stored.additionalCount].enumerated() {
            span.storeUInt16(count, at: 6 + 2 * index)
        }
        let message = Array(buffer[0..<query.count + stored.length])
        return (stored, try TestClient.records(of: message))
    }

    private func fail(_ client: TestClient, _ name: String, at now: UInt32) -> StoreResult {
        client.cache.storeFailure(
            client.key(name), .servFail, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: now))
    }

    private func standing(_ client: TestClient, _ name: String, at now: UInt32) -> StaleStanding {
        client.cache.staleStanding(of: client.key(name), at: BootSeconds(rawValue: now))
    }

    @Test func `an answer past its time is a miss, and is given to who asks for it with a TTL of 30`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300, 400]), at: 0)
        #expect(standing(client, "www.example", at: 299) == .refreshable)
        #expect(try client.ask("www.example", at: 300) == nil)
        let (stored, records) = try #require(try late(client, "www.example", orStale: true, at: 1000))
        #expect(stored.isStale)
        #expect(records.map(\.ttl) == [30, 30])
        #expect(try late(client, "www.example", orStale: false, at: 1000) == nil)
        let figures = client.cache.statistics
        #expect((figures.hits, figures.misses, figures.expiredMisses, figures.staleHits) == (0, 1, 1, 1))
    }

    @Test func `an answer that is alive is given to who waited with its own TTL`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        let (stored, records) = try #require(try late(client, "www.example", orStale: true, at: 100))
        #expect(!stored.isStale)
        #expect(records.map(\.ttl) == [200])
        #expect(client.cache.statistics.hits == 0)
    }

    @Test(
        arguments: [
            (ttl: 300, window: 3600, last: 300 + 3600), (ttl: 3600, window: 3600, last: 3600 + 3600),
            (ttl: 1, window: 3600, last: 1 + 3600), (ttl: 1, window: 20, last: 1 + 20), (ttl: 300, window: 0, last: 300),
        ] as [(ttl: UInt32, window: UInt32, last: UInt32)])
    func `the window ends with the setting, whatever the TTL was`(
        _ ttl: UInt32, _ window: UInt32, _ last: UInt32
    ) throws {
        let client = try client(staleSeconds: window)
        client.store(.addresses("www.example", ttls: [ttl]), at: 0)
        if window > 0 { #expect(try late(client, "www.example", orStale: true, at: last - 1) != nil) }
        #expect(try late(client, "www.example", orStale: true, at: last) == nil)
        #expect(standing(client, "www.example", at: last) == .nothing)
    }

    @Test func `without the setting nothing is stale`() throws {
        let client = try client(staleSeconds: 0)
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(standing(client, "www.example", at: 10) == .nothing)
        #expect(standing(client, "www.example", at: 301) == .nothing)
        #expect(fail(client, "www.example", at: 301) == .stored(seconds: 1))
    }

    @Test func `a refresh rests for 30 seconds after it failed, and the failure beside a stale answer is over in one`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(fail(client, "www.example", at: 400) == .stored(seconds: 1))
        #expect(standing(client, "www.example", at: 429) == .resting)
        #expect(try client.ask("www.example", at: 410) == nil)
        #expect(try late(client, "www.example", orStale: true, at: 410)?.0.isStale == true)
        #expect(standing(client, "www.example", at: 430) == .refreshable)
        #expect(fail(client, "www.example", at: 430) == .stored(seconds: 1))
        #expect(standing(client, "www.example", at: 459) == .resting)
        client.cache.forgetFailures()
        #expect(standing(client, "www.example", at: 431) == .refreshable)
    }

    @Test func `a better answer ends it`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300], last: 1), at: 0)
        _ = fail(client, "www.example", at: 400)
        client.store(.addresses("www.example", ttls: [300], last: 2), at: 420)
        #expect(try client.ask("www.example", at: 421)?.records[0].rdata == [192, 0, 2, 2])
        #expect(!client.cache.isFailing(client.key("www.example"), at: BootSeconds(rawValue: 421)))
    }

    @Test func `an answer that is not to be kept takes the stale one away`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(client.store(.addresses("www.example", ttls: [0]), at: 400) == .notKept(.answer(.zeroTTL)))
        #expect(standing(client, "www.example", at: 400) == .nothing)
        // NXDOMAIN without a SOA is no answer to keep, and still says that the old one is wrong.
        func deny(_ bytes: [UInt8], at now: UInt32) -> StoreResult? {
            let origin = Provenance(upstream: 1, transport: .udp)
            return client.cache.store(client.key("www.example"), reply: bytes, from: origin, at: BootSeconds(rawValue: now))
        }
        var bytes = Self.denial(of: "www.example")
        client.store(.addresses("www.example", ttls: [300]), at: 1000)
        #expect(deny(bytes, at: 1400) == .notKept(.answer(.noSOA)) && standing(client, "www.example", at: 1400) == .nothing)
        // What is no answer to the question says nothing.
        client.store(.addresses("www.example", ttls: [300]), at: 2000)
        bytes[13] ^= 1
        #expect(deny(bytes, at: 2400) == nil)
        #expect(standing(client, "www.example", at: 2400) == .refreshable)
    }

    /// NXDOMAIN without any record.
    private static func denial(of name: String) -> [UInt8] {
        var message = Message(id: 1)
        message.flags.isResponse = true
        message.flags.responseCode = .nxDomain
        message.questions = [Question(Name(name)!, .a)]
        return try! message.encoded()
    }

    @Test func `what may not become stale does not, and failures of it are short`() throws {
        let client = try client()
        var limits = TTLLimits()
        limits.mayBecomeStale = false
        client.store(.addresses("www.example", ttls: [300]), at: 0, limits: limits)
        #expect(standing(client, "www.example", at: 301) == .nothing)
        #expect(fail(client, "www.example", at: 301) == .stored(seconds: 1))
        #expect(try client.ask("www.example", at: 301)?.stored.isFailure == true)
    }

    @Test func `stale answers hold their place until memory is needed, and then are counted apart`() throws {
        let client = try client(sizeBytes: 64 << 10)
        for number in 0..<100 { client.store(.addresses("n\(number).example", ttls: [100]), at: 0) }
        for number in 0..<2000 { client.store(.addresses("m\(number).example", ttls: [3600]), at: 200) }
        let figures = client.cache.statistics
        #expect(figures.evictedStale == 100)
        #expect(figures.evictedExpired == 0)
        #expect(figures.evicted > 0)
    }

    @Test func `what is over goes before all else when memory is needed`() throws {
        let client = try client(sizeBytes: 64 << 10, staleSeconds: 60)
        for number in 0..<100 { client.store(.addresses("n\(number).example", ttls: [100]), at: 0) }
        for number in 0..<450 { client.store(.addresses("m\(number).example", ttls: [3600]), at: 200) }
        #expect(client.cache.statistics.evictedExpired > 0)
        #expect(client.cache.statistics.evictedStale == 0)
    }

    @Test func `an emptied cache still keeps stale answers`() throws {
        let client = try client()
        try client.cache.removeAll()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(standing(client, "www.example", at: 400) == .refreshable)
    }

    @Test func `a popular answer is due in the last tenth of its time, once it is popular`() throws {
        let client = try client()
        client.store(.addresses("www.example", ttls: [300]), at: 0)
        #expect(try client.ask("www.example", at: 290)?.stored.isDueForRefresh == false)
        #expect(try client.ask("www.example", at: 290)?.stored.isDueForRefresh == false)
        #expect(try client.ask("www.example", at: 269)?.stored.isDueForRefresh == false)
        #expect(try client.ask("www.example", at: 270)?.stored.isDueForRefresh == true)
        client.store(.addresses("short.example", ttls: [9]), at: 0)
        for _ in 0..<5 { #expect(try client.ask("short.example", at: 8)?.stored.isDueForRefresh == false) }
    }

    @Test func `an answer may be older than the machine's last start`() throws {
        let client = try client()
        let before = UInt32.max - 99
        client.store(.addresses("www.example", ttls: [300]), at: before)
        #expect(try client.ask("www.example", at: 50)?.ttls == [150])
        #expect(try client.ask("www.example", at: 200) == nil)
    }
}
