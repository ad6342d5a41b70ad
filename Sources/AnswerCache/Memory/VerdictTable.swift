/// What was made of entries by whoever judges answers, remembered beside them where one byte does not say it. An entry has its
/// place by its number, so that two may be for one place: then the later is remembered. Bounded; it goes with the entry.
struct VerdictTable {
    /// A verdict, and the entry that it is about; 0 for none.
    private struct Place {
        var entry: UInt32 = 0
        var verdict: (any AnyObject & Sendable)?
    }

    /// The places; none before the first verdict.
    private var places: [Place] = []
    /// How many there will be: a power of two.
    private let size: Int

    /// A table for a shard of so many bytes: a place for each 16 KiB, 1024 at most.
    init(byteBudget: Int) {
        let wanted = min(1024, max(16, byteBudget >> 14))
        size = 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
    }

    /// What is remembered of an entry.
    func find(_ entry: UInt32) -> (any AnyObject & Sendable)? {
        guard !places.isEmpty else { return nil }
        let place = places[Int(entry) & (size - 1)]
        return place.entry == entry ? place.verdict : nil
    }

    /// Remembers what was made of an entry.
    mutating func note(_ verdict: any AnyObject & Sendable, of entry: UInt32) {
        if places.isEmpty { places = [Place](repeating: Place(), count: size) }
        places[Int(entry) & (size - 1)] = Place(entry: entry, verdict: verdict)
    }

    /// Forgets what was made of an entry, which goes.
    mutating func forget(_ entry: UInt32) {
        guard !places.isEmpty, places[Int(entry) & (size - 1)].entry == entry else { return }
        places[Int(entry) & (size - 1)] = Place()
    }
}
