internal import DNSWire

/// Lines of a hosts file. Names behind 0.0.0.0, ::, 127.0.0.1 or ::1 are denied, each alone; behind another address they
/// get that address. What hosts files call the host itself is left out.
enum HostsFormat {
    /// Reads a line.
    static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if TextLine.isComment(line) {
            sink.report.commentCount += 1
            return
        }
        // No name has the mark in it: a comment may follow at once.
        let line = TextLine.trimmed(line.extracting(first: TextLine.find(line, 0x23) ?? line.count))
        let word = TextLine.firstWord(line)
        guard word.count < line.count else { return sink.skip(.badName, line) }
        guard let rule = rule(for: word) else { return sink.skip(.badName, line) }
        var rest = TextLine.trimmed(line.extracting(word.count..<line.count))
        while rest.count > 0, !TextLine.isComment(rest) {
            let name = TextLine.firstWord(rest)
            if HostNames.isInHosts(name) { sink.skip(.localName, line) } else { sink.add(name, rule, line) }
            rest = TextLine.trimmed(rest.extracting(name.count..<rest.count))
        }
    }

    /// What a line with an address says of its names.
    private static func rule(for word: Span<UInt8>) -> Rule? {
        if TextLine.begins(word, "0.0.0.0"), word.count == 7 { return DomainsFormat.exact }
        if TextLine.begins(word, "127.0.0.1"), word.count == 9 { return DomainsFormat.exact }
        guard word.count < 50 else { return nil }
        // Scoped addresses (fe80::1%lo0) stand in the files of some systems.
        let text = TextLine.text(word)
        guard let address = IPAddress(text[..<(text.firstIndex(of: "%") ?? text.endIndex)]) else { return nil }
        return rule(for: address, scope: .exact)
    }

    /// What an address says of a name: that it is denied, or where it is.
    static func rule(for address: IPAddress, scope: RuleScope) -> Rule {
        if address.isNullOrLoopback { return Rule(scope) }
        let data =
            address.isIPv4
            ? RecordData.a(RecordData.A(address: UInt32(truncatingIfNeeded: address.low)))
            : RecordData.aaaa(RecordData.AAAA(high: address.high, low: address.low))
        return Rule(scope, action: .data(data, ttl: ttlSeconds))
    }

    /// How long an address from a list lives in caches.
    static var ttlSeconds: UInt32 { 300 }
}
