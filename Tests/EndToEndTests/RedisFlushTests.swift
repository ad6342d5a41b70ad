import DNSWire
import Foundation
import Green
import GreenRedis
import Testing

@testable import AnswerCache

extension EndToEnd {
    /// The order of things in a flush, where a whole daemon would need luck to meet it.
    @Suite struct RedisFlushTests {
        @Test func `what an instance put into Redis before it heard of a flush is flushed all the same`() throws {
            let redis = try RedisServer()
            let url = try #require(RedisURL("redis://127.0.0.1:\(redis.port)/0"))
            let key = "vireo:1:www.example.:A:IN"
            try Hub(loop: LibeventLoop()).run {
                let tier = RedisTier(url, budget: .milliseconds(20)) { _ in }
                let writer = RedisConnection(RedisOptions(url))
                let soon = { Hub.current.loop.now().advanced(by: .seconds(5)) }
                var heard = 0
                let slow = RedisFleet(tier, name: "slow") { _ in
                    heard += 1
                    // Its answer was on the way, and reaches Redis before it has forgotten what it knows.
                    if heard == 1 { _ = try writer.command(["SET", RedisArgument(key), "old", "PX", "60000"], until: soon()) }
                    return 1
                }
                let flusher = RedisFleet(tier, name: "flusher") { _ in 0 }
                defer { for fleet in [slow, flusher] { fleet.close() } }
                let limit = soon()
                while !slow.isListening || !flusher.isListening, Hub.current.loop.now() < limit { try sleep(.milliseconds(5)) }
                let flush = try flusher.flush(.subtree(Name("example")!))
                #expect(heard == 2)
                #expect(try writer.command(["EXISTS", RedisArgument(key)], until: soon()) == .integer(0))
                #expect(flush.removedFromRedis == 1)
                #expect(flush.instances == ["slow": 2, "flusher": 0])
                // With nothing late, all hear of it once.
                _ = try flusher.flush(.everything)
                #expect(heard == 3)
                writer.close()
            }
        }
    }
}
