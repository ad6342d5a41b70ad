import AnswerCache
import DNSWire
import Green
import GreenRedis
import TestSupport
import Testing

@testable import Resolver

/// A Redis on the way of a flight, in a simulated world: what its slowness costs, and what it does not.
@Suite struct RedisTests {
    @Test func `what one resolver learned the other finds, its TTL counted down, without asking upstream`() throws {
        try RedisWorld.run { world in
            let first = try world.ttl(world.one, "www.example.")
            try sleep(.seconds(10))
            let second = try world.ttl(world.other, "www.example.")
            #expect(try #require(first) - #require(second) == 10)
            #expect(world.upstream.count == 1)
            // And keeps it: Redis is not asked again.
            let asked = world.redis.gets
            _ = try world.ask(world.other, "www.example.")
            #expect(world.redis.gets == asked)
        }
    }

    @Test func `Redis keeps an answer no longer than it may be given out, for stale answers are the memory's`() throws {
        try RedisWorld.run { world in
            _ = try world.ask(world.one, "www.example.")
            #expect(world.redis.lives == [300_000])
        }
    }

    @Test func `when the budget is spent upstream is asked as well, and its answer does not wait for Redis`() throws {
        try RedisWorld.run { world in
            world.redis.delay = .milliseconds(500)
            world.upstream.delay = .milliseconds(50)
            let answer = try world.ask(world.other, "slow.example.")
            #expect(answer.message.answers.count == 1)
            #expect(answer.took >= .milliseconds(70) && answer.took < .milliseconds(200))
            #expect(world.other.shared.redis?.figure(.timeouts) == 1)
        }
    }

    @Test func `a late answer of Redis wins where upstream is later still`() throws {
        try RedisWorld.run { world in
            _ = try world.ask(world.one, "www.example.")
            try sleep(.seconds(1))
            world.redis.delay = .milliseconds(100)
            world.upstream.delay = .seconds(1)
            let answer = try world.ask(world.other, "www.example.")
            #expect(answer.message.answers.count == 1)
            #expect(answer.took >= .milliseconds(100) && answer.took < .milliseconds(400))
            #expect(world.other.shared.redis?.figure(.hits) == 1)
        }
    }

    @Test func `a Redis that is always late is left out, and used again when it is quick`() throws {
        try RedisWorld.run { world in
            world.redis.delay = .milliseconds(100)
            for number in 0..<5 { _ = try world.ask(world.other, "n\(number).example.") }
            #expect(world.other.shared.redis?.isLeftOut == true)
            let asked = world.redis.gets
            for number in 5..<25 { #expect(try world.ask(world.other, "n\(number).example.").took < .milliseconds(20)) }
            #expect(world.redis.gets <= asked + 1)
            world.redis.delay = .zero
            for number in 25..<60 where world.other.shared.redis?.isLeftOut == true {
                try sleep(.seconds(1))
                _ = try world.ask(world.other, "n\(number).example.")
            }
            #expect(world.other.shared.redis?.isLeftOut == false)
            #expect(world.other.shared.redis?.figure(.outages) == 1)
        }
    }
}

/// What is asked for anew although there is a Redis, and how rules for domains reach what comes from it.
@Suite struct RedisRefreshTests {
    /// The address that the upstream gives from now on.
    private func move(_ world: RedisWorld, to last: Int) {
        world.upstream.answer = { .reply(to: $0, .noError, ["\($0.questions[0].name) 300 IN A 192.0.2.\(last)"]) }
    }

    /// The last number of the address in an answer.
    private func last(_ answer: Message) -> String? {
        answer.answers.first.map { "\($0.data)".split(separator: ".").last.map(String.init) ?? "" }
    }

