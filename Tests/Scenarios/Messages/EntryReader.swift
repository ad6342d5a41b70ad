internal import DNSWire

/// Reads what stands between ENTRY_BEGIN and ENTRY_END.
struct EntryReader {
    /// What names are relative to, and the time to live of records that have none ($ORIGIN, $TTL).
    struct Defaults {
        var origin = Name.root
        var ttl: UInt32 = 3600
    }

    /// Where a record line belongs.
    private enum Section {
        case question, answer, authority, additional
    }

    private var entry: ScenarioEntry
    private var section = Section.question
    /// A packet's opcode, rcode and flags stand for those behind it that say nothing.
    private var packet = ScenarioPacket()

    private init(line: Int) {
        entry = ScenarioEntry(line: line)
        entry.packets = []
    }

    /// Reads an entry whose ENTRY_BEGIN has been taken.
    static func read(_ lines: inout ScenarioLines, _ defaults: inout Defaults) throws(ScenarioError) -> ScenarioEntry {
        var reader = EntryReader(line: lines.number)
        while let line = lines.next() {
            if line.keyword == "ENTRY_END" {
                reader.entry.packets.append(reader.packet)
                return reader.entry
            }
            try reader.take(line, &lines, &defaults)
        }
        throw lines.ended(before: "ENTRY_END")
    }

    /// Takes a line of the entry.
    private mutating func take(
        _ line: ScenarioLines.Line, _ lines: inout ScenarioLines, _ defaults: inout Defaults
    ) throws(ScenarioError) {
        switch line.keyword {
        case "MATCH": try takeMatches(line, lines)
        case "ADJUST": try takeAdjustments(line, lines)
        case "REPLY":
            for word in line.words.dropFirst() where !packet.message.take(word: word) {
                throw lines.error(line.number, "REPLY \(word)", "REPLY \(word): expected an opcode, an rcode, or a flag")
            }
        case "EDNS": try takeEDNS(line, lines)
        case "SECTION": try takeSection(line, lines)
        case "EXTRA_PACKET":
            entry.packets.append(packet)
            packet = ScenarioPacket()
            section = .question
        case "HEX_ANSWER_BEGIN": packet.bytes = try Self.hexBlock(&lines, until: "HEX_ANSWER_END")
        case "HEX_EDNSDATA_BEGIN":
            let bytes = try Self.hexBlock(&lines, until: "HEX_EDNSDATA_END")
            try addOptions(bytes, at: line.number, lines)
        case "RAW":
            guard let hex = lines.next() else { throw lines.ended(before: "hexadecimal digits") }
            packet.bytes = try Self.bytes(of: hex, lines)
        case "$ORIGIN", "$TTL": try defaults.take(line, lines)
        case "ENTRY_BEGIN": throw lines.syntax(line.number, "ENTRY_BEGIN within an entry; expected ENTRY_END first")
        default: try takeRecord(line, lines, defaults)
        }
    }

    // MARK: - Keywords

    private mutating func takeMatches(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        // `ede = 3` and `serial : 7` are written with spaces as well.
        let text = line.rest.replacing(#/\s*([=:])\s*/#) { $0.output.1 }
        for word in text.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
            guard let rule = MatchRule(word: word) else {
                let known = MatchRule.words.keys.sorted().joined(separator: " ")
                throw lines.error(
                    line.number, "MATCH \(word)", "MATCH \(word): expected one of \(known) ede=CODE serial=NUMBER")
            }
            entry.matches.insert(rule)
        }
    }

    private mutating func takeAdjustments(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        for word in line.words.dropFirst() {
            if let delay = Adjustment.seconds(word, of: "packet_sleep") {
                packet.delay = delay
            } else if let adjustment = Adjustment(word: word) {
                entry.adjustments.insert(adjustment)
            } else {
                throw lines.error(
                    line.number, "ADJUST \(word)",
                    "ADJUST \(word): expected copy_id, copy_query, keep_case, raw_id, do_not_answer, sleep=SECONDS or "
                        + "packet_sleep=SECONDS")
            }
        }
    }

