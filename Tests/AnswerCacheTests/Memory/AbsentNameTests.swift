import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Names that do not exist` {
    private func absence(_ name: String, _ type: RecordType = .a) -> TestReply {
        var reply = TestReply.negative(name, rcode: .nxDomain, zone: "example", soaTTL: 300, minimum: 300)
        reply.type = type
        return reply
    }

    @Test func `NXDOMAIN is kept for the name, whatever type is asked for`() throws {
        let client = try TestClient()
        #expect(client.store(absence("no.example"), at: 0) == .stored(seconds: 300))
        for type in [RecordType.a, .aaaa, .https, .txt, .mx] {
            let answer = try #require(try client.ask("no.example", type, at: 10))
            #expect(answer.stored.responseCode == .nxDomain && answer.stored.isNegative)
            #expect(answer.ttls == [290])
        }
        #expect(client.cache.statistics.entries == 1)
        #expect(client.cache.statistics.hits == 5 && client.cache.statistics.misses == 0)
        #expect(try client.ask("no.example", dnssecOK: true, at: 10) == nil)
        #expect(try client.ask("a.no.example", at: 10) == nil)
    }

    @Test func `NXDOMAIN behind an alias says nothing about the name's other types`() throws {
        let client = try TestClient()
        var reply = absence("alias.example")
        reply.add(.answer, "@", .cname, 300, TestReply.wire("gone.example"))
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
        #expect(try client.ask("alias.example", at: 0)?.stored.responseCode == .nxDomain)
        #expect(try client.ask("alias.example", .txt, at: 0) == nil)
    }

    @Test func `NODATA is kept for its type alone`() throws {
        let client = try TestClient()
        client.store(.negative("www.example", rcode: .noError, zone: "example", soaTTL: 300, minimum: 300), at: 0)
        #expect(try client.ask("www.example", at: 0)?.stored.isNegative == true)
        #expect(try client.ask("www.example", .txt, at: 0) == nil)
    }

    @Test func `data that is found ends what said that the name does not exist, and the other way round`() throws {
        let client = try TestClient()
        client.store(absence("www.example", .txt), at: 0)
        client.store(.addresses("www.example", ttls: [300]), at: 1)
        #expect(try client.ask("www.example", at: 1)?.stored.isNegative == false)
        #expect(try client.ask("www.example", .txt, at: 1) == nil)
        client.store(absence("www.example"), at: 2)
        #expect(try client.ask("www.example", at: 2)?.stored.responseCode == .nxDomain)
    }

    @Test func `a name that does not exist is known not to, though a question for it failed`() throws {
        let client = try TestClient()
        client.store(absence("no.example", .txt), at: 0)
        client.store(TestReply(name: "no.example", rcode: 2), at: 0)
        #expect(try client.ask("no.example", at: 0)?.stored.responseCode == .nxDomain)
    }

    @Test func `a failure neither hides nor outlasts a stale answer that the name does not exist`() throws {
        let client = try TestClient()
        client.cache.staleSeconds = 3600
        client.store(absence("no.example", .txt), at: 0)
        let failure = TestReply(name: "no.example", rcode: 2)
        for now: UInt32 in [400, 401, 403] {
            #expect(client.store(failure, at: now) == .stored(seconds: 1))
            #expect(try client.ask("no.example", at: now) == nil)
        }
        #expect(client.cache.staleStanding(of: client.key("no.example"), at: BootSeconds(rawValue: 403)) == .resting)
    }

    @Test func `removing one type of a name removes what says that it does not exist`() throws {
        let client = try TestClient()
        client.store(absence("no.example", .txt), at: 0)
        #expect(client.cache.remove(TestReply.fixed("no.example"), .mx) == 1)
        #expect(try client.ask("no.example", .txt, at: 0) == nil)
    }
}
