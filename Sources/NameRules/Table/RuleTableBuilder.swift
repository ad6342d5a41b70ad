package import DNSWire

/// Compiles rules into a table: `add` each, then `step` until it hands out the table. Nothing waits, and no step takes long:
/// a segment of a table of a million names takes some fifty microseconds.
///
/// Rules are kept in groups as they come, nearly in their final form. Each group is then taken apart into segments, which are
/// put in order by themselves: a second copy of some hundredths of the list is all there ever is.
package struct RuleTableBuilder: ~Copyable {
    /// What `add` made of a rule.
    package enum Addition: Hashable, Sendable {
        /// It is in the table.
        case added
        /// The table holds all that it can.
        case full
    }

    /// The most rules of one table.
    package static var maximumRules: Int { 1 << 25 }
    /// The most different rules with a detail of their own.
    package static var maximumDetails: Int { 1 << 20 }

    /// What was collected.
    private var collected = CollectedRules()
    /// The pieces of the group that is put in order, the last one first, as far as it is not taken apart.
    private var pieces: [[UInt8]] = []
    /// How many groups were taken.
    private var takenGroups = 0
    /// The segments of that group.
    private var segments = GroupSegments()
    /// What is finished.
    private var pages = RulePages.Writer()
    /// How many segments are.
    private var finished = 0
    /// How many rules were added.
    package private(set) var addedCount = 0
    /// How many rules there are of each kind.
    private var kindCounts = [Int](repeating: 0, count: Int(Rule.detailedKind) + 1)
    /// How many rules the finished segments hold.
    private var keptCount = 0
    /// What the table holds besides.
    var content = RuleTableContent()
    /// Whether a rule has said what the usual action is.
    private var hasUsualAction = false
    /// The numbers of details.
    private var detailNumbers: [Rule: Int] = [:]
    /// The layout, known when all rules are there.
    private var shape: SegmentShape?
    /// Puts segments in order.
    private var sorter = SegmentSorter()
    /// The coder of names.
    private var encoder: NameEncoder<84>
    /// The code of names.
    private let code = NameCode.shared
    /// The key.
    private let key: RuleKey

    /// Starts an empty table, of a policy zone or of another list.
    package init(key: RuleKey, isPolicyZone: Bool = false) {
        self.key = key
        encoder = NameEncoder(key: key)
        content.isPolicyZone = isPolicyZone
    }

    /// Adds a rule about a name. Twice the same is kept once; what is added after the first `step` is not kept.
    package mutating func add(_ name: Name, _ rule: Rule) -> Addition {
        let name = FixedName(name)
        return add(wire: name.span, labelCount: name.labelCount, rule)
    }

    /// Adds a rule about a name in wire form, lower case, known to be good.
    mutating func add(wire: Span<UInt8>, labelCount: Int, _ rule: Rule) -> Addition {
        guard addedCount < Self.maximumRules, shape == nil else { return .full }
        if !hasUsualAction, !rule.isAllow, !rule.action.hasData {
            hasUsualAction = true
            content.usualAction = rule.action
        }
        var kind = rule.plainKind
        var detail = 0
        if !rule.isPlain(content.usualAction) {
            guard let number = number(of: rule) else { return .full }
            kind = Rule.detailedKind
            detail = number
        }
        let suffix = encoder.encode(wire, code)
        guard collected.add(suffix, encoder, kind: kind, detail: detail) else { return .full }
        content.depths |= 1 << UInt64(min(labelCount, 63))
        kindCounts[Int(kind)] += 1
        addedCount += 1
        return .added
    }

    /// Adds a rule about addresses.
    mutating func add(_ prefix: AddressPrefix, _ rule: Rule) -> Addition {
        content.addresses.add(prefix, rule) ? .added : .full
    }

    /// The number of a detail.
    private mutating func number(of rule: Rule) -> Int? {
        if let number = detailNumbers[rule] { return number }
        guard content.details.count < Self.maximumDetails else { return nil }
        content.details.append(rule)
        detailNumbers[rule] = content.details.count - 1
        return content.details.count - 1
    }

    /// Takes a piece of a group apart, or puts one more segment in order; the table when all are.
    package mutating func step() -> RuleTable? {
        let shape = self.shape ?? begin()
        let index = finished % CollectedRules.groupSegments
        if finished / CollectedRules.groupSegments == takenGroups {
            pieces = collected.take(takenGroups)
            takenGroups += 1
            segments.begin(collected.segmentBytes[finished..<finished + CollectedRules.groupSegments])
        }
        if let piece = pieces.popLast() {
            segments.add(piece.span)
            return nil
        }
        keptCount += sorter.sort(segments.entries(index).span, shape, to: &pages)
        finished += 1
        guard finished == SegmentShape.segmentCount else { return nil }
        return RuleTable(key: key, shape: shape, pages: pages.finish(), content: content, ruleCount: keptCount)
    }

    /// Begins to put rules in order: there are no more.
    private mutating func begin() -> SegmentShape {
        let usual = kindCounts.indices.max { kindCounts[$0] < kindCounts[$1] } ?? 0
        let shape = SegmentShape(rules: addedCount, usualKind: UInt8(truncatingIfNeeded: usual))
        self.shape = shape
        pages.begin(shape)
        detailNumbers = [:]
        content.addresses.finish()
        return shape
    }

    /// Takes all steps at once: where nobody waits meanwhile.
    package mutating func finish() -> RuleTable {
        while true {
            if let table = step() { return table }
        }
    }
}
