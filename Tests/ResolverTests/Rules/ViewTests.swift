import AnswerCache
import DNSWire
import Green
import NameRules
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Groups with upstreams of their own: what one view was answered is not another's, crosswise, in every place where answers are.
@Suite struct ViewTests {
    /// A client of the group with upstreams of its own, and one of all others.
    private static let kid = "192.0.2.65"
    private static let adult = "192.0.2.1"

    /// A world in which kids ask another upstream than all others.
    private struct TwoViews {
        let world: ResolverWorld
        let kids: ScriptedUpstream
        let policy: Policy

        /// What a client is told: the addresses, or the rcode.
        func ask(_ name: String, _ client: String, _ type: RecordType = .a) throws -> String {
            let answer = try world.ask(name, type, from: client)
            guard answer.responseCode == .noError else { return "\(answer.responseCode)" }
            return answer.answers.map { "\($0.data)" }.joined(separator: " ")
        }
    }

    /// The number of a view that asks somebody with this name.
    private static func view(_ name: String) throws -> ViewNumber {
        try #require(ViewDirectory.shared.number(of: ViewIdentity([name], shown: [name])))
    }

    /// Gives a policy groups of which the first has the view of some upstream.
    private static func add(_ view: ViewNumber, _ upstream: SocketAddress, to policy: inout Policy, mark: UInt8 = 1) throws {
        let groups = [RuleTests.group("kids", ["192.0.2.64/26"], blocks: 0), RuleTests.group("default", [], blocks: 0)]
        policy.rules = try RuleTests.book([("none", "none.invalid\n")], mark: mark, groups: groups)
        policy.groupViews = [view, .general]
        policy.views = [Policy.View(view, ResolverWorld.route(".", upstream, id: 2))]
    }

    private static func answer(_ address: String, ttl: UInt32 = 300) -> (Message) -> Message? {
        { query in
            guard query.questions[0].type == .a else { return .reply(to: query, .noError) }
            return .reply(to: query, .noError, ["\(query.questions[0].name) \(ttl) IN A \(address)"])
        }
    }

    private static func run(_ body: @escaping (TwoViews) throws -> Void) throws {
        try ResolverWorld.run { world throws in
            let kids = try ScriptedUpstream(SocketAddress(.loopback, port: 5454), answer: answer("192.0.2.200"))
            world.upstream.answer = answer("192.0.2.100")
            var policy = world.policy
            policy.prefetches = true
            try add(view("kids"), kids.address, to: &policy)
            world.resolver.adopt(policy)
            try body(TwoViews(world: world, kids: kids, policy: policy))
        }
    }

    @Test func `what an alias of a list leads to is asked of the view's own upstreams`() throws {
        try Self.run { views throws in
            let rules = "bad.example CNAME walled.example.\n*.star.example CNAME *.walled.example.\n"
            let zone = "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n\(rules)"
            let groups = [RuleTests.group("kids", ["192.0.2.64/26"], blocks: 1), RuleTests.group("default", [], blocks: 1)]
            var policy = views.policy
            policy.rules = try RuleTests.book([("rpz", zone)], mark: 2, groups: groups)
            views.world.resolver.adopt(policy)
            for _ in 0..<3 {
                for (client, address) in [(Self.kid, "192.0.2.200"), (Self.adult, "192.0.2.100")] {
                    #expect(try views.ask("bad.example.", client) == "walled.example. \(address)")
                    #expect(try views.ask("x.star.example.", client) == "x.star.example.walled.example. \(address)")
                    #expect(try views.ask("walled.example.", client) == address)
                }
            }
            #expect(views.kids.count == 2 && views.world.upstream.count == 2)
        }
    }

    @Test(arguments: [true, false])
    func `two groups that ask others are told otherwise, misses and hits, whoever asks first`(_ kidsFirst: Bool) throws {
        try Self.run { views throws in
            for _ in 0..<3 {
                for client in kidsFirst ? [Self.kid, Self.adult] : [Self.adult, Self.kid] {
                    #expect(try views.ask("www.example.", client) == (client == Self.kid ? "192.0.2.200" : "192.0.2.100"))
                }
            }
            #expect(views.kids.count == 1 && views.world.upstream.count == 1)
        }
    }

