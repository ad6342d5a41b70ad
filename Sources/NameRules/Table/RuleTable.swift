internal import DNSWire

/// The compiled rules of one list: immutable, exact, some ten bytes a name.
///
/// Names are kept as places and tails of their codes (`NameEncoder`, docs/adr/0014), in segments of some kilobytes each,
/// so that a table is built and freed piece by piece.
package struct RuleTable: Sendable {
    /// The key that its names were hashed with.
    let key: RuleKey
    /// How the segments are laid out.
    let shape: SegmentShape
    /// The segments, by the highest bits of the place; empty where there is no rule.
    let segments: [[UInt8]]
    /// What its plain rules do with what they deny.
    package let usualAction: RuleAction
    /// The rules that four bits do not hold.
    let details: [Rule]
    /// A bit for each number of labels that a rule's name has; the highest stands for 63 and more.
    let depths: UInt64
    /// How many rules there are, none twice.
    package let ruleCount: Int
    /// Rules about addresses in answers.
    package let addresses: AddressRules
    /// Whether a rule's own answer is an alias.
    package let hasAliases: Bool

    /// Takes what a builder has made.
    init(
        key: RuleKey, shape: SegmentShape, segments: [[UInt8]], content: RuleTableContent, ruleCount: Int
    ) {
        self.key = key
        self.shape = shape
        self.segments = segments
        usualAction = content.usualAction
        details = content.details
        depths = content.depths
        addresses = content.addresses
        hasAliases = content.details.contains { if case .data(.cname, _) = $0.action { true } else { false } }
        self.ruleCount = ruleCount
    }

    /// The memory that its names take: segments with their headers, and the array of them.
    package var byteCount: Int {
        segments.reduce(segments.count * 8) { $0 + ($1.isEmpty ? 0 : $1.count + 40) }
    }

    /// Shows the entries of the suffix that was closed last.
    func eachEntry(of suffix: CodedSuffix, _ encoder: borrowing NameEncoder<84>, _ body: (SegmentEntry) -> Void) {
        let segment = segments[SegmentShape.segment(suffix.place)]
        guard !segment.isEmpty else { return }
        let bytes = segment.span
        let bucket = shape.bucket(suffix.place)
        let rest = shape.rest(suffix.place)
        var position = shape.offset(bucket, in: bytes)
        let end = shape.offset(bucket + 1, in: bytes)
        while position < end {
            let entry = SegmentEntry(bytes, at: position, restBytes: shape.restBytes)
            if entry.begins(suffix, rest: rest, in: bytes), encoder.hasTail(of: suffix, bytes, at: entry.tail) { body(entry) }
            position = entry.end
        }
    }

    /// The rule of an entry.
    func rule(kind: UInt8, detail: Int) -> Rule {
        kind == Rule.detailedKind && detail < details.count ? details[detail] : Rule(plainKind: kind, action: usualAction)
    }
}

/// What a table holds besides its segments.
struct RuleTableContent {
    /// What plain rules do with what they deny: what the first one does.
    var usualAction = RuleAction.block
    /// The rules that four bits do not hold.
    var details: [Rule] = []
    /// A bit for each number of labels.
    var depths: UInt64 = 0
    /// Rules about addresses.
    var addresses = AddressRules()
}
