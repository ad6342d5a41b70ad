import DNSWire
import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Many threads` {
    /// How many answers were looked at, and how many were not what belongs to their name.
    private final class Tally: Sendable {
        let hits = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
    }

    /// A name with its answers, of several lengths. Every byte of their texts is the name's number.
    private struct Subject: Sendable {
        let mark: UInt8
        let name: FixedName
        let key: CacheKey
        let replies: [[UInt8]]

        init(_ mark: UInt8, _ client: TestClient) {
            self.mark = mark
            name = TestReply.fixed("n\(mark).example")
            key = client.key("n\(mark).example", .txt)
            replies = [1, 30, 100, 255].map { length in
                var reply = TestReply(name: "n\(mark).example", type: .txt)
                let text = [UInt8](repeating: mark, count: length)
                for _ in 0..<6 { reply.add(.answer, "@", .txt, 300, [UInt8(length)] + text) }
                return reply.bytes
            }
        }

        /// Whether records that were copied out are one of the answers, from their first byte to their last.
        func owns(_ buffer: [UInt8], from start: Int, _ stored: StoredAnswer) -> Bool {
            var position = start
            for _ in 0..<6 {
                let length = Int(buffer[position + 12])
                guard buffer[position] == 0xC0, Int(buffer[position + 11]) + Int(buffer[position + 10]) << 8 == length + 1
                else { return false }
                var index = position + 13
                while index < position + 13 + length {
                    guard buffer[index] == mark else { return false }
                    index += 1
                }
                position += 13 + length
            }
            return position == start + stored.length && stored.answerCount == 6
        }
    }

    @Test func `eight threads that store, ask, walk and remove see only whole answers`() throws {
        let client = try TestClient(sizeBytes: 128 << 10)
        let subjects = (0...255).map { Subject(UInt8($0), client) }
        let tally = Tally()
        let running = DispatchGroup()
        for number in 0..<8 {
            running.enter()
            let thread = Thread {
                Self.work(client.cache, subjects, SeededNumbers(seed: UInt64(number)), tally)
                running.leave()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        #expect(running.wait(timeout: .now() + 60) == .success)
        #expect(tally.wrong.load(ordering: .relaxed) == 0)
        #expect(tally.hits.load(ordering: .relaxed) > 1000)
        let figures = client.cache.statistics
        #expect(figures.evicted > 0)
        #expect(figures.bytesUsed <= figures.byteBudget)
    }

    /// What one thread does.
    private static func work(_ cache: MemoryCache, _ subjects: [Subject], _ numbers: SeededNumbers, _ tally: Tally) {
        var numbers = numbers
        var cursor = WalkCursor()
        var buffer = [UInt8](repeating: 0, count: 2048)
        let now = BootSeconds(rawValue: 0)
        for _ in 0..<5000 {
            let number = numbers.next()
            let subject = subjects[Int(number & 255)]
            switch number >> 8 % 64 {
            case 0..<20:
                let reply = subject.replies[Int(number >> 16 & 3)]
                cache.store(
                    subject.key, reply: reply, from: Provenance(upstream: UInt16(number >> 20 & 7), transport: .udp),
                    at: now)
            case 20: cache.remove(subject.name, .txt)
            case 21: if cache.walk(&cursor, at: now) == nil { cursor = WalkCursor() }
            case 22: cache.storeFailure(subject.key, .servFail, from: Provenance(upstream: 9, transport: .local), at: now)
            default:
                var span = buffer.mutableSpan
                let start = 12 + subject.name.count + 4
                let outcome = cache.answer(subject.key, at: now, into: &span, at: start)
                guard case .hit(let stored) = outcome, !stored.isFailure else { continue }
                tally.hits.add(1, ordering: .relaxed)
                if !subject.owns(buffer, from: start, stored) { tally.wrong.add(1, ordering: .relaxed) }
            }
        }
    }
}
