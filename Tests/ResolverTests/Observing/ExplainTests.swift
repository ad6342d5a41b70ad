import AnswerCache
import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Resolver

/// The walk of a query, watched; and what is seen of questions while they are asked and afterwards.
@Suite struct ExplainTests {
    /// The steps of an explanation, a line each.
    private func explain(
        _ world: ResolverWorld, _ name: String, _ type: RecordType = .a, client: String = "127.0.0.1", skipsCache: Bool = false
    ) throws -> (lines: [String], answer: Message?) {
        let query = Message.query(name, type, edns: EDNS()).wire
        let found = world.resolver.explain(query, from: IPAddress(client)!.number, skipsCache: skipsCache)
        let lines = found.steps.map { String(repeating: " ", count: $0.depth) + "\($0.subject): \($0.text)" }
        return (lines, try? Message(found.answer.span))
    }

    private func expect(_ lines: [String], _ parts: [String], at location: SourceLocation = #_sourceLocation) {
        var rest = lines[...]
        for part in parts {
            guard let index = rest.firstIndex(where: { $0.contains(part) }) else {
                Issue.record("\(part) is not in \(lines)", sourceLocation: location)
                return
            }
            rest = rest[(index + 1)...]
        }
    }

    @Test func `a miss is told from the cache to the upstream and back, and the next time it is a hit`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(20)
            let (lines, answer) = try explain(world, "www.example.")
            expect(
                lines,
                [
                    "memory: nothing is known", "flight: opened", "upstreams: ordered: 127.0.0.1:5353",
                    " 127.0.0.1:5353: asked over udp", " 127.0.0.1:5353: NOERROR after 20", "store: kept for",
                    "answer: from upstream",
                ])
            #expect(answer?.answers.count == 1)
            try sleep(.seconds(7))
            let (second, same) = try explain(world, "WWW.example.")
            expect(
                second,
                [
                    "memory: an answer from 127.0.0.1:5353 over udp, 7 s old, for 293 s more; given out 1 times",
                    "answer: from memory",
                ])
            #expect(same?.answers.count == 1 && world.upstream.count == 1)
        }
    }

    @Test func `no more steps are kept than there may be`() {
        let moment = Instant(nanoseconds: 1)
        let trace = QuestionTrace(at: moment)
        for number in 0..<1_000 { trace.note("step", at: moment, "\(number)") }
        #expect(trace.all.count == QuestionTrace.mostSteps)
    }

    @Test func `it counts nothing, for no client asked`() throws {
        try ResolverWorld.run { world throws in
            _ = try explain(world, "www.example.")
            _ = try explain(world, "www.example.")
            for source in AnswerSource.allCases {
                for code in 0..<32 { #expect(world.shared.figures.sum { $0.responses(source, code) } == 0) }
            }
        }
    }

    @Test func `without the cache the question is asked anew, and what comes is kept`() throws {
        try ResolverWorld.run { world throws in
            _ = try world.ask("www.example.")
            expect(
                try explain(world, "www.example.", skipsCache: true).lines,
                ["memory: not looked at", "asked over udp", "store: kept"])
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `a client that has a name is in the group of its name`() throws {
        var kids = RuleTests.group("kids", [], blocks: 1)
        kids.clientNames = ["tablet"]
        let book = try RuleTests.book([("ads", "||ads.example^\n")], groups: [RuleTests.group("default", [], blocks: 0), kids])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            let query = Message.query("x.ads.example.").wire
            let found = world.resolver.explain(
                query, from: IPAddress.loopback.number, named: ClientName("Tablet"), skipsCache: false)
            #expect(found.steps.first?.text == "kids" && found.steps.last?.text == "from rule")
        }
    }

    @Test func `a denial names list and rule, for the client it is explained for`() throws {
        let groups = [RuleTests.group("default", [], blocks: 0), RuleTests.group("kids", ["192.0.2.0/24"], blocks: 1)]
        let book = try RuleTests.book([("ads", "||ads.example^\n")], groups: groups)
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            let kid = try explain(world, "x.ads.example.", client: "192.0.2.9")
            expect(kid.lines, ["group: kids", "memory: nothing", "rules: denied by ads: ads.example", "answer: from rule"])
            let other = try explain(world, "x.ads.example.")
            expect(other.lines, ["group: default", "asked over udp", "answer: from upstream"])
            // What the cache has is denied to the first all the same.
            expect(
                try explain(world, "x.ads.example.", client: "192.0.2.9").lines, ["memory: an answer", "rules: denied by ads"])
        }
    }

    @Test func `a question that is being asked is joined, and a failing upstream is told of`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(50)
            let first = world.hub.spawn { try world.ask("www.example.") }
            try sleep(.milliseconds(10))
            expect(
                try explain(world, "www.example.").lines, ["flight: joined: this has been asked for 10", "answer: from upstream"])
            _ = try first.get()
            world.upstream.answer = { .reply(to: $0, .servFail) }
            let (lines, answer) = try explain(world, "fails.example.")
            expect(lines, ["SERVFAIL", "upstreams: no answer", "answer: from error"])
            #expect(answer?.responseCode == .servFail)
        }
    }

    @Test func `questions in flight are listed with how many wait and for whom, the oldest first`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(100)
            let one = (0..<3).map { _ in world.hub.spawn { try world.ask("one.example.") } }
            try sleep(.milliseconds(30))
            let two = world.hub.spawn { try world.ask("two.example.", .aaaa) }
            try sleep(.milliseconds(20))
            let now = world.hub.loop.now()
            let found = world.shared.questionsInFlight(limit: 10, at: now)
            #expect(found.map { "\($0.name!) \($0.type) \($0.clients)" } == ["one.example. A 3", "two.example. AAAA 1"])
            #expect(found.allSatisfy { $0.waitsFor == .upstream(1) && $0.outcome == nil })
            #expect((49_000_000...60_000_000).contains(found[0].nanoseconds))
            #expect(world.shared.questionsInFlight(limit: 1, at: now).count == 1)
            for greenlet in one + [two] { _ = try greenlet.get() }
            #expect(world.shared.questionsInFlight(limit: 10, at: world.hub.loop.now()).isEmpty)
        }
    }

    @Test func `the slowest questions of the last hour are kept, so many and no more`() throws {
        try ResolverWorld.run { world throws in
            for number in 0..<200 {
                world.upstream.delay = .milliseconds(number % 100 + 1)
                _ = try world.ask("n\(number).example.")
            }
            let slow = world.shared.slowQuestions(at: world.hub.loop.now())
            #expect(slow.count == SlowQuestions.most)
            let durations = slow.map { $0.nanoseconds / 1_000_000 }
            #expect(durations == durations.sorted(by: >))
            #expect(durations.first! >= 100 && durations.last! >= 68)
            #expect(slow[0].outcome == "NOERROR" && slow[0].waitsFor == .upstream(1))
            #expect(slow[0].client == ClientIdentity(0))
            try sleep(.seconds(3_700))
            #expect(world.shared.slowQuestions(at: world.hub.loop.now()).isEmpty)
            world.upstream.delay = .milliseconds(1)
            _ = try world.ask("late.example.", from: "192.0.2.7")
            let late = world.shared.slowQuestions(at: world.hub.loop.now())
            #expect(late.map { "\($0.name!) \($0.client?.addressText ?? "")" } == ["late.example. 192.0.2.7"])
            // Each is forgotten after its own hour.
            try sleep(.seconds(3_000))
            _ = try world.ask("later.example.")
            try sleep(.seconds(599))
            #expect(world.shared.slowQuestions(at: world.hub.loop.now()).count == 2)
            try sleep(.seconds(2))
            #expect(world.shared.slowQuestions(at: world.hub.loop.now()).map { "\($0.name!)" } == ["later.example."])
        }
    }
}
