internal import DNSWire

/// How names are found in the tables of a rule set: the walk over a name's suffixes.
struct RuleIndex: Sendable {
    /// The lists' tables.
    let tables: [RuleTable]
    /// The pages of all tables: one step less to reach them.
    private let pages: [RulePages]
    /// The shapes of all tables.
    private let shapes: [SegmentShape]
    /// Which lists may have a rule for a suffix.
    private let filter: SuffixFilter
    /// The code of names.
    private let code = NameCode.shared
    /// A bit for each number of labels that any rule's name has.
    private let depths: UInt64
    /// Lists whose plain rules have an action of their own.
    private let specialLists: UInt64
    /// Lists of which the longest suffix decides alone.
    let policyZones: UInt64
    /// The largest of those numbers.
    private let deepest: Int
    /// The key.
    private let key: RuleKey

    /// Takes what a builder has made.
    init(tables: [RuleTable], filter: SuffixFilter, key: RuleKey) {
        self.tables = tables
        self.filter = filter
        self.key = key
        pages = tables.map(\.pages)
        shapes = tables.map(\.shape)
        specialLists = tables.indices.reduce(UInt64(0)) { $0 | (tables[$1].usualAction == .block ? 0 : 1) << UInt64($1) }
        policyZones = tables.indices.reduce(UInt64(0)) { $0 | (tables[$1].isPolicyZone ? 1 : 0) << UInt64($1) }
        depths = tables.reduce(UInt64(0)) { $0 | $1.depths }
        deepest = depths >> 63 == 1 ? 127 : 63 - depths.leadingZeroBitCount
    }

    /// The memory that tables and filter take.
    var byteCount: Int {
        tables.reduce(filter.words.count * 8) { $0 + $1.byteCount }
    }

    /// Suffixes that are looked for in the filter at once: its words come from far, but all in the time of one.
    private struct Pending: ~Copyable {
        /// The suffixes.
        var suffixes = InlineArray<4, CodedSuffix>(repeating: CodedSuffix(place: 0, hash: 0, count: 0, tail: SIMD3()))
        /// How many there are.
        var count = 0
        /// Which of them is the whole name; below 0 for none.
        var whole = -1
    }

    /// What the lists say of a name in wire form: each suffix is looked up, the root first.
    func verdicts(of name: Span<UInt8>) -> ListVerdicts {
        var verdicts = ListVerdicts()
        guard depths != 0 else { return verdicts }
        let codes = code.codes.span
        let symbols = code.symbols.span
        var labels = LabelStarts(name)
        var encoder = NameEncoder<4>(key: key)
        var depth = 0
        var pending = Pending()
        // Lists that say something which four bits do not hold: found out once for each of them.
        var detailed: UInt64 = 0
        while true {
            if depths &>> UInt64(truncatingIfNeeded: min(depth, 63)) & 1 == 1 {
                if pending.count == 4 { probe(&pending, &verdicts, &detailed) }
                pending.suffixes[pending.count] = encoder.close(codes)
                if labels.count == 0 { pending.whole = pending.count }
                pending.count &+= 1
            }
            guard depth < deepest, let label = labels.previous() else { break }
            encoder.openLabel(codes)
            encoder.append(label: name.extracting(label), codes, symbols)
            depth &+= 1
        }
        probe(&pending, &verdicts, &detailed)
        while detailed != 0 {
            addDetails(of: name, detailed.trailingZeroBitCount, &verdicts)
            detailed &= detailed &- 1
        }
        return verdicts
    }

    /// Looks up the suffixes that wait for it.
    @inline(__always)
    private func probe(_ pending: inout Pending, _ verdicts: inout ListVerdicts, _ detailed: inout UInt64) {
        let words = filter.words.span
        var found = InlineArray<4, UInt64>(repeating: 0)
        for index in 0..<pending.count {
            found[index] = words[SuffixFilter.index(pending.suffixes[index].filterHash, count: words.count)]
        }
        for index in 0..<pending.count {
            let common = SuffixFilter.commonBits(pending.suffixes[index].filterHash)
            if found[index] & common == common {
                probe(pending.suffixes[index], found[index], isWhole: index == pending.whole, &verdicts, &detailed)
            }
        }
        pending.count = 0
    }

