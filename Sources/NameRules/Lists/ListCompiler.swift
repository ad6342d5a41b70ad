internal import DNSWire

/// Compiles a list: `read` its bytes in pieces of any size, `end` it, then `step` until it hands out the table.
///
/// Nothing waits in here, and each call takes time in proportion to its piece (some 10 ns a byte): give way between calls.
package struct ListCompiler: ~Copyable {
    /// The list's format; nil until there is enough to tell.
    package private(set) var format: ListFormat?
    /// The lines.
    private var lines = LineSplitter()
    /// What was read before the format was known.
    private var beginning: [UInt8] = []
    /// Where rules go.
    private var sink: RuleSink
    /// Whether the first bytes have been looked at for a byte order mark.
    private var hasBegun = false
    /// How many rules there were when the file began.
    private var fileStart = 0
    /// Whether there are rules of policy zones.
    private var hasZoneRules = false
    /// Whether there are rules of other formats.
    private var hasOtherRules = false

    /// Starts a list, of a format that is given or to be told from its beginning.
    package init(format: ListFormat? = nil, key: RuleKey) {
        self.format = format
        sink = RuleSink(key: key)
    }

    /// Starts to count a list's rules, which are kept nowhere: `report` says how many, and there is no table.
    package init(counting format: ListFormat?) {
        self.init(format: format, key: RuleKey(seed: 0), wanted: WantedRule(wire: [], rule: Rule(.exact)))
    }

    /// Starts to look for a rule's line.
    init(format: ListFormat?, key: RuleKey, wanted: WantedRule) {
        self.init(format: format, key: key)
        sink.wanted = wanted
    }

    /// What became of the lines so far.
    package var report: ListReport { sink.report }

    /// The line that was looked for.
    var wantedLine: Int? { sink.wanted?.line }

    /// Reads the next bytes.
    package mutating func read(_ piece: Span<UInt8>) {
        guard !hasBegun else { return take(piece) }
        // Pieces may be single bytes: there must be three to see a mark, and more to see a format.
        for index in piece.indices { beginning.append(piece[index]) }
        if beginning.count >= (format == nil ? ListFormat.detectionBytes : 3) { begin() }
    }

    /// Ends a file and goes on with another one of the same list, of a format that is given or to be told from its beginning.
    package mutating func beginFile(_ format: ListFormat?) {
        end()
        lines = LineSplitter()
        hasBegun = false
        self.format = format
        sink.zone = PolicyZoneState()
        sink.redirectZones = []
    }

    /// Says that there are no more bytes: the last line needs no end.
    package mutating func end() {
        if !hasBegun { begin() }
        if lines.isTooLong || !lines.begun.isEmpty { take([0x0A].span) }
        // The most special name decides where all rules are those of policy zones: no other format means that.
        if sink.report.ruleCount > fileStart {
            if format == .rpz { hasZoneRules = true } else { hasOtherRules = true }
        }
        fileStart = sink.report.ruleCount
        sink.builder.content.isPolicyZone = hasZoneRules && !hasOtherRules
    }

    /// Puts one more part of the table in order; the table when all are. Call it after `end`.
    package mutating func step() -> RuleTable? { sink.builder.step() }

    /// Takes all steps at once: where nobody waits meanwhile.
    package mutating func finish() -> RuleTable {
        while true {
            if let table = step() { return table }
        }
    }

    /// Finds the format out, and reads what was kept until then.
    private mutating func begin() {
        hasBegun = true
        var kept = beginning
        beginning = []
        if kept.starts(with: [0xEF, 0xBB, 0xBF]) { kept.removeFirst(3) }
        if format == nil { format = ListFormat.detect(kept.span) }
        take(kept.span)
    }

    /// Reads the lines of a piece.
    private mutating func take(_ piece: Span<UInt8>) {
        let format = format ?? .domains
        var position = 0
        while true {
            switch lines.next(piece, &position) {
            case .whole(let range):
                sink.report.lineCount += 1
                Self.read(piece.extracting(range), format, &sink)
            case .end(let range):
                let line = lines.take(piece.extracting(range))
                sink.report.lineCount += 1
                Self.read(line.span, format, &sink)
            case .tooLong(let beginning):
                sink.report.lineCount += 1
                sink.skip(.tooLong, beginning.span)
            case .over:
                return
            }
        }
    }

    /// Reads a line of a list of names that can be of another format alone, as where lists were put together in one file: no
    /// name begins or goes on like that. False where it cannot.
    @inline(__always)
    private static func readForeign(_ line: Span<UInt8>, _ format: ListFormat, _ sink: inout RuleSink) -> Bool {
        switch line[0] {
        case 0x7C, 0x40:
            guard TextLine.begins(line, "||") || TextLine.begins(line, "@@||") else { return false }
            AdblockFormat.read(line, &sink)
        case 0x61, 0x6C, 0x73:
            if TextLine.begins(line, "address=/") || TextLine.begins(line, "server=/") || TextLine.begins(line, "local=/") {
                DnsmasqFormat.read(line, &sink)
            } else if TextLine.begins(line, "local-zone:") || TextLine.begins(line, "local-data:") {
                UnboundFormat.read(line, &sink)
            } else {
                return format == .hosts && readName(line, &sink)
            }
        case 0x30...0x3A where format == .domains:
            let word = TextLine.firstWord(line)
            guard word.count < line.count, DomainsFormat.isAddress(word) else { return false }
            HostsFormat.read(line, &sink)
        default: return format == .hosts && readName(line, &sink)
        }
        return true
    }

    /// Reads a line of a hosts file that is nothing but a name; false where it is more, or none.
    private static func readName(_ line: Span<UInt8>, _ sink: inout RuleSink) -> Bool {
        let word = TextLine.firstWord(line)
        guard line[0] != 0x23, DomainsFormat.hasOnlyComment(line, behind: word.count), TextLine.find(word, 0x2E) != nil,
            !DomainsFormat.isAddress(word)
        else { return false }
        DomainsFormat.read(line, &sink)
        return true
    }

    /// Reads a line.
    @inline(__always) private static func read(_ line: Span<UInt8>, _ format: ListFormat, _ sink: inout RuleSink) {
        let whole = line
        let line = TextLine.trimmed(line)
        guard line.count > 0 else {
            sink.report.commentCount += 1
            return
        }
        // What nearly all lines of the most usual formats are needs no further look: no name has a NUL in it.
        if format == .adblock, AdblockFormat.readUsual(line, &sink) { return }
        if TextLine.find(line, 0) != nil { return sink.skip(.notText, line) }
        switch format {
        case .domains: if !readForeign(line, format, &sink) { DomainsFormat.read(line, &sink) }
        case .hosts: if !readForeign(line, format, &sink) { HostsFormat.read(line, &sink) }
        case .adblock: AdblockFormat.read(line, &sink)
        case .dnsmasq: DnsmasqFormat.read(line, &sink)
        case .unbound: UnboundFormat.read(line, &sink)
        case .rpz: PolicyZoneFormat.read(whole, &sink)
        }
    }
}

/// Finds the line of a rule again: lines are not kept with names, for they would take a third of the memory. `read` the list
/// anew, as it was when it was compiled.
package struct RuleLocator: ~Copyable {
    /// The reader.
    private var compiler: ListCompiler

    /// Looks for a rule that applied to a name in wire form, lower case (`FixedName.span`).
    package init(_ match: RuleMatch, of name: Span<UInt8>, format: ListFormat?) {
        var labels = LabelStarts(name)
        var start = max(0, name.count - 1)
        var depth = 0
        while depth < match.labelCount, let label = labels.previous() {
            start = label.lowerBound - 1
            depth += 1
        }
        let wanted = WantedRule(wire: [UInt8](copying: name.extracting(start..<name.count)), rule: match.rule)
        compiler = ListCompiler(format: format, key: RuleKey(seed: 0), wanted: wanted)
    }

    /// Reads the next bytes.
    package mutating func read(_ piece: Span<UInt8>) { compiler.read(piece) }

    /// Says that there are no more bytes.
    package mutating func end() { compiler.end() }

    /// The number of the first line that has the rule, from 1; nil while there is none.
    package var line: Int? { compiler.wantedLine }
}
