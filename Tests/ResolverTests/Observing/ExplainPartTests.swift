import AnswerCache
import DNSWire
import Green
import NameRules
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// What the walk of a query tells, part by part: local data, rules, Redis, upstreams, connections, what is believed and kept.
@Suite struct ExplainPartTests {
    /// The steps of a walk, a line each.
    private func walk(_ resolver: Resolver, _ name: String, _ type: RecordType = .a, client: String = "127.0.0.1") -> [String] {
        let query = Message.query(name, type, edns: EDNS()).wire
        let found = resolver.explain(query, from: IPAddress(client)!.number, skipsCache: false)
        return found.steps.map { "\($0.subject): \($0.text)" }
    }

    @Test func `what is answered here is told with what it is answered from`() throws {
        var kids = RuleTests.group("kids", ["192.0.2.0/24"], blocks: 0)
        kids.usesSafeSearch = true
        let book = try RuleTests.book([], groups: [kids]) {
            $0.local = NameRules.LocalZone("nas.home. 300 IN A 192.0.2.10\n")
            $0.rewrites = [Name("old.example.")!.wire: Name("new.example.")!]
        }
        try ResolverWorld.run(policy: {
            $0.rules = book
            $0.hosts = HostsTable.load(Array("192.0.2.7 printer.lan".utf8))
        }) { world throws in
            for (name, type, step) in [
                ("printer.lan.", .a, "local: the hosts file"),
                ("printer.lan.", .mx, "local: the hosts file, which has the name with other types"),
                ("nas.home.", .a, "local: records of the settings"), ("nas.home.", .mx, "local: the settings: nodata"),
                ("old.example.", .a, "local: old.example. stands for new.example."),
                ("x.10.in-addr.arpa.", .ptr, "local: the locally served zone 10.in-addr.arpa"),
                ("single.", .a, "local: the locally served zone single"),
            ] as [(String, RecordType, String)] {
                let found = walk(world.resolver, name, type)
                #expect(found.contains(step), "\(step) is not in \(found)")
            }
            let search = walk(world.resolver, "www.google.com.", client: "192.0.2.9")
            #expect(
                search.contains("rules: www.google.com. stands for forcesafesearch.google.com., for safe search"), "\(search)")
            #expect(search.contains { $0.hasPrefix("flight: opened") } && search.last == "answer: from rule")
        }
    }

    @Test func `a connection is told of as new or as one that stands, and records that are not believed are counted`() throws {
        try ResolverWorld.run(policy: {
            let server = $0.routes[0].upstreams[0].address
            $0.routes[0].upstreams[0] = Policy.Upstream(UpstreamAddress(server.address, transport: .tcp), id: 1)
        }) { world throws in
            world.upstream.answer = { query in
                var reply = Message.reply(to: query)
                reply.answers = [
                    try! ResourceRecord(text: "\(query.questions[0].name) 300 IN A 192.0.2.1"),
                    try! ResourceRecord(text: "stranger.example. 300 IN A 192.0.2.66"),
                ]
                return reply
            }
            let first = walk(world.resolver, "one.example.")
            #expect(first.contains { $0.hasSuffix(": asked over tcp, on a new connection") }, "\(first)")
            #expect(first.contains { $0.contains(": 1 + 0 + 0 records, 16 bytes, 1 records not believed") }, "\(first)")
            let kept = try #require(first.first { $0.hasPrefix("store: ") })
            #expect(kept.contains(/kept for 300 s, until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/), "\(kept)")
            let second = walk(world.resolver, "two.example.")
            #expect(second.contains { $0.hasSuffix(": asked over tcp, on a connection that stands") }, "\(second)")
            let third = walk(world.resolver, "two.example.")
            #expect(third.contains { $0.contains("memory: an answer from tcp://127.0.0.1:5353 over tcp, 0 s old") }, "\(third)")
        }
    }

    @Test func `Redis is told of, whether it has something or not, and is not asked`() throws {
        var dynamic = DomainRule(domain: Name("dyn.example.")!.wire)
        dynamic.noCache = true
        try RedisWorld.run(rules: [dynamic]) { world in
            let first = walk(world.one, "www.example.")
            #expect(first.contains("redis: has nothing"), "\(first)")
            try sleep(.seconds(2))
            let other = walk(world.other, "www.example.")
            #expect(other.contains("redis: has an answer, for 298 s more; it is kept in memory"), "\(other)")
            #expect(!other.contains { $0.contains("asked over") } && other.last == "answer: from redis")
            let again = walk(world.other, "www.example.")
            #expect(again.contains { $0.contains("memory: an answer from 127.0.0.1:5353, by way of Redis, 0 s old") }, "\(again)")
            #expect(walk(world.other, "x.dyn.example.").contains("redis: not asked: its domain has no-cache"))
            world.redis.delay = .milliseconds(50)
            let late = walk(world.one, "late.example.")
            #expect(late.contains { $0.hasPrefix("redis: no answer within") }, "\(late)")
        }
    }
}
