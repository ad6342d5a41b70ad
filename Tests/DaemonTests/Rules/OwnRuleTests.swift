import AnswerCache
import DNSWire
import Green
import GreenHTTP
import NameRules
import Resolver
import Testing

@testable import Daemon

/// Rules that are given to the running daemon.
@Suite struct OwnRuleTests {
    /// Runs a part and the control API on it in a simulated world.
    private func run(
        _ yaml: String, _ body: @escaping (NameRulesPart, @escaping (String, String) throws -> HTTPResponse) throws -> Void
    )
        throws
    {
        let world = VirtualWorld(seed: 5)
        try world.run { hub in
            world.host.files.write("/list", "||listed.example^\n||other.example^$important\n")
            for _ in 0..<2 {
                let cache = try MemoryCache(sizeBytes: 0, seed: 1)
                let part = NameRulesPart(try read(yaml), cache, NameRulesPartTests.logger)
                let tiers = CacheTiers(
                    memory: cache, redis: nil, fleet: { nil }, upstreams: { UpstreamDirectory([:], others: nil) },
                    remove: { _ in 0 })
                let api = ControlAPI(tiers, rules: part)
                try part.start()
                try body(part) { method, target in
                    let parts = target.split(separator: "?").map(String.init)
                    let query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
                        let words = pair.split(separator: "=").map(String.init)
                        return HTTPField(words[0], words[1])
                    }
                    return try api.answer(HTTPRequest(method, parts[0], query: query))
                }
                try part.stop()
            }
        }
    }

    /// What becomes of a name.
    private func outcome(_ part: NameRulesPart, _ name: String) -> RuleTest.Expectation {
        guard let content = part.book?.content else { return .pass }
        return RuleExplanation(content, Name(name)!, client: nil, at: 0).outcome
    }

    private static let lists = "lists: {ads: {from: /list}}"

    @Test(arguments: [
        lists, "upstreams: [192.0.2.1]", lists + "\ngroups: [{name: default, block: [ads]}, {name: kids, clients: [192.0.2.7]}]",
    ])
    func `a rule holds at once, goes before lists, and ends with its time`(_ yaml: String) throws {
        try run(yaml) { part, ask in
            var changes = 0
            part.changed = { changes += 1 }
            let added = try ask("POST", "/v1/rules?name=Bad.example&for=1h")
            #expect(added.status == 200 && outcome(part, "x.bad.example") == .block && changes == 1)
            let status1 = try ask("POST", "/v1/rules?name=other.example&action=allow&for=2h").status
            #expect(status1 == 200)
            #expect(outcome(part, "other.example") == .pass)
            try sleep(.seconds(3602))
            #expect(outcome(part, "x.bad.example") == .pass && outcome(part, "other.example") == .pass)
            try sleep(.seconds(3602))
            #expect(outcome(part, "other.example") == (yaml.contains("lists") ? .block : .pass))
            let shown = try ask("GET", "/v1/rules")
            #expect(shown.status == 200 && part.own.rules.isEmpty)
        }
    }

    @Test func `a rule for good is there after a restart, until it is removed`() throws {
        var round = 0
        try run(Self.lists) { part, ask in
            round += 1
            if round == 1 {
                let status2 = try ask("POST", "/v1/rules?name=bad.example").status
                #expect(status2 == 200)
                let status3 = try ask("DELETE", "/v1/rules?name=nobody.example").status
                #expect(status3 == 404)
            } else {
                #expect(outcome(part, "bad.example") == .block)
                let status4 = try ask("DELETE", "/v1/rules?name=bad.example").status
                #expect(status4 == 200)
            }
            #expect(outcome(part, "bad.example") == (round == 1 ? .block : .pass) && outcome(part, "listed.example") == .block)
        }
        #expect(round == 2)
    }

    @Test(arguments: [
        "name=bad.example&for=never", "name=bad.example&for=0s", "name=bad.example&action=drop", "for=1h",
        "name=a\\010b.example",
        "name=a|b.example", "name=localhost", "name=LocalHost.localdomain&for=1h",
    ])
    func `what is no rule is refused and changes nothing`(_ parameters: String) throws {
        try run(Self.lists) { part, ask in
            let refused = try ask("POST", "/v1/rules?" + parameters)
            #expect(refused.status == 400 && part.own.rules.isEmpty)
        }
    }

    @Test func `what was kept is read as it was written, and nothing else is`() {
        var rules = OwnRules()
        _ = rules.add(OwnRules.Rule(name: Name("a.example")!, isAllow: true, endsAt: 5))
        _ = rules.add(OwnRules.Rule(name: Name("b.example")!, isAllow: false, endsAt: nil))
        #expect(OwnRules(rules.bytes) == rules)
        let broken = "deny\nallow c.example\nforbid d.example never\ndeny e.example soon\ndeny f|g.example never\n\u{0}\n"
        #expect(OwnRules(Array(broken.utf8)).rules.isEmpty)
    }

    @Test func `a rule that ends later than any clock goes is shown, wherever its number comes from`() {
        let rules = OwnRules(Array("deny a.example 9223372036854775807\nallow b.example -9223372036854775808\n".utf8)).rules
        #expect(rules.map(\.endsAt) == [.max, .min])
        #expect(DurationText.print(.seconds(Int64.max)) == DurationText.print(.seconds(Int64.max / 1_000 - 1)))
        #expect(DurationText.print(.seconds(Int64.min)) == "0s" && DurationText.print(.milliseconds(1_800)) == "1.8s")
    }
}
