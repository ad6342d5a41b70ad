import DNSWire
import Green
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

    /// Rules of one policy zone, or of two behind a blank line, and of a filter list; and what is asked: the zone's name that
    /// denies, or nothing.
    @Test(arguments: [
        // What lets the name pass lets all behind it pass, in that zone.
        (["www.example CNAME rpz-passthru.", "*.tracker.example CNAME ."], "", ""),
        (["www.example CNAME rpz-passthru.", "24.0.2.0.192.rpz-ip CNAME ."], "", ""),
        (["cdn.example CNAME rpz-passthru.", "*.tracker.example CNAME ."], "", ""),
        (["cdn.example CNAME rpz-passthru.", "24.0.2.0.192.rpz-ip CNAME ."], "", ""),
        // What is behind a denied name lets nothing pass.
        (["cdn.example CNAME .", "*.tracker.example CNAME rpz-passthru."], "", "one: cdn.example"),
        (["*.tracker.example CNAME .", "24.0.2.0.192.rpz-ip CNAME rpz-passthru."], "", "one: tracker.example"),
        // Of all addresses the one of the longest prefix is heard.
        (["24.0.2.0.192.rpz-ip CNAME .", "32.9.2.0.192.rpz-ip CNAME rpz-passthru."], "", ""),
        (["24.0.2.0.192.rpz-ip CNAME rpz-passthru.", "32.9.2.0.192.rpz-ip CNAME ."], "", "one: 192.0.2.9"),
        (["32.9.2.0.192.rpz-ip CNAME .", "32.5.2.0.192.rpz-ip CNAME rpz-passthru."], "", ""),
        (["32.9.2.0.192.rpz-ip CNAME rpz-passthru.", "32.5.2.0.192.rpz-ip CNAME ."], "", "one: 192.0.2.5"),
        // Of two zones the first that says anything.
        (["24.0.2.0.192.rpz-ip CNAME .", "", "cdn.example CNAME rpz-passthru."], "", "one: 192.0.2.0/24"),
        (["24.0.2.0.192.rpz-ip CNAME rpz-passthru.", "", "32.9.2.0.192.rpz-ip CNAME ."], "", ""),
        (["32.7.2.0.192.rpz-ip CNAME rpz-passthru.", "", "32.9.2.0.192.rpz-ip CNAME ."], "", "two: 192.0.2.9"),
        // A zone's exception for one alias or address is none for what a filter list denies of another.
        (["cdn.example CNAME rpz-passthru.", "*.tracker.example CNAME ."], "||tracker.example^", "ads: tracker.example"),
        (["32.5.2.0.192.rpz-ip CNAME rpz-passthru.", "24.0.2.0.192.rpz-ip CNAME ."], "||192.0.2.9^", "ads: 192.0.2.9"),
        (["24.0.2.0.192.rpz-ip CNAME ."], "@@||www.example^", ""),
        (["24.0.2.0.192.rpz-ip CNAME ."], "@@||cdn.example^", "one: 192.0.2.0/24"),
    ])
    func `of a policy zone one rule is heard about an answer`(_ rules: [String], _ ads: String, _ reason: String) throws {
        let zones = rules.split(separator: "", omittingEmptySubsequences: false).map { lines in
            "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n" + lines.joined(separator: "\n") + "\n"
        }
        let lists = Array(zip(["one", "two"], zones)) + (ads.isEmpty ? [] : [("ads", ads + "\n")])
        let book = try RuleTests.book(lists)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                .reply(
                    to: query, .noError,
                    [
                        "\(query.questions[0].name) 300 IN CNAME cdn.example.", "cdn.example. 300 IN CNAME t.tracker.example.",
                        "t.tracker.example. 300 IN A 192.0.2.9", "t.tracker.example. 300 IN A 192.0.2.5",
                    ])
            }
            for _ in 0..<2 {
                let answer = try world.ask("www.example", edns: EDNS())
                #expect((answer.edns?.extendedError?.text ?? "") == reason)
                #expect(answer.answers.contains { $0.type == .cname } == reason.isEmpty)
            }
        }
    }

    @Test(arguments: [true, false])
    func `what is in flight is judged by the rules that hold when its answer comes`(_ isDeniedLater: Bool) throws {
        // Before and after: nothing is said of the name, or of one of its answer's; or it is, and that was taken back.
        let lists = ["||other.example^\n", "||www.example^\n||cdn.example^\n"]
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                guard "\(name)".lowercased().hasPrefix("alias") else { return .address(query) }
                return .reply(to: query, .noError, ["\(name) 300 IN CNAME cdn.example.", "cdn.example. 300 IN A 192.0.2.1"])
            }
            world.upstream.delay = .seconds(1)
            var policy = world.policy
            policy.rules = try RuleTests.book([("ads", lists[0])], mark: 1)
            world.resolver.adopt(policy)
            let askers = ["www.example", "alias.example"].map { name in world.hub.spawn { try world.ask(name) } }
            try sleep(.milliseconds(500))
            for mark in UInt8(2)...(isDeniedLater ? 2 : 3) {
                policy.rules = try RuleTests.book([("ads", lists[mark == 2 ? 1 : 0])], mark: mark)
                world.resolver.adopt(policy)
            }
            for asker in askers {
                let answers = try asker.get().answers.map { "\($0.data)" }
                #expect(answers.last == (isDeniedLater ? "0.0.0.0" : "192.0.2.1"))
            }
        }
    }
}
