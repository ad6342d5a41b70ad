import AnswerCache
import DNSWire
import Green
import GreenRedis
import TestSupport
import Testing

@testable import Resolver

/// A Redis on the way of a flight, in a simulated world: what its slowness costs, and what it does not.
@Suite struct RedisTests {
    /// Runs a test with a resolver that has a Redis, and a second one at the same Redis with a memory of its own.
    private func run(_ body: @escaping (ResolverWorld, Resolver, ScriptedRedis) throws -> Void) throws {
        let tier = { RedisTier(RedisURL("redis://127.0.0.1:6379")!, budget: .milliseconds(20)) { _ in } }
        try ResolverWorld.run(redis: tier()) { world throws in
            let redis = try ScriptedRedis()
            // The first attempt to connect came before there was a server.
            try sleep(.seconds(1))
            let shared = SharedState(cache: try MemoryCache(sizeBytes: 1 << 20, seed: 5), redis: tier())
            let other = Resolver(shared: shared, policy: world.policy)
            try sleep(.seconds(1))
            try body(world, other, redis)
        }
    }

    /// The first address in the answer to a question, and how long it took.
    private func ask(_ resolver: Resolver, _ name: String) throws -> (ttl: UInt32?, took: Duration) {
        let begun = resolver.hub.loop.now()
        let answer = try #require(resolver.exchange(Message.query(name, .a).wire))
        return (try Message(answer.span).answers.first?.ttl, begun.duration(to: resolver.hub.loop.now()))
    }

    @Test func `what one resolver learned the other finds, its TTL counted down, without asking upstream`() throws {
        try run { world, other, redis in
            let first = try ask(world.resolver, "www.example.")
            try sleep(.seconds(10))
            let second = try ask(other, "www.example.")
            #expect(try #require(first.ttl) - #require(second.ttl) == 10)
            #expect(world.upstream.count == 1)
            // And keeps it: Redis is not asked again.
            let asked = redis.gets
            _ = try ask(other, "www.example.")
            #expect(redis.gets == asked)
        }
    }

    @Test func `when the budget is spent upstream is asked as well, and its answer does not wait for Redis`() throws {
        try run { world, other, redis in
            redis.delay = .milliseconds(500)
            world.upstream.delay = .milliseconds(50)
            let answer = try ask(other, "slow.example.")
            #expect(answer.ttl != nil)
            #expect(answer.took >= .milliseconds(70) && answer.took < .milliseconds(200))
            #expect(other.shared.redis?.figure(.timeouts) == 1)
        }
    }

    @Test func `a late answer of Redis wins where upstream is later still`() throws {
        try run { world, other, redis in
            _ = try ask(world.resolver, "www.example.")
            try sleep(.seconds(1))
            redis.delay = .milliseconds(100)
            world.upstream.delay = .seconds(1)
            let answer = try ask(other, "www.example.")
            #expect(answer.ttl != nil)
            #expect(answer.took >= .milliseconds(100) && answer.took < .milliseconds(400))
            #expect(other.shared.redis?.figure(.hits) == 1)
        }
    }

    @Test func `a Redis that is always late is left out, and used again when it is quick`() throws {
        try run { world, other, redis in
            redis.delay = .milliseconds(100)
            for number in 0..<5 { _ = try ask(other, "n\(number).example.") }
            #expect(other.shared.redis?.isLeftOut == true)
            let asked = redis.gets
            for number in 5..<25 { #expect(try ask(other, "n\(number).example.").took < .milliseconds(20)) }
            #expect(redis.gets <= asked + 1)
            redis.delay = .zero
            for number in 25..<60 where other.shared.redis?.isLeftOut == true {
                try sleep(.seconds(1))
                _ = try ask(other, "n\(number).example.")
            }
            #expect(other.shared.redis?.isLeftOut == false)
            #expect(other.shared.redis?.figure(.outages) == 1)
        }
    }
}

/// A Redis in the simulated world, with as much of it as answers need, and as slow as a test wants.
private final class ScriptedRedis {
    /// How long each reply takes.
    var delay = Duration.zero
    /// How often GET came.
    private(set) var gets = 0
    private var values: [[UInt8]: [UInt8]] = [:]
    private var server: StreamServer?

    init() throws {
        let address = SocketAddress(.loopback, port: 6379)
        let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
        server = try StreamServer(listener: listener, limit: 10) { [unowned self] in try serve($0) }
        server?.start()
    }

    private func serve(_ stream: StreamSocket) throws {
        var input: [UInt8] = []
        while true {
            while let command = takeCommand(&input) {
                if delay > .zero { try sleep(delay) }
                try stream.write(reply(to: command))
            }
            let more = try stream.read(upTo: 4096)
            if more.isEmpty { return }
            input += more
        }
    }

    private func reply(to command: [[UInt8]]) -> [UInt8] {
        switch String(decoding: command[0], as: UTF8.self) {
        case "GETRANGE":
            gets += 1
            let value = values[command[1]] ?? []
            return Array("$\(value.count)\r\n".utf8) + value + Array("\r\n".utf8)
        case "SET":
            values[command[1]] = command[2]
            return Array("+OK\r\n".utf8)
        default:
            return Array("+PONG\r\n".utf8)
        }
    }

    /// Takes a whole command from the front; nil when there is none.
    private func takeCommand(_ input: inout [UInt8]) -> [[UInt8]]? {
        var position = 0
        func number(after mark: Character) -> Int? {
            guard let end = input[position...].firstIndex(of: 13), end + 1 < input.count, input[position] == mark.asciiValue
            else {
                return nil
            }
            defer { position = end + 2 }
            return Int(String(decoding: input[(position + 1)..<end], as: UTF8.self))
        }
        guard !input.isEmpty, let count = number(after: "*") else { return nil }
        var parts: [[UInt8]] = []
        for _ in 0..<count {
            guard position < input.count, let length = number(after: "$"), position + length + 2 <= input.count else {
                return nil
            }
            parts.append(Array(input[position..<position + length]))
            position += length + 2
        }
        input.removeFirst(position)
        return parts
    }
}
