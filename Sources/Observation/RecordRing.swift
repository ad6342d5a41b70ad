internal import Green
internal import Synchronization

/// A queue of records from one thread to another, of a fixed size, without locks: who writes never waits, and what finds no
/// room is dropped and counted.
package final class RecordRing: Sendable {
    /// What stands before a record's bytes.
    package typealias Head = InlineArray<7, UInt64>

    /// A piece of the queue.
    private final class Page: Sendable {
        let words = InlineArray<512, Atomic<UInt64>> { _ in Atomic(0) }
    }

    private let pages: [Page]
    private let capacity: UInt64
    /// How many words were ever written, and how many of them were taken.
    private let written = Atomic<UInt64>(0)
    private let taken = Atomic<UInt64>(0)
    /// Records that found no room.
    package let dropped = Counter()

    private static let headWords = 8
    /// A record's bytes may be no more.
    package static let mostBytes = 65_535

    /// An empty queue of so many pages of 4 kB.
    package init(pages count: Int = 64) {
        pages = (0..<max(32, count)).map { _ in Page() }
        capacity = UInt64(pages.count * 512)
    }

    /// Appends a record where there is room; only on the thread that writes.
    package func append(_ head: Head, _ bytes: Span<UInt8>) {
        let position = written.load(ordering: .relaxed)
        let size = UInt64(Self.headWords + (bytes.count + 7) / 8)
        let used = position &- taken.load(ordering: .acquiring)
        guard bytes.count <= Self.mostBytes, used <= capacity, size <= capacity - used else { return dropped.add() }
        var index = position
        func put(_ word: UInt64) {
            store(word, at: index)
            index &+= 1
        }
        put(UInt64(bytes.count))
        for cell in head.indices { put(head[cell]) }
        var start = 0
        while start < bytes.count {
            var word: UInt64 = 0
            for offset in 0..<min(8, bytes.count - start) { word |= UInt64(bytes[start + offset]) << UInt64(8 * offset) }
            put(word)
            start += 8
        }
        written.store(position &+ size, ordering: .releasing)
    }

    /// A turn takes so many records.
    private static let turn = 32

    /// Takes what has been written up to now, in short turns; only one thread at a time.
    package func drain(_ body: (Head, [UInt8]) -> Void) {
        let end = written.load(ordering: .acquiring)
        var position = taken.load(ordering: .relaxed)
        var number = 0
        while position != end {
            giveWay(before: number, every: Self.turn)
            number += 1
            let count = Int(truncatingIfNeeded: word(at: position))
            var head = Head(repeating: 0)
            for cell in head.indices { head[cell] = word(at: position &+ 1 &+ UInt64(cell)) }
            let first = position &+ UInt64(Self.headWords)
            body(head, bytes(count, from: first))
            position = first &+ UInt64((count + 7) / 8)
            taken.store(position, ordering: .releasing)
        }
    }

    /// The bytes of a record.
    private func bytes(_ count: Int, from first: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var index = first
        while bytes.count < count {
            let word = word(at: index)
            for offset in 0..<min(8, count - bytes.count) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * offset))) }
            index &+= 1
        }
        return bytes
    }

    @inline(__always)
    private func word(at index: UInt64) -> UInt64 {
        let place = Int(truncatingIfNeeded: index % capacity)
        return pages[place >> 9].words[place & 511].load(ordering: .relaxed)
    }

    @inline(__always)
    private func store(_ word: UInt64, at index: UInt64) {
        let place = Int(truncatingIfNeeded: index % capacity)
        pages[place >> 9].words[place & 511].store(word, ordering: .relaxed)
    }
}
