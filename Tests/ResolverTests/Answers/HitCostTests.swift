import CAllocationCount
import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// What a hit may not do: allocate, or wait.
@Suite struct HitCostTests {
    @Test func `a hit allocates nothing and never switches`() throws {
        try ResolverWorld.run {
            $0.hosts = HostsTable.load(Array("192.0.2.7 printer.home".utf8))
        } _: { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name
                if "\(name)".lowercased().hasPrefix("none") {
                    return .reply(
                        to: query, .nxDomain,
                        authority: ["example. 300 IN SOA ns.example. hostmaster.example. 1 3600 900 86400 300"])
                }
                return .address(query, count: 5)
            }
            let queries: [(message: Message, debugCost: UInt64)] = [
                (.query("www.example."), 11), (.query("WWW.example.", edns: EDNS()), 12),
                (.query("none.example.", edns: EDNS(dnssecOK: true)), 12),
                (.query("www.example.", edns: EDNS(udpPayloadSize: 4096)), 12), (.query("printer.home."), 7),
            ]
            for query in queries {
                _ = try world.ask(query.message)
                let made = try Self.allocations(world.resolver, query.message.wire, rounds: 10_000)
                // What is made once for all of them is none of a hit's.
                #expect(made < 10_000 * Self.budget(query.debugCost) + 100, "\(made) for \(query)")
            }
        }
    }

    @Test func `a name that is denied again and again is looked up once, and allocates no more than a hit`() throws {
        let book = try RuleTests.book([("ads", "||ads.example^\n"), ("more", "||x.ads.example^\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            for (query, debugCost) in [
                (Message.query("x.ads.example."), UInt64(20)), (.query("x.ads.example.", edns: EDNS()), 20),
            ] {
                let first = try world.ask(query)
                let made = try Self.allocations(world.resolver, query.wire, rounds: 1000)
                #expect(made < 1000 * Self.budget(debugCost) + 100, "\(made) for \(query)")
                let again = try world.ask(query)
                #expect(again.answers.map { "\($0.data)" } == ["0.0.0.0"] && again.edns == first.edns)
            }
            #expect(world.upstream.count == 0 && book.hits.all[0] == 2004)
            var other = world.policy
            other.rules = try RuleTests.book([("ads", "||else.example^\n")], mark: 2)
            world.resolver.adopt(other)
            #expect(try world.ask("x.ads.example.", edns: EDNS()).answers.map { "\($0.data)" } == ["192.0.2.1"])
        }
    }

    /// Allocations of a hit: none. What is not optimised boxes values here and there; that may not grow either.
    private static func budget(_ debugCost: UInt64) -> UInt64 {
        #if DEBUG
        debugCost
        #else
        0
        #endif
    }

    /// A sanitizer has an allocator of its own, which nothing counts.
    @Test(.enabled(if: Hub.reportsOverflows)) func `the counter sees an allocation when there is one`() {
        let before = allocation_count()
        let array = [UInt8](repeating: 1, count: Int.random(in: 100...200))
        #expect(array.count >= 100 && allocation_count() > before)
    }

    /// How many allocations as many hits make.
    private static func allocations(_ resolver: Resolver, _ message: [UInt8], rounds: Int) throws -> UInt64 {
        var buffer = message + [UInt8](repeating: 0, count: 4096)
        var query = QueryView()
        var hits = 0
        var made: UInt64 = 0
        withoutSwitching {
            var span = buffer.mutableSpan
            for _ in 0..<rounds {
                for index in message.indices { span[index] = message[index] }
                let before = allocation_count()
                if case .answered = resolver.begin(&query, length: message.count, in: &span, from: 0) { hits += 1 }
                made += allocation_count() - before
            }
        }
        #expect(hits == rounds)
        return made
    }
}
