import DNSWire
import Foundation
import Green
import GreenRedis
import Testing

@testable import AnswerCache

extension EndToEnd {
    /// The order of things in a flush, where a whole daemon would need luck to meet it.
    @Suite struct RedisFlushTests {
        /// Runs `body` with a flusher that has nothing itself, once it hears of flushes.
        private func flushing(
            _ redis: RedisServer, _ body: @escaping (_ flusher: RedisFleet, RedisTier) throws -> Void
        ) throws {
            let url = try #require(RedisURL("redis://127.0.0.1:\(redis.port)/0"))
            try Hub(loop: LibeventLoop()).run {
                let tier = RedisTier(url, budget: .milliseconds(20)) { _ in }
                let flusher = RedisFleet(tier, name: "flusher") { _ in 0 }
                defer { flusher.close() }
                try wait { flusher.isListening }
                try body(flusher, tier)
            }
        }

        private var soon: Instant { Hub.current.loop.now().advanced(by: .seconds(5)) }

        /// Lets others run until something holds, for some seconds.
        private func wait(until condition: () -> Bool) throws {
            let limit = soon
            while !condition(), Hub.current.loop.now() < limit { try sleep(.milliseconds(5)) }
            #expect(condition())
        }

        /// Says something to the list of each flush that is published.
        private func forger(_ tier: RedisTier, _ lines: [String]) throws -> RedisSubscription {
            let writer = RedisConnection(tier.options)
            let forger = RedisSubscription(tier.options, channels: [FlushMessage.channel]) { _, message in
                let number = FlushMessage(message)?.number ?? ""
                for line in lines {
                    try? writer.post(["RPUSH", RedisArgument(FlushMessage.acknowledgements(number)), RedisArgument(line)])
                }
            }
            try wait { forger.isListening }
            return forger
        }

        @Test func `thousands of published flushes are followed together, and none is lost`() throws {
            let redis = try RedisServer()
            try flushing(redis) { _, tier in
                var filters: [FleetFilter] = []
                let other = RedisFleet(tier, name: "other") { filter in
                    filters.append(filter)
                    try sleep(.milliseconds(1))
                    return 1
                }
                defer { other.close() }
                try wait { other.isListening }
                let writer = RedisConnection(tier.options)
                defer { writer.close() }
                for number in 1...5_000 {
                    let name = FleetFilter.name(Name("n\(number).example.")!)
                    let message = FlushMessage(
                        number: "\(number)", previous: Int64(number - 1), epoch: Int64(number), filter: name)
                    try writer.post(["PUBLISH", RedisArgument(FlushMessage.channel), RedisArgument(message.text)])
                    if number % 100 == 0 { try sleep(.milliseconds(20)) }
                }
                try wait { other.epoch == 5_000 || other.epoch == 0 }
                #expect(filters.contains(.everything) && filters.count < 200, "\(filters.count)")
            }
        }

        @Test func `what no instance says of a flush is not believed, and ends nothing`() throws {
            let redis = try RedisServer()
            try flushing(redis) { flusher, tier in
                let lines = [
                    "most \(Int.max)", "least \(Int.min)", "less -1", "evil\u{1B}[2J 1", "näme 1",
                    "\(String(repeating: "x", count: 301)) 1",
                    "a b 1", "good 1000000000",
                ]
                let forger = try forger(tier, lines)
                defer { forger.close() }
                let writer = RedisConnection(tier.options)
                defer { writer.close() }
                var late = 0
                let slow = RedisFleet(tier, name: "slow") { _ in
                    late += 1
                    // So that there are two rounds, and numbers to be added up.
                    if late == 1 {
                        _ = try writer.command(["SET", "vireo:1:a.example.:A:IN", "x", "PX", "60000"], until: soon)
                    }
                    return 3
                }
                defer { slow.close() }
                try wait { slow.isListening }
                let flush = try flusher.flush(.everything)
                #expect(flush.instances == ["flusher": 0, "slow": 6, "good": 2_000_000_000])
                #expect(flush.listeners == 3 && flush.silent == 0)
            }
        }

        @Test func `an instance that says something once and then no more counts as silent`() throws {
            let redis = try RedisServer()
            try flushing(redis) { flusher, tier in
                let writer = RedisConnection(tier.options)
                defer { writer.close() }
                var heard = 0
                let silent = RedisSubscription(tier.options, channels: [FlushMessage.channel]) { _, message in
                    heard += 1
                    guard heard == 1 else { return }
                    let list = RedisArgument(FlushMessage.acknowledgements(FlushMessage(message)?.number ?? ""))
                    try? writer.post(["SET", "vireo:1:a.example.:A:IN", "x", "PX", "60000"])
                    try? writer.post(["RPUSH", list, "silent 1"])
                }
                defer { silent.close() }
                try wait { silent.isListening }
                let flush = try flusher.flush(.everything)
                #expect(heard == 2)
                #expect(flush.instances == ["flusher": 0, "silent": 1])
                #expect(flush.silent == 1)
            }
        }

