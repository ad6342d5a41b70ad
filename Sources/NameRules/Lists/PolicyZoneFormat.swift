internal import DNSWire

/// What is known of a policy zone while it is read.
struct PolicyZoneState {
    /// Joins lines.
    var lines = ZoneLines()
    /// The zone's name, in wire form and lower case; nil until an SOA record or `$ORIGIN` says it.
    var zone: (wire: [UInt8], labelCount: Int)?
    /// What relative names are relative to, as text with a final dot; nil where that is the zone.
    var origin: [UInt8]?
    /// The TTL of records without one.
    var ttl: UInt32 = 3600
    /// The owner of the entry before.
    var owner = PolicyOwner()
}

/// The owner of entries of a policy zone, as far as it says when a rule holds.
struct PolicyOwner {
    /// Its name without the zone's, in wire form.
    private(set) var name: (wire: [UInt8], labelCount: Int) = ([0], 0)
    /// Whether it is the zone's `@`.
    private(set) var isApex = false
    /// Whether it was written with a final dot, and without a wildcard.
    var isAbsoluteName = false
    /// Whether the rule is about all names below it.
    var isWildcard = false
    /// The addresses that the rule is about.
    var prefix: AddressPrefix?
    /// Why no rule can be about it.
    var trouble: SkipReason? = .badName

    /// Starts another owner.
    mutating func begin(isApex: Bool) {
        self = PolicyOwner()
        self.isApex = isApex
        trouble = nil
    }

    /// Takes the name that was read.
    mutating func take(_ read: NameText) { name = (Array(read.wire[..<read.count]), read.labelCount) }
}

