internal import DNSWire
internal import Green

extension HostsTable {
    /// Reads the text of a hosts file (hosts(5)): an address, the host's name, and aliases, on each line. Lines end with LF,
    /// CR LF or CR; a byte order mark is passed over, and so are bad lines, which are noted. `seed` keys the table's hash.
    /// Pure; a million lines take about a second, so not for a hub's thread.
    package static func load(_ text: [UInt8], seed: UInt64 = .random(in: .min ... .max)) -> HostsTable {
        var builder = HostsTableBuilder(seed: seed)
        var number = 0
        var rest = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text[3...] : text[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            let isPair = rest.dropFirst(line.count).starts(with: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
            rest = rest.dropFirst(line.count + (isPair ? 2 : 1))
            giveWay(before: number, every: 32)
            number += 1
            builder.read(line: line.prefix { $0 != UInt8(ascii: "#") }, number: number)
        }
        return builder.finished()
    }
}

/// Collects a hosts file's lines into the flat arrays of a table.
private struct HostsTableBuilder {
    /// A record before sorting.
    struct Draft {
        /// The name it belongs to.
        var entry: UInt32
        /// The record.
        var record: HostsTable.Record
        /// Where it was written.
        var line: UInt32
    }

    /// More names than this are passed over.
    static let maximumNames = 2_000_000
    /// A name's records are passed over where an answer of 64 KiB has no more room for them: it has a header, a question
    /// and an OPT record besides.
    static let maximumRecordBytes = 65_535 - 12 - 259 - 64

    private let seed: UInt64
    private var bytes: [UInt8] = []
    private var entries: [HostsTable.Entry] = []
    private var drafts: [Draft] = []
    private var slots = [UInt32](repeating: 0, count: 64)
    private var problems = HostsProblems()

    /// A builder of a table whose hash is keyed by `seed`.
    init(seed: UInt64) {
        self.seed = seed
    }

    /// Takes in one line, without its remark.
    mutating func read(line: ArraySlice<UInt8>, number: Int) {
        let words = line.split { $0 == 32 || $0 == 9 }
        guard let first = words.first else { return }
        let text = String(decoding: first, as: UTF8.self)
        guard let ip = IPAddress(text), ip.scope == 0 else {
            problems.note(line: number, "\(quoted(text)) is not an address")
            return
        }
        if words.count == 1 { problems.note(line: number, "no name follows \(ip)") }
        var canonical: [UInt8]?
        for word in words.dropFirst() {
            guard let name = Self.wireName(word), !Self.isAddress(word) else {
                let fault = Self.isAddress(word) ? "an address; a host name was expected" : "not a host name"
                problems.note(line: number, "\(quoted(String(decoding: word, as: UTF8.self))) is \(fault)")
                continue
            }
            guard entries.count < Self.maximumNames else {
                problems.note(line: number, "more than \(Self.maximumNames) names")
                return
            }
            let entry = entryNumber(of: Self.lowercased(name))
            // 0.0.0.0 stands for "nowhere" in lists of names to block: what they lie in may as well not be there.
            if !ip.isWildcard { addAncestors(of: entry) }
            add(ip.bytes, type: ip.family == .v4 ? .a : .aaaa, to: entry, line: number)
            canonical = canonical ?? name
        }
        guard let canonical, !ip.isWildcard, entries.count < Self.maximumNames else { return }
        let entry = entryNumber(of: Self.reverseName(of: ip))
        addAncestors(of: entry)
        add(canonical, type: .ptr, to: entry, line: number)
    }

    /// Adds a record to a name.
    private mutating func add(_ rdata: [UInt8], type: RecordType, to entry: Int, line: Int) {
        let record = HostsTable.Record(type: type, offset: UInt32(bytes.count), length: UInt8(rdata.count))
        bytes += rdata
        drafts.append(Draft(entry: UInt32(entry), record: record, line: UInt32(truncatingIfNeeded: line)))
    }

    /// Sees to it that the domains a name lies in have entries, the root apart. The first that has seen to it ends the walk.
    private mutating func addAncestors(of entry: Int) {
        var entry = entry
        while !entries[entry].hasAncestors {
            entries[entry].hasAncestors = true
            let start = Int(entries[entry].offset)
            let parent = bytes[(start + 1 + Int(bytes[start]))..<(start + Int(entries[entry].length))]
            guard parent.count > 1, entries.count < Self.maximumNames else { return }
            entry = entryNumber(of: Array(parent))
        }
    }

    /// The entry for a lower-cased name, made when there is none yet.
    private mutating func entryNumber(of name: [UInt8]) -> Int {
        let mask = slots.count - 1
        var slot = HostsTable.hash(name.span, seed: seed) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if HostsTable.isEqual(bytes.span, at: entries[number], name.span) { return number }
            slot = (slot + 1) & mask
        }
        entries.append(HostsTable.Entry(offset: UInt32(bytes.count), length: UInt8(name.count)))
        bytes += name
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
        return entries.count - 1
    }