        @Test func `a client that goes away in the middle of a flush takes nothing of it along`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port, delay: .milliseconds(200))
            let upstream = try FakeUpstream()
            let near = try VireoServer(upstreams: [upstream.address], redis.line(by: proxy.port))
            let far = try VireoServer(upstreams: [upstream.address], redis.line())
            try redis.waitForListeners(2)
            _ = try far.ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            do {
                let client = try UnixConnection(to: near.controlPath)
                client.send("DELETE /v1/cache?subtree=example HTTP/1.1\r\nHost: localhost\r\n\r\n")
                try eventually("the epoch") { try redis.ask("EXISTS", "vireo:1:epoch") == "(integer) 1" ? true : nil }
                #expect(try redis.ask("EXISTS", "vireo:1:a.example.:A:IN") == "(integer) 1")
            }
            let asked = upstream.questionCount
            try eventually("the other instance to forget") {
                _ = try far.ask("a.example.", .a)
                return upstream.questionCount > asked ? true : nil
            }
        }

        @Test func `a flush that fails or is ended after its first step is announced all the same`() throws {
            let redis = try RedisServer()
            try flushing(redis) { flusher, tier in
                var heard: [FleetFilter] = []
                let other = RedisFleet(tier, name: "other") { filter in
                    heard.append(filter)
                    return 1
                }
                defer { other.close() }
                try wait { other.isListening }
                let filter = FleetFilter.subtree(Name("example")!)
                let before = try redis.ask("GET", "vireo:1:epoch")
                try redis.ask("ACL", "SETUSER", "default", "-scan")
                #expect(throws: RedisError.self) { try flusher.flush(filter) }
                #expect(heard == [filter])
                // One question's keys are known without a search.
                #expect(try flusher.flush(.question(Name("a.example")!, .a)).instances == ["flusher": 0, "other": 1])
                try redis.ask("ACL", "SETUSER", "default", "+scan")
                let epoch = try redis.ask("GET", "vireo:1:epoch")
                #expect(epoch != before)
                redis.send(SIGSTOP)
                let flush = Hub.current.spawn { try flusher.flush(filter) }
                try sleep(.milliseconds(20))
                redis.send(SIGCONT)
                try wait { (try? redis.ask("GET", "vireo:1:epoch")) != epoch }
                flush.kill()
                try wait { heard.count == 3 }
                // All of it where nobody was left to be told which epoch was before.
                #expect(heard.last == filter || heard.last == .everything)
            }
        }

        @Test func `flushes of one instance wait for each other, and those that crossed leave the last epoch`() throws {
            let redis = try RedisServer()
            try flushing(redis) { flusher, tier in
                var heard: [FleetFilter] = []
                let other = RedisFleet(tier, name: "other") { filter in
                    heard.append(filter)
                    return 1
                }
                defer { other.close() }
                let writer = RedisConnection(tier.options)
                defer { writer.close() }
                try wait { other.isListening }
                // The search for one name is long; one question's keys need none.
                try redis.ask("EVAL", "for i = 1, 5000 do redis.call('SET', 'fill:' .. i, '') end", "0")
                let names = (0..<4).map { Name("n\($0).example")! }
                let filters: [FleetFilter] = [.name(names[0]), .question(names[1], .a), .name(names[2]), .question(names[3], .a)]
                let flushes = filters.map { filter in spawn { try flusher.flush(filter) } }
                for flush in flushes { #expect(try flush.get().instances == ["flusher": 0, "other": 1]) }
                #expect(heard == filters)
                // Another daemon's two, of which the second was published first.
                _ = try writer.command(["SET", RedisArgument(RedisKey.epoch), "20"], until: soon)
                for (previous, epoch) in [(10, 20), (other.epoch ?? 0, 10)] as [(Int64, Int64)] {
                    let message = FlushMessage(number: "x", previous: previous, epoch: epoch, filter: filters[0])
                    _ = try writer.command(
                        ["PUBLISH", RedisArgument(FlushMessage.channel), RedisArgument(message.text)], until: soon)
                }
                // The two may be followed together.
                try wait { heard.count > filters.count && flusher.epoch == 20 && other.epoch == 20 }
                #expect(heard.dropFirst(filters.count).allSatisfy { $0 == .everything })
                #expect(try flusher.flush(filters[0]).instances == ["flusher": 0, "other": 1])
                #expect(heard.last == filters[0])
            }
        }

        @Test func `what an instance put into Redis before it heard of a flush is flushed all the same`() throws {
            let redis = try RedisServer()
            let key = "vireo:1:www.example.:A:IN"
            try flushing(redis) { flusher, tier in
                let writer = RedisConnection(tier.options)
                defer { writer.close() }
                var heard = 0
                let slow = RedisFleet(tier, name: "slow") { _ in
                    heard += 1
                    // Its answer was on the way, and reaches Redis before it has forgotten what it knows.
                    if heard == 1 { _ = try writer.command(["SET", RedisArgument(key), "old", "PX", "60000"], until: soon) }
                    return 1
                }
                defer { slow.close() }
                try wait { slow.isListening }
                let flush = try flusher.flush(.subtree(Name("example")!))
                #expect(heard == 2)
                #expect(try writer.command(["EXISTS", RedisArgument(key)], until: soon) == .integer(0))
                #expect(flush.removedFromRedis == 1)
                #expect(flush.instances == ["slow": 2, "flusher": 0])
                // With nothing late, all hear of it once.
                _ = try flusher.flush(.everything)
                #expect(heard == 3)
            }
        }
    }
}
