import AnswerCache
import DNSWire
import Green
import NameRules
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Names by rule: what lists, groups and records of our own do to questions and answers.
@Suite struct RuleTests {
    /// A book of lists that are given as text.
    static func book(
        _ lists: [(name: String, text: String)], mark: UInt8 = 1, groups: [NameRules.Group]? = nil,
        _ configure: (inout RuleBook.Content) -> Void = { _ in }
    ) throws -> RuleBook {
        var tables: [RuleTable] = []
        for list in lists {
            var compiler = ListCompiler(key: RuleKey(seed: 3))
            compiler.read(Array(list.text.utf8).span)
            compiler.end()
            tables.append(compiler.finish())
        }
        var builder = try RuleSetBuilder(tables, number: UInt64(mark))
        var content = RuleBook.Content()
        content.listNames = lists.map(\.name)
        content.lists = builder.finish()
        var all = NameRules.Group(name: "default")
        all.blocks = (1 << UInt64(lists.count)) - 1
        content.groups = try GroupTable(groups ?? [all])
        content.active = content.groups.active(at: 0, zones: content.lists.policyZones) { _ in 0 }
        configure(&content)
        return RuleBook(content, mark: mark, hits: ListHits())
    }

    /// A group of clients at addresses for whom the lists with these bits hold.
    static func group(_ name: String, _ clients: [String], blocks: UInt64) -> NameRules.Group {
        var group = NameRules.Group(name: name)
        group.prefixes = clients.compactMap { NameRules.AddressPrefix(Substring($0)) }
        group.blocks = blocks
        return group
    }

    @Test func `a denied name is answered at once with zero, list and rule in the extended error, and asked of nobody`() throws {
        let book = try Self.book([("ads", "||ads.example^\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for (type, data) in [(RecordType.a, ["0.0.0.0"]), (.aaaa, ["::"]), (.https, [])] {
                let (step, bytes) = world.begin(Message.query("x.ADS.example", type, edns: EDNS()).wire)
                #expect(step == .answered(bytes.count))
                let answer = try Message(bytes.span)
                #expect(answer.responseCode == .noError && answer.answers.map { "\($0.data)" } == data)
                #expect(answer.answers.allSatisfy { $0.ttl == 10 })
                #expect(answer.authorities.map(\.type) == (data.isEmpty ? [.soa] : []))
                #expect(answer.edns?.extendedError?.code == .blocked)
                #expect(answer.edns?.extendedError?.text == "ads: ads.example")
            }
            #expect(try world.ask("x.ads.example").answers.map { "\($0.data)" } == ["0.0.0.0"])
            #expect(world.upstream.count == 0)
            #expect(try world.ask("www.example").answers.count == 1 && book.hits.all[0] == 4)
        }
    }

    @Test(arguments: [
        (BlockAnswer.nxdomain, ResponseCode.nxDomain, 0, 1), (.nodata, .noError, 0, 1), (.refused, .refused, 0, 0),
        (.addresses(ipv4: NameRules.IPAddress(ipv4: 0xC000_0207), ipv6: nil), .noError, 1, 0),
    ])
    func `a group says what its clients are told`(_ own: BlockAnswer, _ code: ResponseCode, _ answers: Int, _ soas: Int) throws {
        var group = Self.group("default", [], blocks: 1)
        group.blockAnswer = own
        let book = try Self.book([("ads", "ads.example\n")], groups: [group])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            let answer = try world.ask("ads.example", edns: EDNS())
            #expect(answer.responseCode == code && answer.answers.count == answers && answer.authorities.count == soas)
        }
    }

