import DNSWire
import NameRules
import Testing

@testable import Resolver

/// Rules about what stands in answers: hosts of services, addresses.
@Suite struct AnswerRuleTests {
    @Test(arguments: [RecordType.https, .svcb]) func `an answer whose service is at a denied host is denied`(_ type: RecordType)
        throws
    {
        let book = try RuleTests.book([("trackers", "||tracker.example^\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                let isBad = "\(name)".lowercased().hasPrefix("bad.")
                return .reply(
                    to: query, .noError, ["\(name) 300 IN \(type) 1 \(isBad ? "x.tracker.example." : "x.shop.example.") alpn=h2"])
            }
            for _ in 0..<2 {
                let denied = try world.ask("bad.example", type, edns: EDNS())
                #expect(denied.answers.isEmpty && denied.authorities.map(\.type) == [.soa])
                #expect(denied.edns?.extendedError?.text == "trackers: tracker.example")
                #expect(try world.ask("good.example", type).answers.count == 1)
            }
        }
    }

    @Test(arguments: [
        (RecordType.a, "192.0.2.77", "26.64.2.0.192.rpz-ip", "192.0.2.64/26"),
        (.a, "192.0.2.77", "32.77.2.0.192.rpz-ip", "192.0.2.77"),
        (.aaaa, "2001:db8::7", "32.zz.db8.2001.rpz-ip", "2001:db8::/32"),
        (.aaaa, "2001:db8::7", "128.7.zz.db8.2001.rpz-ip", "2001:db8::7"),
    ])
    func `a denial for an address names the prefix that has it`(
        _ type: RecordType, _ address: String, _ owner: String, _ prefix: String
    ) throws {
        let book = try RuleTests.book([("rpz", "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n\(owner) CNAME .\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                .reply(to: query, .noError, ["\(query.questions[0].name) 300 IN \(type) \(address)"])
            }
            for _ in 0..<2 {
                let denied = try world.ask("bad.example", type, edns: EDNS())
                #expect(denied.responseCode == .nxDomain && denied.edns?.extendedError?.text == "rpz: \(prefix)")
            }
        }
    }
}
