internal import DNSWire
internal import Green
internal import Synchronization

/// Names whose answers were found to be forged on the way, which are asked of the verifying upstream from then on, with all
/// that is below them. A table of fixed size for all workers; keyed hashes stand for the names, so that nobody can choose
/// whose place to take.
final class ForgedNames: Sendable {
    /// One name.
    private struct Entry {
        var hash: UInt64 = 0
        /// When it is forgotten; 0 for none.
        var endsAt: UInt64 = 0
    }

    private let entries = Locked([Entry](repeating: Entry(), count: ForgedNames.capacity))
    private let isUsed = Atomic<Bool>(false)
    private let seed: UInt64

    /// So many names are known.
    static let capacity = 4096
    /// A name may stand at so many places.
    private static let ways = 4
    /// For so long a name is known.
    static let memory: UInt64 = 86_400_000_000_000
    /// And so long where what was suspicious turned out to be true.
    static let shortMemory: UInt64 = 600_000_000_000

    /// A table without names; `seed` is random.
    init(seed: UInt64) { self.seed = seed }

    /// Whether a name (wire form, lower-cased), or one that it is below, is known.
    func contains(_ name: Span<UInt8>, at now: Instant) -> Bool {
        guard isUsed.load(ordering: .relaxed) else { return false }
        var starts = InlineArray<128, UInt8>(repeating: 0)
        var index = name.labelStarts(&starts)
        var hash = NameHash(seed: seed)
        return entries.withLock { entries in
            while index > 0 {
                index -= 1
                hash.add(name, at: Int(starts[index]))
                let first = Self.place(hash.value)
                for place in first..<first + Self.ways where entries[place].hash == hash.value {
                    if entries[place].endsAt > now.nanoseconds { return true }
                }
            }
            return false
        }
    }

    /// Takes a name in, for so many nanoseconds. Top-level domains are none, and the like of `co.uk` neither: what is below
    /// them is others'.
    func insert(_ name: Span<UInt8>, for time: UInt64, at now: Instant) {
        var starts = InlineArray<128, UInt8>(repeating: 0)
        var index = name.labelStarts(&starts)
        guard index > 1, index > 2 || name[Int(starts[1])] > 2 || name[Int(starts[0])] > 3 else { return }
        var hash = NameHash(seed: seed)
        while index > 0 {
            index -= 1
            hash.add(name, at: Int(starts[index]))
        }
        let first = Self.place(hash.value)
        let end = now.advanced(byNanoseconds: time).nanoseconds
        entries.withLock { entries in
            // Its own place, else that of the one that ends first.
            var chosen = first
            for place in first..<first + Self.ways {
                if entries[place].hash == hash.value {
                    entries[place].endsAt = max(entries[place].endsAt, end)
                    return
                }
                if entries[place].endsAt < entries[chosen].endsAt { chosen = place }
            }
            entries[chosen] = Entry(hash: hash.value, endsAt: end)
        }
        isUsed.store(true, ordering: .relaxed)
    }

    private static func place(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> 32) & (capacity - 1) & ~(ways - 1)
    }
}
