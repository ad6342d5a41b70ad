import AnswerCache
import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// What clients with and without DO get while upstreams fail.
@Suite struct OutageTests {
    private static let signature = "8 2 300 20400101000000 20200101000000 1 example. AAAA"

    /// The reply of an upstream that knows DNSSEC, to whoever wants to see it.
    private static func signed(_ query: Message) throws -> Message {
        let wantsProofs = query.edns?.dnssecOK == true
        let alias = ["www.example. 300 IN CNAME web.example.", "www.example. 300 IN RRSIG CNAME \(signature)"]
        let address = ["web.example. 300 IN A 192.0.2.1", "web.example. 300 IN RRSIG A \(signature)"]
        let soa = "example. 300 IN SOA ns.example. host.example. 1 3600 900 86400 300"
        let denial = [soa, "example. 300 IN RRSIG SOA \(signature)", "a.example. 300 IN NSEC z.example. A RRSIG NSEC"]
        let isDenied = query.questions[0].name == Name("no.example.")!
        let answers = isDenied ? [] : alias + address
        return .reply(
            to: query, isDenied ? .nxDomain : .noError, wantsProofs ? answers : answers.filter { !$0.contains("RRSIG") },
            authority: isDenied ? (wantsProofs ? denial : [soa]) : [])
    }

    private func types(_ records: [ResourceRecord]) -> [RecordType] { records.map(\.type) }

    @Test func `a stale answer that was asked for with DO serves a client without, which gets no signatures`() throws {
        try StaleWorld.run { world in
            world.upstream.conduct = .reply(Self.signed)
            let first = try world.ask(edns: EDNS(dnssecOK: true)).0
            #expect(types(first.answers) == [.cname, .rrsig, .a, .rrsig])
            #expect(types(try world.ask("no.example.", edns: EDNS(dnssecOK: true)).0.authorities).count == 3)
            try sleep(.seconds(301))
            world.upstream.conduct = .servFail
            for edns in [EDNS(), nil] {
                let answer = try world.ask(edns: edns).0
                #expect(types(answer.answers) == [.cname, .a] && answer.answers.allSatisfy { $0.ttl == 30 })
                #expect(answer.answers.last?.owner == Name("web.example.")!)
                #expect(answer.extendedError == (edns == nil ? nil : .staleAnswer))
                let denial = try world.ask("no.example.", .txt, edns: edns).0
                #expect(denial.flags.responseCode == .nxDomain && types(denial.authorities) == [.soa])
            }
            // Whoever takes signatures gets them.
            #expect(types(try world.ask(edns: EDNS(dnssecOK: true)).0.answers) == types(first.answers))
        }
    }

    @Test func `signatures that are asked for by type are given`() throws {
        try StaleWorld.run { world in
            world.upstream.conduct = .reply { .reply(to: $0, .noError, ["www.example. 300 IN RRSIG A \(Self.signature)"]) }
            _ = try world.ask("www.example.", .rrsig, edns: EDNS(dnssecOK: true))
            try sleep(.seconds(301))
            world.upstream.conduct = .servFail
            #expect(types(try world.ask("www.example.", .rrsig).0.answers) == [.rrsig])
        }
    }

    @Test func `an answer without signatures serves a client with DO only where asking has failed`() throws {
        try StaleWorld.run({ $0.staleClientTimeout = .zero }) { world in
            world.upstream.conduct = .reply(Self.signed)
            _ = try world.ask()
            _ = try world.ask("no.example.")
            try sleep(.seconds(301))
            world.upstream.delay = .seconds(1)
            let (better, took) = try world.ask("no.example.", edns: EDNS(dnssecOK: true))
            #expect(types(better.authorities) == [.soa, .rrsig, .nsec] && took >= .seconds(1))
            world.upstream.conduct = .servFail
            world.upstream.delay = .milliseconds(10)
            #expect(try world.ask(edns: EDNS(dnssecOK: true), checkingDisabled: true).0.flags.responseCode == .servFail)
            let answer = try world.ask(edns: EDNS(dnssecOK: true)).0
            #expect(types(answer.answers) == [.cname, .a] && answer.extendedError == .staleAnswer)
        }
    }

    /// What is kept when an outage begins, and what is asked for then.
    enum Case: CaseIterable {
        case sameQuestion, otherTypeOfAbsentName, withoutSignatures, withSignatures
    }

    @Test(arguments: Case.allCases)
    func `during a minute of SERVFAILs all of two clients each second get the stale answer`(_ what: Case) throws {
        try StaleWorld.run { world in
            world.upstream.conduct = .reply(Self.signed)
            let name = what == .otherTypeOfAbsentName ? "no.example." : "www.example."
            let signed = EDNS(dnssecOK: true)
            _ = try world.ask(
                name, what == .otherTypeOfAbsentName ? .txt : .a, edns: what == .withoutSignatures ? signed : EDNS())
            try sleep(.seconds(301))
            world.upstream.conduct = .servFail
            var errors: [ExtendedErrorCode?] = []
            for _ in 0..<120 {
                errors.append(try world.ask(name, edns: what == .withSignatures ? signed : EDNS()).0.extendedError)
                try sleep(.milliseconds(500))
            }
            let expected = what == .otherTypeOfAbsentName ? ExtendedErrorCode.staleNXDomainAnswer : .staleAnswer
            #expect(errors == Array(repeating: expected, count: 120))
        }
    }

    @Test func `a good answer of a domain that has come to be without a cache ends the stale one`() throws {
        try StaleWorld.run { world in
            try world.expire()
            var policy = world.resolver.policy
            var rule = DomainRule(domain: Name("example.")!.lowercased.wire)
            rule.noCache = true
            policy.domains = [rule]
            world.resolver.adopt(policy)
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.2"])
            world.upstream.conduct = .servFail
            #expect(try world.ask().0.flags.responseCode == .servFail)
        }
    }

    @Test func `without stale answers no hit waits for a slow refresh, and whoever comes after its end waits for that one`()
        throws
    {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.resolver.shared.cache.staleSeconds = 0
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.milliseconds(298_500))
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            world.upstream.delay = .milliseconds(1900)
            for _ in 0..<3 {
                let (answer, took) = try world.ask()
                #expect(answer.answers.map { "\($0.data)" } == ["192.0.2.1"] && took == .zero)
                try sleep(.milliseconds(400))
            }
            // Nine tenths of a second before the refresh comes, its time is over.
            try sleep(.milliseconds(500))
            let (answer, took) = try world.ask()
            #expect(answer.answers.map { "\($0.data)" } == ["192.0.2.2"] && answer.extendedError == nil)
            #expect(took > .zero && took < .milliseconds(900))
        }
    }
}
