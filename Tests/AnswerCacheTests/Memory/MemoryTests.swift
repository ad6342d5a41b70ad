import DNSWire
import Foundation
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Memory` {
    /// How many bytes of a cache's reservations the system has pages for.
    private func resident(_ cache: MemoryCache) -> Int {
        var total = 0
        for number in 0..<cache.shards.count {
            let locked = cache.shards.lock(number)
            total += resident(locked.shard.blocks.memory.base, locked.shard.blocks.memory.byteCount)
            total += resident(locked.shard.heads.memory.base, locked.shard.heads.memory.byteCount)
        }
        return total
    }

    /// The same for one range.
    private func resident(_ base: UnsafeMutableRawPointer, _ count: Int) -> Int {
        var pages = [UInt8](repeating: 0, count: (count + 4095) / 4096)
        #expect(mincore(base, count, &pages) == 0)
        return pages.count { $0 & 1 != 0 } * 4096
    }

    @Test(.enabled(if: Sanitizer.allowsMeasures)) func `100,000 A answers take at most 160 bytes each, all included`() throws {
        let client = try TestClient(sizeBytes: 64 << 20)
        for index in 0..<100_000 {
            let name = "m" + String(10_000_000 + index).dropFirst() + ".bench.example"
            #expect(client.store(.benchmark(name), at: 0) == .stored(seconds: 3600))
        }
        let figures = client.cache.statistics
        #expect(figures.entries == 100_000)
        #expect(figures.bytesUsed <= 160 * 100_000)
        #expect(figures.bytesResident == figures.bytesUsed + 16 * BlockStore.blockSize)
        #expect(resident(client.cache) <= 160 * 100_000)
        for index in stride(from: 0, to: 100_000, by: 97) {
            let name = "m" + String(10_000_000 + index).dropFirst() + ".bench.example"
            #expect(try client.ask(name, at: 0) != nil)
        }
    }

    @Test(.enabled(if: Sanitizer.allowsMeasures))
    func `an almost empty cache is small however large it may become`() throws {
        let client = try TestClient(sizeBytes: 8 << 30)
        #expect(resident(client.cache) == 0)
        for index in 0..<100 { client.store(.addresses("n\(index).example", ttls: [300]), at: 0) }
        #expect(resident(client.cache) <= 256 << 10)
        #expect(client.cache.statistics.byteBudget <= 8 << 30)
    }

    @Test(arguments: [64 << 10, 300_000, 1 << 20, 4 << 20].prefix(Sanitizer.isBuiltIn ? 3 : 4))
    func `the byte budget is never exceeded, and nearly used up`(size: Int) throws {
        let client = try TestClient(sizeBytes: size)
        var numbers = SeededNumbers(seed: UInt64(size))
        for index in 0..<size / 100 {
            var reply = TestReply(name: "n\(index).example", type: .txt)
            let length = Int.random(in: 0...250, using: &numbers)
            let text = [UInt8](repeating: 65, count: length)
            for _ in 0..<Int.random(in: 1...3, using: &numbers) { reply.add(.answer, "@", .txt, 300, [UInt8(length)] + text) }
            client.store(reply, at: UInt32(index / 100))
            if index % 64 == 0 {
                let figures = client.cache.statistics
                #expect(figures.byteBudget <= size)
                #expect(figures.bytesUsed <= figures.byteBudget)
                #expect(figures.bytesResident <= figures.byteBudget)
            }
        }
        let figures = client.cache.statistics
        #expect(figures.evicted > 0)
        #expect(figures.bytesUsed > size * 9 / 10)
        #expect(resident(client.cache) <= size + 2 * 4096 * client.cache.shards.count)
    }

    @Test func `an answer that would take too much of its shard is not kept`() throws {
        let client = try TestClient(sizeBytes: 64 << 10)
        var reply = TestReply(name: "big.example", type: .txt)
        for _ in 0..<5 { reply.add(.answer, "@", .txt, 300, [255] + [UInt8](repeating: 65, count: 255)) }
        #expect(client.store(reply, at: 0) == .notKept(.tooLarge))
        let large = try TestClient(sizeBytes: 256 << 20)
        for _ in 0..<230 { reply.add(.answer, "@", .txt, 300, [255] + [UInt8](repeating: 65, count: 255)) }
        #expect(large.store(reply, at: 0) == .stored(seconds: 300))
        #expect(try large.ask("big.example", .txt, at: 0)?.records.count == 235)
    }

    @Test func `a size that no machine has is an error, not a crash`() {
        #expect(throws: CacheError.self) { try MemoryCache(sizeBytes: 1 << 60, seed: 1) }
    }

    @Test func `a header fits beside an A answer's name and records in two blocks`() {
        #expect(MemoryLayout<EntryHeader>.stride == 48)
        #expect(BlockStore.blocks(forPayload: 16) == 1)
        #expect(BlockStore.blocks(forPayload: 17) == 2)
        #expect(BlockStore.blocks(forPayload: 76) == 2)
        #expect(BlockStore.blocks(forPayload: 77) == 3)
        #expect(BlockStore.blocks(forPayload: 65_535 + 255) == 1 + (65_790 - 16 + 59) / 60)
    }

    @Test func `blocks of removed entries are used again`() throws {
        var store = try BlockStore(limit: 100)
        for round in 0..<50 {
            var entries: [UInt32] = []
            while let entry = store.makeEntry(payloadLength: 20 * (1 + (round + entries.count) % 9)) {
                entries.append(entry)
            }
            #expect(store.available < 4)
            for entry in entries { store.free(entry) }
            #expect(store.used == 0)
        }
        #expect(store.touched <= 100)
    }
}
