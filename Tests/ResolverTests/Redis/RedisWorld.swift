import AnswerCache
import DNSWire
import Green
import GreenRedis
import TestSupport
import Testing

@testable import Resolver

/// Two resolvers with memories of their own, one Redis between them and one upstream, in a simulated world. Both keep stale
/// answers and prefetch.
struct RedisWorld {
    let upstream: ScriptedUpstream
    let one: Resolver
    let other: Resolver
    let redis: ScriptedRedis

    /// Runs a test in a world of its own; `rules` are the other resolver's alone.
    static func run(rules: [DomainRule] = [], _ body: @escaping (RedisWorld) throws -> Void) throws {
        let tier = { RedisTier(RedisURL("redis://127.0.0.1:6379")!, budget: .milliseconds(20)) { _ in } }
        try ResolverWorld.run(redis: tier(), policy: { $0.prefetches = true }) { world throws in
            let redis = try ScriptedRedis()
            // The first attempt to connect came before there was a server.
            try sleep(.seconds(1))
            let shared = SharedState(cache: try MemoryCache(sizeBytes: 1 << 20, seed: 5), redis: tier())
            var policy = world.policy
            policy.domains = rules
            let other = Resolver(shared: shared, policy: policy)
            world.shared.cache.staleSeconds = 3600
            other.cache.staleSeconds = 3600
            try sleep(.seconds(1))
            try body(RedisWorld(upstream: world.upstream, one: world.resolver, other: other, redis: redis))
        }
    }

    /// The answer to a question for an address, and how long it took; Redis has what it is given before this returns.
    func ask(_ resolver: Resolver, _ name: String) throws -> (message: Message, took: Duration) {
        let begun = resolver.hub.loop.now()
        let answer = try #require(resolver.exchange(Message.query(name, .a, edns: EDNS()).wire))
        let took = begun.duration(to: resolver.hub.loop.now())
        try sleep(.milliseconds(1))
        return (try Message(answer.span), took)
    }

    /// The TTL of the first address in the answer to a question.
    func ttl(_ resolver: Resolver, _ name: String) throws -> UInt32? {
        try ask(resolver, name).message.answers.first?.ttl
    }
}
