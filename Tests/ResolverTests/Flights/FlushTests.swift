import AnswerCache
import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// Answers that are on their way while the cache is flushed.
@Suite struct FlushTests {
    /// The ways to flush, some of which do not mean the name that is asked for.
    private static let flushes: [@Sendable (MemoryCache) throws -> Void] = [
        { try $0.removeAll() },
        { _ = $0.remove(.subtree(FixedName(Name("example.")!))) },
        { _ = $0.remove(.name(FixedName(Name("elsewhere.test.")!))) },
        { _ = $0.remove(FixedName(Name("www.example.")!), .a) },
        { _ = $0.remove(.upstream(1)) },
        { cache in
            var cursor = WalkCursor()
            while cache.remove(&cursor, at: BootSeconds(rawValue: 1), where: { _ in false }) != nil {}
        },
    ]

    @Test(arguments: 0..<flushes.count)
    func `who waits gets an answer that was on its way during a flush, and nobody keeps it`(_ number: Int) throws {
        try ResolverWorld.run { world in
            world.upstream.delay = .milliseconds(200)
            let clients = (0..<3).map { _ in world.hub.spawn { try world.ask("www.example.") } }
            try sleep(.milliseconds(100))
            try Self.flushes[number](world.shared.cache)
            for client in clients { #expect(try client.get().answers.count == 1) }
            #expect(world.upstream.count == 1)
            #expect(world.shared.cache.statistics.entries == 0)
            #expect(try world.ask("www.example.").answers.count == 1)
            #expect(try world.ask("www.example.").answers.count == 1)
            #expect(world.upstream.count == 2)
        }
    }

    @Test func `a failure that was on its way is not remembered`() throws {
        try ResolverWorld.run { world in
            world.upstream.answer = { .reply(to: $0, .servFail) }
            world.upstream.delay = .milliseconds(200)
            let client = world.hub.spawn { try world.ask("www.example.") }
            try sleep(.milliseconds(100))
            try world.shared.cache.removeAll()
            #expect(try client.get().responseCode == .servFail)
            #expect(world.shared.cache.statistics.entries == 0)
        }
    }

    @Test func `an answer that was on its way during a flush is not given to Redis`() throws {
        try RedisWorld.run { world in
            world.upstream.delay = .milliseconds(200)
            let client = world.one.hub.spawn { try world.ask(world.one, "www.example.").message }
            try sleep(.milliseconds(100))
            try world.one.cache.removeAll()
            #expect(try client.get().answers.count == 1)
            #expect(world.redis.sets == [])
            _ = try world.ask(world.one, "www.example.")
            #expect(world.redis.sets == ["vireo:1:www.example.:A:IN"])
        }
    }

    @Test func `what Redis was asked for before a flush is not kept after it`() throws {
        try RedisWorld.run { world in
            _ = try world.ask(world.one, "www.example.")
            world.redis.delay = .milliseconds(10)
            let client = world.other.hub.spawn { try world.ask(world.other, "www.example.").message }
            try sleep(.milliseconds(5))
            try world.other.cache.removeAll()
            #expect(try client.get().answers.count == 1)
            #expect(world.upstream.count == 1)
            #expect(world.other.cache.statistics.entries == 0)
        }
    }
}
