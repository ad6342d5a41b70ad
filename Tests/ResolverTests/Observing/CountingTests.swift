import AnswerCache
import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Resolver

/// What a resolver counts of queries: each answer once, by where it came from and by its rcode.
@Suite struct CountingTests {
    /// Expects the only counts there are, by source and rcode.
    private func expectCounts(
        _ world: ResolverWorld, _ expected: [AnswerSource: [UInt16: UInt64]], at location: SourceLocation = #_sourceLocation
    ) {
        for source in AnswerSource.allCases {
            for code in 0..<32 {
                let count = world.shared.figures.sum { $0.responses(source, code) }
                #expect(
                    count == expected[source]?[UInt16(code)] ?? 0, "\(source) \(ResponseCode(rawValue: UInt16(code)))",
                    sourceLocation: location)
            }
        }
    }

    @Test func `an answer is counted once, by where it came from and by its rcode`() throws {
        let book = try RuleTests.book([("ads", "||ads.example^\n")])
        try ResolverWorld.run(policy: {
            $0.rules = book
            $0.hosts = HostsTable.load(Array("192.0.2.7 printer.home".utf8))
        }) { world throws in
            world.upstream.answer = { query in
                "\(query.questions[0].name)".lowercased().hasPrefix("none")
                    ? .reply(
                        to: query, .nxDomain, authority: ["example. 300 IN SOA ns.example. host.example. 1 3600 900 86400 300"])
                    : .address(query)
            }
            for _ in 0..<3 { _ = try world.ask("www.example.") }
            for _ in 0..<2 { _ = try world.ask("none.example.") }
            _ = try world.ask("printer.home.")
            _ = try world.ask("ads.example.")
            _ = try world.ask("www.example.", .axfr)
            var odd = Message.query("www.example.", edns: EDNS())
            odd.edns?.version = 7
            _ = try world.ask(odd)
            expectCounts(
                world,
                [
                    .upstream: [0: 1, 3: 1], .memory: [0: 2, 3: 1], .local: [0: 1], .rule: [0: 1], .error: [5: 1, 16: 1],
                ])
        }
    }

    @Test func `an answer that limits cut to nothing is no answer, and counts as dropped`() throws {
        try ResolverWorld.run { world throws in
            let watcher = try #require(world.shared.tap.watch())
            for (length, step, outcome) in [(0, .drop, .limited), (17, .answered(17), .slipped)]
                as [(Int, Resolver.Step, AnswerOutcome)]
            {
                var query = QueryView()
                let message = Message.query("www.example.", .axfr).wire
                var buffer = message + [UInt8](repeating: 0, count: 4_096)
                var span = buffer.mutableSpan
                let found = world.resolver.beginAside(
                    &query, message.count, in: &span, from: TappedClient(1, over: .udp)
                ) { _, _ in .slipped(length) }
                #expect(found == step && watcher.take().entries.map(\.outcome) == [outcome])
            }
            #expect(world.shared.figures.sum { $0.dropped.value } == 1)
            expectCounts(world, [.error: [5: 1]])
        }
    }

    @Test func `what was waited for is counted with its time, what was not with none`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(20)
            for _ in 0..<10 { _ = try world.ask("www.example.") }
            let figures = try #require(world.shared.figures.all.first)
            #expect(figures.durations(.upstream).count == 1)
            let took = try #require(figures.durations(.upstream).quantile(permille: 500))
            #expect((18_000...24_000).contains(took), "\(took)")
            #expect(figures.durations(.memory).count == 9)
            #expect(figures.durations(.memory).count(below: 6) == 9)
        }
    }

    @Test func `queries that join a flight are counted, and answered from the upstream all the same`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(50)
            _ = try world.askAtOnce(5) { _ in .query("www.example.") }
            #expect(world.shared.figures.sum { $0.coalesced.value } == 4)
            expectCounts(world, [.upstream: [0: 5]])
        }
    }

    @Test func `following an alias counts nothing besides its client's answer`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                let name = "\(query.questions[0].name)".lowercased()
                guard name.hasPrefix("www") else { return .address(query) }
                var reply = Message.reply(to: query)
                reply.answers = [try! ResourceRecord(text: "\(query.questions[0].name) 300 IN CNAME target.example.")]
                return reply
            }
            // The target is in the cache by then: it is looked up there for the alias.
            _ = try world.ask("target.example.")
            #expect(try world.ask("www.example.").answers.count == 2)
            expectCounts(world, [.upstream: [0: 2]])
        }
    }

    @Test func `an answer that does not fit is counted as truncated`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { .address($0, count: 60) }
            #expect(try world.ask("www.example.").flags.isTruncated)
            #expect(try world.ask("www.example.").flags.isTruncated)
            #expect(world.shared.figures.sum { $0.truncated.value } == 2)
        }
    }

    @Test func `no answer at all is counted as an error, and a stale one as stale`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .servFail
            #expect(try world.ask().0.extendedError == .staleAnswer)
            let figures = world.resolver.shared.figures
            #expect(figures.sum { $0.responses(.stale, 0) } == 1)
        }
        try ResolverWorld.run { world throws in
            world.upstream.answer = { .reply(to: $0, .servFail) }
            #expect(try world.ask("www.example.").responseCode == .servFail)
            expectCounts(world, [.error: [2: 1]])
        }
    }

    @Test func `an upstream's queries, replies, refusals and round trips are counted, whoever asks`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(20)
            for number in 0..<30 { _ = try world.ask("n\(number).example.") }
            world.upstream.answer = { .reply(to: $0, .refused) }
            _ = try world.ask("refused.example.")
            let health = try #require(world.shared.upstreams.inUse.first)
            let figures = health.figures
            #expect(figures.sum { $0.queries.value } >= 31)
            #expect(figures.sum { $0.replies.value } >= 31)
            #expect(figures.sum { $0.refusals.value } >= 1)
            let recent = figures.all.flatMap { $0.recent.microseconds }
            #expect(recent.count >= 31 && recent.allSatisfy { (19_000...25_000).contains($0) })
        }
    }
}
