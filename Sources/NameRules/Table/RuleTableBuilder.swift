package import DNSWire

/// Compiles rules into a table: `add` each, then `step` until it hands out the table. Nothing waits, and no step takes long:
/// a segment of a table of a million names takes some fifty microseconds.
///
/// Rules are kept by segment as they come, nearly in their final form. Each segment is then put in order by itself and takes
/// the place of what was collected for it: a second copy of a thousandth of the list is all there ever is.
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

    /// What was collected for each segment, or, below `finished`, the segment itself.
    private var segments: [[UInt8]]
    /// How much of each is used.
    private var used: [Int]
    /// How many segments are finished.
    private var finished = 0
    /// How many rules were added.
    package private(set) var addedCount = 0
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

    /// Starts an empty table.
    package init(key: RuleKey) {
        self.key = key
        encoder = NameEncoder(key: key)
        segments = [[UInt8]](repeating: [], count: SegmentShape.segmentCount)
        used = [Int](repeating: 0, count: SegmentShape.segmentCount)
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
        content.depths |= 1 << UInt64(min(labelCount, 63))
        addedCount += 1
        collect(suffix, kind: kind, detail: detail)
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

    /// Writes an entry behind those of its segment: two bytes of the place before what a segment holds of it.
    private mutating func collect(_ suffix: CodedSuffix, kind: UInt8, detail: Int) {
        let segment = SegmentShape.segment(suffix.place)
        var end = used[segment]
        // The longest head has eight bytes, and a tail is written in whole words.
        let need = end + 24 + suffix.count
        if segments[segment].count < need { Self.grow(&segments[segment], to: need, keeping: end) }
        var target = segments[segment].mutableSpan
        target.storeUInt16(UInt16(truncatingIfNeeded: suffix.place) & 0x3FFF, at: end)
        let short = UInt8(truncatingIfNeeded: min(suffix.count - CodedSuffix.shortestTail, 15))
        target[end + 2] = kind << 4 | short
        end += 3
        if short == 15 {
            target.storeUInt16(UInt16(truncatingIfNeeded: suffix.count), at: end)
            end += 2
        }
        if kind == Rule.detailedKind {
            target[end] = UInt8(truncatingIfNeeded: detail >> 16)
            target.storeUInt16(UInt16(truncatingIfNeeded: detail), at: end + 1)
            end += 3
        }
        encoder.writeTail(of: suffix, to: &target, at: end)
        used[segment] = end + suffix.count
    }

    /// Makes room by an eighth: what is collected is most of the memory that building takes.
    private static func grow(_ bytes: inout [UInt8], to need: Int, keeping used: Int) {
        let capacity = max(need, used + used >> 3, 64)
        var larger: [UInt8] = []
        larger.reserveCapacity(capacity)
        larger.append(contentsOf: bytes[..<used])
        larger.append(contentsOf: repeatElement(0, count: capacity - used))
        bytes = larger
    }

    /// Puts one more segment in order; the table when all are.
    package mutating func step() -> RuleTable? {
        let shape = self.shape ?? SegmentShape(rules: addedCount, largestSegment: used.max() ?? 0)
        if self.shape == nil {
            self.shape = shape
            detailNumbers = [:]
            content.addresses.finish()
        }
        if finished < segments.count {
            let collected = segments[finished]
            segments[finished] = []
            if used[finished] > 0 {
                let (segment, kept) = sorter.sort(collected.span.extracting(first: used[finished]), shape)
                segments[finished] = segment
                keptCount += kept
            }
            finished += 1
        }
        guard finished == segments.count else { return nil }
        return RuleTable(key: key, shape: shape, segments: segments, content: content, ruleCount: keptCount)
    }

    /// Takes all steps at once: where nobody waits meanwhile.
    package mutating func finish() -> RuleTable {
        while true {
            if let table = step() { return table }
        }
    }
}
