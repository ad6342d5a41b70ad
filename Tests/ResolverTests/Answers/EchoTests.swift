import DNSWire
import TestSupport
import Testing

@testable import Resolver

/// What an answer repeats of its query, and what it never does.
@Suite struct EchoTests {
    @Test(arguments: [true, false]) func `id, RD, CD, opcode and class come back, RA is set, AA never`(_ cached: Bool) throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                var reply = Message.address(query)
                reply.flags.isAuthoritative = true
                return reply
            }
            for (id, checkingDisabled) in [(UInt16(1), true), (0xFFFF, false), (0x8000, true)] {
                var query = Message.query("a\(id).example.", id: id)
                query.flags.checkingDisabled = checkingDisabled
                if cached { _ = try world.ask(query) }
                let answer = try world.ask(query)
                #expect(answer.id == id && answer.flags.isResponse && answer.flags.recursionAvailable)
                #expect(answer.flags.recursionDesired && answer.flags.checkingDisabled == checkingDisabled)
                #expect(answer.flags.opcode == .query && answer.questions == query.questions)
                #expect(!answer.flags.isAuthoritative && !answer.flags.isTruncated && answer.answers.count == 1)
            }
        }
    }

    @Test func `question and owners have the letters of who asks, never those of who asked first or of 0x20`() throws {
        try ResolverWorld.run { world throws in
            let letters = ["www.example.com.", "WWW.EXAMPLE.COM.", "wWw.ExAmPlE.cOm."]
            for name in letters + letters {
                let message = try world.ask(name)
                #expect(message.questions[0].name.description == name)
                #expect(message.answers[0].owner.description == name)
            }
            #expect(world.upstream.count == 1)
        }
    }

    @Test func `0x20 letters reach nobody where the answer is not kept`() throws {
        try ResolverWorld.run { world throws in
            // Not kept, for TTL 0; the name is everywhere, with the letters that went upstream.
            world.upstream.answer = { query in
                let name = query.questions[0].name.description
                return .reply(
                    to: query, .noError, ["\(name) 0 IN CNAME x.\(name)", "x.\(name) 0 IN A 192.0.2.1"],
                    authority: ["\(name) 0 IN NS ns.\(name)"])
            }
            var sent: Set<String> = []
            for _ in 0..<20 {
                let answer = try world.ask("somewhere.example.")
                #expect(answer.answers.map { "\($0.owner)" } == ["somewhere.example.", "x.somewhere.example."])
                #expect(answer.answers.first.map { "\($0.data)" } == "x.somewhere.example.")
                #expect(answer.authorities.isEmpty)
                sent.insert(world.upstream.queries.last!.questions[0].name.description)
            }
            #expect(sent.count > 10)
        }
    }

    @Test func `AD is set only when the client asked for it and the upstream gave it`() throws {
        for given in [true, false] {
            try ResolverWorld.run { world throws in
                world.upstream.answer = { query in
                    #expect(query.flags.authenticData)
                    var reply = Message.address(query, ttl: query.questions[0].name.labelCount == 2 ? 0 : 300)
                    reply.flags.authenticData = given
                    return reply
                }
                for name in ["not-kept.example.", "kept.in.example.", "kept.in.example."] {
                    var query = Message.query(name)
                    #expect(try !world.ask(query).flags.authenticData)
                    query.flags.authenticData = true
                    #expect(try world.ask(query).flags.authenticData == given)
                    query.flags.authenticData = false
                    query.edns = EDNS(dnssecOK: true)
                    #expect(try world.ask(query).flags.authenticData == given)
                }
            }
        }
    }

    @Test func `OPT is in the answer exactly when it was in the query, with DO as asked and without its options`() throws {
        try ResolverWorld.run { world throws in
            for _ in 0..<2 {
                #expect(try world.ask("www.example.").edns == nil)
                for dnssecOK in [true, false] {
                    let option = EDNSOption(EDNSOptionCode(rawValue: 65_001), [1, 2, 3])
                    let edns = try world.ask("www.example.", edns: EDNS(dnssecOK: dnssecOK, options: [option])).edns
                    #expect(edns?.dnssecOK == dnssecOK && edns?.version == 0 && edns?.udpPayloadSize == 1232)
                    #expect(edns?.options.isEmpty == true)
                }
            }
            #expect(world.upstream.queries.allSatisfy { $0.edns?.options.isEmpty == true })
        }
    }

    @Test func `DO and CD are different questions, AD and the payload size are not`() throws {
        try ResolverWorld.run { world throws in
            for size: UInt16 in [512, 1232, 4096] {
                for bits in 0..<8 {
                    var query = Message.query("www.example.", edns: EDNS(udpPayloadSize: size, dnssecOK: bits & 1 != 0))
                    query.flags.checkingDisabled = bits & 2 != 0
                    query.flags.authenticData = bits & 4 != 0
                    _ = try world.ask(query)
                }
            }
            #expect(world.upstream.count == 4)
            let kinds = world.upstream.queries.map { [$0.edns!.dnssecOK, $0.flags.checkingDisabled] }
            #expect(Set(kinds).count == 4)
        }
    }
}
