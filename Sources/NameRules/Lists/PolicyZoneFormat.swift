internal import DNSWire

/// What is known of a policy zone while it is read.
struct PolicyZoneState {
    /// Joins lines.
    var lines = ZoneLines()
    /// The zone's name, in wire form and lower case; nil until an SOA record says it, or `$ORIGIN` where none does.
    var zone: (wire: [UInt8], labelCount: Int)?
    /// What is put behind relative names: a dot, then `$ORIGIN` as it was written; nil where none was: that is the zone, whatever
    /// it is called. Without a final dot it is itself below a zone of which that holds.
    var origin: [UInt8]?
    /// Whether there was an SOA record.
    var hasStart = false
    /// Whether rules were made of names below a zone of unknown name: what comes later cannot say its name.
    var isNameless = false
    /// Whether the zone's name is only likely: `$ORIGIN` behind an SOA record of an unknown name.
    var isGuessed = false
    /// The TTL of records without one.
    var ttl: UInt32 = 3600
    /// The owner of the entry before.
    var owner = PolicyOwner()
}

/// The owner of entries of a policy zone, as far as it says when a rule holds.
struct PolicyOwner {
    /// Its name, in wire form; once it is `isPlaced`, without the zone's.
    private(set) var name: (wire: [UInt8], labelCount: Int) = ([0], 0)
    /// Whether it is the zone itself.
    var isApex = false
    /// Whether the name is whole: not one below a zone of unknown name.
    var isWhole = false
    /// Whether the zone's name has been taken off.
    var isPlaced = false
    /// Whether the rule is about all names below it.
    var isWildcard = false
    /// The addresses that the rule is about.
    var prefix: AddressPrefix?
    /// Why no rule can be about it.
    var trouble: SkipReason? = .badName

