import AnswerCache
import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

@Suite struct StaleTests {
    @Test func `an upstream that is silent past the client's time gives the stale answer, with TTL 30 and EDE 3`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .silence
            let (answer, took) = try world.ask()
            #expect(answer.answers.map(\.ttl) == [30])
            #expect(answer.extendedError == .staleAnswer)
            #expect(took >= .milliseconds(1800) && took < .milliseconds(1900))
        }
    }

    @Test func `a stale NXDOMAIN says EDE 19`() throws {
        try StaleWorld.run { world in
            world.upstream.conduct = .nxDomain
            _ = try world.ask()
            try sleep(.seconds(301))
            world.upstream.conduct = .silence
            let answer = try world.ask().0
            #expect(answer.flags.responseCode == .nxDomain)
            #expect(answer.extendedError == .staleNXDomainAnswer)
        }
    }

    @Test func `an upstream that fails gives the stale answer at once, and is left alone for 30 seconds`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .servFail
            let (answer, took) = try world.ask()
            #expect(answer.flags.responseCode == .noError && answer.extendedError == .staleAnswer)
            #expect(took < .milliseconds(100))
            let asked = world.upstream.questionCount
            for _ in 0..<20 { #expect(try world.ask().0.extendedError == .staleAnswer) }
            #expect(world.upstream.questionCount == asked)
            try sleep(.seconds(31))
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            let fresh = try world.ask().0
            #expect(fresh.extendedError == nil && fresh.answers.map(\.ttl) == [300])
        }
    }

    @Test func `the refresh goes on behind the stale answer`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            world.upstream.delay = .milliseconds(3900)
            #expect(try world.ask().0.extendedError == .staleAnswer)
            try sleep(.seconds(3))
            let (answer, took) = try world.ask()
            #expect(answer.extendedError == nil)
            #expect(answer.answers.map { "\($0.data)" } == ["192.0.2.2"])
            #expect(took < .milliseconds(1))
        }
    }

    @Test func `with a client time of zero the stale answer goes out at once and one refresh goes on`() throws {
        try StaleWorld.run({ $0.staleClientTimeout = .zero }) { world in
            try world.expire()
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            let asked = world.upstream.questionCount
            for _ in 0..<5 {
                let (answer, took) = try world.ask()
                #expect(answer.extendedError == .staleAnswer)
                #expect(took < .milliseconds(1))
            }
            try sleep(.seconds(1))
            #expect(world.upstream.questionCount == asked + 1)
            #expect(try world.ask().0.answers.map(\.ttl) == [299])
        }
    }

    /// An upstream that fails for `www.example.` and answers other names.
    private static var failsAlone: StubUpstream.Conduct {
        .reply { query in
            let isFailing = query.questions[0].name.lowercased == Name("www.example.")!
            var reply = Message.reply(to: query, isFailing ? .servFail : .noError)
            if !isFailing { reply.answers = [try ResourceRecord(text: "\(query.questions[0].name) 300 IN A 192.0.2.9")] }
            return reply
        }
    }

    @Test func `the rest after a first failure ends when the upstream answers anything`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = Self.failsAlone
            #expect(try world.ask().0.extendedError == .staleAnswer)
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            try sleep(.seconds(2))
            #expect(try world.ask().0.extendedError == .staleAnswer)
            _ = try world.ask("other.example.")
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.2"])
        }
    }

    @Test func `a name that fails again while others are answered is left alone for 30 seconds`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = Self.failsAlone
            for round in 0..<2 {
                #expect(try world.ask().0.extendedError == .staleAnswer)
                try sleep(.seconds(2))
                _ = try world.ask("other-\(round).example.")
            }
            let asked = world.upstream.questionCount
            for _ in 0..<25 {
                #expect(try world.ask().0.extendedError == .staleAnswer)
                try sleep(.seconds(1))
            }
            #expect(world.upstream.questionCount == asked)
            try sleep(.seconds(4))
            _ = try world.ask()
            #expect(world.upstream.questionCount == asked + 1)
        }
    }

    @Test func `that the name does not exist, learnt later for another type, comes before an older answer`() throws {
        try StaleWorld.run { world in
            try world.expire(ttl: 60)
            world.upstream.conduct = .nxDomain
            #expect(try world.ask("www.example.", .aaaa).0.responseCode == .nxDomain)
            try sleep(.seconds(400))
            world.upstream.conduct = .silence
            let answer = try world.ask().0
            #expect(answer.responseCode == .nxDomain && answer.extendedError == .staleNXDomainAnswer)
        }
    }

    @Test func `an upstream that answers with broken records does not take a stale answer's place`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .reply { query in
                var reply = Message.reply(to: query, .noError)
                reply.answers = [
                    ResourceRecord(query.questions[0].name, ttl: 60, .unknown(RecordData.Unknown(type: .a, bytes: [192, 0, 2])))
                ]
                return reply
            }
            for _ in 0..<3 { #expect(try world.ask().0.extendedError == .staleAnswer) }
        }
    }

    @Test func `an upstream that answers in time is waited for`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            world.upstream.delay = .milliseconds(1000)
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.2"])
        }
    }

    @Test func `beyond the window there is only the failure`() throws {
        try StaleWorld.run { world in
            try world.expire(ttl: 60)
            try sleep(.seconds(86_400))
            world.upstream.conduct = .silence
            let answer = try world.ask().0
            #expect(answer.flags.responseCode == .servFail)
            #expect(answer.extendedError == .noReachableAuthority)
        }
    }

    @Test(
        arguments: [(ttl: 5, last: 86_400), (ttl: 60, last: 86_400), (ttl: 86_400, last: 86_400)] as [(ttl: UInt32, last: Int)])
    func `the window is the setting, whatever the TTL was`(_ ttl: UInt32, _ last: Int) throws {
        try StaleWorld.run({ $0.staleClientTimeout = .zero }) { world in
            try world.expire(ttl: ttl)
            world.upstream.conduct = .servFail
            // A second is over already.
            try sleep(.seconds(last - 3))
            #expect(try world.ask().0.extendedError == .staleAnswer)
            try sleep(.seconds(3))
            #expect(try world.ask().0.flags.responseCode == .servFail)
        }
    }

    @Test func `during an outage nobody gets SERVFAIL while there is a stale answer`() throws {
        for conduct in [StubUpstream.Conduct.servFail, .silence] {
            try StaleWorld.run { world in
                try world.expire()
                world.upstream.conduct = conduct
                for _ in 0..<240 {
                    #expect(try world.ask().0.extendedError == .staleAnswer)
                    try sleep(.milliseconds(500))
                }
            }
        }
    }

    @Test func `when the stale time is over, the rest is as well`() throws {
        try StaleWorld.run { world in
            world.resolver.shared.cache.staleSeconds = 5
            try world.expire()
            world.upstream.conduct = .servFail
            #expect(try world.ask().0.extendedError == .staleAnswer)
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            try sleep(.seconds(5))
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.2"])
        }
    }

    @Test func `the first good answer after an outage that was told by SERVFAIL ends all rests`() throws {
        try StaleWorld.run { world in
            let names = (0..<5).map { "n\($0).example." }
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for name in names { _ = try world.ask(name) }
            try sleep(.seconds(301))
            world.upstream.conduct = .servFail
            for name in names { #expect(try world.ask(name).0.extendedError == .staleAnswer) }
            #expect(try world.ask("other.example.").0.flags.responseCode == .servFail)
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            #expect(try world.ask("new.example.").0.answers.count == 1)
            for name in names + ["other.example."] {
                let answer = try world.ask(name).0
                #expect(answer.extendedError == nil && answer.answers.map { "\($0.data)" } == ["192.0.2.2"])
            }
        }
    }

    @Test func `a stale answer without data says EDE 3, and one that the client has no EDNS for says nothing`() throws {
        try StaleWorld.run { world in
            world.upstream.conduct = .noData
            _ = try world.ask()
            try sleep(.seconds(301))
            world.upstream.conduct = .servFail
            let answer = try world.ask().0
            #expect(answer.flags.responseCode == .noError && answer.answers.isEmpty)
            #expect(answer.extendedError == .staleAnswer && answer.authorities.map(\.ttl) == [30])
            #expect(try world.ask(edns: nil).0.edns == nil)
        }
    }

    @Test func `however many ask, there is one refresh, and after it failed another in 30 seconds`() throws {
        for timeout in [Duration.zero, .milliseconds(1800)] {
            try StaleWorld.run({ $0.staleClientTimeout = timeout }) { world in
                try world.expire()
                world.upstream.conduct = .silence
                let before = world.upstream.questionCount
                let clients = (0..<50).map { _ in world.hub.spawn { try world.ask() } }
                for client in clients {
                    let (answer, took) = try client.get()
                    #expect(answer.extendedError == .staleAnswer && answer.answers.map(\.ttl) == [30])
                    #expect(took >= timeout && took < timeout + .milliseconds(10))
                }
                // Nobody answers until the question is given up; that is remembered for half a minute.
                for _ in 0..<29 {
                    try sleep(.seconds(1))
                    #expect(try world.ask().0.extendedError == .staleAnswer)
                }
                // A probe each two seconds finds out whether it is back.
                #expect(world.upstream.questionCount - before <= world.upstream.triesOfOneQuestion.upperBound + 15)
                try sleep(.seconds(10))
                world.upstream.conduct = .answer(ttl: 300, last: 2)
                _ = try world.ask()
                try sleep(.seconds(1))
                #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.2"])
            }
        }
    }

    @Test func `a failure takes no good answer's place, be it alive or stale, and an answer takes the stale one's`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.seconds(280))
            world.upstream.conduct = .servFail
            _ = try world.ask()
            try sleep(.seconds(1))
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.1"])
            try sleep(.seconds(60))
            #expect(try world.ask().0.answers.map { "\($0.data)" } == ["192.0.2.1"])
            try sleep(.seconds(31))
            world.upstream.conduct = .nxDomain
            let answer = try world.ask().0
            #expect(answer.flags.responseCode == .nxDomain && answer.extendedError == nil)
            try sleep(.seconds(301))
            world.upstream.conduct = .silence
            #expect(try world.ask().0.extendedError == .staleNXDomainAnswer)
        }
    }

    @Test func `who finds too many waiting gets what is stale rather than nothing`() throws {
        try StaleWorld.run { world in
            try world.expire()
            world.resolver.waitingLimit = 0
            #expect(try world.ask().0.extendedError == .staleAnswer)
            #expect(try world.ask("other.example.").0.flags.responseCode == .servFail)
        }
    }
}

