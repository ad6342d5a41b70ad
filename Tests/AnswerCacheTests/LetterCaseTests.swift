import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Letters of questions` {
    /// Whether a message has capital letters after its question.
    private func capitals(_ answer: TestClient.Answer?) throws -> Bool {
        let answer = try #require(answer)
        let end = answer.message.count
        return answer.message[(end - answer.stored.length)...].contains { $0 &- 0x41 < 26 }
    }

    @Test func `an owner equal to the question shows the letters of who asks now`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "wWw.eXaMpLe")
        reply.add(.answer, "wWw.eXaMpLe", .a, 300, [192, 0, 2, 1])
        client.store(reply, at: 0)
        #expect(try client.ask("WWW.example", at: 0)?.records[0].owner == "WWW.example")
        #expect(try client.ask("www.example", at: 0)?.records[0].owner == "www.example")
    }

    @Test func `letters written out again in owners and rdata are in no answer`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "wWw.eXaMpLe", type: .mx)
        reply.add(.answer, "wWw.eXaMpLe", .mx, 300, [0, 1] + TestReply.wire("a.wWw.eXaMpLe"))
        reply.add(.authority, "eXaMpLe", .ns, 300, TestReply.wire("ns.eXaMpLe"))
        reply.add(.additional, "ns.eXaMpLe", .a, 300, [192, 0, 2, 1])
        reply.add(.additional, "x.wWw.eXaMpLe", .srv, 300, [0, 1, 0, 1, 0, 53] + TestReply.wire("t.wWw.eXaMpLe"))
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
        let answer = try client.ask("www.example", .mx, at: 0)
        #expect(answer?.records.map(\.owner) == ["www.example", "example", "ns.example", "x.www.example"])
        #expect(try !capitals(answer))
    }

    @Test func `letters reached by pointers into the question are in no answer`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "wWw.eXaMpLe")
        reply.add(.answer, "@", .srv, 300, [0, 1, 0, 1, 0, 53, 1, 0x74, 0xC0, 16])
        reply.add(.answer, "@", .a, 300, [192, 0, 2, 1])
        client.store(reply, at: 0)
        #expect(try !capitals(client.ask("www.example", at: 0)))
    }

    @Test func `an alias made from a DNAME does not repeat the question's letters`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "wWw.Old.eXaMpLe")
        reply.add(.answer, "old.example", .dname, 300, TestReply.wire("new.test"))
        reply.add(.answer, "@", .cname, 300, TestReply.wire("wWw.new.test"))
        reply.add(.answer, "wWw.new.test", .a, 300, [192, 0, 2, 1])
        #expect(client.store(reply, at: 0) == .stored(seconds: 300))
        #expect(try client.ask("www.old.example", at: 0)?.records[1].rdata == TestReply.wire("www.new.test"))
    }

    @Test func `letters of names that are not the question's stay as their owner wrote them`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "wWw.eXaMpLe", type: .ptr)
        reply.add(.answer, "@", .ptr, 300, TestReply.wire("Host.Some-Company.TEST"))
        client.store(reply, at: 0)
        let answer = try client.ask("www.example", .ptr, at: 0)
        #expect(answer?.records[0].rdata == TestReply.wire("Host.Some-Company.TEST"))
    }

    @Test func `an answer is as small as the upstream's although names were written out`() throws {
        let client = try TestClient()
        var reply = TestReply(name: "m1.bench.example")
        reply.add(.answer, "m1.BENCH.example", .a, 3600, [192, 0, 2, 1])
        reply.add(.authority, "bench.example", .ns, 3600, TestReply.wire("ns.bench.example"))
        reply.add(.additional, "ns.bench.example", .a, 3600, [127, 0, 0, 1])
        client.store(reply, at: 0)
        #expect(try client.ask("m1.bench.example", at: 0)?.stored.length == 49)
    }
}