    @Test func `a prefetch does not take the same old answer from Redis`() throws {
        try RedisWorld.run { world in
            for _ in 0..<3 { _ = try world.ask(world.one, "www.example.") }
            try sleep(.seconds(275))
            move(world, to: 9)
            _ = try world.ask(world.one, "www.example.")
            try sleep(.seconds(1))
            #expect(last(try world.ask(world.one, "www.example.").message) == "9")
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `a prefetch takes what another instance has fetched meanwhile`() throws {
        try RedisWorld.run { world in
            for _ in 0..<3 { _ = try world.ask(world.one, "www.example.") }
            try sleep(.seconds(271))
            move(world, to: 9)
            // The other one has never had it, and Redis has lost it.
            world.redis.removeAll()
            _ = try world.ask(world.other, "www.example.")
            try sleep(.seconds(4))
            _ = try world.ask(world.one, "www.example.")
            try sleep(.seconds(1))
            let answer = try world.ask(world.one, "www.example.").message
            #expect(last(answer) == "9" && answer.answers[0].ttl == 295)
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `a refresh of a stale answer asks upstream where Redis has what is over too, or another's newer one`() throws {
        try RedisWorld.run { world in
            _ = try world.ask(world.one, "www.example.")
            _ = try world.ask(world.other, "www.example.")
            try sleep(.seconds(302))
            move(world, to: 9)
            #expect(last(try world.ask(world.other, "www.example.").message) == "9")
            #expect(world.upstream.count == 2)
            #expect(last(try world.ask(world.one, "www.example.").message) == "9")
            #expect(world.upstream.count == 2)
            #expect(world.one.shared.redis?.figure(.hits) == 1)
        }
    }

    @Test func `an answer whose last second Redis has not finished counting is no news`() throws {
        try RedisWorld.run { world in
            let fraction = world.one.hub.loop.bootTime() % 1_000_000_000
            try sleep(.nanoseconds(900_000_000 + (fraction > 900_000_000 ? 1_000_000_000 : 0) - Int(fraction)))
            _ = try world.ask(world.one, "www.example.")
            try sleep(.milliseconds(299_200))
            move(world, to: 9)
            let answer = try world.ask(world.one, "www.example.").message
            #expect(last(answer) == "9" && answer.answers[0].ttl == 300)
        }
    }

    private func rule(_ change: (inout DomainRule) -> Void) -> [DomainRule] {
        var rule = DomainRule(domain: Name("dyn.example.")!.lowercased.wire)
        change(&rule)
        return [rule]
    }

    @Test func `a domain without a cache is neither put into Redis nor taken from it`() throws {
        try RedisWorld.run(rules: rule { $0.noCache = true }) { world in
            for name in ["a.dyn.example.", "b.example."] { _ = try world.ask(world.other, name) }
            #expect(world.redis.sets == ["vireo:1:b.example.:A:IN"])
            // Another instance has no such rule.
            _ = try world.ask(world.one, "c.dyn.example.")
            #expect(world.redis.sets.count == 2)
            let asked = (world.redis.gets, world.upstream.count)
            for _ in 0..<3 { #expect(try world.ttl(world.other, "c.dyn.example.") == 300) }
            #expect(world.redis.gets == asked.0 && world.upstream.count == asked.1 + 3)
            #expect(world.redis.sets.count == 2 && world.other.cache.statistics.entries == 1)
        }
    }

    @Test func `max-ttl is for the whole time of an answer that comes from Redis`() throws {
        try RedisWorld.run(rules: rule { $0.maximumSeconds = 100 }) { world in
            _ = try world.ask(world.one, "a.dyn.example.")
            try sleep(.seconds(40))
            #expect(try world.ttl(world.other, "a.dyn.example.") == 60)
            try sleep(.seconds(59))
            #expect(try world.ttl(world.other, "a.dyn.example.") == 1)
            #expect(world.upstream.count == 1)
            // Redis has it for 200 seconds more, and has had it for too long.
            try sleep(.seconds(2))
            #expect(try world.ttl(world.other, "a.dyn.example.") == 100)
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `negative-ttl is for the whole time of what comes from Redis`() throws {
        try RedisWorld.run { world in
            world.other.cache.limits.negativeSeconds = 100
            let soa = "example. 3600 IN SOA ns.example. host.example. 1 3600 900 86400 3600"
            world.upstream.answer = { .reply(to: $0, .nxDomain, authority: [soa]) }
            _ = try world.ask(world.one, "no.example.")
            try sleep(.seconds(40))
            #expect(try world.ask(world.other, "no.example.").message.responseCode == .nxDomain)
            #expect(world.upstream.count == 1)
            // Redis has it for nearly an hour more, and has had it for too long.
            try sleep(.seconds(61))
            #expect(try world.ask(world.other, "no.example.").message.responseCode == .nxDomain)
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `min-ttl is for the whole time of an answer that comes from Redis`() throws {
        try RedisWorld.run(rules: rule { $0.minimumSeconds = 1000 }) { world in
            _ = try world.ask(world.one, "a.dyn.example.")
            try sleep(.seconds(40))
            #expect(try world.ttl(world.other, "a.dyn.example.") == 960)
            _ = try world.ask(world.other, "b.dyn.example.")
            try sleep(.seconds(40))
            #expect(try world.ttl(world.one, "b.dyn.example.") == 960)
        }
    }

    @Test func `what came from Redis is not given out stale either where that is not wanted`() throws {
        try RedisWorld.run(rules: rule { $0.noStale = true }) { world in
            for name in ["a.dyn.example.", "b.example."] {
                _ = try world.ask(world.one, name)
                _ = try world.ask(world.other, name)
            }
            #expect(world.upstream.count == 2)
            try sleep(.seconds(301))
            world.upstream.answer = { .reply(to: $0, .servFail) }
            #expect(try world.ask(world.other, "a.dyn.example.").message.responseCode == .servFail)
            #expect(try world.ask(world.other, "b.example.").message.extendedError == .staleAnswer)
        }
    }
}
