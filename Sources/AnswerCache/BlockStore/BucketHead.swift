/// The head of an index bucket: its first entry, and which entries it may hold besides. Most questions that are not in the
/// cache end here: their bucket's entries lie far away in memory, and need not be fetched to be told from them.
struct BucketHead: BitwiseCopyable {
    /// The first entry of the bucket, 0 for none.
    private(set) var first: UInt32 = 0
    /// Sixteen counters of two bits: how many entries there are of each sixteenth of all hashes. One that has reached 3
    /// stays there until the bucket is empty or split.
    private var marks: UInt32 = 0

    /// Whether an entry with this hash may be in the bucket.
    @inline(__always)
    func mayHold(_ hash: UInt32) -> Bool { count(hash) != 0 }

    /// Notes that an entry, which is the first now, has come.
    mutating func add(_ entry: UInt32, _ hash: UInt32) {
        first = entry
        if count(hash) < 3 { marks += 1 << Self.shift(hash) }
    }

    /// Notes that an entry has gone, and which one is the first now.
    mutating func remove(_ hash: UInt32, first: UInt32) {
        self.first = first
        if first == 0 { marks = 0 } else if 1...2 ~= count(hash) { marks -= 1 << Self.shift(hash) }
    }

    /// The counter for a hash.
    @inline(__always)
    private func count(_ hash: UInt32) -> UInt32 { marks >> Self.shift(hash) & 3 }

    /// Where the counter for a hash stands: by the highest bits, for the bucket goes by the lowest.
    @inline(__always)
    private static func shift(_ hash: UInt32) -> UInt32 { hash >> 28 &* 2 }
}