    /// Doubles the slots.
    private mutating func grow() {
        let mask = slots.count * 2 - 1
        slots = [UInt32](repeating: 0, count: mask + 1)
        for (number, entry) in entries.enumerated() {
            giveWay(before: number, every: 1024)
            var slot = hash(of: entry) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(number + 1)
        }
    }

    /// The hash of an entry's name.
    private func hash(of entry: HostsTable.Entry) -> Int {
        let start = Int(entry.offset)
        return HostsTable.hash(bytes.span.extracting(start..<(start + Int(entry.length))), seed: seed)
    }

    /// Puts the records in the order of their entries, without doubles and without those that an answer has no room for.
    mutating func finished() -> HostsTable {
        // The order of the file decides between records of one type.
        drafts.sort {
            ($0.entry, $0.record.type.rawValue, $0.record.offset) < ($1.entry, $1.record.type.rawValue, $1.record.offset)
        }
        var records: [HostsTable.Record] = []
        records.reserveCapacity(drafts.count)
        var (next, count) = (0, 0)
        for number in entries.indices {
            entries[number].firstRecord = UInt32(records.count)
            var distinct = DistinctRData()
            var room = Self.maximumRecordBytes
            while next < drafts.count, Int(drafts[next].entry) == number {
                giveWay(before: next, every: 1024)
                let draft = drafts[next]
                next += 1
                guard room > 0, distinct.isNew(rdata(draft.record), draft.record.type) else { continue }
                room -= 12 + Int(draft.record.length)
                if room > 0 { records.append(draft.record) } else { noteOverflow(of: entries[number], draft) }
            }
            if Int(entries[number].firstRecord) < records.count { count += 1 }
        }
        return HostsTable(
            bytes: bytes, entries: entries, records: records, slots: slots, seed: seed, problems: problems, count: count)
    }

    /// Notes that a name has more records than an answer can hold; once for each name.
    private mutating func noteOverflow(of entry: HostsTable.Entry, _ draft: Draft) {
        let wire = bytes[Int(entry.offset)..<(Int(entry.offset) + Int(entry.length))]
        problems.note(
            line: Int(draft.line),
            "\(quoted(Self.text(wire))) has more records than an answer holds; from here on they are left out")
    }

    /// The rdata of a record.
    private func rdata(_ record: HostsTable.Record) -> ArraySlice<UInt8> {
        bytes[Int(record.offset)..<(Int(record.offset) + Int(record.length))]
    }

    /// The text of a name in wire form, all of whose letters stand for themselves.
    private static func text(_ wire: ArraySlice<UInt8>) -> String {
        var labels: [String] = []
        var rest = wire
        while let length = rest.first, length > 0 {
            labels.append(String(decoding: rest.dropFirst().prefix(Int(length)), as: UTF8.self))
            rest = rest.dropFirst(Int(length) + 1)
        }
        return labels.joined(separator: ".")
    }

    /// Whether a word that looks like a host name is an address.
    private static func isAddress(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E } && IPAddress(String(decoding: text, as: UTF8.self)) != nil
    }

    /// The wire form of a host name (letters, digits, hyphens, underscores); nil for what is none.
    private static func wireName(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var text = text
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        guard !text.isEmpty, text.count <= 253 else { return nil }
        var name: [UInt8] = []
        for label in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let isPlain = label.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D || byte == 0x5F
            }
            guard isPlain, (1...63).contains(label.count) else { return nil }
            name.append(UInt8(label.count))
            name += label
        }
        return name + [0]
    }

    /// The name that PTR records of an address stand at (RFC 1035 3.5, RFC 3596 2.5).
    private static func reverseName(of ip: IPAddress) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var name: [UInt8] = []
        for byte in ip.bytes.reversed() {
            if ip.family == .v4 {
                let label = Array("\(byte)".utf8)
                name += [UInt8(label.count)] + label
            } else {
                name += [1, digits[Int(byte & 15)], 1, digits[Int(byte >> 4)]]
            }
        }
        let zone = ip.family == .v4 ? "in-addr" : "ip6"
        return name + [UInt8(zone.utf8.count)] + Array(zone.utf8) + [4] + Array("arpa".utf8) + [0]
    }

    /// ASCII letters in lower case. Lengths of labels are below any letter.
    private static func lowercased(_ name: [UInt8]) -> [UInt8] {
        name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }
}

/// Tells records that were seen before from new ones, among those of one name; small sets are simply gone through.
private struct DistinctRData {
    /// From so many on a set finds them.
    private static let linearLimit = 8

    private var type = RecordType(rawValue: 0)
    private var few: [ArraySlice<UInt8>] = []
    private var many: Set<ArraySlice<UInt8>> = []

    /// Whether this is the first record of its kind. Those of one type come together.
    mutating func isNew(_ rdata: ArraySlice<UInt8>, _ type: RecordType) -> Bool {
        if type != self.type { (self.type, few, many) = (type, [], []) }
        if few.count < Self.linearLimit {
            guard !few.contains(rdata) else { return false }
            few.append(rdata)
            return true
        }
        if many.isEmpty { many = Set(few) }
        return many.insert(rdata).inserted
    }
}
