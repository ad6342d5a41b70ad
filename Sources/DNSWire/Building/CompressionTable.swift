/// Remembers where suffixes of names stand in a message being written, so that later names can point to them.
///
/// A stack of entries in the order they were written, chained into buckets by a keyed hash: writing that is rolled back pops
/// what was pushed since. Holds no bytes; whoever finds an entry compares the label that it begins with.
///
/// Names come from strangers, and a message may hold thousands. So the hash is keyed (`NameHash`), a search looks at
/// `mostCandidates` entries at most, and the table has an end: beyond these bounds names are written whole, never wrong.
struct CompressionTable {
    /// A suffix that stands in the message.
    struct Entry {
        /// Where it starts.
        var offset: UInt16 = 0
        /// Some bits of its hash, so that few comparisons are wasted.
        var hash: UInt16 = 0
        /// The bucket's entry before it, as index plus one; 0 for none.
        var next: UInt8 = 0
        /// How many pointers a reader follows from it to the root.
        var depth: UInt8 = 0
    }

    /// So many entries are looked at for one name.
    static var mostCandidates: Int { 64 }
    /// No name is written that leads through more pointers than this: some clients follow no more than ten.
    static var mostPointers: UInt8 { 8 }

    /// The newest entry of each bucket, as index plus one; 0 for none.
    private var heads: [UInt8] = []
    /// All entries, oldest first; at most 255. Once full, no more are remembered.
    private var entries: [Entry] = []

    /// The bucket of a hash.
    private func bucket(_ hash: UInt16) -> Int { Int(hash & 63) }

    /// The newest entry that may match, or 0.
    func first(_ hash: UInt16) -> UInt8 { heads.isEmpty ? 0 : heads[bucket(hash)] }

    /// The entry at an index plus one.
    func entry(_ index: UInt8) -> Entry { entries[Int(index) - 1] }

    /// Remembers a suffix, if there is room and a pointer can reach it.
    mutating func push(_ hash: UInt16, at offset: Int, depth: UInt8) {
        guard entries.count < 255, offset < 0x4000 else { return }
        if heads.isEmpty { heads = [UInt8](repeating: 0, count: 64) }
        entries.append(
            Entry(offset: UInt16(truncatingIfNeeded: offset), hash: hash, next: heads[bucket(hash)], depth: depth))
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
