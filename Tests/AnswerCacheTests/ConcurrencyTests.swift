import DNSWire
import Foundation
import Synchronization
import Testing

@testable import AnswerCache

@Suite struct `Many threads` {
    /// How many answers were looked at, and how many were not what belongs to their name.
    private final class Tally: Sendable {
        let hits = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        let running = Atomic<Int>(8)
    }

    @Test func `eight threads that store, ask, walk and remove see only whole answers`() throws {
        let client = try TestClient(sizeBytes: 256 << 10)
        let tally = Tally()
        for number in 0..<8 {
            let thread = Thread {
                Self.work(client, SeededNumbers(seed: UInt64(number)), tally)
                tally.running.subtract(1, ordering: .releasing)
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while tally.running.load(ordering: .acquiring) > 0, ContinuousClock.now < deadline { sched_yield() }
        #expect(tally.running.load(ordering: .acquiring) == 0)
        #expect(tally.wrong.load(ordering: .relaxed) == 0)
        #expect(tally.hits.load(ordering: .relaxed) > 1000)
        let figures = client.cache.statistics
        #expect(figures.bytesUsed <= figures.byteBudget)
    }

    /// What one thread does. The answer for a name repeats the name's number, so that a mixture would show.
    private static func work(_ client: TestClient, _ numbers: SeededNumbers, _ tally: Tally) {
        var numbers = numbers
        var cursor = WalkCursor()
        for _ in 0..<4000 {
            let mark = UInt8.random(in: 0...255, using: &numbers)
            let name = "n\(mark).example"
            switch Int.random(in: 0..<20, using: &numbers) {
            case 0..<6:
                var reply = TestReply(name: name, type: .txt)
                let length = Int.random(in: 1...255, using: &numbers)
                let text = [UInt8](repeating: mark, count: length)
                for _ in 0..<6 { reply.add(.answer, "@", .txt, 300, [UInt8(length)] + text) }
                client.store(reply, at: 0)
            case 6: client.cache.remove(TestReply.fixed(name), .txt)
            case 7:
                if client.cache.walk(&cursor, at: BootSeconds(rawValue: 0)) == nil { cursor = WalkCursor() }
            default:
                guard let answer = try? client.ask(name, .txt, at: 0) else { continue }
                tally.hits.add(1, ordering: .relaxed)
                let isWhole =
                    answer.records.count == 6
                    && answer.records.allSatisfy { record in
                        record.rdata.dropFirst().allSatisfy { $0 == mark } && record.rdata.count == Int(record.rdata[0]) + 1
                    }
                if !isWhole { tally.wrong.add(1, ordering: .relaxed) }
            }
        }
    }
}
