import Belief
import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `TTL rules` {
    @Test func `a TTL counts down by the seconds that have passed`() throws {
        let client = try TestClient()
        #expect(client.store(.addresses("www.example", ttls: [300, 400]), at: 1000) == .stored(seconds: 300))
        #expect(try client.ask("www.example", at: 1000)?.ttls == [300, 300])
        #expect(try client.ask("www.example", at: 1012)?.ttls == [288, 288])
        let answer = try #require(try client.ask("www.example", at: 1299))
        #expect(answer.ttls == [1, 1])
        #expect(answer.stored.secondsLeft == 1)
        #expect(answer.stored.ageSeconds == 299)
    }

    @Test func `an answer ends with its smallest TTL`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [300, 20]), at: 1000)
        #expect(try client.ask("www.example", at: 1019) != nil)
        #expect(try client.ask("www.example", at: 1020) == nil)
        #expect(client.cache.statistics.expiredMisses == 1)
    }

    @Test(arguments: [Section.authority, .additional], [0, 1, 30] as [UInt32])
    func `the answer section decides how long an answer lives, whatever TTL others have`(_ section: Section, ttl: UInt32) throws {
        let client = try TestClient()
        var reply = TestReply.addresses("www.example", ttls: [300])
        reply.add(section, "ns.example", .a, ttl, [192, 0, 2, 2])
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
        #expect(try client.ask("www.example", at: 0)?.records.map(\.owner) == ["www.example"])
    }

    @Test func `OPT has no say in the TTL and is not kept`() throws {
        let client = try TestClient()
        var reply = TestReply.addresses("www.example", ttls: [300])
        reply.add(.additional, "", .opt, 0, [])
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
        #expect(try client.ask("www.example", at: 0)?.records.map(\.type) == [.a])
    }

    @Test func `TTL 0 is not kept`() throws {
        let client = try TestClient()
        #expect(client.store(.addresses("www.example", ttls: [300, 0]), at: 0) == .notKept(.answer(.zeroTTL)))
        #expect(try client.ask("www.example", at: 0) == nil)
    }

    @Test func `a TTL with the top bit set is large and capped`() throws {
        let client = try TestClient()
        #expect(client.store(.addresses("www.example", ttls: [0x8000_0001]), at: 0) == .stored(seconds: 86_400))
        #expect(try client.ask("www.example", at: 1)?.ttls == [86_399])
    }

    @Test func `max-ttl lowers what is shown and how long it is kept`() throws {
        let client = try TestClient(limits: TTLLimits(maximumSeconds: 60))
        #expect(client.store(.addresses("www.example", ttls: [300]), at: 0) == .stored(seconds: 60))
        #expect(try client.ask("www.example", at: 10)?.ttls == [50])
    }

    @Test func `min-ttl raises what is shown and how long it is kept`() throws {
        let client = try TestClient(limits: TTLLimits(minimumSeconds: 60))
        #expect(client.store(.addresses("www.example", ttls: [5, 300]), at: 0) == .stored(seconds: 60))
        #expect(try client.ask("www.example", at: 10)?.ttls == [50, 50])
    }

    @Test func `min-ttl raises neither TTL 0 nor negative answers`() throws {
        let client = try TestClient(limits: TTLLimits(minimumSeconds: 3600))
        #expect(client.store(.addresses("www.example", ttls: [0]), at: 0) == .notKept(.answer(.zeroTTL)))
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 7)
        #expect(client.store(reply, at: 0) == .stored(seconds: 7))
        let never = TestReply.negative("never.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 0)
        #expect(client.store(never, at: 0) == .notKept(.answer(.zeroTTL)))
    }

    @Test func `bounds of a domain go before the cache's own`() throws {
        let client = try TestClient()
        let result = client.store(
            .addresses("www.example", ttls: [300]), at: 0, limits: TTLLimits(maximumSeconds: 7))
        #expect(result == .stored(seconds: 7))
    }

    @Test func `bounds that change while running hold for what comes afterwards`() throws {
        let client = try TestClient()
        client.store(.addresses("old.example", ttls: [300]), at: 0)
        client.cache.limits = TTLLimits(maximumSeconds: 10)
        client.store(.addresses("new.example", ttls: [300]), at: 0)
        #expect(try client.ask("old.example", at: 0)?.ttls == [300])
        #expect(try client.ask("new.example", at: 0)?.ttls == [10])
    }

    @Test func `a clock read earlier by another thread makes no answer older or newer`() throws {
        let client = try TestClient()
        client.store(.addresses("www.example", ttls: [300]), at: 1000)
        #expect(try client.ask("www.example", at: 999)?.ttls == [300])
    }

    @Test(arguments: [ResponseCode.nxDomain, .noError])
    func `a negative answer lives as long as the smaller of SOA TTL and MINIMUM`(rcode: ResponseCode) throws {
        let client = try TestClient()
        var reply = TestReply.negative("no.example", rcode: rcode, zone: "example", soaTTL: 900, minimum: 120)
        #expect(client.store(reply, at: 0) == .stored(seconds: 120))
        let answer = try #require(try client.ask("no.example", at: 20))
        #expect(answer.ttls == [100])
        #expect(answer.stored.isNegative)
        #expect(answer.stored.responseCode == rcode)
        #expect(answer.stored.authorityCount == 1)
        reply = .negative("no.example", rcode: rcode, zone: "example", soaTTL: 60, minimum: 120)
        #expect(client.store(reply, at: 0) == .stored(seconds: 60))
    }

    @Test func `negative-ttl caps negative answers only`() throws {
        let client = try TestClient(limits: TTLLimits(negativeSeconds: 30))
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 900)
        #expect(client.store(reply, at: 0) == .stored(seconds: 30))
        #expect(try client.ask("no.example", at: 0)?.ttls == [30])
        #expect(client.store(.addresses("www.example", ttls: [300]), at: 0) == .stored(seconds: 300))
    }

    @Test(arguments: [ResponseCode.nxDomain, .noError])
    func `a negative answer without an SOA is not kept`(rcode: ResponseCode) throws {
        let client = try TestClient()
        #expect(client.store(TestReply(name: "no.example", rcode: rcode.rawValue), at: 0) == .notKept(.answer(.noSOA)))
    }

    @Test func `a negative answer with another zone's SOA is not kept`() throws {
        let client = try TestClient()
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "test", soaTTL: 900, minimum: 120)
        #expect(client.store(reply, at: 0) == .notKept(.answer(.noSOA)))
    }

    @Test func `a negative SOA with MINIMUM 0 is not kept`() throws {
        let client = try TestClient()
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 0)
        #expect(client.store(reply, at: 0) == .notKept(.answer(.zeroTTL)))
    }

    @Test(arguments: [ResponseCode.nxDomain, .noError])
    func `an alias that ends in nothing is negative by the SOA of its target's zone`(rcode: ResponseCode) throws {
        let client = try TestClient()
        var reply = TestReply.negative("alias.example", rcode: rcode, zone: "test", soaTTL: 900, minimum: 120)
        reply.add(.answer, "@", .cname, 300, TestReply.wire("gone.test"))
        #expect(client.store(reply, at: 0) == .stored(seconds: 120))
        let answer = try #require(try client.ask("alias.example", at: 0))
        #expect(answer.stored.isNegative)
        #expect(answer.ttls == [300, 120])
    }

    @Test func `an alias without the end of its chain is not kept`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "alias.example")
        reply.add(.answer, "@", .cname, 300, TestReply.wire("elsewhere.test"))
        #expect(client.store(reply, at: 0) == .notKept(.answer(.openAlias)))
        reply.type = .cname
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
    }

    @Test func `a referral is not kept`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "www.sub.example")
        reply.add(.authority, "sub.example", .ns, 300, TestReply.wire("ns.sub.example"))
        #expect(client.store(reply, at: 0) == .notKept(.answer(.referral)))
        #expect(try client.ask("www.sub.example", at: 0) == nil)
    }

    @Test func `a reply that was cut short is not kept`() throws {
        let client = try TestClient()
        var reply = TestReply.addresses("www.example", ttls: [300])
        reply.flags |= 0x0200
        #expect(client.store(reply, at: 0) == nil)
    }

    @Test func `a query, another opcode or another question is not kept`() throws {
        let client = try TestClient()
        var reply = TestReply.addresses("www.example", ttls: [300])
        reply.flags = 0x0100
        #expect(client.store(reply, at: 0) == nil)
        reply.flags = 0xA180
        #expect(client.store(reply, at: 0) == nil)
        let bytes = TestReply.addresses("www.example", ttls: [300]).bytes
        for key in [client.key("wwx.example"), client.key("www.example", .aaaa)] {
            let result = client.cache.store(
                key, reply: bytes, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 0))
            #expect(result == nil)
        }
    }
}