    @Test func `groups are told apart by address, the longest prefix first, and share the cache`() throws {
        let groups = [
            Self.group("kids", ["192.0.2.64/26"], blocks: 1), Self.group("server", ["192.0.2.70"], blocks: 0),
            Self.group("six", ["2001:db8::/32"], blocks: 1),
        ]
        let book = try Self.book([("ads", "||ads.example^\n")], groups: groups)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for round in 0..<3 {
                for (client, isDenied) in [
                    ("192.0.2.65", true), ("192.0.2.70", false), ("192.0.2.1", false), ("2001:db8::7", true),
                    ("2001:db9::7", false),
                ] {
                    let answer = try world.ask("x.ads.example", from: client)
                    #expect((answer.answers.map { "\($0.data)" } == ["0.0.0.0"]) == isDenied, "\(client) round \(round)")
                    #expect(answer.extendedError == (isDenied ? .filtered : nil))
                }
            }
            #expect(world.upstream.count == 1)
        }
    }

    @Test func `an answer whose alias leads to a denied name is denied, when it comes and from the cache`() throws {
        let groups = [Self.group("kids", ["192.0.2.64/26"], blocks: 1)]
        let book = try Self.book([("trackers", "||tracker.test.example^\n")], groups: groups)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                let records = ["\(name) 300 IN CNAME a.example.", "a.example. 300 IN CNAME x.tracker.test.example."]
                return .reply(to: query, .noError, records + ["x.tracker.test.example. 300 IN A 192.0.2.1"])
            }
            for _ in 0..<2 {
                let denied = try world.ask("metrics.shop.example", from: "192.0.2.65")
                #expect(denied.answers.map { "\($0.data)" } == ["0.0.0.0"])
                #expect(denied.edns?.extendedError?.text == "trackers: tracker.test.example")
                #expect(try world.ask("metrics.shop.example", from: "192.0.2.1").answers.count == 3)
            }
            #expect(world.upstream.count == 1)
        }
    }

    @Test func `what a group is denied gets into no answer that others share`() throws {
        let book = try Self.book(
            [("ads", "||tracker.example^\n")],
            groups: [
                Self.group("default", [], blocks: 1), Self.group("free", ["192.0.2.64/26"], blocks: 0),
            ])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            // An upstream that does not follow aliases.
            world.upstream.answer = { query in
                let name = query.questions[0].name
                return "\(name)".lowercased().hasPrefix("shop")
                    ? .reply(to: query, .noError, ["\(name) 300 IN CNAME t.tracker.example."]) : .address(query)
            }
            for _ in 0..<2 {
                #expect(try world.ask("shop.example", from: "192.0.2.1").answers.map { "\($0.data)" } == ["0.0.0.0"])
                #expect(try world.ask("t.tracker.example", from: "192.0.2.65").answers.map { "\($0.data)" } == ["192.0.2.1"])
                let free = try world.ask("shop.example", from: "192.0.2.65")
                #expect(free.answers.map { "\($0.data)" } == ["t.tracker.example.", "192.0.2.1"])
            }
        }
    }

    @Test func `an exception for the question's name lets its aliases pass`() throws {
        let book = try Self.book([("trackers", "||tracker.example^\n@@||good.example^\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                return .reply(
                    to: query, .noError, ["\(name) 300 IN CNAME t.tracker.example.", "t.tracker.example. 300 IN A 192.0.2.1"])
            }
            for _ in 0..<2 {
                #expect(try world.ask("good.example").answers.count == 2)
                #expect(try world.ask("bad.example").answers.map { "\($0.data)" } == ["0.0.0.0"])
            }
        }
    }

    @Test func `another book changes cached answers at once, there and back`() throws {
        try ResolverWorld.run { world throws in
            let free = { try world.ask("www.ads.example").answers.map { "\($0.data)" } == ["192.0.2.1"] }
            #expect(try free())
            var policy = world.policy
            for mark in UInt8(1)...6 {
                policy.rules = try Self.book([("ads", mark % 2 == 1 ? "||ads.example^\n" : "||other.example^\n")], mark: mark)
                world.resolver.adopt(policy)
                for _ in 0..<3 { #expect(try free() == (mark % 2 == 0)) }
            }
            policy.rules = nil
            world.resolver.adopt(policy)
            #expect(try free() && world.upstream.count == 1)
        }
    }

    @Test func `an entry that passes is judged once for each book`() throws {
        let book = try Self.book([("ads", "||ads.example^\n")], mark: 9)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for name in ["www.example", "none.example"] {
                world.upstream.answer = { query in
                    "\(query.questions[0].name)".hasPrefix("none")
                        ? .reply(to: query, .nxDomain, authority: ["example. 300 IN SOA ns.example. h.example. 1 2 3 4 300"])
                        : .address(query)
                }
                for passed in [nil, UInt8(0), 9, 9] {
                    var query = QueryView()
                    let bytes = Message.query(name).wire
                    #expect(query.read(bytes.span, seed: 99) == .query)
                    var buffer = bytes + [UInt8](repeating: 0, count: 512)
                    var span = buffer.mutableSpan
                    let found = world.shared.cache.answer(
                        &query, at: BootSeconds(rawValue: world.hub.bootSeconds), into: &span, at: bytes.count)
                    if case .hit(let stored) = found { #expect(stored.passedBy == passed) } else { #expect(passed == nil) }
                    _ = try world.ask(name)
                }
            }
            var cursor = WalkCursor()
            while world.shared.cache.forgetPassed(&cursor) {}
            #expect(
                world.shared.cache.entries(FixedName(Name("www.example")!), .a, at: BootSeconds(rawValue: 0)).allSatisfy {
                    $0.answer.passedBy == 0
                })
        }
    }

    @Test func `an answer is judged once for all who wait for it, whatever their group, and once more in the cache`() throws {
        let groups = [Self.group("kids", ["192.0.2.64/26"], blocks: 1)]
        let book = try Self.book([("trackers", "||tracker.test.example^\n")], groups: groups)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                let records = ["\(name) 300 IN CNAME x.tracker.test.example.", "x.tracker.test.example. 300 IN A 192.0.2.1"]
                return .reply(to: query, .noError, records)
            }
            let askers = (0..<40).map { number in
                world.hub.spawn { try world.ask("shop.example", from: "192.0.2.\(number % 2 == 0 ? 65 : 1)") }
            }
            let answers = try askers.map { try $0.get().answers.count }
            #expect(answers == (0..<40).map { $0 % 2 == 0 ? 1 : 2 })
            #expect(world.upstream.count == 1 && world.resolver.judgedCount == 1)
            for round in 0..<20 {
                let isKid = round % 2 == 0
                let answer = try world.ask("shop.example", from: isKid ? "192.0.2.66" : "192.0.2.2")
                #expect(answer.answers.map { "\($0.data)" }.last == (isKid ? "0.0.0.0" : "192.0.2.1"))
                #expect(answer.extendedError == (isKid ? .filtered : nil))
            }
            #expect(world.resolver.judgedCount == 2)
            // Another answer in its place is judged by itself.
            world.upstream.answer = { .address($0) }
            world.shared.cache.remove(.everything)
            for _ in 0..<3 {
                #expect(try world.ask("shop.example", from: "192.0.2.65").answers.map { "\($0.data)" } == ["192.0.2.1"])
            }
            #expect(world.resolver.judgedCount == 4)
        }
    }

    @Test func `an answer too long for its clients is judged once while it is kept, whole`() throws {
        let groups = [Self.group("kids", ["192.0.2.64/26"], blocks: 1)]
        let book = try Self.book([("rpz", "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n32.99.1.0.10.rpz-ip CNAME .\n")], groups: groups)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                return .reply(to: query, .noError, (0..<100).map { "\(name) 300 IN A 10.0.1.\($0)" })
            }
            for round in 0..<20 {
                let isKid = round % 2 == 0
                let answer = try world.ask("many.example", from: isKid ? "192.0.2.66" : "192.0.2.2")
                #expect(answer.responseCode == (isKid ? .nxDomain : .noError) && answer.flags.isTruncated == !isKid)
            }
            #expect(world.resolver.judgedCount == 2)
        }
    }

    @Test func `an exception for one link of a chain lets no other link pass`() throws {
        let book = try Self.book([
            ("trackers", "||tracker.example^\n@@||good.example^\n"),
            (
                "rpz",
                """
                $ORIGIN rpz.
                @ SOA a. b. 1 2 3 4 5
                32.1.2.0.192.rpz-ip CNAME rpz-passthru.
                24.0.2.0.192.rpz-ip CNAME .
                """
            ),
        ])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                if "\(name)".lowercased().hasPrefix("two.") {
                    return .reply(to: query, .noError, [1, 9].map { "\(name) 300 IN A 192.0.2.\($0)" })
                }
                let records = [
                    "\(name) 300 IN CNAME x.good.example.", "x.good.example. 300 IN CNAME t.tracker.example.",
                    "t.tracker.example. 300 IN A 203.0.113.1",
                ]
                return .reply(to: query, .noError, records)
            }
            for _ in 0..<2 {
                #expect(try world.ask("shop.example").answers.map { "\($0.data)" } == ["0.0.0.0"])
                #expect(try world.ask("good.example").answers.count == 3)
                // But a policy zone hears one rule, and that is the one of the longest prefix.
                #expect(try world.ask("two.example").answers.count == 2)
            }
        }
    }

    @Test func `no mark of a former round is put on an answer once another round has begun`() throws {
        let book = try Self.book([("ads", "||ads.example^\n")], mark: 9)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            let marks = {
                world.shared.cache.entries(FixedName(Name("www.example")!), .a, at: BootSeconds(rawValue: 0)).map(
                    \.answer.passedBy)
            }
            for _ in 0..<3 { _ = try world.ask("www.example") }
            #expect(marks() == [9])
            world.shared.cache.beginMarkRound(1)
            var cursor = WalkCursor()
            while world.shared.cache.forgetPassed(&cursor) {}
            for _ in 0..<3 { _ = try world.ask("www.example") }
            #expect(marks() == [0])
            var policy = world.policy
            policy.rules = RuleBook(book.content, mark: 9, round: 1, hits: ListHits())
            world.resolver.adopt(policy)
            _ = try world.ask("www.example")
            #expect(marks() == [9])
        }
    }

    @Test func `our own records come before lists and cache, and their aliases lead on`() throws {
        try ResolverWorld.run { world throws in
            _ = try world.ask("nas.home.test.example")
            var policy = world.policy
            policy.rules = try Self.book([("ads", "||test.example^\n")]) {
                $0.local = NameRules.LocalZone(
                    """
                    nas.home.test.example. 60 IN A 192.0.2.200
                    web.home.test.example. IN CNAME www.elsewhere.example.
                    box.home.test.example. IN CNAME nas.home.test.example.
                    printer.home.test.example.: nxdomain
                    """)
            }
            world.resolver.adopt(policy)
            let own = try world.ask("NAS.home.test.example", edns: EDNS())
            #expect(
                own.answers.map { "\($0.ttl) \($0.data)" } == ["60 192.0.2.200"]
                    && own.questions[0].name.description.hasPrefix("NAS"))
            #expect(try world.ask("nas.home.test.example", .aaaa).authorities.map(\.type) == [.soa])
            #expect(try world.ask("x.printer.home.test.example").responseCode == .nxDomain)
            let web = try world.ask("web.home.test.example")
            #expect(web.answers.map { "\($0.data)" } == ["www.elsewhere.example.", "192.0.2.1"])
            #expect(web.answers.map { "\($0.owner)" } == ["web.home.test.example.", "www.elsewhere.example."])
            #expect(
                try world.ask("box.home.test.example").answers.map { "\($0.data)" } == ["nas.home.test.example.", "192.0.2.200"])
        }
    }

    @Test func `rewrites and safe searches lead to the other name's answer, for whom they hold`() throws {
        var kids = Self.group("kids", ["192.0.2.64/26"], blocks: 0)
        kids.usesSafeSearch = true
        let book = try Self.book([], groups: [kids]) { $0.rewrites = [Name("old.example")!.wire: Name("new.example")!] }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                "\(query.questions[0].name)".lowercased().hasPrefix("new.")
                    ? .reply(
                        to: query, .noError, ["new.example. 300 IN CNAME host.example.", "host.example. 60 IN A 192.0.2.9"])
                    : .address(query)
            }
            for _ in 0..<2 {
                let moved = try world.ask("old.example", from: "192.0.2.1")
                #expect(moved.answers.map { "\($0.data)" } == ["new.example.", "host.example.", "192.0.2.9"])
                let safe = try world.ask("www.google.de", from: "192.0.2.65")
                #expect(safe.answers.first.map { "\($0.data)" } == "forcesafesearch.google.com." && safe.answers.count == 2)
                #expect(safe.extendedError == .forgedAnswer)
                #expect(try world.ask("www.google.de", from: "192.0.2.1").answers.count == 1)
            }
            #expect(world.upstream.count == 3)
        }
    }

    @Test(arguments: [
        "10.1.2.3", "127.0.0.1", "169.254.1.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1",
        "::ffff:10.0.0.1",
    ])
    func `a private address in an answer from outside is refused, exceptions and domains of our own apart`(_ text: String) throws
    {
        let book = try Self.book([]) {
            $0.refusesPrivate = true
            $0.privateExceptions = [Name("except.example")!.wire]
        }
        let type: RecordType = text.contains(":") ? .aaaa : .a
        try ResolverWorld.run(policy: { policy in
            policy.rules = book
            policy.routes.append(ResolverWorld.route("corp.example", SocketAddress(.loopback, port: 5353)))
        }) { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                if query.questions[0].type == .https {
                    return .reply(to: query, .noError, ["\(name) 300 IN HTTPS 1 . ipv4hint=192.168.1.1"])
                }
                return .reply(to: query, .noError, ["\(name) 300 IN \(type) \(text)"])
            }
            for _ in 0..<2 {
                let refused = try world.ask("rebind.example", type, edns: EDNS())
                #expect(refused.responseCode == .refused && refused.answers.isEmpty && refused.extendedError == .blocked)
                #expect(try world.ask("rebind.example", .https).responseCode == .refused)
                #expect(try world.ask("x.except.example", type).answers.count == 1)
                #expect(try world.ask("x.corp.example", type).answers.count == 1)
            }
        }
    }

    @Test func `policy zones answer as their rules say`() throws {
        let zone = """
            $ORIGIN rpz.example.
            @ SOA ns. root. 1 2 3 4 5
            nx.test.example CNAME .
            nodata.test.example CNAME *.
            drop.test.example CNAME rpz-drop.
            tcp.test.example CNAME rpz-tcp-only.
            data.test.example A 192.0.2.33
            alias.test.example CNAME walled.garden.example.
            32.66.2.0.192.rpz-ip CNAME .
            """
        let book = try Self.book([("rpz", zone)])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                let isBad = "\(query.questions[0].name)".lowercased().hasPrefix("bad.")
                return .reply(to: query, .noError, ["\(query.questions[0].name) 300 IN A 192.0.2.\(isBad ? 66 : 1)"])
            }
            #expect(try world.ask("nx.test.example").responseCode == .nxDomain)
            #expect(try world.ask("nodata.test.example").authorities.count == 1)
            #expect(world.exchange(Message.query("drop.test.example").wire) == nil)
            #expect(try world.ask("tcp.test.example").flags.isTruncated)
            #expect(try world.ask("tcp.test.example", streams: true).answers.count == 1)
            #expect(try world.ask("data.test.example").answers.map { "\($0.data)" } == ["192.0.2.33"])
            #expect(try world.ask("alias.test.example").answers.map { "\($0.data)" } == ["walled.garden.example.", "192.0.2.1"])
            for _ in 0..<2 { #expect(try world.ask("bad.example").responseCode == .nxDomain) }
        }
    }
}
