import AnswerCache
import Belief
import DNSWire
import Green
import NameRules
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Names that lead to others: aliases in answers of upstreams, and names that stand for others by our own word.
@Suite struct RedirectTests {
    /// An upstream that leaves out what its aliases lead to: `shop…` leads to a name of ours.
    private static func leaveOut(_ target: String) -> (Message) -> Message? {
        { query in
            let name = query.questions[0].name
            return "\(name)".lowercased().hasPrefix("shop")
                ? .reply(to: query, .noError, ["\(name) 300 IN CNAME \(target)"]) : .address(query)
        }
    }

    /// The data of an answer.
    private static func data(_ answer: Message) -> [String] { answer.answers.map { "\($0.data)" } }

    @Test(arguments: [("gone.home.example.", ResponseCode.nxDomain), ("empty.home.example.", .noError)])
    func `an alias that leads to a name denied by our own records is not asked for elsewhere`(
        _ target: String, _ code: ResponseCode
    ) throws {
        let book = try RuleTests.book([]) {
            $0.local = NameRules.LocalZone("gone.home.example.: nxdomain\nempty.home.example. 60 IN TXT x\n")
        }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.leaveOut(target)
            for _ in 0..<2 {
                let answer = try world.ask("shop.example")
                #expect(answer.responseCode == code && Self.data(answer) == [target] && answer.authorities.map(\.type) == [.soa])
            }
            #expect(world.upstream.queries.allSatisfy { !"\($0.questions)".contains("home.example") })
        }
    }

    @Test func `an alias is followed through our own aliases, with the TTLs of our records, and the whole is not kept`() throws {
        let zone = { (address: String) in
            NameRules.LocalZone("web.home.example. 40 IN CNAME box.home.example.\nbox.home.example. 7 IN A \(address)\n")
        }
        let book = try RuleTests.book([]) { $0.local = zone("192.0.2.200") }
        try ResolverWorld.run(policy: { policy in
            policy.rules = book
        }) { world throws in
            world.shared.cache.limits = TTLLimits(minimumSeconds: 100, maximumSeconds: 1000, negativeSeconds: 100)
            world.upstream.answer = Self.leaveOut("web.home.example.")
            for count in 1...2 {
                let answer = try world.ask("shop.example")
                #expect(Self.data(answer) == ["web.home.example.", "box.home.example.", "192.0.2.200"])
                #expect(answer.answers.map(\.ttl) == [300, 40, 7] && world.upstream.count == count)
            }
            var policy = world.policy
            policy.rules = try RuleTests.book([], mark: 2) { $0.local = zone("192.0.2.201") }
            world.resolver.adopt(policy)
            #expect(Self.data(try world.ask("shop.example")).last == "192.0.2.201")
        }
    }

    @Test func `what a name stands for is looked for in the hosts file and locally served zones first`() throws {
        let book = try RuleTests.book([]) {
            $0.rewrites = [
                Name("one.example")!.wire: Name("printer.lan.example")!, Name("two.example")!.wire: Name("localhost")!,
                Name("three.example")!.wire: Name("four.example")!, Name("four.example")!.wire: Name("printer.lan.example")!,
            ]
        }
        try ResolverWorld.run(policy: { policy in
            policy.rules = book
            policy.hosts = HostsTable.load(Array("192.0.2.7 printer.lan.example".utf8))
        }) { world throws in
            #expect(Self.data(try world.ask("one.example")) == ["printer.lan.example.", "192.0.2.7"])
            #expect(Self.data(try world.ask("two.example")) == ["localhost.", "127.0.0.1"])
            #expect(Self.data(try world.ask("three.example")) == ["four.example.", "printer.lan.example.", "192.0.2.7"])
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `what stands behind a name that stands for another is judged for its client`() throws {
        let groups = [RuleTests.group("kids", ["192.0.2.64/26"], blocks: 1)]
        let book = try RuleTests.book([("ads", "||ads.example^\n||tracker.example^\n")], groups: groups) {
            $0.rewrites = [
                Name("one.example")!.wire: Name("www.ads.example")!, Name("two.example")!.wire: Name("cloaked.example")!,
                Name("three.example")!.wire: Name("inside.example")!,
            ]
            $0.refusesPrivate = true
        }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                switch "\(name)".lowercased() {
                case "cloaked.example.":
                    return .reply(
                        to: query, .noError, ["\(name) 300 IN CNAME t.tracker.example.", "t.tracker.example. 300 IN A 192.0.2.1"])
                case "inside.example.": return .reply(to: query, .noError, ["\(name) 300 IN A 10.0.0.1"])
                default: return .address(query)
                }
            }
            for _ in 0..<2 {
                let kids = try world.ask("one.example", from: "192.0.2.65")
                #expect(Self.data(kids) == ["www.ads.example.", "0.0.0.0"] && kids.extendedError == .filtered)
                #expect(Self.data(try world.ask("one.example", from: "192.0.2.1")) == ["www.ads.example.", "192.0.2.1"])
                #expect(Self.data(try world.ask("two.example", from: "192.0.2.65")) == ["cloaked.example.", "0.0.0.0"])
                #expect(Self.data(try world.ask("two.example", from: "192.0.2.1")).count == 3)
                let inside = try world.ask("three.example", from: "192.0.2.1")
                #expect(inside.responseCode == .refused && Self.data(inside) == ["inside.example."])
            }
        }
    }

    @Test func `names that stand for each other are no answer`() throws {
        let book = try RuleTests.book([]) {
            $0.rewrites = [Name("a.example")!.wire: Name("b.example")!, Name("b.example")!.wire: Name("a.example")!]
        }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            #expect(try world.ask("a.example").responseCode == .servFail && world.upstream.count == 0)
        }
    }

    @Test func `a refusal by rule sets neither RA nor CD, and a reason is cut between characters`() throws {
        var group = RuleTests.group("default", [], blocks: 1)
        group.blockAnswer = .refused
        let name = "a" + String(repeating: "語", count: 80)
        let book = try RuleTests.book([(name, "ads.example\n")], groups: [group])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for edns in [EDNS(), nil] {
                var query = Message.query("ads.example", edns: edns)
                query.flags.checkingDisabled = true
                let answer = try world.ask(query)
                #expect(answer.responseCode == .refused && !answer.flags.recursionAvailable && !answer.flags.checkingDisabled)
            }
            let text = try world.ask("ads.example", edns: EDNS()).edns?.extendedError?.text
            #expect(text == "a" + String(repeating: "語", count: 66))
        }
    }
}
