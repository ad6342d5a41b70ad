internal import DNSWire

/// Settings of Unbound: `local-zone: "name" type` and `local-data: "record"`.
enum UnboundFormat {
    /// Reads a line.
    static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if TextLine.isComment(line) || TextLine.equals(line, "server:") {
            sink.report.commentCount += 1
            return
        }
        guard let colon = TextLine.find(line, 0x3A) else { return sink.skip(.otherSetting, line) }
        let key = line.extracting(0..<colon)
        let value = TextLine.trimmed(line.extracting(colon + 1..<line.count))
        if TextLine.equals(key, "local-zone") {
            readZone(value, line, &sink)
        } else if TextLine.equals(key, "local-data") {
            readData(value, line, &sink)
        } else {
            sink.skip(TextLine.equals(key, "local-data-ptr") ? .badRecord : .otherSetting, line)
        }
    }

    /// Reads a name, perhaps in quotes, and a type.
    private static func readZone(_ value: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        guard value.count > 0 else { return sink.skip(.badName, line) }
        let name: Span<UInt8>
        let rest: Span<UInt8>
        if value[0] == 0x22 {
            guard let end = TextLine.find(value, 0x22, from: 1) else { return sink.skip(.badName, line) }
            name = value.extracting(1..<end)
            rest = value.extracting(end + 1..<value.count)
        } else {
            name = TextLine.firstWord(value)
            rest = value.extracting(name.count..<value.count)
        }
        let type = TextLine.firstWord(TextLine.trimmed(rest))
        if TextLine.equals(type, "redirect") {
            // Says nothing itself: its data hold for all below it.
            if let reason = sink.name.read(name) { return sink.skip(reason, line) }
            if sink.redirectZones.count < RuleSink.maximumRedirectZones {
                sink.redirectZones.insert(Array(sink.name.wire[..<sink.name.count]))
            }
            sink.report.commentCount += 1
            return
        }
        if saysNothing(type) { return sink.report.commentCount += 1 }
        guard let rule = zoneRule(type) else { return sink.skip(.unsupportedAction, line) }
        sink.add(name, rule, line)
    }

    /// Whether a zone of a type only has the records that other lines say: names without one are asked for elsewhere.
    private static func saysNothing(_ type: Span<UInt8>) -> Bool {
        TextLine.equals(type, "transparent") || TextLine.equals(type, "typetransparent") || TextLine.equals(type, "nodefault")
    }

    /// What a zone's type does.
    private static func zoneRule(_ type: Span<UInt8>) -> Rule? {
        if TextLine.equals(type, "always_nxdomain") || TextLine.equals(type, "static") {
            return Rule(.suffix, action: .nxdomain)
        }
        if TextLine.equals(type, "always_null") { return Rule(.suffix) }
        if TextLine.equals(type, "always_nodata") { return Rule(.suffix, action: .nodata) }
        if TextLine.equals(type, "refuse") || TextLine.equals(type, "always_refuse") { return Rule(.suffix, action: .refuse) }
        if TextLine.equals(type, "deny") || TextLine.equals(type, "always_deny") || TextLine.equals(type, "inform_deny") {
            return Rule(.suffix, action: .drop)
        }
        return TextLine.equals(type, "always_transparent") ? Rule(.suffix, isAllow: true) : nil
    }

    /// Reads a record in quotes of either kind.
    private static func readData(_ value: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        guard value.count > 2, value[0] == 0x22 || value[0] == 0x27 else { return sink.skip(.badRecord, line) }
        var end = value.count - 1
        while end > 0, value[end] != value[0] { end -= 1 }
        guard end > 1, let record = ZoneTTL.record(TextLine.text(value.extracting(1..<end)), defaultTTL: 3600),
            record.class == .internet
        else { return sink.skip(.badRecord, line) }
        let owner = FixedName(record.owner)
        let action = LocalAddress.action(record)
        if action == .block, HostNames.isInHosts(LocalAddress.text(record.owner).span) { return sink.skip(.localName, line) }
        guard sink.name.take(owner.span, labelCount: owner.labelCount) else { return sink.skip(.badName, line) }
        let scope: RuleScope = sink.redirectZones.contains([UInt8](copying: owner.span)) ? .suffix : .exact
        sink.addRead(Rule(scope, action: action), line)
    }
}

/// What a list's record does with a name.
enum LocalAddress {
    /// No address (0.0.0.0, ::) or the host itself (127.0.0.1, ::1) denies the name, as in hosts files; anything else is its
    /// answer.
    static func action(_ record: ResourceRecord) -> RuleAction {
        switch record.data {
        case .a(let data) where IPAddress(ipv4: data.address).isNullOrLoopback: .block
        case .aaaa(let data) where IPAddress(high: data.high, low: data.low).isNullOrLoopback: .block
        default: .data(record.data, ttl: record.ttl)
        }
    }

    /// A name as hosts files write it.
    static func text(_ name: Name) -> [UInt8] {
        let text = Array(name.description.utf8)
        return text.count > 1 ? text.dropLast() : text
    }
}