/// A response policy zone as a zone file: the owner says when (a name, a wildcard, an address), the data what is done.
enum PolicyZoneFormat {
    /// Reads a line with the white space at its start.
    static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if !sink.zone.lines.isOpen, line.count > 0, line[0] == 0x3B {
            sink.report.commentCount += 1
            return
        }
        guard let entry = sink.zone.lines.take(line) else {
            sink.report.commentCount += 1
            return
        }
        let text = TextLine.trimmed(entry.span)
        guard text.count > 0 else {
            sink.report.commentCount += 1
            return
        }
        if text[0] == 0x24 { return readDirective(text, &sink) }
        var rest = text
        if !TextLine.isSpace(entry[0]) {
            let owner = TextLine.firstWord(text)
            readOwner(owner, &sink)
            rest = TextLine.trimmed(text.extracting(owner.count..<text.count))
        }
        readRecord(rest, text, &sink)
    }

    /// Reads `$ORIGIN` or `$TTL`.
    private static func readDirective(_ text: Span<UInt8>, _ sink: inout RuleSink) {
        let key = TextLine.firstWord(text)
        let value = TextLine.firstWord(TextLine.trimmed(text.extracting(key.count..<text.count)))
        if TextLine.equals(key, "$TTL"), let ttl = UInt32(TextLine.text(value.extracting(first: 11))) {
            sink.zone.ttl = ttl
        } else if TextLine.equals(key, "$ORIGIN"), value.count > 0, value[value.count - 1] == 0x2E {
            if let reason = sink.name.read(value) { return sink.skip(reason, text) }
            if sink.zone.zone == nil {
                setZone(&sink)
            } else {
                sink.zone.origin = [UInt8](copying: value)
            }
        } else {
            return sink.skip(.otherSetting, text)
        }
        sink.report.commentCount += 1
    }

    /// Takes the name that was read as the zone's.
    private static func setZone(_ sink: inout RuleSink) {
        sink.zone.zone = (Array(sink.name.wire[..<sink.name.count]), sink.name.labelCount)
    }

    /// Reads TTL, class, type and data.
    private static func readRecord(_ fields: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        var rest = fields
        var ttl = sink.zone.ttl
        while rest.count > 0 {
            let word = TextLine.firstWord(rest)
            let behind = TextLine.trimmed(rest.extracting(word.count..<rest.count))
            if word[0] &- 0x30 < 10, let seconds = UInt32(TextLine.text(word.extracting(first: 11))) {
                ttl = seconds
            } else if !TextLine.equals(word, "IN") {
                return readRecord(type: word, behind, ttl: ttl, line, &sink)
            }
            rest = behind
        }
        sink.skip(.badRecord, line)
    }

    /// Reads data.
    private static func readRecord(
        type: Span<UInt8>, _ data: Span<UInt8>, ttl: UInt32, _ line: Span<UInt8>, _ sink: inout RuleSink
    ) {
        if TextLine.equals(type, "SOA") {
            if sink.zone.zone == nil, sink.zone.owner.isAbsoluteName { sink.zone.zone = sink.zone.owner.name }
            sink.report.commentCount += 1
            return
        }
        if sink.zone.owner.isApex || TextLine.equals(type, "NS") {
            sink.report.commentCount += 1
            return
        }
        if TextLine.equals(type, "CNAME") {
            if TextLine.equals(data, ".") { return add(Rule(.exact, action: .nxdomain), line, &sink) }
            if TextLine.equals(data, "*.") { return add(Rule(.exact, action: .nodata), line, &sink) }
            if isAction(data, "rpz-passthru.") { return add(Rule(.exact, isAllow: true), line, &sink) }
            if isAction(data, "rpz-drop.") { return add(Rule(.exact, action: .drop), line, &sink) }
            if isAction(data, "rpz-tcp-only.") { return add(Rule(.exact, action: .tcpOnly), line, &sink) }
            if TextLine.begins(data, "*.") { return sink.skip(.unsupportedAction, line) }
        }
        let origin = sink.zone.zone.flatMap { try? Name(wire: $0.wire) } ?? .root
        let text = "x. \(ttl) IN " + TextLine.text(type) + " " + TextLine.text(data)
        guard let record = try? ResourceRecord(text: text, origin: origin) else { return sink.skip(.badRecord, line) }
        add(Rule(.exact, action: .data(record.data, ttl: record.ttl)), line, &sink)
    }

    /// Whether a target is the name of an action, with or without its final dot.
    private static func isAction(_ target: Span<UInt8>, _ name: StaticString) -> Bool {
        TextLine.equals(target, name)
            || (target.count + 1 == name.utf8CodeUnitCount && TextLine.begins(target, "rpz-")
                && name.description.utf8.starts(with: TextLine.text(target).lowercased().utf8))
    }

    /// Reads an owner. It is read once, however many lines follow that leave it out.
    private static func readOwner(_ word: Span<UInt8>, _ sink: inout RuleSink) {
        sink.zone.owner.begin(isApex: word.count == 1 && word[0] == 0x40)
        let isWildcard = TextLine.begins(word, "*.")
        let isAbsolute = word[word.count - 1] == 0x2E
        let text = word.extracting((isWildcard ? 2 : 0)..<word.count)
        if TextLine.find(text, 0x2A) != nil { return sink.zone.owner.trouble = .pattern }
        var reason: SkipReason?
        if !isAbsolute, let origin = sink.zone.origin, text.count <= 255 {
            let whole = [UInt8](copying: text) + [0x2E] + origin
            reason = sink.name.read(whole.span)
        } else {
            reason = sink.name.read(text)
        }
        if let reason, reason != .address { return sink.zone.owner.trouble = reason }
        let isWhole = isAbsolute || sink.zone.origin != nil
        sink.zone.owner.isAbsoluteName = isAbsolute && !isWildcard
        if isWhole {
            guard let zone = sink.zone.zone, sink.name.removeSuffix(zone.wire, labelCount: zone.labelCount) else {
                sink.zone.owner.take(sink.name)
                return sink.zone.owner.trouble = .outOfZone
            }
        }
        sink.zone.owner.isWildcard = isWildcard
        sink.zone.owner.take(sink.name)
        readTrigger(&sink.zone.owner)
    }

    /// Finds out whether an owner is a name, or addresses.
    private static func readTrigger(_ owner: inout PolicyOwner) {
        let wire = owner.name.wire
        var labels = LabelStarts(wire.span)
        guard let last = labels.previous() else {
            // The zone's own name: what would be a rule about the root, which only a wildcard may be.
            if !owner.isWildcard { owner.trouble = .badName }
            return
        }
        let label = wire.span.extracting(last)
        guard TextLine.begins(label, "rpz-") else { return }
        if TextLine.equals(label, "rpz-ip") {
            owner.prefix = prefix(wire)
            if owner.prefix == nil { owner.trouble = .badName }
        } else if TextLine.equals(label, "rpz-nsip") || TextLine.equals(label, "rpz-nsdname") {
            owner.trouble = .nameServerTrigger
        } else if TextLine.equals(label, "rpz-client-ip") {
            owner.trouble = .clientTrigger
        }
    }

    /// Adds a rule about the owner: a name, all below it, or addresses.
    private static func add(_ rule: Rule, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        if let trouble = sink.zone.owner.trouble { return sink.skip(trouble, line) }
        if let prefix = sink.zone.owner.prefix { return sink.add(prefix, rule, line) }
        var rule = rule
        if sink.zone.owner.isWildcard { rule.scope = .below }
        let name = sink.zone.owner.name
        guard sink.name.take(name.wire.span, labelCount: name.labelCount) else { return sink.skip(.badName, line) }
        sink.addRead(rule, line)
    }

    /// The prefix of `24.0.2.0.192.rpz-ip` or `32.zz.db8.2001.rpz-ip`: its length, then the address from its end.
    private static func prefix(_ wire: [UInt8]) -> AddressPrefix? {
        guard let name = try? Name(wire: wire) else { return nil }
        var parts = name.labels.dropLast().map { String(decoding: $0, as: UTF8.self) }
        guard parts.count >= 2 else { return nil }
        let length = parts.removeFirst()
        parts.reverse()
        if parts.count == 4, !parts.contains("zz") {
            return AddressPrefix(Substring(parts.joined(separator: ".") + "/" + length))
        }
        let text = parts.map { $0 == "zz" ? "" : $0 }
        var address = text.joined(separator: ":")
        if text.first == "" { address = ":" + address }
        if text.last == "" { address += ":" }
        return AddressPrefix(Substring(address + "/" + length))
    }
}
