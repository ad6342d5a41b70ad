// Names and addresses of a hosts file, ready to be answered from.
//
//     let table = HostsTable.load(bytes)
//     switch table.find(name, type: .a) {
//     case .unknown: …                            // not ours: cache and upstreams
//     case .noData: …                             // the name is ours, but has nothing of this type
//     case .records(let range): for i in range { write(table.type(of: i), table.rdata(of: i)) }
//     }
//
// A table never changes: a file that did is loaded into a new one. Everything lies in four flat arrays, so that a
// million names cost no million allocations, and a look-up neither allocates nor counts references: it hashes the
// name's bytes, compares them with those of an entry, and hands out a range. PTR records are entries like all others,
// under their name in in-addr.arpa or ip6.arpa.

package import DNSWire

/// What a hosts file says, by name.
package struct HostsTable: Sendable {
    /// What is known of a name and a type.
    package enum Answer: Sendable, Equatable {
        /// The file does not name it.
        case unknown
        /// The file names it, with records of other types.
        case noData
        /// These records, to be read with `type(of:)` and `rdata(of:)`.
        case records(Range<Int>)
    }

    /// The seconds that answers may be kept elsewhere: none, for the file can change at any moment.
    package static let ttlSeconds: UInt32 = 0

    /// A name, and where its records are.
    struct Entry: Sendable {
        /// Where its wire form starts in `bytes`, lower-cased.
        var offset: UInt32
        /// The length of the wire form.
        var length: UInt8
        /// The first of its records; they end where those of the next entry start.
        var firstRecord: UInt32
    }

    /// A record: its type, and where its rdata is.
    struct Record: Sendable {
        /// Its type.
        var type: RecordType
        /// Where its rdata starts in `bytes`.
        var offset: UInt32
        /// The length of its rdata.
        var length: UInt8
    }

    /// Names and rdata.
    let bytes: [UInt8]
    /// One for each name.
    let entries: [Entry]
    /// In the order of the entries, those of one entry by type.
    let records: [Record]
    /// Open addressing by hash: 0 for a free slot, else the number of an entry plus one. A power of two long.
    let slots: [UInt32]
    /// What was wrong with the file.
    package let problems: HostsProblems

    /// How many names there are, those for PTR included.
    package var count: Int { entries.count }

    /// What the file says about `name` (lower-cased, in wire form) and `type`.
    package func find(_ name: Span<UInt8>, type: RecordType) -> Answer {
        guard let number = entryNumber(of: name) else { return .unknown }
        let first = Int(entries[number].firstRecord)
        let end = number + 1 < entries.count ? Int(entries[number + 1].firstRecord) : records.count
        if type == .any { return .records(first..<end) }
        var lower = first
        while lower < end, records[lower].type != type { lower += 1 }
        var upper = lower
        while upper < end, records[upper].type == type { upper += 1 }
        return lower == upper ? .noData : .records(lower..<upper)
    }

    /// The type of a record.
    package func type(of record: Int) -> RecordType { records[record].type }

    /// The rdata of a record, in wire form.
    @_lifetime(borrow self)
    package func rdata(of record: Int) -> Span<UInt8> {
        let record = records[record]
        return bytes.span.extracting(Int(record.offset)..<(Int(record.offset) + Int(record.length)))
    }

    /// The number of the entry for `name`.
    private func entryNumber(of name: Span<UInt8>) -> Int? {
        let mask = slots.count - 1
        var slot = Self.hash(name) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if Self.isEqual(bytes.span, at: entries[number], name) { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The slot where the search for a name starts (FNV-1a). The file is the operator's: no need to key it.
    static func hash(_ name: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in name.indices {
            hash = (hash ^ UInt64(name[index])) &* 0x100_0000_01B3
        }
        return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0xFFFF_FFFF)
    }

    /// Whether `entry` is for `name`.
    static func isEqual(_ bytes: Span<UInt8>, at entry: Entry, _ name: Span<UInt8>) -> Bool {
        guard Int(entry.length) == name.count else { return false }
        let start = Int(entry.offset)
        for index in name.indices where bytes[start + index] != name[index] { return false }
        return true
    }
}
