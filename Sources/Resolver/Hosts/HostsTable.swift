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
// name's bytes under the table's secret seed, compares them with those of an entry, and hands out a range. PTR records are
// entries like all others, under their name in in-addr.arpa or ip6.arpa. So are empty non-terminals (RFC 8020), the names
// between those of the file and the root: they have no records, and an upstream's NXDOMAIN for them is not true here.

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
        /// Whether the domains that it lies in have entries as well.
        var hasAncestors = false
        /// The first of its records; they end where those of the next entry start. None for an empty non-terminal.
        var firstRecord: UInt32 = 0
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
    /// What the hash is keyed by, so that nobody can choose names whose searches are long.
    let seed: UInt64
    /// What was wrong with the file.
    package let problems: HostsProblems

    /// How many names have records, those for PTR included.
    package let count: Int

    /// What the file says about `name` (lower-cased, in wire form) and `type`.
    package func find(_ name: Span<UInt8>, type: RecordType) -> Answer {
        guard let number = entryNumber(of: name) else { return .unknown }
        let range = recordRange(of: number)
        let (first, end) = (range.lowerBound, range.upperBound)
        if first == end { return .unknown }
        if type == .any { return .records(range) }
        var lower = first
        while lower < end, records[lower].type != type { lower += 1 }
        var upper = lower
        while upper < end, records[upper].type == type { upper += 1 }
        return lower == upper ? .noData : .records(lower..<upper)
    }

    /// Whether there is nothing at `name` (lower-cased, in wire form), but something below it.
    package func isEmptyNonTerminal(_ name: Span<UInt8>) -> Bool {
        guard let number = entryNumber(of: name) else { return false }
        return recordRange(of: number).isEmpty
    }

    /// Where the records of an entry are.
    private func recordRange(of number: Int) -> Range<Int> {
        let end = number + 1 < entries.count ? Int(entries[number + 1].firstRecord) : records.count
        return Int(entries[number].firstRecord)..<end
    }

    /// The most entries that the search for a name of the table compares.
    var longestSearch: Int {
        let mask = slots.count - 1
        return slots.indices.reduce(0) { longest, slot in
            guard slots[slot] != 0 else { return longest }
            let entry = entries[Int(slots[slot]) - 1]
            let start = Int(entry.offset)
            let home = Self.hash(bytes.span.extracting(start..<(start + Int(entry.length))), seed: seed) & mask
            return max(longest, (slot &- home) & mask + 1)
        }
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
        var slot = Self.hash(name, seed: seed) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if Self.isEqual(bytes.span, at: entries[number], name) { return number }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The slot where the search for a name starts: eight bytes at a time are multiplied by what only this process knows.
    static func hash(_ name: Span<UInt8>, seed: UInt64) -> Int {
        let multiplier = (seed &* 0xD6E8_FEB8_6659_FD93) ^ (seed >> 32) | 1
        var state = seed ^ 0x9E37_79B9_7F4A_7C15 &* UInt64(truncatingIfNeeded: name.count)
        var index = 0
        while index < name.count {
            var word: UInt64 = 0
            let end = min(index + 8, name.count)
            while index < end {
                word = word << 8 | UInt64(name[index])
                index += 1
            }
            state = fold(state ^ word, multiplier)
        }
        return Int(truncatingIfNeeded: fold(state, multiplier ^ 0xA076_1D64_78BD_642F) & 0xFFFF_FFFF)
    }

    /// Multiplies to 128 bits and folds the halves together.
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Whether `entry` is for `name`.
    static func isEqual(_ bytes: Span<UInt8>, at entry: Entry, _ name: Span<UInt8>) -> Bool {
        guard Int(entry.length) == name.count else { return false }
        let start = Int(entry.offset)
        for index in name.indices where bytes[start + index] != name[index] { return false }
        return true
    }
}