@Suite struct PrefetchTests {
    @Test func `nobody waits for a slow refresh that began before an answer's time was over`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.milliseconds(298_500))
            world.upstream.conduct = .silence
            #expect(try world.ask().1 < .milliseconds(1))
            try sleep(.seconds(3))
            let (answer, took) = try world.ask()
            #expect(answer.extendedError == .staleAnswer && took < .milliseconds(1))
        }
    }

    @Test func `an answer that a refresh does not renew is asked for again after five seconds at the earliest`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.seconds(275))
            // What is left of the upstream's own time: nothing.
            world.upstream.conduct = .answer(ttl: 0, last: 1)
            for _ in 0..<100 {
                #expect(try world.ask().1 < .milliseconds(1))
                try sleep(.milliseconds(100))
            }
            #expect((2...4).contains(world.upstream.questionCount))
        }
    }

    @Test func `what is popular is asked for anew in the last tenth of its time, once`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.seconds(275))
            world.upstream.conduct = .answer(ttl: 300, last: 2)
            for _ in 0..<10 {
                let (answer, took) = try world.ask()
                #expect(answer.answers.map { "\($0.data)" } == ["192.0.2.1"])
                #expect(took < .milliseconds(1))
            }
            try sleep(.seconds(1))
            #expect(world.upstream.questionCount == 2)
            #expect(try world.ask().0.answers.map(\.ttl) == [299])
        }
    }

    @Test func `neither what is asked for rarely nor anything without the setting is asked for anew`() throws {
        for prefetches in [true, false] {
            try StaleWorld.run({ $0.prefetches = prefetches }) { world in
                world.upstream.conduct = .answer(ttl: 300, last: 1)
                for _ in 0..<(prefetches ? 1 : 5) { _ = try world.ask() }
                try sleep(.seconds(290))
                _ = try world.ask()
                try sleep(.seconds(1))
                #expect(world.upstream.questionCount == 1)
            }
        }
    }

    @Test func `a refresh that fails is not tried with each hit, and the answer stays`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { _ = try world.ask() }
            try sleep(.seconds(275))
            world.upstream.conduct = .servFail
            for _ in 0..<10 {
                #expect(try world.ask().0.answers.count == 1)
                try sleep(.seconds(1))
            }
            #expect(world.upstream.questionCount == 2)
        }
    }

    @Test func `the budget bounds how many refreshes begin`() throws {
        try StaleWorld.run({ $0.prefetches = true }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for number in 0..<150 {
                for _ in 0..<3 { _ = try world.ask("n\(number).example.") }
            }
            try sleep(.seconds(285))
            let asked = world.upstream.questionCount
            for number in 0..<150 { _ = try world.ask("n\(number).example.") }
            try sleep(.milliseconds(100))
            #expect(world.upstream.questionCount - asked <= 101)
            #expect(world.upstream.questionCount - asked >= 90)
        }
    }

    @Test func `a bucket gives what it holds and then what comes in`() {
        let start = Instant(nanoseconds: 5)
        var budget = RefreshBudget(perSecond: 10, most: 3, at: start)
        var taken: [Bool] = []
        for milliseconds in [0, 0, 0, 0, 99, 100, 100] {
            taken.append(budget.take(at: start.advanced(by: .milliseconds(milliseconds))))
        }
        for _ in 0..<4 { taken.append(budget.take(at: .never)) }
        #expect(taken == [true, true, true, false, false, true, false, true, true, true, false])
    }
}

