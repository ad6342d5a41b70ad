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
/// A table of fixed size, found by the question's keyed hash; the question is compared in full. Each has two places there, of which
/// the newer denial takes the first. It is of one rule book: with another it begins anew.
struct RecentDenials {
    private struct Entry {
        let name: [UInt8]
        let type: RecordType
        let group: Int?
        let explains: Bool
        let told: ToldDenial
    }

    private static let size = 4096
    /// Made with the first denial.
    private var entries: [Entry?] = []

    /// What a group was told to a question.
    func find(_ query: inout QueryView, _ group: Int?) -> ToldDenial? {
        guard !entries.isEmpty else { return nil }
        let place = Self.place(query.hash, group)
        return told(at: place, to: &query, group) ?? told(at: place ^ 1, to: &query, group)
    }

    private func told(at place: Int, to query: inout QueryView, _ group: Int?) -> ToldDenial? {
        guard let entry = entries[place], entry.type == query.type, entry.group == group,
            entry.explains == (query.edns != nil), entry.name.span.hasSameBytes(as: query.nameBytes)
        else { return nil }
        return entry.told
    }

    /// Remembers it. Records of a list are not: they are not told to every type alike.
    mutating func note(_ told: ToldDenial, _ query: inout QueryView, _ group: Int?) {
        if case .data = told.denial.action { return }
        if entries.isEmpty { entries = Array(repeating: nil, count: Self.size) }
        let name = [UInt8](copying: query.nameBytes)
        let place = Self.place(query.hash, group)
        entries[place ^ 1] = entries[place]
        entries[place] = Entry(name: name, type: query.type, group: group, explains: query.edns != nil, told: told)
    }

    private static func place(_ hash: UInt64, _ group: Int?) -> Int {
        Int(truncatingIfNeeded: hash &+ UInt64(truncatingIfNeeded: group ?? -1)) & (size - 1)
    }
}
