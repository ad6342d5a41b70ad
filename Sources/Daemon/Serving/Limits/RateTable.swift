internal import Synchronization

/// So much in a second, and so much at once: a token bucket, as the generic cell rate algorithm counts it.
struct Rate: Sendable, Equatable {
    /// From one to the next, in ticks of 64 ns.
    let interval: Int64
    /// How far a bucket may be ahead of time before it is empty.
    let tolerance: Int64

    /// The bounds within which ticks cannot overflow.
    static let most = 1_000_000, mostAtOnce = 100_000

    /// `perSecond` from 1 to `most`, `atOnce` from 1 to `mostAtOnce`; what is beyond counts as the bound.
    init(perSecond: Int, atOnce: Int) {
        interval = max(1, 15_625_000 / Int64(min(max(1, perSecond), Self.most)))
        tolerance = interval * Int64(min(max(1, atOnce), Self.mostAtOnce) - 1)
    }
}

/// Token buckets of whoever asks, in a table of fixed size for all workers, found by keyed hashes.
///
/// A bucket is one word: 20 bits that tell it from others, and the moment when it is full again. One that is full says nothing
/// of its owner, so that its place is free: who asks now and then takes a place for no longer than one interval, and an attacker
/// must send faster than places become free to fill the table. Each owner may stand in two lines of eight places. Where all are
/// taken, the bucket gives way that is nearest to full: whoever is thrown out has a full bucket again and loses nothing, and
/// those who ask most stay. The hash is keyed, so that nobody can choose whom to meet.
///
/// Workers load and store words without a lock; where two do so at once, one of the counts is lost.
@safe final class RateTable: Sendable {
    private typealias Word = Atomic<UInt64>

    // SAFETY: made once, never moved, freed with the table; the words are atomic.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<Word>
    private let lineMask: UInt64
    private static let placesInLine = 8
    private static let lineBytes = 64
    private static let timeBits: UInt64 = 44
    private static let timeMask: UInt64 = 1 << timeBits - 1

    /// A table of so many lines, a power of two, of 64 bytes each.
    init(lines: Int) {
        precondition(lines > 0 && lines & (lines - 1) == 0)
        lineMask = UInt64(lines - 1)
        // As the processor's lines stand, so that one of ours is one of its.
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: lines * Self.lineBytes, alignment: Self.lineBytes)
        unsafe words = bytes.bindMemory(to: Word.self, capacity: lines * Self.placesInLine)
        for index in 0..<lines * Self.placesInLine { unsafe (words + index).initialize(to: Word(0)) }
    }

    deinit {
        unsafe words.deinitialize(count: Int(lineMask + 1) * Self.placesInLine)
        unsafe words.deallocate()
    }

    /// Takes from the bucket of an owner, known by a keyed hash, at a moment: false where it is empty.
    func take(_ hash: UInt64, _ rate: Rate, nanoseconds: UInt64) -> Bool {
        let now = nanoseconds >> 6 & Self.timeMask
        let tag = max(1, hash >> Self.timeBits)
        var (victim, leastDebt) = (0, Int64.max)
        for place in 0..<2 * Self.placesInLine {
            // Bits apart from each other and from those of the tag.
            let line = Int((place < Self.placesInLine ? hash : hash >> 22) & lineMask)
            let index = line * Self.placesInLine + place % Self.placesInLine
            // SAFETY: the line is within the mask, the place within the line.
            let word = unsafe words[index].load(ordering: .relaxed)
            let debt = Self.debt(word, at: now, rate)
            if word >> Self.timeBits == tag, debt > 0 {
                guard debt <= rate.tolerance else { return false }
                store(tag, now &+ UInt64(debt &+ rate.interval), at: index)
                return true
            }
            if debt < leastDebt { (victim, leastDebt) = (index, debt) }
        }
        store(tag, now &+ UInt64(rate.interval), at: victim)
        return true
    }

    /// Whether each of its lines is one of the processor's.
    var isAligned: Bool { unsafe UInt(bitPattern: words) % UInt(Self.lineBytes) == 0 }

    /// The bytes that it takes.
    var byteCount: Int { Int(lineMask + 1) * Self.placesInLine * MemoryLayout<UInt64>.size }

    private func store(_ tag: UInt64, _ full: UInt64, at index: Int) {
        unsafe words[index].store(tag << Self.timeBits | full & Self.timeMask, ordering: .relaxed)
    }

    /// How long until the bucket in a word is full, 0 where it is. Further ahead than any bucket of this rate may be, which is 6
    /// days after the last use, is past.
    private static func debt(_ word: UInt64, at now: UInt64, _ rate: Rate) -> Int64 {
        guard word != 0 else { return 0 }
        // The difference of 44 bits, with its sign.
        let shift = 64 - timeBits
        let ahead = Int64(bitPattern: (word & timeMask &- now) << shift) >> Int64(shift)
        return ahead > 0 && ahead <= rate.tolerance + rate.interval ? ahead : 0
    }
}
