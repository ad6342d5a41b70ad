internal import DNSWire
internal import Green

extension HostsTable {
    /// Reads the text of a hosts file (hosts(5)): an address, the host's name, and aliases, on each line. Bad lines are
    /// passed over and noted. Pure; a million lines take about a second, so not for a hub's thread.
    package static func load(_ text: [UInt8]) -> HostsTable {
        var builder = HostsTableBuilder()
        var number = 0
        var rest = text[...]
        while !rest.isEmpty {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest.dropFirst(line.count + 1)
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
    }

    /// More names than this are passed over.
    static let maximumNames = 2_000_000
    /// More records of one type at one name than this are passed over: they would not fit into an answer.
    static let maximumRecords = 32

    private var bytes: [UInt8] = []
    private var entries: [HostsTable.Entry] = []
    private var drafts: [Draft] = []
    private var slots = [UInt32](repeating: 0, count: 64)
    private var problems = HostsProblems()

    /// Takes in one line, without its remark.
    mutating func read(line: ArraySlice<UInt8>, number: Int) {
        let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
        guard let first = words.first else { return }
        let text = String(decoding: first, as: UTF8.self)
        guard let ip = IPAddress(text), ip.scope == 0 else {
            problems.note(line: number, "\(quoted(text)) is not an address")
            return
        }
        if words.count == 1 { problems.note(line: number, "no name follows \(ip)") }
        var canonical: [UInt8]?
        for word in words.dropFirst() {
            guard let name = Self.wireName(word) else {
                problems.note(line: number, "\(quoted(String(decoding: word, as: UTF8.self))) is not a host name")
                continue
            }
            guard entries.count < Self.maximumNames else {
                problems.note(line: number, "more than \(Self.maximumNames) names")
                return
            }
            add(ip.bytes, type: ip.family == .v4 ? .a : .aaaa, to: name)
            canonical = canonical ?? name
        }
        // 0.0.0.0 stands for "nowhere" in lists of names to block; nobody asks what it is called.
        if let canonical, !ip.isWildcard { add(canonical, type: .ptr, to: Self.reverseName(of: ip)) }
    }

    /// Adds a record to a name.
    private mutating func add(_ rdata: [UInt8], type: RecordType, to name: [UInt8]) {
        let entry = entryNumber(of: Self.lowercased(name))
        let record = HostsTable.Record(type: type, offset: UInt32(bytes.count), length: UInt8(rdata.count))
        bytes += rdata
        drafts.append(Draft(entry: UInt32(entry), record: record))
    }

    /// The entry for a lower-cased name, made when there is none yet.
    private mutating func entryNumber(of name: [UInt8]) -> Int {
        let mask = slots.count - 1
        var slot = HostsTable.hash(name.span) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if HostsTable.isEqual(bytes.span, at: entries[number], name.span) { return number }
            slot = (slot + 1) & mask
        }
        entries.append(HostsTable.Entry(offset: UInt32(bytes.count), length: UInt8(name.count), firstRecord: 0))
        bytes += name
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
        return entries.count - 1
    }

    /// Doubles the slots.
    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, entry) in entries.enumerated() {
            giveWay(before: number, every: 1024)
            let start = Int(entry.offset)
            var slot = HostsTable.hash(bytes.span.extracting(start..<(start + Int(entry.length)))) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }

    /// Puts the records in the order of their entries, without doubles.
    mutating func finished() -> HostsTable {
        // The order of the file decides between records of one type.
        drafts.sort {
            ($0.entry, $0.record.type.rawValue, $0.record.offset) < ($1.entry, $1.record.type.rawValue, $1.record.offset)
        }
        var records: [HostsTable.Record] = []
        records.reserveCapacity(drafts.count)
        var runStart = 0
        var previous: (entry: UInt32, type: RecordType)?
        for (number, draft) in drafts.enumerated() {
            giveWay(before: number, every: 1024)
            if previous?.entry != draft.entry { entries[Int(draft.entry)].firstRecord = UInt32(records.count) }
            if previous?.entry != draft.entry || previous?.type != draft.record.type { runStart = records.count }
            previous = (draft.entry, draft.record.type)
            let isKnown = records[runStart...].contains { rdata($0).elementsEqual(rdata(draft.record)) }
            if !isKnown, records.count - runStart < Self.maximumRecords { records.append(draft.record) }
        }
        return HostsTable(bytes: bytes, entries: entries, records: records, slots: slots, problems: problems)
    }

    /// The rdata of a record.
    private func rdata(_ record: HostsTable.Record) -> ArraySlice<UInt8> {
        bytes[Int(record.offset)..<(Int(record.offset) + Int(record.length))]
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
