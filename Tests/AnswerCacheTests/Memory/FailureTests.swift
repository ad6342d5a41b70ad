import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Remembered failures` {
    /// A SERVFAIL.
    private let failure = TestReply(name: "www.example", rcode: ResponseCode.servFail.rawValue)

    @Test func `a failure is kept for a second, then twice as long each time, five minutes at most`() throws {
        let client = try TestClient()
        var now: UInt32 = 1000
        for expected: UInt32 in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            #expect(client.store(failure, at: now) == .stored(seconds: expected))
            #expect(try client.ask("www.example", at: now + expected - 1)?.stored.responseCode == .servFail)
            now += expected
            #expect(try client.ask("www.example", at: now) == nil)
        }
    }

    @Test func `several that find the same failure at once count once`() throws {
        let client = try TestClient()
        for _ in 0..<5 { #expect(client.store(failure, at: 1000) == .stored(seconds: 1)) }
        for _ in 0..<5 { #expect(client.store(failure, at: 1001) == .stored(seconds: 2)) }
    }

    @Test func `a failure long after the last begins anew`() throws {
        let client = try TestClient()
        client.store(failure, at: 1000)
        client.store(failure, at: 1001)
        #expect(client.store(failure, at: 5000) == .stored(seconds: 1))
    }

    @Test func `failures are forgotten when told so, and begin anew`() throws {
        let client = try TestClient()
        client.store(failure, at: 1000)
        client.store(failure, at: 1001)
        client.cache.forgetFailures()
        #expect(try client.ask("www.example", at: 1001) == nil)
        #expect(client.store(failure, at: 1001) == .stored(seconds: 1))
        #expect(try client.ask("www.example", at: 1001) != nil)
    }

    @Test func `a failure takes no good answer's place`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [10]), at: 1000)
        client.store(failure, at: 1005)
        #expect(try client.ask("www.example", at: 1005)?.records.count == 1)
        client.store(failure, at: 1010)
        #expect(try client.ask("www.example", at: 1010)?.stored.isFailure == true)
        #expect(client.cache.statistics.entries == 2)
    }

    @Test func `a good answer ends the failure`() throws {
        let client = try TestClient()
        client.store(failure, at: 1000)
        client.store(failure, at: 1001)
        client.store(.addresses("www.example", ttls: [1]), at: 1001)
        #expect(client.cache.statistics.entries == 1)
        #expect(try client.ask("www.example", at: 1001)?.stored.isFailure == false)
        #expect(client.store(failure, at: 1002) == .stored(seconds: 1))
    }

    @Test func `the upstream's extended error and rcode come back, its records do not`() throws {
        let client = try TestClient()
        var reply = failure
        reply.rcode = 7
        reply.add(.answer, "@", .a, 300, [192, 0, 2, 1])
        reply.add(.additional, "", .opt, 0x0100_0000, [0, 15, 0, 4, 0, 9, 0x68, 0x69])
        client.store(reply, at: 0)
        let answer = try #require(try client.ask("www.example", at: 0))
        #expect(answer.stored.responseCode == .badCookie)
        #expect(answer.stored.extendedError == .dnskeyMissing)
        #expect(answer.stored.length == 0)
        #expect(answer.records.isEmpty)
        #expect(client.cache.statistics.failureHits == 1)
    }

    @Test func `a failure without any reply is kept too`() throws {
        let client = try TestClient()
        let result = client.cache.storeFailure(
            client.key("www.example"), .servFail, extendedError: .noReachableAuthority,
            from: Provenance(upstream: 0, transport: .local), at: BootSeconds(rawValue: 5))
        #expect(result == .stored(seconds: 1))
        #expect(try client.ask("www.example", at: 5)?.stored.extendedError == .noReachableAuthority)
        #expect(try client.ask("www.example", .aaaa, at: 5) == nil)
    }
}
