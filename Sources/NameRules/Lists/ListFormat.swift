/// The forms in which lists are published.
package enum ListFormat: String, CaseIterable, Hashable, Sendable {
    /// A name a line: that name alone; with `*.` or a dot before it that name and all below it.
    case domains
    /// Lines of a hosts file: 0.0.0.0, 127.0.0.1, :: and ::1 deny the names behind them.
    case hosts
    /// `||name^` with `@@` and modifiers, as filter lists for DNS have it; names and lines of hosts files between them.
    case adblock
    /// Settings of dnsmasq: `address=/…/`, `server=/…/`, `local=/…/`.
    case dnsmasq
    /// Settings of Unbound: `local-zone:`, `local-data:`.
    case unbound
    /// A response policy zone as a zone file (draft-vixie-dnsop-dns-rpz).
    case rpz
}

extension ListFormat {
    /// How much of a list is looked at to tell its format.
    static var detectionBytes: Int { 16384 }

    /// The format of which most lines of a list's beginning are, if the first does not say it; plain domains where there is
    /// nothing to tell by.
    package static func detect(_ beginning: Span<UInt8>) -> ListFormat {
        var votes = [Int](repeating: 0, count: allCases.count)
        var start = 0
        var isFirst = true
        while start < beginning.count {
            var end = start
            while end < beginning.count, beginning[end] != 0x0A, beginning[end] != 0x0D { end += 1 }
            let line = TextLine.trimmed(beginning.extracting(start..<end))
            if isFirst, TextLine.begins(line, "[Adblock") { return .adblock }
            if line.count > 0 { isFirst = false }
            if let format = vote(line), let index = allCases.firstIndex(of: format) { votes[index] += 1 }
            start = end + 1
        }
        let best = votes.max() ?? 0
        guard best > 0, let index = votes.firstIndex(of: best) else { return .domains }
        // A line of a policy zone may look like nothing else; names stand in all lists.
        return allCases[index]
    }

    /// Whether a word may be a name, and not a part of addresses of pages (`-ad-banner.`, `_ad.$image`, `.ads.`).
    private static func isLikeName(_ word: Span<UInt8>) -> Bool {
        guard word[0] != 0x2D, word[0] != 0x5F else { return false }
        if word[word.count - 1] == 0x2E {
            guard word[0] != 0x2E, let dot = TextLine.find(word, 0x2E), dot < word.count - 1 else { return false }
        }
        for index in word.indices {
            switch word[index] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x2A, 0x80...0xFF: continue
            default: return false
            }
        }
        return true
    }

    /// The format that a line is of, if it can be of one only.
    private static func vote(_ line: Span<UInt8>) -> ListFormat? {
        guard let first = line.count > 0 ? line[0] : nil else { return nil }
        if TextLine.begins(line, "||") || TextLine.begins(line, "@@") || first == 0x21 || TextLine.begins(line, "[Adblock") {
            return .adblock
        }
        if TextLine.begins(line, "address=") || TextLine.begins(line, "server=") || TextLine.begins(line, "local=/") {
            return .dnsmasq
        }
        if TextLine.begins(line, "local-zone:") || TextLine.begins(line, "local-data:") || TextLine.begins(line, "server:") {
            return .unbound
        }
        if TextLine.begins(line, "$TTL") || TextLine.begins(line, "$ORIGIN") { return .rpz }
        guard first != 0x23, first != 0x3B else { return nil }
        let word = TextLine.firstWord(line)
        if word.count == line.count { return isLikeName(word) ? .domains : nil }
        if IPAddress(Substring(TextLine.text(word))) != nil { return .hosts }
        var rest = line.extracting(word.count..<line.count)
        while rest.count > 0 {
            let next = TextLine.firstWord(TextLine.trimmed(rest))
            if TextLine.equals(next, "CNAME") || TextLine.equals(next, "SOA") { return .rpz }
            let trimmed = TextLine.trimmed(rest)
            rest = trimmed.extracting(next.count..<trimmed.count)
        }
        return nil
    }
}
