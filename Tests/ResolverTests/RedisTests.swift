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