    /// Looks a suffix up in each table that the filter names.
    @inline(never)
    private func probe(
        _ suffix: CodedSuffix, _ word: UInt64, isWhole: Bool, _ verdicts: inout ListVerdicts, _ detailed: inout UInt64
    ) {
        let hash = suffix.filterHash
        let pages = pages.span
        let shapes = shapes.span
        let applying = isWhole ? KindMask.ofWhole : KindMask.ofAbove
        for list in shapes.indices {
            let own = SuffixFilter.ownBits(hash, list: list)
            guard word & own == own else { continue }
            let kinds = Self.kinds(of: suffix, in: pages[list], shapes[list])
            if kinds == 0 { continue }
            // Suffixes come from the shortest on.
            if policyZones &>> UInt64(truncatingIfNeeded: list) & 1 == 1, kinds & applying != 0 { verdicts.remove(list: list) }
            verdicts.add(kinds & applying, list: list)
            if kinds & applying & KindMask.denying != 0 {
                verdicts.special |= specialLists & 1 &<< UInt64(truncatingIfNeeded: list)
            }
            if kinds & KindMask.detailed != 0 { detailed |= 1 &<< UInt64(truncatingIfNeeded: list) }
        }
    }

    /// Which kinds of rules a table has for a suffix, a bit for each. A long tail is compared by `addDetails`.
    @inline(__always)
    private static func kinds(of suffix: CodedSuffix, in pages: borrowing RulePages, _ shape: SegmentShape) -> UInt16 {
        let kinds = pages.kinds(of: suffix, shape)
        return suffix.count <= CodedSuffix.tailStart || kinds == 0 ? kinds : KindMask.detailed
    }

    /// Takes in all rules of a list that apply to a name: where one stands beside its table, or has a long name.
    @inline(never) private func addDetails(of name: Span<UInt8>, _ list: Int, _ verdicts: inout ListVerdicts) {
        var found = verdicts
        let isPolicyZone = tables[list].isPolicyZone
        if isPolicyZone { found.remove(list: list) }
        var longest = 0
        eachMatch(of: name, in: list) { rule, depth in
            if isPolicyZone, depth > longest {
                found.remove(list: list)
                longest = depth
            }
            found.add(rule, list: list)
        }
        verdicts = found
    }

    /// The rules that apply to a name, the most special names last.
    func matches(of name: Span<UInt8>) -> [RuleMatch] {
        var matches = tables.indices.flatMap { self.matches(of: name, in: $0) }
        matches.sort { ($0.labelCount, $0.list) < ($1.labelCount, $1.list) }
        return matches
    }

    /// The rules of one list that apply to a name, the root's first.
    func matches(of name: Span<UInt8>, in list: Int) -> [RuleMatch] {
        var matches: [RuleMatch] = []
        eachMatch(of: name, in: list) { rule, depth in
            matches.append(RuleMatch(list: list, rule: rule, labelCount: depth))
        }
        return matches
    }

    /// Shows the rules of one list that apply to a name, the root's first, and how many labels their names have. Only what the
    /// filter lets through is looked for.
    private func eachMatch(of name: Span<UInt8>, in list: Int, _ body: (Rule, Int) -> Void) {
        let table = tables[list]
        let codes = code.codes.span
        let words = filter.words.span
        var labels = LabelStarts(name)
        var encoder = NameEncoder<84>(key: key)
        var depth = 0
        while true {
            if table.depths &>> UInt64(truncatingIfNeeded: min(depth, 63)) & 1 == 1 {
                let suffix = encoder.close(codes)
                let hash = suffix.filterHash
                let own = SuffixFilter.commonBits(hash) | SuffixFilter.ownBits(hash, list: list)
                if words[SuffixFilter.index(hash, count: words.count)] & own == own {
                    table.eachEntry(of: suffix, encoder) { entry in
                        let rule = table.rule(kind: entry.kind, detail: entry.detail)
                        guard rule.applies(toWhole: labels.count == 0), !Self.isExcepted(name, from: rule) else { return }
                        body(rule, depth)
                    }
                }
            }
            guard depth < deepest, let label = labels.previous() else { return }
            encoder.openLabel(codes)
            encoder.append(label: name.extracting(label), codes, code.symbols.span)
            depth += 1
        }
    }

    /// Whether a name is one that a rule is not about.
    private static func isExcepted(_ name: Span<UInt8>, from rule: borrowing Rule) -> Bool {
        for exception in rule.exceptions where isBelow(name, exception.wire.span) { return true }
        return false
    }

    /// Whether a name is another or below it, both in wire form and lower case.
    private static func isBelow(_ name: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        let start = name.count - other.count
        guard start >= 0, name.extracting(start...).hasSameBytes(as: other) else { return false }
        // Where a label begins, not where one looks so.
        var position = 0
        while position < start { position += Int(name[position]) + 1 }
        return position == start
    }
}

/// Sets of kinds of rules, a bit for each.
enum KindMask {
    /// Those that hold for the name that a rule has: exact and suffix.
    static var ofWhole: UInt16 { 0b011_011_011_011 }
    /// Those that hold for names below: suffix and below.
    static var ofAbove: UInt16 { 0b110_110_110_110 }
    /// Those that deny.
    static var denying: UInt16 { 0b000_111_000_111 }
    /// The kind of rules that stand beside the table.
    static var detailed: UInt16 { 1 << UInt16(Rule.detailedKind) }
}