    @Test func `what a group with upstreams of its own was denied is remembered for its view`() throws {
        try Self.run { views throws in
            let view = try Self.view("kids")
            var policy = views.policy
            let groups = [RuleTests.group("kids", ["192.0.2.64/26"], blocks: 1), RuleTests.group("default", [], blocks: 0)]
            policy.rules = try RuleTests.book([("ads", "||ads.example^\n")], mark: 2, groups: groups)
            let resolver = views.world.resolver
            resolver.adopt(policy)
            #expect(try views.ask("ads.example.", Self.kid) == "0.0.0.0")
            let wire = Message.query("ads.example.", edns: EDNS()).wire
            var query = QueryView()
            let isRead = query.read(wire.span, seed: views.world.shared.cache.seed) == .query
            query.enter(view, seed: views.world.shared.cache.seed)
            #expect(isRead && resolver.recentDenials.find(&query, 0) != nil)
            // What is remembered is what is told.
            resolver.recentDenials.note(ToldDenial(Denial(.nxdomain), to: .a), &query, 0)
            #expect(try views.ask("ads.example.", Self.kid) == "NXDOMAIN")
            #expect(try views.ask("ads.example.", Self.adult) == "192.0.2.100")
        }
    }

    @Test func `those who ask at the same time wait for the flight of their own view`() throws {
        try Self.run { views throws in
            (views.kids.delay, views.world.upstream.delay) = (.milliseconds(50), .milliseconds(50))
            let asking = [Self.kid, Self.adult, Self.kid, Self.adult].map { client in
                views.world.hub.spawn { try views.ask("www.example.", client) }
            }
            #expect(try asking.map { try $0.get() } == ["192.0.2.200", "192.0.2.100", "192.0.2.200", "192.0.2.100"])
            #expect(views.kids.count == 1 && views.world.upstream.count == 1)
        }
    }

    @Test func `that a name does not exist, and that asking failed, is told to nobody of another view`() throws {
        try Self.run { views throws in
            views.kids.answer = { query in
                query.questions[0].name == Name("gone.example.")!
                    ? .reply(to: query, .nxDomain, authority: ["example. 300 IN SOA a. b. 1 2 3 4 300"])
                    : .reply(to: query, .servFail)
            }
            for _ in 0..<2 {
                #expect(try views.ask("gone.example.", Self.kid) == "NXDOMAIN")
                #expect(try views.ask("gone.example.", Self.adult) == "192.0.2.100")
                // Another type of the same name: what does not exist is known for all types.
                #expect(try views.ask("gone.example.", Self.kid, .aaaa) == "NXDOMAIN")
                #expect(try views.ask("gone.example.", Self.adult, .aaaa).isEmpty)
                #expect(try views.ask("broken.example.", Self.kid) == "SERVFAIL")
                #expect(try views.ask("broken.example.", Self.adult) == "192.0.2.100")
            }
        }
    }

    @Test func `an alias is followed in the view in which it was asked for`() throws {
        try Self.run { views throws in
            let alias: (Message) -> Message? = { query in
                let name = query.questions[0].name
                return name == Name("a.example.")! ? .reply(to: query, .noError, ["\(name) 300 IN CNAME b.example."]) : nil
            }
            let (kids, others) = (views.kids.answer, views.world.upstream.answer)
            views.kids.answer = { alias($0) ?? kids($0) }
            views.world.upstream.answer = { alias($0) ?? others($0) }
            // What the alias leads to is known in the other view already.
            #expect(try views.ask("b.example.", Self.adult) == "192.0.2.100")
            #expect(try views.ask("a.example.", Self.kid) == "b.example. 192.0.2.200")
            #expect(try views.ask("a.example.", Self.adult) == "b.example. 192.0.2.100")
        }
    }

    @Test func `a name that stands for another is looked up in the view of who asks`() throws {
        try Self.run { views throws in
            var policy = views.policy
            let groups = views.policy.rules?.content.groups.groups
            policy.rules = try RuleTests.book([("none", "none.invalid\n")], mark: 2, groups: groups) {
                $0.rewrites[Name("old.example.")!.wire] = Name("new.example.")!
            }
            views.world.resolver.adopt(policy)
            for _ in 0..<2 {
                #expect(try views.ask("old.example.", Self.kid) == "new.example. 192.0.2.200")
                #expect(try views.ask("old.example.", Self.adult) == "new.example. 192.0.2.100")
            }
        }
    }

    @Test func `stale answers, their refreshes and prefetches stay in their view`() throws {
        try Self.run { views throws in
            views.world.shared.cache.staleSeconds = 3600
            (views.kids.answer, views.world.upstream.answer) = (
                Self.answer("192.0.2.200", ttl: 60), Self.answer("192.0.2.100", ttl: 60)
            )
            for client in [Self.kid, Self.adult] { _ = try views.ask("www.example.", client) }
            // Asked for often enough, and near the end of its time.
            for _ in 0..<10 { _ = try views.ask("www.example.", Self.kid) }
            try sleep(.seconds(56))
            _ = try views.ask("www.example.", Self.kid)
            try sleep(.seconds(1))
            #expect(views.kids.count == 2 && views.world.upstream.count == 1)
            // Then one view's upstream fails: the other's answer, which is fresh, is not for it.
            views.world.upstream.answer = { .reply(to: $0, .servFail) }
            try sleep(.seconds(30))
            let stale = try views.world.ask("www.example.", from: Self.adult)
            #expect(stale.extendedError == .staleAnswer && stale.answers.map { "\($0.data)" } == ["192.0.2.100"])
            #expect(try views.ask("www.example.", Self.kid) == "192.0.2.200")
        }
    }

