internal import DNSWire

/// What was denied lately to whom, so that a name that is asked for all day is not looked up in every list each time.
///
/// A table of fixed size in sets of four places, found by the question's keyed hash; the question is compared in full. The newest
/// denial stands first in its set, the oldest goes. It is of one rule book: with another it begins anew.
struct RecentDenials {
    /// A denial, and the question and group that it was told to.
    private final class Entry {
        let told: ToldDenial
        private let group: Int?
        private let explains: Bool
        private let type: RecordType
        private let name: [UInt8]

        init(_ told: ToldDenial, _ query: inout QueryView, _ group: Int?) {
            (self.told, self.group, explains, type) = (told, group, query.edns != nil, query.type)
            name = [UInt8](copying: query.nameBytes)
        }

        func answers(_ query: inout QueryView, _ group: Int?) -> Bool {
            let name = name
            return self.group == group && type == query.type && explains == (query.edns != nil)
                && name.span.hasSameBytes(as: query.nameBytes)
        }
    }

    private static let sets = 1024
    private static let ways = 4
    /// Made with the first denial: nil where there is none.
    private var entries: [Entry?] = []
    /// The hashes of the entries' questions.
    private var hashes: [UInt64] = []
    /// For each set of questions, whoever asks, the top sixteen bits of the hashes of the last four that were denied.
    private var tags = [UInt64](repeating: 0, count: sets)

    /// Whether a question may have been denied to anybody: false for nearly all that was not, in a few instructions.
    @inline(__always)
    func mayHave(_ hash: UInt64) -> Bool {
        // A part of 16 bits is 0 where it is the tag; borrows may only make more of them look so.
        let parts = tags[Self.set(hash)] ^ Self.tag(hash) &* 0x0001_0001_0001_0001
        return (parts &- 0x0001_0001_0001_0001) & ~parts & 0x8000_8000_8000_8000 != 0
    }

    /// What a group was told to a question.
    func find(_ query: inout QueryView, _ group: Int?) -> ToldDenial? {
        guard !hashes.isEmpty else { return nil }
        let first = Self.place(query.hash, group)
        for place in first..<first + Self.ways where hashes[place] == query.hash {
            if let entry = entries[place], entry.answers(&query, group) { return entry.told }
        }
        return nil
    }

    /// Remembers it. Records of a list are not: they are not told to every type alike.
    mutating func note(_ told: ToldDenial, _ query: inout QueryView, _ group: Int?) {
        guard told.kind != .records else { return }
        if entries.isEmpty {
            entries = Array(repeating: nil, count: Self.ways * Self.sets)
            hashes = Array(repeating: 0, count: Self.ways * Self.sets)
        }
        if !mayHave(query.hash) {
            let set = Self.set(query.hash)
            tags[set] = tags[set] << 16 | Self.tag(query.hash)
        }
        let first = Self.place(query.hash, group)
        var last = first
        while last < first + Self.ways - 1, entries[last]?.answers(&query, group) == false { last += 1 }
        for place in (first..<last).reversed() {
            entries.swapAt(place, place + 1)
            hashes.swapAt(place, place + 1)
        }
        (entries[first], hashes[first]) = (Entry(told, &query, group), query.hash)
    }

    /// The first place of a question's set.
    private static func place(_ hash: UInt64, _ group: Int?) -> Int {
        ways * set(hash &+ UInt64(truncatingIfNeeded: group ?? -1))
    }

    private static func set(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (sets - 1) }

    /// Never 0, which stands for none.
    private static func tag(_ hash: UInt64) -> UInt64 { hash >> 48 | 1 }
}
