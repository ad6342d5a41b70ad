import DNSWire
import Foundation
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Eviction` {
    @Test func `what was asked for stays when memory is needed`() throws {
        let client = try TestClient(sizeBytes: 128 << 10)
        client.store(.addresses("hot.example", ttls: [3000]), at: 0)
        for index in 0..<5000 {
            client.store(.addresses("n\(index).example", ttls: [3000]), at: 0)
            if index % 100 == 0 { #expect(try client.ask("hot.example", at: 0) != nil) }
        }
        #expect(try client.ask("hot.example", at: 0) != nil)
        #expect(client.cache.statistics.evicted > 3000)
    }

    @Test func `expired entries go before living ones`() throws {
        let client = try TestClient(sizeBytes: 64 << 10)
        var count = 0
        while client.cache.statistics.bytesUsed < 60 << 10 {
            client.store(.addresses("n\(count).example", ttls: [count % 2 == 0 ? 10 : 3000]), at: 0)
            count += 1
        }
        let before = client.cache.statistics.evicted
        for index in 0..<count / 4 { client.store(.addresses("new\(index).example", ttls: [3000]), at: 20) }
        let figures = client.cache.statistics
        #expect(figures.evictedExpired > 0)
        let living = try stride(from: 1, to: count, by: 2).count { try client.ask("n\($0).example", at: 20) != nil }
        #expect(living == count / 2)
        #expect(figures.evicted == before)
    }

    @Test func `memory is found in bounded steps though everything was asked for`() throws {
        let client = try TestClient(sizeBytes: 64 << 10)
        for index in 0..<2000 {
            client.store(.addresses("n\(index).example", ttls: [3000]), at: 0)
            _ = try client.ask("n\(index).example", at: 0)
        }
        let figures = client.cache.statistics
        #expect(figures.evicted + figures.evictedInUse > 1000)
        #expect(try client.ask("n1999.example", at: 0) != nil)
    }

    @Test func `SIEVE answers at least as often as LRU on a Zipf trace`() throws {
        // One shard of about 490 entries, 6,000 names by Zipf's law with exponent 0.9.
        let client = try TestClient(sizeBytes: 64 << 10)
        var numbers = SeededNumbers(seed: 41)
        var cumulative: [Double] = []
        for rank in 1...6000 { cumulative.append((cumulative.last ?? 0) + 1 / pow(Double(rank), 0.9)) }
        func request(_ numbers: inout SeededNumbers) throws -> (rank: Int, hit: Bool) {
            let point = Double.random(in: 0..<cumulative[5999], using: &numbers)
            let rank = cumulative.partitioningIndex { $0 > point }
            if try client.ask("n\(rank).example", at: 0) != nil { return (rank, true) }
            client.store(.addresses("n\(rank).example", ttls: [3000]), at: 0)
            return (rank, false)
        }
        // Fill it, then give the other as many places; let both settle, then count.
        for _ in 0..<5000 { _ = try request(&numbers) }
        var lru = LeastRecentlyUsed(capacity: client.cache.statistics.entries)
        for _ in 0..<5000 { lru.request(try request(&numbers).rank) }
        lru.hits = 0
        var hits = 0
        for _ in 0..<30_000 {
            let (rank, hit) = try request(&numbers)
            hits += hit ? 1 : 0
            lru.request(rank)
        }
        #expect(client.cache.statistics.evicted > 10_000)
        #expect(hits >= lru.hits)
    }

    /// The measure to be held against: least recently used.
    private struct LeastRecentlyUsed {
        let capacity: Int
        var times: [Int: Int] = [:]
        var order: [(key: Int, time: Int)] = []
        var first = 0
        var clock = 0
        var hits = 0

        init(capacity: Int) { self.capacity = capacity }

        /// Asks for a key, and takes it in when it is not there.
        mutating func request(_ key: Int) {
            clock += 1
            if times[key] != nil { hits += 1 }
            times[key] = clock
            order.append((key, clock))
            while times.count > capacity {
                let oldest = order[first]
                first += 1
                if times[oldest.key] == oldest.time { times[oldest.key] = nil }
            }
        }
    }
}

extension [Double] {
    /// The first index whose element meets a condition that all later ones meet too.
    func partitioningIndex(_ condition: (Double) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