    @Test func `a domain with upstreams of its own has them in every view`() throws {
        try Self.run { views throws in
            let third = try ScriptedUpstream(SocketAddress(.loopback, port: 5555), answer: Self.answer("192.0.2.7"))
            var policy = views.policy
            policy.routes.append(ResolverWorld.route("corp.example.", third.address, id: 3))
            policy.makeIndex()
            views.world.resolver.adopt(policy)
            #expect(try views.ask("www.corp.example.", Self.kid) == "192.0.2.7")
            #expect(try views.ask("www.corp.example.", Self.adult) == "192.0.2.7")
        }
    }

    @Test func `other upstreams of a group make another view, which knows nothing of the former, and comes back to it`() throws {
        try Self.run { views throws in
            #expect(try views.ask("www.example.", Self.kid) == "192.0.2.200")
            let third = try ScriptedUpstream(SocketAddress(.loopback, port: 5555), answer: Self.answer("192.0.2.7"))
            var policy = views.policy
            try Self.add(Self.view("others"), third.address, to: &policy, mark: 2)
            views.world.resolver.adopt(policy)
            #expect(try views.ask("www.example.", Self.kid) == "192.0.2.7")
            views.world.resolver.adopt(views.policy)
            #expect(try views.ask("www.example.", Self.kid) == "192.0.2.200" && views.kids.count == 1)
            // Without a number for the view nobody is asked in its stead.
            policy.groupViews = [.none, .general]
            views.world.resolver.adopt(policy)
            #expect(try views.ask("www.example.", Self.kid) == "SERVFAIL")
            #expect(try views.ask("other.example.", Self.kid) == "SERVFAIL")
        }
    }

    @Test func `a flush reaches all views, and a look at the cache shows which is which`() throws {
        try Self.run { views throws in
            for client in [Self.kid, Self.adult] { _ = try views.ask("www.example.", client) }
            let (cache, name) = (views.world.shared.cache, FixedName(Name("www.example.")!))
            let now = BootSeconds(rawValue: views.world.hub.bootSeconds)
            let found = cache.entries(name, .a, at: now).map(\.key.viewNumber)
            #expect(try found == [.general, Self.view("kids")])
            #expect(cache.remove(name, .a) == 2)
            for client in [Self.kid, Self.adult] { _ = try views.ask("www.example.", client) }
            #expect(views.kids.count == 2 && views.world.upstream.count == 2)
            #expect(cache.remove(.name(name)) == 2)
        }
    }

    @Test func `the walk of a query is told with whom its view asks`() throws {
        try Self.run { views throws in
            let query = Message.query("www.example.", .a).wire
            let lines = [Self.kid, Self.adult].map { client in
                views.world.resolver.explain(query, from: IPAddress(client)!.number, skipsCache: false).steps.map {
                    "\($0.subject): \($0.text)"
                }
            }
            #expect(lines[0].contains("view: its group asks upstreams of its own: kids"))
            #expect(!lines[1].contains { $0.hasPrefix("view") })
        }
    }

    @Test func `over Redis one view's answers are found by the same view of another instance, and by no other`() throws {
        try RedisWorld.run { world throws in
            let kids = try ScriptedUpstream(SocketAddress(.loopback, port: 5454), answer: Self.answer("192.0.2.200"))
            world.upstream.answer = Self.answer("192.0.2.100")
            var policy = world.one.policy
            try Self.add(Self.view("kids"), kids.address, to: &policy)
            for resolver in [world.one, world.other] { resolver.adopt(policy) }
            func ask(_ resolver: Resolver, _ client: String) throws -> [String] {
                let query = Message.query("www.example.", .a, edns: EDNS()).wire
                let answer = try #require(resolver.exchange(query, client: IPAddress(client)!.number))
                try sleep(.milliseconds(1))
                return try Message(answer.span).answers.map { "\($0.data)" }
            }
            #expect(try ask(world.one, Self.kid) == ["192.0.2.200"])
            #expect(try ask(world.other, Self.adult) == ["192.0.2.100"])
            #expect(try ask(world.other, Self.kid) == ["192.0.2.200"])
            #expect(try ask(world.one, Self.adult) == ["192.0.2.100"])
            #expect(kids.count == 1 && world.upstream.count == 1)
            let id = String(try #require(ViewDirectory.shared.identity(of: Self.view("kids"))).id, radix: 16)
            #expect(world.redis.sets.count { $0.hasPrefix("vireo:1:www.example.:A:IN:view=") && $0.hasSuffix(id) } == 1)
            #expect(world.redis.sets.contains("vireo:1:views"))
        }
    }
}
