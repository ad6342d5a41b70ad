package import DNSWire

/// Records of our own, written as in a zone file, and names that there are not (`printer.home: nxdomain`).
///
///     $ORIGIN home.
///     nas   300 IN A 192.0.2.10
///     ads.example: nxdomain
package struct LocalZone: Sendable {
    /// A line that cannot be read, or whose alias leads nowhere.
    package struct Fault: Hashable, Sendable {
        /// What is wrong.
        package enum Kind: Hashable, Sendable {
            /// It cannot be read.
            case unreadable
            /// It is an alias that leads back to itself, by itself or by others.
            case loop
            /// It is an alias behind which there are more than are followed.
            case tooLong
        }

        /// What is wrong.
        package var kind = Kind.unreadable
        /// Its number, from 1: where its entry ends.
        package let line: Int
        /// The entry.
        package let text: String
    }

    /// The records of each name.
    private var records: [Name: [ResourceRecord]] = [:]
    /// What is done with names that have no records, and with all below them.
    private var actions: [Name: RuleAction] = [:]
    /// Names that have others with records below them: they exist.
    private var ancestors: Set<Name> = []
    /// What could not be read.
    package private(set) var faults: [Fault] = []
    /// How many records there are.
    package private(set) var recordCount = 0
    /// The aliases among them.
    package private(set) var aliases: [AliasLine] = []

    /// A bit for each top-level label that a name here has, by its hash.
    private var tops: UInt64 = 0

    /// What there is for a name.
    package enum Answer: Hashable, Sendable {
        /// Nothing is said of it.
        case unknown
        /// Its records of the type that was asked for, or the alias that it is.
        case records([ResourceRecord])
        /// It has records, of other types.
        case noData
        /// What is done with it.
        case action(RuleAction)
    }

    /// The TTL of records without one.
    private static var defaultTTL: UInt32 { 300 }

    /// Reads the text. What cannot be read is left out and told in `faults`, and so is what is an alias without an end.
    package init(_ text: String) {
        var lines = ZoneLines()
        var state = State()
        var number = 0
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let bytes = Array(line.last == 0x0D ? line.dropLast() : line)
            guard let entry = lines.take(bytes.span), entry.contains(where: { $0 > 0x20 }) else { continue }
            let text = String(decoding: entry, as: UTF8.self)
            state.line = number
            if !take(text, &state) { faults.append(Fault(line: number, text: text)) }
        }
        findLoops()
        if lines.isOpen { faults.append(Fault(line: number, text: "a parenthesis is never closed")) }
        for name in Array(records.keys) + Array(actions.keys) { tops |= Self.topBit(name.wire.span) }
    }

    /// Whether something may be said of a name in wire form, lower case: false for most others, at little cost.
    package func mayHave(_ name: Span<UInt8>) -> Bool { tops & (Self.topBit(name) | Self.topBit([0].span)) != 0 }

    /// The bit of a name's top-level label.
    private static func topBit(_ name: Span<UInt8>) -> UInt64 {
        var labels = LabelStarts(name)
        var hash: UInt64 = 0
        if let label = labels.previous() {
            for index in label { hash = (hash ^ UInt64(name[index])) &* 0x9E37_79B9_7F4A_7C15 }
        }
        return 1 << (hash >> 58)
    }

    /// The longest owner: 255 bytes, each escaped.
    private static var longestOwner: Int { 1020 }
    /// The most records of one name: each new one is compared with the others.
    private static var maximumRecordsOfOneName: Int { 1000 }

    /// An alias: where it stands, and where it leads.
    package struct AliasLine: Sendable {
        /// The number of its line, from 1: where its entry ends.
        package let line: Int
        /// The entry.
        package let text: String
        /// The name that it stands for.
        package let target: Name
    }

    /// What one entry leaves for the next.
    private struct State {
        var origin = Name.root
        var ttl = LocalZone.defaultTTL
        var owner: Substring = ""
        /// The line that is read.
        var line = 0
    }

    /// Tells aliases that never end, or not soon enough.
    private mutating func findLoops() {
        var ways = AliasWays()
        for alias in aliases {
            let length = ways.length(from: alias.target.lowercased, next: { [zone = self] in zone.target(of: $0) })
            guard length >= AliasWays.longest else { continue }
            faults.append(Fault(kind: length == AliasWays.endless ? .loop : .tooLong, line: alias.line, text: alias.text))
        }
        faults.sort { $0.line < $1.line }
    }

    /// Takes an entry; false where it cannot be read.
    private mutating func take(_ text: String, _ state: inout State) -> Bool {
        let words = text.split(maxSplits: 2, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
        guard let first = words.first else { return true }
        if first.hasPrefix("$") { return takeDirective(first, words.count == 2 ? words[1] : "", &state) }
        if words.count == 2, first.hasSuffix(":") {
            guard let name = try? Name(String(first.dropLast()), origin: state.origin), let action = Self.action(words[1])
            else { return false }
            actions[name.lowercased] = action
            return true
        }
        let startsWithSpace = text.utf8.first == 0x20 || text.utf8.first == 0x09
        // Longer ones are no names; one is written once and read with each of its records.
        if !startsWithSpace { state.owner = first.utf8.count <= Self.longestOwner ? first : "" }
        guard !state.owner.isEmpty else { return false }
        let line = startsWithSpace ? state.owner + " " + text : Substring(text)
        guard let record = ZoneTTL.record(String(line), origin: state.origin, defaultTTL: state.ttl),
            record.class == .internet, ![0, 41].contains(record.type.rawValue), !(128..<256).contains(record.type.rawValue)
        else { return false }
        if case .cname(let alias) = record.data { aliases.append(AliasLine(line: state.line, text: text, target: alias.target)) }
        return add(record)
    }

    /// Reads `$ORIGIN` or `$TTL`.
    private func takeDirective(_ key: Substring, _ value: Substring, _ state: inout State) -> Bool {
        if key.uppercased() == "$ORIGIN", !value.isEmpty, let name = try? Name(String(value), origin: state.origin) {
            state.origin = name
        } else if key.uppercased() == "$TTL", let ttl = ZoneTTL.seconds(value) {
            state.ttl = ttl
        } else {
            return false
        }
        return true
    }

    /// The action that a word stands for.
    private static func action(_ word: Substring) -> RuleAction? {
        switch word.lowercased() {
        case "nxdomain": .nxdomain
        case "nodata": .nodata
        case "refuse", "refused": .refuse
        case "drop": .drop
        default: nil
        }
    }

    /// Adds a record, once; an RRset's TTLs are its smallest (RFC 2181 5.2). False where the name has too many.
    private mutating func add(_ record: ResourceRecord) -> Bool {
        let name = record.owner.lowercased
        var set = records[name] ?? []
        guard !set.contains(where: { $0.data == record.data }) else { return true }
        guard set.count < Self.maximumRecordsOfOneName else { return false }
        let ttl = set.filter { $0.type == record.type }.map(\.ttl).min() ?? record.ttl
        set.append(record)
        for index in set.indices where set[index].type == record.type { set[index].ttl = min(ttl, record.ttl) }
        records[name] = set
        recordCount += 1
        var parent = name.parent
        while let above = parent, !above.isRoot, ancestors.insert(above).inserted { parent = above.parent }
        return true
    }

    /// What there is for a name and type. A wildcard's records are those of names below it that nothing else is said of
    /// (RFC 4592).
    package func find(_ name: Name, _ type: RecordType) -> Answer {
        if let set = records[name] { return Self.answer(set, type, owner: name) }
        if ancestors.contains(name) { return .noData }
        if let action = actions[name] { return .action(action) }
        var above = name.parent
        while let parent = above {
            if let action = actions[parent] { return .action(action) }
            if let wildcard = try? Name(labels: [[0x2A]]).appending(parent), let set = records[wildcard] {
                return Self.answer(set, type, owner: name)
            }
            if records[parent] != nil || ancestors.contains(parent) { return .unknown }
            above = parent.parent
        }
        return .unknown
    }

    /// The records of a set that answer a question.
    private static func answer(_ set: [ResourceRecord], _ type: RecordType, owner: Name) -> Answer {
        var found = set.filter { $0.type == type || type == .any }
        if found.isEmpty { found = set.filter { $0.type == .cname } }
        guard !found.isEmpty else { return .noData }
        for index in found.indices { found[index].owner = owner }
        return .records(found)
    }
}
