// What is known.
//
// A cache keeps answers as they are sent: the name asked for and the records after the question, compressed as if the
// question stood in lower case before them. A question has the same length whoever asks it, so every pointer in the
// records fits any client's message, and an owner that equals the question's name is a pointer to the letters that this
// client wrote. A hit is one copy, then as many TTLs as there are records:
//
//     client asks   wWw.Example.com A            [header][wWw.Example.com A IN]
//     QueryView     lower-cases and hashes       www.example.com, A, IN, DO, CD -> 64 bits
//     ShardTable    locks one of 16 shards       by the hash's high half
//     Shard         finds the entry              bucket by the low half, then the whole key is compared
//     BlockStore    copies its blocks            [header][wWw.Example.com A IN][c00c A IN 300 192.0.2.1]
//     TTLCountdown  takes the age off            [header][wWw.Example.com A IN][c00c A IN 288 192.0.2.1]
//     the caller    writes the header and OPT    from `StoredAnswer`
//
// An answer goes the other way: `Belief` has read the reply and written its records so that they can stay as they are.
// One that says that the name does not exist is kept for the name, whatever type was asked for (RFC 2308 5): a question for
// which nothing is kept is looked up once more, by its name alone.
//
// Invariants:
// - The byte budget is the truth: blocks, index and the shards themselves stay within it.
// - A hit allocates nothing, counts no references and waits for nobody but the holder of the shard's lock.
// - No lock is held while more than 64 entries are looked at, and never two of them.
// - What an upstream or another client wrote into its question (0x20) is in no stored answer.
// - A failure never takes the place of a good answer, and one that may be given out stale comes before it.
// - What was asked for before a flush is not kept after it.
// - Nothing here looks at a clock: `now` is an argument.

package import Belief
package import DNSWire
internal import Synchronization

