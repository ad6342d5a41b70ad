internal import DNSWire

/// Where the readers of formats put what they find: rules into a table, everything else into the report. With a rule that
/// is wanted, it only looks for its line.
struct RuleSink: ~Copyable {
    /// The table that is built.
    var builder: RuleTableBuilder
    /// What became of the lines.
    var report = ListReport()
    /// The name that was read last.
    var name = NameText()
    /// The name of an exception that was read last.
    var exception = NameText()
    /// What the reader of policy zones knows.
    var zone = PolicyZoneState()
    /// Zones of `local-zone: … redirect`, whose data hold for all below them.
    var redirectZones: Set<[UInt8]> = []
    /// The rule whose line is looked for.
    var wanted: WantedRule?

    /// The most zones that are remembered for their data.
    static var maximumRedirectZones: Int { 1 << 16 }

    /// Starts with an empty table.
    init(key: RuleKey) {
        builder = RuleTableBuilder(key: key)
    }

    /// Counts a line that is skipped.
    mutating func skip(_ reason: SkipReason, _ line: Span<UInt8>) { report.skip(reason, line) }

    /// Reads a name and adds a rule about it.
    @inline(__always) mutating func add(_ text: Span<UInt8>, _ rule: Rule, _ line: Span<UInt8>) {
        if let reason = name.read(text) {
            skip(reason, line)
        } else {
            addRead(rule, line)
        }
    }

    /// Adds a rule about the name that was read.
    mutating func addRead(_ rule: Rule, _ line: Span<UInt8>) {
        if name.labelCount <= 2, HostNames.contains(name.wire.span.extracting(first: name.count)), !rule.isAllow,
            !rule.action.hasData
        {
            return skip(.localName, line)
        }
        report.ruleCount += 1
        guard wanted == nil else {
            let wire = Array(name.wire[..<name.count])
            wanted?.compare(wire, rule, line: report.lineCount)
            return
        }
        guard Self.add(name, rule, to: &builder) == .full else { return }
        report.ruleCount -= 1
        skip(.full, line)
    }

    /// Adds a rule about a name that was read.
    @inline(__always) private static func add(
        _ name: borrowing NameText, _ rule: Rule, to builder: inout RuleTableBuilder
    ) -> RuleTableBuilder.Addition {
        builder.add(wire: name.wire.span.extracting(first: name.count), labelCount: name.labelCount, rule)
    }

    /// Adds a rule about addresses.
    mutating func add(_ prefix: AddressPrefix, _ rule: Rule, _ line: Span<UInt8>) {
        guard wanted == nil, builder.add(prefix, rule) == .full else {
            report.ruleCount += 1
            return
        }
        skip(.full, line)
    }
}

/// A rule whose line is looked for.
struct WantedRule {
    /// Its name in wire form.
    let wire: [UInt8]
    /// The rule.
    let rule: Rule
    /// The first line that has it.
    private(set) var line: Int?

    /// Looks for a rule about a name.
    init(wire: [UInt8], rule: Rule) {
        self.wire = wire
        self.rule = rule
    }

    /// Compares a line's rule.
    mutating func compare(_ other: [UInt8], _ otherRule: Rule, line number: Int) {
        guard line == nil, other == wire, otherRule == rule else { return }
        line = number
    }
}
