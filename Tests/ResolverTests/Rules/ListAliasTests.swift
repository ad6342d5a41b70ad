import DNSWire
import Green
import NameRules
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Aliases of lists, as walled gardens have them: what they lead to is no matter of lists any more.
@Suite struct ListAliasTests {
    /// A policy zone's text.
    private static func zone(_ lines: [String]) -> String {
        "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n" + lines.joined(separator: "\n") + "\n"
    }

    private static func book(
        _ lines: [String], groups: [NameRules.Group]? = nil, _ configure: (inout RuleBook.Content) -> Void = { _ in }
    ) throws -> RuleBook {
        try RuleTests.book([("rpz", zone(lines))], groups: groups, configure)
    }

    /// An upstream that has names with `walled` at 198.51.100.9 and all else at 192.0.2.66.
    private static func upstream(_ query: Message) -> Message? {
        let name = query.questions[0].name
        guard query.questions[0].type == .a else { return .reply(to: query, .noError, ["\(name) 300 IN TXT x"]) }
        let address = "\(name)".lowercased().contains("walled") ? "198.51.100.9" : "192.0.2.66"
        return .reply(to: query, .noError, ["\(name) 300 IN A \(address)"])
    }

    /// The data of an answer.
    private static func data(_ answer: Message) -> [String] { answer.answers.map { "\($0.data)" } }