    /// An OPT record: `EDNS size=512 version=1`.
    private mutating func takeEDNS(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        var edns = packet.message.edns ?? EDNS()
        for word in line.words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1)
            switch (parts.first, parts.count == 2 ? UInt16(parts[1]) : nil) {
            case ("size", let size?): edns.udpPayloadSize = size
            case ("version", let version?) where version <= 255: edns.version = UInt8(version)
            case ("flags", let flags?): edns.flags = flags
            default: throw lines.syntax(line.number, "EDNS \(word): expected size=BYTES, version=NUMBER or flags=NUMBER")
            }
        }
        packet.message.edns = edns
    }

    private mutating func takeSection(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        switch line.rest.uppercased() {
        case "QUESTION": section = .question
        case "ANSWER": section = .answer
        case "AUTHORITY": section = .authority
        case "ADDITIONAL": section = .additional
        default:
            throw lines.syntax(
                line.number, "SECTION \(line.rest): expected QUESTION, ANSWER, AUTHORITY or ADDITIONAL")
        }
    }

    // MARK: - Records

    private mutating func takeRecord(
        _ line: ScenarioLines.Line, _ lines: ScenarioLines, _ defaults: Defaults
    ) throws(ScenarioError) {
        if section == .question {
            packet.message.questions.append(try Self.question(line, lines, defaults))
            return
        }
        let record: ResourceRecord
        do throws(WireError) {
            record = try ResourceRecord(text: String(line.text), origin: defaults.origin, defaultTTL: defaults.ttl)
        } catch {
            throw lines.error(
                line.number, "a record that cannot be read",
                "'\(line.text)': expected a keyword, or a record: NAME [TTL] [CLASS] TYPE DATA")
        }
        switch section {
        case .question, .answer: packet.message.answers.append(record)
        case .authority: packet.message.authorities.append(record)
        case .additional: packet.message.additionals.append(record)
        }
    }

    /// A question: NAME [CLASS] TYPE; a TTL is passed over.
    private static func question(
        _ line: ScenarioLines.Line, _ lines: ScenarioLines, _ defaults: Defaults
    ) throws(ScenarioError) -> Question {
        let words = line.words
        var question: Question?
        if let name = words.first.flatMap({ try? Name(String($0), origin: defaults.origin) }), words.count >= 2,
            let type = RecordType(String(words[words.count - 1]))
        {
            question = Question(name, type)
            for word in words[1..<words.count - 1] where UInt32(word) == nil {
                if let known = RecordClass(String(word)) { question?.class = known } else { question = nil }
            }
        }
        guard let question else {
            throw lines.syntax(line.number, "'\(line.text)': expected a keyword, or a question: NAME [CLASS] TYPE")
        }
        return question
    }

    /// Adds the options that some bytes are to the OPT record.
    private mutating func addOptions(_ bytes: [UInt8], at line: Int, _ lines: ScenarioLines) throws(ScenarioError) {
        var edns = packet.message.edns ?? EDNS()
        var rest = bytes[...]
        while rest.count >= 4 {
            let head = Array(rest.prefix(4))
            let length = Int(head[2]) << 8 | Int(head[3])
            guard rest.count >= 4 + length else { break }
            let code = EDNSOptionCode(rawValue: UInt16(head[0]) << 8 | UInt16(head[1]))
            edns.options.append(EDNSOption(code, Array(rest.dropFirst(4).prefix(length))))
            rest = rest.dropFirst(4 + length)
        }
        guard rest.isEmpty else { throw lines.syntax(line, "HEX_EDNSDATA_BEGIN: the bytes are not whole options") }
        packet.message.edns = edns
    }

    // MARK: - Hexadecimal

    /// The bytes of the lines up to a keyword.
    private static func hexBlock(_ lines: inout ScenarioLines, until end: String) throws(ScenarioError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let line = lines.next() {
            if line.keyword == end { return bytes }
            bytes += try Self.bytes(of: line, lines)
        }
        throw lines.ended(before: end)
    }

    /// The bytes of a line of hexadecimal digits, with or without spaces between them.
    private static func bytes(of line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) -> [UInt8] {
        let digits = line.text.prefix { $0 != ";" }.compactMap { $0.isWhitespace ? nil : $0.hexDigitValue.map(UInt8.init) ?? 16 }
        guard digits.count % 2 == 0, !digits.contains(16) else {
            throw lines.syntax(line.number, "'\(line.text)': expected hexadecimal digits, two for each byte")
        }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension EntryReader.Defaults {
    /// Takes a line with $ORIGIN or $TTL.
    mutating func take(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        if line.keyword == "$TTL" {
            guard let seconds = UInt32(line.rest) else { throw lines.syntax(line.number, "$TTL: expected seconds") }
            ttl = seconds
        } else {
            guard let name = try? Name(String(line.rest), origin: origin) else {
                throw lines.syntax(line.number, "$ORIGIN: expected a name")
            }
            origin = name
        }
    }
}