    /// Starts another owner.
    mutating func begin() {
        self = PolicyOwner()
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
            let owner = firstName(text)
            readOwner(owner, &sink)
            rest = TextLine.trimmed(text.extracting(owner.count..<text.count))
        }
        readRecord(rest, text, &sink)
    }

    /// Reads `$ORIGIN` or `$TTL`.
    private static func readDirective(_ text: Span<UInt8>, _ sink: inout RuleSink) {
        let key = TextLine.firstWord(text)
        let value = firstName(TextLine.trimmed(text.extracting(key.count..<text.count)))
        if TextLine.equals(key, "$TTL"), let ttl = ZoneTTL.seconds(TextLine.text(value)) {
            sink.zone.ttl = ttl
        } else if TextLine.equals(key, "$ORIGIN"), value.count > 0, value.count <= NameText.maximumText {
            let origin = whole(value, sink.zone.origin)
            if let reason = sink.name.readEscaped(origin.span), reason != .address { return sink.skip(reason, text) }
            sink.zone.origin = value.count == 1 && value[0] == 0x2E ? origin : [0x2E] + origin
        } else {
            return sink.skip(.otherSetting, text)
        }
        sink.report.commentCount += 1
    }

    /// The bytes up to the first white space that is not escaped.
    @_lifetime(copy line)
    private static func firstName(_ line: Span<UInt8>) -> Span<UInt8> {
        var end = 0
        while end < line.count, !TextLine.isSpace(line[end]) { end += line[end] == 0x5C ? 2 : 1 }
        return line.extracting(0..<min(end, line.count))
    }

    /// A name with what is put behind relative ones.
    private static func whole(_ name: Span<UInt8>, _ origin: [UInt8]?) -> [UInt8] {
        let text = [UInt8](copying: name)
        guard !isWhole(name), let origin else { return text }
        return text + origin
    }

    /// Whether a name ends with a dot that is not escaped.
    private static func isWhole(_ name: Span<UInt8>) -> Bool {
        guard name.count > 0, name[name.count - 1] == 0x2E else { return false }
        var start = name.count - 1
        while start > 0, name[start - 1] == 0x5C { start -= 1 }
        return (name.count - 1 - start) % 2 == 0
    }

    /// Reads TTL, class, type and data.
    private static func readRecord(_ fields: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        var rest = fields
        var ttl = sink.zone.ttl
        while rest.count > 0 {
            let word = TextLine.firstWord(rest)
            let behind = TextLine.trimmed(rest.extracting(word.count..<rest.count))
            if word[0] &- 0x30 < 10, let seconds = ZoneTTL.seconds(TextLine.text(word)) {
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
            takeStart(&sink.zone)
            sink.report.commentCount += 1
            return
        }
        if TextLine.equals(type, "NS") {
            sink.report.commentCount += 1
            return
        }
        place(&sink)
        if sink.zone.owner.isApex {
            sink.report.commentCount += 1
            return
        }
        if TextLine.equals(type, "CNAME") {
            if TextLine.equals(data, ".") { return add(Rule(.exact, action: .nxdomain), line, &sink) }
            if TextLine.equals(data, "*.") { return add(Rule(.exact, action: .nodata), line, &sink) }
            if isAction(data, "rpz-passthru.") || isOwner(data, &sink) { return add(Rule(.exact, isAllow: true), line, &sink) }
            if isAction(data, "rpz-drop.") { return add(Rule(.exact, action: .drop), line, &sink) }
            if isAction(data, "rpz-tcp-only.") { return add(Rule(.exact, action: .tcpOnly), line, &sink) }
        }
        let origin = dataOrigin(&sink)
        let text = "x. \(ttl) IN " + TextLine.text(type) + " " + TextLine.text(data)
        guard let record = try? ResourceRecord(text: text, origin: origin) else { return sink.skip(.badRecord, line) }
        add(Rule(.exact, action: action(record)), line, &sink)
    }

    /// A record is the answer, but that an alias to a wildcard leads below that (as BIND has it).
    private static func action(_ record: ResourceRecord) -> RuleAction {
        guard case .cname(let alias) = record.data, alias.target.labels.first?.elementsEqual([0x2A]) == true,
            let parent = alias.target.parent
        else { return .data(record.data, ttl: record.ttl) }
        return .aliasBelow(parent, ttl: record.ttl)
    }

    /// Whether a target is the name of an action, with or without its final dot.
    private static func isAction(_ target: Span<UInt8>, _ name: StaticString) -> Bool {
        TextLine.equals(target, name)
            || (target.count + 1 == name.utf8CodeUnitCount && TextLine.begins(target, "rpz-")
                && name.description.utf8.starts(with: TextLine.text(target).lowercased().utf8))
    }

    /// Whether an alias leads to what the rule is about: as zones said PASSTHRU before there was a word for it.
    private static func isOwner(_ target: Span<UInt8>, _ sink: inout RuleSink) -> Bool {
        let owner = sink.zone.owner
        guard owner.trouble == nil, target.count > 1, isWhole(target),
            owner.isWildcard == TextLine.begins(target, "*.")
        else { return false }
        let reason = sink.exception.readEscaped(target.extracting((owner.isWildcard ? 2 : 0)..<target.count))
        guard reason == nil || reason == .address else { return false }
        return sink.exception.wire[..<sink.exception.count].elementsEqual(owner.name.wire)
    }

    /// What relative names in data are relative to.
    private static func dataOrigin(_ sink: inout RuleSink) -> Name {
        if let origin = sink.zone.origin, isWhole(origin.span), sink.exception.readEscaped(origin.span) == nil,
            let name = try? Name(wire: Array(sink.exception.wire[..<sink.exception.count]))
        {
            return name
        }
        return sink.zone.zone.flatMap { try? Name(wire: $0.wire) } ?? .root
    }

    /// Reads an owner. It is read once, however many lines follow that leave it out.
    private static func readOwner(_ word: Span<UInt8>, _ sink: inout RuleSink) {
        sink.zone.owner.begin()
        guard word.count <= NameText.maximumText else { return sink.zone.owner.trouble = .badName }
        let isOrigin = word.count == 1 && (word[0] == 0x40 || word[0] == 0x2A)
        sink.zone.owner.isWildcard = word[0] == 0x2A && (isOrigin || word[1] == 0x2E)
        guard !isOrigin else { return takeOrigin(&sink) }
        let text = word.extracting((sink.zone.owner.isWildcard ? 2 : 0)..<word.count)
        guard text.count > 0 else { return sink.zone.owner.trouble = .badName }
        if TextLine.find(text, 0x2A) != nil { return sink.zone.owner.trouble = .pattern }
        let name = whole(text, sink.zone.origin)
        if let reason = sink.name.readEscaped(name.span), reason != .address { return sink.zone.owner.trouble = reason }
        sink.zone.owner.isWhole = isWhole(name.span)
        sink.zone.owner.take(sink.name)
    }

    /// Takes `$ORIGIN` as the owner: for `@`, and for a wildcard alone.
    private static func takeOrigin(_ sink: inout RuleSink) {
        if let origin = sink.zone.origin {
            // It was read before.
            _ = sink.name.readEscaped(origin.span)
            sink.zone.owner.isWhole = isWhole(origin.span)
        } else {
            sink.name.becomeRoot()
        }
        sink.zone.owner.take(sink.name)
    }

    /// Takes an SOA record's owner for the zone, where it has a whole name.
    private static func takeStart(_ state: inout PolicyZoneState) {
        defer { state.hasStart = true }
        guard !state.hasStart, state.owner.isWhole, !state.owner.isWildcard, !state.owner.isPlaced, state.owner.trouble == nil
        else { return }
        state.zone = state.owner.name
    }

    /// Takes the zone's name off the owner, and finds out what is left: once, however many records it has.
    private static func place(_ sink: inout RuleSink) {
        guard sink.zone.owner.trouble == nil, !sink.zone.owner.isPlaced else { return }
        sink.zone.owner.isPlaced = true
        if sink.zone.zone == nil, !sink.zone.isNameless, let origin = sink.zone.origin, isWhole(origin.span) {
            _ = sink.name.readEscaped(origin.span)
            sink.zone.zone = (Array(sink.name.wire[..<sink.name.count]), sink.name.labelCount)
            sink.zone.isGuessed = sink.zone.hasStart
        }
        if sink.zone.owner.isWhole {
            let name = sink.zone.owner.name
            guard let zone = sink.zone.zone, sink.name.take(name.wire.span, labelCount: name.labelCount),
                sink.name.removeSuffix(zone.wire, labelCount: zone.labelCount)
            else { return sink.zone.owner.trouble = .outOfZone }
            sink.zone.owner.take(sink.name)
        }
        guard sink.zone.owner.name.labelCount > 0 else {
            // What would be a rule about the root, which only a wildcard may be: in a zone whose name is known.
            sink.zone.owner.isApex = !sink.zone.owner.isWildcard
            if sink.zone.owner.isWildcard, sink.zone.isGuessed { sink.zone.owner.trouble = .pattern }
            return
        }
        if !sink.zone.owner.isWhole { sink.zone.isNameless = sink.zone.zone == nil }
        readTrigger(&sink.zone.owner)
    }

    /// Finds out whether an owner is a name, or addresses.
    private static func readTrigger(_ owner: inout PolicyOwner) {
        let wire = owner.name.wire
        var labels = LabelStarts(wire.span)
        guard let last = labels.previous() else { return }
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
        if parts.count == 4, !parts.contains("zz") { return prefix(parts.joined(separator: "."), length) }
        let text = parts.map { $0 == "zz" ? "" : $0 }
        var address = text.joined(separator: ":")
        if text.first == "" { address = ":" + address }
        if text.last == "" { address += ":" }
        return prefix(address, length)
    }

    /// A prefix; nil where its address has bits behind its length, for one of them is a mistake.
    private static func prefix(_ address: String, _ length: String) -> AddressPrefix? {
        guard let prefix = AddressPrefix(Substring(address + "/" + length)), prefix.address == IPAddress(Substring(address))
        else { return nil }
        return prefix
    }
}