@Suite struct DomainRuleTests {
    /// A rule for a domain.
    private func rule(_ domain: String, _ change: (inout DomainRule) -> Void) -> DomainRule {
        var rule = DomainRule(domain: Name(domain)!.lowercased.wire)
        change(&rule)
        return rule
    }

    @Test func `answers of a domain without a cache are asked for each time`() throws {
        try StaleWorld.run({ $0.domains = [rule("dyn.example.") { $0.noCache = true }] }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            for _ in 0..<3 { #expect(try world.ask("a.dyn.example.").0.answers.map(\.ttl) == [300]) }
            for _ in 0..<3 { _ = try world.ask("a.example.") }
            #expect(world.upstream.questionCount == 4)
        }
    }

    @Test func `answers of a domain without stale answers are not given out after their time`() throws {
        try StaleWorld.run({ $0.domains = [rule("dyn.example.") { $0.noStale = true }] }) { world in
            try world.expire("a.dyn.example.")
            world.upstream.conduct = .servFail
            #expect(try world.ask("a.dyn.example.").0.flags.responseCode == .servFail)
        }
    }

    @Test func `the longest domain that fits has its way with TTLs`() throws {
        let rules = [
            rule("example.") { $0.maximumSeconds = 100 }, rule("a.example.") { $0.minimumSeconds = 1000 },
            rule("b.example.") { $0.minimumSeconds = 100_000 },
        ]
        try StaleWorld.run({ $0.domains = rules }) { world in
            world.upstream.conduct = .answer(ttl: 300, last: 1)
            let expected: [(String, UInt32)] = [
                ("c.example.", 100), ("www.example.", 100), ("www.a.example.", 1000), ("b.example.", 100_000),
                ("xa.example.net.", 300),
            ]
            for (name, ttl) in expected {
                let answer = try world.ask(name).0
                #expect(answer.answers.map(\.ttl) == [ttl], "\(name)")
            }
        }
    }
}
