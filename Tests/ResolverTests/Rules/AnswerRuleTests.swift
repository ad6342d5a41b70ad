import AnswerCache
import DNSWire
import Green
import NameRules
import TestSupport
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
        let free = try RuleTests.book([("ads", "||other.example^\n")])
        // Of the next round, with the same mark.
        let denying = RuleBook(try Self.denying().content, mark: free.mark, round: 1, hits: ListHits())
        try ResolverWorld.run(policy: { $0.rules = free }) { world throws in
            let askers = try Self.startAsking(world)
            var policy = world.policy
            for book in [denying] + (isDeniedLater ? [] : [RuleBook(free.content, mark: 2, round: 1, hits: ListHits())]) {
                policy.rules = book
                world.resolver.adopt(policy)
            }
            for asker in askers {
                let answers = try asker.get().answers.map { "\($0.data)" }
                #expect(answers.last == (isDeniedLater ? "0.0.0.0" : "192.0.2.1"))
            }
        }
    }

    @Test func `a worker with newer rules judges anew what another worker's flight brings`() throws {
        let free = try RuleTests.book([("ads", "||other.example^\n")])
        let denying = try Self.denying()
        try ResolverWorld.run(policy: { $0.rules = free }) { world throws in
            let askers = try Self.startAsking(world)
            var policy = world.policy
            policy.rules = denying
            let other = Resolver(hub: world.hub, shared: world.shared, policy: policy)
            let others = ["www.example", "alias.example"].map { name in
                world.hub.spawn {
                    let bytes = Message.query(name).wire
                    var query = QueryView()
                    var buffer = bytes + [UInt8](repeating: 0, count: 512)
                    var span = buffer.mutableSpan
                    #expect(query.read(bytes.span, seed: world.shared.cache.seed) == .query)
                    let pending = other.pending(&query, bytes.span, from: 7, over: .udp)
                    let count = other.write(pending, other.resolve(pending), into: &span, limit: 512)
                    return try Message(span.span.extracting(first: count)).answers.map { "\($0.data)" }
                }
            }
            #expect(try others.map { try $0.get() } == [["0.0.0.0"], ["0.0.0.0"]])
            #expect(try askers.allSatisfy { "\(try $0.get().answers.last!.data)" == "192.0.2.1" })
        }
    }

    /// Rules that deny a name, and one that another stands for.
    private static func denying() throws -> RuleBook {
        try RuleTests.book([("ads", "||www.example^\n||cdn.example^\n")], mark: 2)
    }

    /// Begins to ask for both; the answers come in half a second.
    private static func startAsking(_ world: ResolverWorld) throws -> [Greenlet<Message>] {
        world.upstream.answer = { query in
            let name = query.questions[0].name
            guard "\(name)".lowercased().hasPrefix("alias") else { return .address(query) }
            return .reply(to: query, .noError, ["\(name) 300 IN CNAME cdn.example.", "cdn.example. 300 IN A 192.0.2.1"])
        }
        world.upstream.delay = .seconds(1)
        let askers = ["www.example", "alias.example"].map { name in world.hub.spawn { try world.ask(name) } }
        try sleep(.milliseconds(500))
        return askers
    }

    @Test func `a name that no rule is about is known as such, whatever else is said of other names`() throws {
        let zone = "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\nmoved.example CNAME there.example.\n"
        let lists = [("ads", "||ads.example^\n"), ("rpz", zone)]
        var kids = RuleTests.group("kids", ["192.0.2.64/26"], blocks: 1)
        kids.usesSafeSearch = true
        let book = try RuleTests.book(lists, groups: [kids, RuleTests.group("default", [], blocks: 2)]) { content in
            content.rewrites = [Name("old.example")!.wire: Name("new.example")!]
            content.local = LocalZone("nas.example. A 192.0.2.10\n")
        }
        func isUnlisted(_ name: String) -> Bool {
            let wire = Name(name)!.wire
            guard case .unlisted = book.ruling(wire.span, .a, group: 1, explains: false) else { return false }
            return true
        }
        #expect(["www.example", "x.old.example", "x.moved.example", "x.nas.example", "google.example"].allSatisfy(isUnlisted))
        // What another group is denied or sent elsewhere for, and another type's.
        for name in ["ads.example", "moved.example", "old.example", "nas.example", "www.google.de"] {
            #expect(!isUnlisted(name), "\(name)")
        }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for (name, number) in [("www.example", book.number), ("www.google.de", 0), ("y.example", book.number)] {
                let bytes = Message.query(name).wire
                var query = QueryView()
                var buffer = bytes + [UInt8](repeating: 0, count: 512)
                var span = buffer.mutableSpan
                #expect(world.resolver.begin(&query, length: bytes.count, in: &span, from: 7) == .wait)
                #expect(world.resolver.pending(&query, bytes.span, from: 7, over: .udp).unlistedBy == number)
            }
        }
    }

    @Test func `what an upstream adds to an answer is judged like the rest, when it comes and from the cache`() throws {
        let book = try RuleTests.book([("trackers", "||tracker.example^\n")])
        try ResolverWorld.run(policy: {
            $0.rules = book
            $0.hasMinimalResponses = false
        }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                let added = ["\(name) 300 IN HTTPS 1 x.tracker.example. alpn=h2"]
                return .reply(to: query, .noError, ["\(name) 300 IN A 192.0.2.1"], authority: added)
            }
            let answers = try (0..<3).map { _ in try world.ask("www.example").answers.map { "\($0.data)" } }
            #expect(Set(answers).count == 1 && answers[0] == ["0.0.0.0"])
        }
    }
}
