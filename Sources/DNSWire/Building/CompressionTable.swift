/// Remembers where suffixes of names stand in a message being written, so that later names can point to them.
///
/// A stack of entries in the order they were written, chained into buckets by hash: writing that is rolled back pops what
/// was pushed since. Holds no bytes; whoever finds an entry compares the name in the message.
struct CompressionTable {
    /// A suffix that stands in the message.
    struct Entry {
        /// Where it starts.
        var offset: UInt16 = 0
        /// Its hash, so that few comparisons are wasted.
        var hash: UInt16 = 0
        /// The bucket's entry before it, as index plus one; 0 for none.
        var next: UInt8 = 0
    }

    /// The newest entry of each bucket, as index plus one; 0 for none.
    private var heads: [UInt8] = []
    /// All entries, oldest first; at most 255. Once full, no more are remembered: names are then longer, never wrong.
    private var entries: [Entry] = []

    /// The bucket of a hash.
    private func bucket(_ hash: UInt16) -> Int { Int(hash & 63) }

    /// The newest entry that may match, or 0.
    func first(_ hash: UInt16) -> UInt8 { heads.isEmpty ? 0 : heads[bucket(hash)] }

    /// The entry at an index plus one.
    func entry(_ index: UInt8) -> Entry { entries[Int(index) - 1] }

    /// Remembers a suffix, if there is room and a pointer can reach it.
    mutating func push(_ hash: UInt16, at offset: Int) {
        guard entries.count < 255, offset < 0x4000 else { return }
        if heads.isEmpty { heads = [UInt8](repeating: 0, count: 64) }
        entries.append(Entry(offset: UInt16(truncatingIfNeeded: offset), hash: hash, next: heads[bucket(hash)]))
        heads[bucket(hash)] = UInt8(truncatingIfNeeded: entries.count)
    }

    /// Forgets what stands at or after an offset. Right because offsets are pushed in growing order.
    mutating func removeEntries(from offset: Int) {
        while let last = entries.last, Int(last.offset) >= offset {
            heads[bucket(last.hash)] = last.next
            entries.removeLast()
        }
    }
}