    @Test(arguments: [
        (["* CNAME walled.example."], "www.bad.test", "walled.example."),
        (["*.corp.example CNAME walled.corp.example."], "x.corp.example", "walled.corp.example."),
        (["0.0.0.0.0.rpz-ip CNAME walled.example."], "bad.example", "walled.example."),
        (["0.0.0.0.0.rpz-ip CNAME walled.example.", "walled.example CNAME ."], "bad.example", "walled.example."),
        (["bad.example CNAME walled.example.", "walled.example CNAME other.example."], "bad.example", "walled.example."),
        (["bad.example CNAME walled.example.", "24.0.100.51.198.rpz-ip CNAME ."], "bad.example", "walled.example."),
    ])
    func `what an alias of a list leads to is judged by no list`(_ lines: [String], _ name: String, _ target: String) throws {
        let book = try Self.book(lines)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream
            // When it comes, and from the cache.
            for edns in [nil, EDNS(), nil, EDNS()] {
                let answer = try world.ask(name, edns: edns)
                #expect(answer.responseCode == .noError && Self.data(answer) == [target, "198.51.100.9"])
                #expect(answer.answers.map(\.owner) == [Name(name)!, Name(target)!] && answer.authorities.isEmpty)
                #expect(answer.extendedError == (edns == nil ? nil : .forgedAnswer))
            }
            #expect(book.hits.all[0] == 4)
        }
    }

    @Test(arguments: ["* CNAME walled.example.", "*.example CNAME walled.example.", "0.0.0.0.0.rpz-ip CNAME walled.example."])
    func `the name that a list leads all names to is as it is`(_ line: String) throws {
        let book = try Self.book([line])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream
            for edns in [nil, EDNS(), nil, EDNS()] {
                let answer = try world.ask("WALLED.example", edns: edns)
                #expect(answer.responseCode == .noError && Self.data(answer) == ["198.51.100.9"] && answer.extendedError == nil)
                #expect(try world.ask("walled.example", .cname, edns: edns).answers.map(\.type) != [.cname])
            }
            #expect(book.hits.all[0] == 0)
        }
    }

    @Test(arguments: [
        ("*.bad.example CNAME *.walled.example.", "x.BAD.example.", "x.bad.example."),
        ("bad.example CNAME *.walled.example.", "bad.example.", "bad.example."), ("* CNAME *.walled.example.", "a.b.", "a.b."),
        ("24.0.2.0.192.rpz-ip CNAME *.walled.example.", "bad.example.", "bad.example."),
        ("*.tracker.example CNAME *.walled.example.", "shop.example.", "t.tracker.example."),
    ])
    func `an alias of a list to a wildcard leads to the denied name below that`(
        _ line: String, _ name: String, _ denied: String
    ) throws {
        let book = try Self.book([line])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { query in
                guard "\(query.questions[0].name)".lowercased().hasPrefix("shop.") else { return Self.upstream(query) }
                return .reply(
                    to: query, .noError, ["\(name) 300 IN CNAME \(denied)", "\(denied) 300 IN A 203.0.113.1"])
            }
            for edns in [nil, EDNS(), nil, EDNS()] {
                let answer = try world.ask(name, edns: edns)
                #expect(answer.responseCode == .noError && Self.data(answer) == ["\(denied)walled.example.", "198.51.100.9"])
            }
            // Other types lead there as well; who asks for the alias is told it.
            guard name.lowercased() == denied, !line.contains("rpz-ip") else { return }
            #expect(try world.ask(name, .txt).answers.map(\.type) == [.cname, .txt])
            #expect(Self.data(try world.ask(name, .cname)) == ["\(denied)walled.example."])
        }
    }

    @Test func `where the name below a wildcard would be too long, there is none`() throws {
        let book = try Self.book(["* CNAME *.walled.example."])
        let label = String(repeating: "x", count: 59)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream
            let (long, short) = (Array(repeating: label, count: 4).joined(separator: "."), "\(label).example")
            for _ in 0..<2 {
                #expect(try world.ask(long).responseCode == .nxDomain)
                #expect(try world.ask(short).responseCode == .noError)
            }
            #expect(world.upstream.count == 1)
        }
    }

    @Test(arguments: ["walled.example CNAME .", "*.example CNAME *.", "walled.example CNAME rpz-drop."])
    func `what was denied lately is not denied to whom an alias of a list leads there`(_ line: String) throws {
        let book = try Self.book(["bad.example CNAME walled.example.", line])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream
            for edns in [nil, EDNS(), nil, EDNS()] {
                for _ in 0..<2 {
                    let direct = world.exchange(Message.query("walled.example", edns: edns).wire)
                    #expect(try direct.map { try Message($0.span).answers }?.isEmpty != false)
                }
                let answer = try world.ask("bad.example", edns: edns)
                #expect(answer.responseCode == .noError && Self.data(answer) == ["walled.example.", "198.51.100.9"])
            }
        }
    }

    @Test func `our own records, rewrites, the hosts file and safe searches count behind an alias of a list`() throws {
        var group = RuleTests.group("default", [], blocks: 1)
        group.usesSafeSearch = true
        let lines = ["one", "two", "three", "four", "five"].map { "\($0).example CNAME to-\($0).example." }
        let book = try Self.book(lines + ["to-five.example CNAME .", "six.example CNAME duckduckgo.com."], groups: [group]) {
            $0.local = NameRules.LocalZone("to-one.example. 60 IN A 192.0.2.1\nto-two.example.: nxdomain\n")
            $0.rewrites = [Name("to-three.example")!.wire: Name("to-five.example")!]
        }
        try ResolverWorld.run(policy: { policy in
            policy.rules = book
            policy.hosts = HostsTable.load(Array("192.0.2.4 to-four.example".utf8))
        }) { world throws in
            world.upstream.answer = Self.upstream
            for (name, data) in [
                ("one", ["to-one.example.", "192.0.2.1"]), ("two", ["to-two.example."]),
                ("three", ["to-three.example.", "to-five.example.", "192.0.2.66"]), ("four", ["to-four.example.", "192.0.2.4"]),
                ("five", ["to-five.example.", "192.0.2.66"]),
                ("six", ["duckduckgo.com.", "safe.duckduckgo.com.", "192.0.2.66"]),
            ] {
                for _ in 0..<2 {
                    let answer = try world.ask("\(name).example", edns: EDNS())
                    #expect(answer.responseCode == (name == "two" ? .nxDomain : .noError) && Self.data(answer) == data, "\(name)")
                }
            }
            // Who asks for it without the list's word is denied it.
            #expect(try world.ask("to-five.example").responseCode == .nxDomain)
        }
    }

    @Test func `a private address behind an alias of a list is refused where such are`() throws {
        let book = try Self.book(["bad.example CNAME walled.example."]) { $0.refusesPrivate = true }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = { .reply(to: $0, .noError, ["\($0.questions[0].name) 300 IN A 10.0.0.1"]) }
            for _ in 0..<2 {
                let answer = try world.ask("bad.example", edns: EDNS())
                #expect(answer.responseCode == .refused && Self.data(answer) == ["walled.example."])
            }
        }
    }

    @Test func `an alias of a list is followed behind a name of ours, and not once more`() throws {
        let book = try Self.book(["0.0.0.0.0.rpz-ip CNAME walled.example."]) {
            $0.rewrites = [Name("old.example")!.wire: Name("new.example")!]
        }
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream
            for _ in 0..<3 {
                let answer = try world.ask("old.example", edns: EDNS())
                #expect(Self.data(answer) == ["new.example.", "walled.example.", "198.51.100.9"])
                #expect(answer.responseCode == .noError && world.upstream.count == 2)
            }
        }
    }

    @Test(arguments: [(255, false), (320, true)])
    func `an alias of a list is followed in place of an answer that is longer than the buffer`(
        _ count: Int, _ streams: Bool
    ) throws {
        let book = try Self.book(["24.0.2.0.192.rpz-ip CNAME walled.example.", "fine.example CNAME rpz-passthru."])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = {
                "\($0.questions[0].name)".lowercased().contains("walled") ? Self.upstream($0) : .address($0, count: count)
            }
            let ask = { (name: String, recurses: Bool) throws -> Message in
                var query = Message.query(name, edns: EDNS())
                query.flags.recursionDesired = recurses
                let answer = try #require(world.resolver.exchange(query.wire, room: 4096, streams: streams))
                return try Message(answer.span)
            }
            for _ in 0..<3 {
                let answer = try ask("bad.example", true)
                #expect(Self.data(answer) == ["walled.example.", "198.51.100.9"] && answer.responseCode == .noError)
                // What the list lets pass is what the cache has: cut, for no client here takes all of it.
                let fine = try ask("fine.example", true)
                #expect(fine.flags.isTruncated && fine.responseCode == .noError && fine.extendedError == nil)
            }
            // Nobody is asked for what the cache has, nor for a client that wants no recursion.
            #expect(world.upstream.count - world.upstream.streamCount == 3 && world.upstream.streamCount == 2)
            #expect(try ask("bad.example", false).responseCode == .refused)
        }
    }

    @Test(arguments: [true, false])
    func `an alias of a list is followed in place of a stale answer, with DO or without`(_ asksWithDO: Bool) throws {
        let book = try Self.book(["24.0.2.0.192.rpz-ip CNAME walled.example."])
        try StaleWorld.run({ $0.rules = book }) { world in
            let reply = { (fails: Bool) in
                StubUpstream.Conduct.reply { query in
                    let name = "\(query.questions[0].name)".lowercased()
                    if name.contains("walled") { return .reply(to: query, .noError, ["\(name) 300 IN A 198.51.100.9"]) }
                    let address = name.contains("fine") ? "203.0.113.1" : "192.0.2.66"
                    return .reply(to: query, fails ? .servFail : .noError, fails ? [] : ["\(name) 300 IN A \(address)"])
                }
            }
            world.upstream.conduct = reply(false)
            let first = EDNS(dnssecOK: !asksWithDO)
            for name in ["bad.example.", "fine.example."] { _ = try world.ask(name, edns: first) }
            try sleep(.seconds(301))
            world.upstream.conduct = reply(true)
            let cache = world.resolver.shared.cache
            for edns in [EDNS(dnssecOK: asksWithDO), first] {
                for _ in 0..<2 {
                    let answer = try world.ask("bad.example.", edns: edns).0
                    #expect(Self.data(answer) == ["walled.example.", "198.51.100.9"] && answer.responseCode == .noError)
                    #expect(answer.extendedError == .forgedAnswer)
                }
            }
            // Nobody was given it.
            #expect(cache.statistics.staleHits == 0)
            for count in 1...3 {
                let fine = try world.ask("fine.example.", edns: EDNS(dnssecOK: asksWithDO)).0
                #expect(Self.data(fine) == ["203.0.113.1"] && fine.extendedError == .staleAnswer)
                #expect(cache.statistics.staleHits == UInt64(count))
            }
        }
    }

    @Test func `an answer that is denied by an alias only when it is written is asked for again by its client`() throws {
        let book = try Self.book(["24.0.2.0.192.rpz-ip CNAME walled.example."])
        try ResolverWorld.run { world throws in
            world.upstream.answer = Self.upstream
            _ = try world.ask("bad.example")
            var policy = world.policy
            policy.rules = book
            world.resolver.adopt(policy)
            var query = QueryView()
            let bytes = Message.query("bad.example").wire
            _ = query.read(bytes.span, seed: world.shared.cache.seed)
            let pending = PendingQuery(&query, bytes.span)
            var buffer = [UInt8](repeating: 0, count: 512)
            var span = buffer.mutableSpan
            let count = world.resolver.write(pending, .cached, into: &span, limit: 512)
            let answer = try Message(span.span.extracting(first: count))
            #expect(answer.responseCode == .servFail && answer.answers.isEmpty)
        }
    }
}
