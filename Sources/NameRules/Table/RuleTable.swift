internal import DNSWire

/// The compiled rules of one list: immutable, exact, some ten bytes a name.
///
/// Names are kept as places and tails of their codes (`NameEncoder`, docs/adr/0014), in pages of some kilobytes each, so that
/// a table is built and freed piece by piece.
package struct RuleTable: Sendable {
    /// The key that its names were hashed with.
    let key: RuleKey
    /// How entries are laid out.
    let shape: SegmentShape
    /// The entries.
    let pages: RulePages
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
    /// Whether it is a policy zone: of the rules that apply to a name, those of its longest suffix decide alone.
    package let isPolicyZone: Bool
    /// Whether a rule's own answer is an alias.
    package let hasAliases: Bool

    /// Takes what a builder has made.
    init(key: RuleKey, shape: SegmentShape, pages: RulePages, content: RuleTableContent, ruleCount: Int) {
        self.key = key
        self.shape = shape
        self.pages = pages
        usualAction = content.usualAction
        details = content.details
        depths = content.depths
        addresses = content.addresses
        isPolicyZone = content.isPolicyZone
        hasAliases = content.details.contains(where: \.action.isAlias) || content.addresses.hasAliases
        self.ruleCount = ruleCount
    }

    /// The memory that its names take.
    package var byteCount: Int { pages.byteCount }

    /// Shows the entries of the suffix that was closed last.
    func eachEntry(of suffix: CodedSuffix, _ encoder: borrowing NameEncoder<84>, _ body: (SegmentEntry) -> Void) {
        let segment = SegmentShape.segment(suffix.place)
        let (page, range) = pages.place(segment, bucket: shape.bucket(suffix.place), shape)
        let entries = pages.pages[page]
        let bytes = entries.span
        let rest = shape.rest(suffix.place)
        var position = range.lowerBound
        while position < range.upperBound {
            let entry = SegmentEntry(bytes, at: position, shape)
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
    /// Whether it is a policy zone.
    var isPolicyZone = false
}
