internal import DNSWire

/// A denial with its reason as it is told, made ready once. A class: handed on without copies of what is in it.
final class ToldDenial: Sendable {
    /// What is told.
    let denial: Denial
    /// The reason beside it, in UTF-8: whole characters, 200 bytes at most.
    let reason: [UInt8]

    private static let longestReason = 200

    init(_ denial: Denial) {
        self.denial = denial
        let bytes = Array(denial.text.utf8.prefix(Self.longestReason + 1))
        var end = min(bytes.count, Self.longestReason)
        while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        reason = Array(bytes[..<end])
    }
}

/// What was denied lately to whom, so that a name that is asked for all day is not looked up in every list each time.
///
/// A table of fixed size in sets of four places, found by the question's keyed hash; the question is compared in full. The newest
/// denial stands first in its set, the oldest goes. It is of one rule book: with another it begins anew.
struct RecentDenials {
    private struct Entry {
        var hash: UInt64 = 0
        var group: Int?
        var explains = false
        var type = RecordType.a
        var name: [UInt8] = []
        /// Nil where there is nothing here.
        var told: ToldDenial?

        /// Whether it is what a group was told to a question.
        @inline(__always)
        func answers(_ query: inout QueryView, _ group: Int?) -> Bool {
            hash == query.hash && self.group == group && type == query.type && explains == (query.edns != nil)
                && name.span.hasSameBytes(as: query.nameBytes)
        }
    }

    private static let sets = 1024
    private static let ways = 4
    /// Made with the first denial.
    private var entries: [Entry] = []

    /// What a group was told to a question.
    func find(_ query: inout QueryView, _ group: Int?) -> ToldDenial? {
        guard !entries.isEmpty else { return nil }
        let entries = entries.span
        let first = Self.place(query.hash, group)
        for place in first..<first + Self.ways where entries[place].answers(&query, group) { return entries[place].told }
        return nil
    }

    /// Remembers it. Records of a list are not: they are not told to every type alike.
    mutating func note(_ told: ToldDenial, _ query: inout QueryView, _ group: Int?) {
        if case .data = told.denial.action { return }
        if entries.isEmpty { entries = Array(repeating: Entry(), count: Self.ways * Self.sets) }
        let first = Self.place(query.hash, group)
        for place in (first + 1..<first + Self.ways).reversed() { entries.swapAt(place, place - 1) }
        entries[first] = Entry(
            hash: query.hash, group: group, explains: query.edns != nil, type: query.type,
            name: [UInt8](copying: query.nameBytes), told: told)
    }

    /// The first place of a question's set.
    private static func place(_ hash: UInt64, _ group: Int?) -> Int {
        ways * (Int(truncatingIfNeeded: hash &+ UInt64(truncatingIfNeeded: group ?? -1)) & (sets - 1))
    }
}