/// The cache in memory, shared by all workers.
package final class MemoryCache: Sendable {
    /// The shards; none when the cache is off.
    let shards: ShardTable
    /// Keys the hash of questions, so that nobody can choose names that fall into one bucket.
    package let seed: UInt64
    /// The bounds of TTLs, each on its own: between two of them a reload may fall.
    private let minimumSeconds, maximumSeconds, negativeSeconds: Atomic<UInt32>
    /// For how long after its time an answer may be given out.
    private let staleLimit = Atomic<UInt32>(0)
    /// The epoch that failures belong to; those of epochs before are forgotten.
    private let failureEpoch = Atomic<UInt32>(0)
    /// When an upstream last answered, in seconds.
    private let answeredAt = Atomic<UInt32>(0)
    /// Which time it is that marks of rule sets are given.
    let markRound = Atomic<UInt32>(0)
    /// The steps of all flushes so far, each counted before it begins.
    let flushSteps = Atomic<UInt64>(0)

    /// A shard is not made for less than this, so that one answer does not fill it.
    private static var smallestShard: Int { 1 << 20 }
    /// More shards than this do not make two workers meet much less often.
    private static var mostShards: Int { 16 }
    /// A size below this counts as this, except 0.
    package static var smallestSize: Int { 64 << 10 }

    /// Makes a cache of `sizeBytes` in all; 0 makes one that keeps nothing. Address space is reserved, memory is not.
    package init(sizeBytes: Int, seed: UInt64, limits: TTLLimits = TTLLimits()) throws(CacheError) {
        let size = sizeBytes <= 0 ? 0 : max(Self.smallestSize, sizeBytes)
        var count = size == 0 ? 0 : 1
        while count > 0, count < Self.mostShards, size / (2 * count) >= Self.smallestShard { count *= 2 }
        shards = try ShardTable(count: count, byteBudget: size)
        self.seed = seed
        minimumSeconds = Atomic(limits.minimumSeconds)
        maximumSeconds = Atomic(limits.maximumSeconds)
        negativeSeconds = Atomic(limits.negativeSeconds)
    }

    /// Whether the cache keeps nothing.
    package var isOff: Bool { shards.count == 0 }

    /// The bounds for what is stored from now on; what is kept stays as it is.
    package var limits: TTLLimits {
        get {
            TTLLimits(
                minimumSeconds: minimumSeconds.load(ordering: .relaxed),
                maximumSeconds: maximumSeconds.load(ordering: .relaxed),
                negativeSeconds: negativeSeconds.load(ordering: .relaxed)
            )
        }
        set {
            minimumSeconds.store(newValue.minimumSeconds, ordering: .relaxed)
            maximumSeconds.store(newValue.maximumSeconds, ordering: .relaxed)
            negativeSeconds.store(newValue.negativeSeconds, ordering: .relaxed)
        }
    }

    /// For how long after its time an answer is kept and may be given out (RFC 8767); 0, as at first, for not at all.
    package var staleSeconds: UInt32 {
        get { staleLimit.load(ordering: .relaxed) }
        set {
            staleLimit.store(newValue, ordering: .relaxed)
            for number in 0..<shards.count {
                var locked = shards.lock(number)
                locked.shard.staleSeconds = newValue
            }
        }
    }

    /// Answers a query that was read with this cache's `seed`: copies the records to `buffer` from `offset` on, which is
    /// right after the question (12 + `questionLength`), their TTLs counted down. Waits for nothing and allocates nothing.
    /// The query stays as it is: a value of its size that is only lent would be copied for the call.
    package func answer(
        _ query: inout QueryView, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        let name = query.nameBytes
        let key = KeyView(name, hash: query.hash, type: query.type, view: query.keyView, flags: query.keyFlags)
        return answer(key, at: now, into: &buffer, at: offset)
    }

    /// The same for a key, off the path of a hit.
    package func answer(
        _ key: borrowing CacheKey, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        answer(key.view, at: now, into: &buffer, at: offset)
    }

    /// The walk of a hit.
    @inline(__always)
    private func answer(
        _ key: KeyView, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        guard !isOff else { return .miss }
        var outcome = lookUp(key, at: now, into: &buffer, at: offset)
        switch outcome {
        case .hit(let answer) where !answer.isFailure: break
        case .tooLarge: break
        case .hit, .miss, .stale: lookUpForAllTypes(key, at: now, into: &buffer, at: offset, &outcome)
        }
        if case .hit(let answer) = outcome, answer.ageSeconds > 0 {
            TTLCountdown.apply(answer, to: &buffer, at: offset)
        }
        return outcome
    }

    /// Looks whether the name is known not to exist, whatever type is asked for: a good answer, which comes before a failure.
    /// Counts the miss where it is not.
    @inline(never)
    private func lookUpForAllTypes(
        _ key: KeyView, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int,
        _ outcome: inout CacheOutcome
    ) {
        let name = key.forAllTypes(seed: seed)
        var isFailure = false
        if case .hit = outcome { isFailure = true }
        do {
            var locked = shards.lock(shards.number(forHash: name.hash))
            switch locked.shard.answerForAllTypes(name, isCounted: isFailure, at: now, into: &buffer, at: offset) {
            case .miss: break
            case .stale: outcome = .stale
            case let found: outcome = found
            }
        }
        guard isFailure, case .hit(let answer) = outcome, answer.isFailure else { return }
        if staleSeconds > 0, hasBorrowed(key, at: now) { outcome = .stale }
    }

    /// What happens under the shard's lock.
    @inline(__always)
    private func lookUp(
        _ key: KeyView, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        let epoch = failureEpoch.load(ordering: .relaxed)
        var locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.answer(key, at: now, epoch: epoch, into: &buffer, at: offset)
    }

    /// Forgets every remembered failure, at once: an upstream is back, and what failed may work now (RFC 9520 3.2 bounds
    /// only how long they may be kept).
    package func forgetFailures() { failureEpoch.wrappingAdd(1, ordering: .relaxed) }

    /// Notes that an upstream answered a question. Written once a second, for all workers share the word.
    package func noteAnswer(at now: BootSeconds) {
        if answeredAt.load(ordering: .relaxed) != now.rawValue { answeredAt.store(now.rawValue, ordering: .relaxed) }
    }

    /// When an upstream last answered.
    var lastAnswer: BootSeconds { BootSeconds(rawValue: answeredAt.load(ordering: .relaxed)) }

    /// The epoch of failures that are stored now.
    var currentFailureEpoch: UInt32 { failureEpoch.load(ordering: .relaxed) }

    /// The figures of all shards, one after the other.
    package var statistics: CacheStatistics {
        var total = CacheStatistics()
        for number in 0..<shards.count {
            let locked = shards.lock(number)
            total.add(locked.shard.statistics)
        }
        return total
    }
}
