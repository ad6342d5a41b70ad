internal import DNSWire

/// Settings of dnsmasq: `address=/a/b/` denies names and all below them, with an address behind it answers with that;
/// `server=/a/` and `local=/a/` answer that there is no such name; `server=/a/#` lets them pass.
enum DnsmasqFormat {
    /// Reads a line.
    static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if TextLine.isComment(line) {
            sink.report.commentCount += 1
            return
        }
        let line = TextLine.trimmed(TextLine.withoutComment(line, 0x23))
        guard let equals = TextLine.find(line, 0x3D) else { return sink.skip(.otherSetting, line) }
        let key = TextLine.trimmed(line.extracting(0..<equals))
        let value = TextLine.trimmed(line.extracting(equals + 1..<line.count))
        let isAddress = TextLine.equals(key, "address")
        guard isAddress || TextLine.equals(key, "server") || TextLine.equals(key, "local") else {
            return sink.skip(.otherSetting, line)
        }
        guard value.count > 1, value[0] == 0x2F else { return sink.skip(isAddress ? .badRecord : .forwarder, line) }
        var last = value.count - 1
        while last > 0, value[last] != 0x2F { last -= 1 }
        guard last > 0 else { return sink.skip(.badName, line) }
        let target = value.extracting(last + 1..<value.count)
        guard let rule = isAddress ? addressRule(target) : serverRule(target) else {
            return sink.skip(isAddress ? .badRecord : .forwarder, line)
        }
        add(value.extracting(1..<last), rule, line, &sink)
    }

    /// What `address=` does with names.
    private static func addressRule(_ target: Span<UInt8>) -> Rule? {
        if target.count == 0 { return Rule(.suffix, action: .nxdomain) }
        if TextLine.equals(target, "#") { return Rule(.suffix) }
        guard target.count < 50, let address = IPAddress(Substring(TextLine.text(target))) else { return nil }
        return HostsFormat.rule(for: address, scope: .suffix)
    }

    /// What `server=` and `local=` do with names.
    private static func serverRule(_ target: Span<UInt8>) -> Rule? {
        if target.count == 0 { return Rule(.suffix, action: .nxdomain) }
        return TextLine.equals(target, "#") ? Rule(.suffix, isAllow: true) : nil
    }

    /// Adds a rule about each name between slashes; `#` is every name, `*.` leaves the name itself out.
    private static func add(_ names: Span<UInt8>, _ rule: Rule, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        var start = 0
        while start <= names.count {
            let end = TextLine.find(names, 0x2F, from: start) ?? names.count
            let name = names.extracting(start..<end)
            start = end + 1
            // As in hosts files, of which such lines are made.
            if rule.action == .block, HostNames.isInHosts(name) {
                sink.skip(.localName, line)
                continue
            }
            if TextLine.equals(name, "#") {
                sink.name.becomeRoot()
                sink.addRead(rule, line)
            } else if TextLine.begins(name, "*.") {
                var below = rule
                below.scope = .below
                sink.add(name.extracting(2..<name.count), below, line)
            } else if TextLine.find(name, 0x2A) != nil {
                sink.skip(.pattern, line)
            } else {
                sink.add(name, rule, line)
            }
        }
    }
}
