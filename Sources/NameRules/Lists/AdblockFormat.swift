internal import DNSWire

/// `||name^`: the name and all below it are denied, or with `@@` before it let pass. What a browser's list says about
/// addresses of pages, parts of pages and kinds of requests has no meaning for DNS and is counted.
enum AdblockFormat {
    /// Denies a name and all below it.
    private static let suffix = Rule(.suffix)

    /// Reads a line that is nothing but `||name^`; false where it is another.
    @inline(__always) static func readUsual(_ line: Span<UInt8>, _ sink: inout RuleSink) -> Bool {
        guard line.count > 4, line[0] == 0x7C, line[1] == 0x7C, line[line.count &- 1] == 0x5E,
            sink.name.read(line.extracting(2..<line.count &- 1)) == nil
        else { return false }
        sink.addRead(suffix, line)
        return true
    }

    /// Reads a line that is another.
    static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if line[0] == 0x21 || line[0] == 0x5B || isPlainComment(line) {
            sink.report.commentCount += 1
            return
        }
        if isCosmetic(line) { return sink.skip(.cosmetic, line) }
        if line[0] >= 0x30, line[0] <= 0x3A, TextLine.firstWord(line).count < line.count {
            return HostsFormat.read(line, &sink)
        }
        readRule(line, &sink)
    }

    /// A `#` alone begins a comment in lists for DNS, and so do `;` and `//` before a space; `##` hides parts of pages.
    private static func isPlainComment(_ line: Span<UInt8>) -> Bool {
        // What is about parts of addresses begins with these, too.
        if line[0] == 0x3B { return line.count == 1 || TextLine.isSpace(line[1]) }
        if TextLine.begins(line, "//") { return line.count == 2 || TextLine.isSpace(line[2]) }
        return line[0] == 0x23
            && (line.count == 1 || TextLine.isSpace(line[1])
                || (line[1] != 0x23 && line[1] != 0x40 && line[1] != 0x3F
                    && line[1] != 0x24 && line[1] != 0x25))
    }

    /// Whether a line hides or changes parts of pages: `##`, `#@#`, `#?#`, `#$#`, `#%#`.
    private static func isCosmetic(_ line: Span<UInt8>) -> Bool {
        var index = 0
        while index + 1 < line.count {
            if line[index] == 0x23 {
                let next = line[index + 1]
                if next == 0x23 { return true }
                if next == 0x40 || next == 0x3F || next == 0x24 || next == 0x25 { return true }
            }
            index += 1
        }
        return false
    }

    /// Reads a rule that is more than a name between `||` and `^`.
    private static func readRule(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        let isAllow = TextLine.begins(line, "@@")
        let text = line.extracting((isAllow ? 2 : 0)..<line.count)
        guard text.count > 0 else { return sink.skip(.badName, line) }
        if text[0] == 0x2F, text.count > 1 { return sink.skip(.pattern, line) }
        guard TextLine.begins(text, "||") else {
            return readUnanchored(text, isAllow: isAllow, line, &sink)
        }
        var end = 2
        while end < text.count, text[end] != 0x5E, text[end] != 0x24, text[end] != 0x7C, text[end] != 0x2F { end += 1 }
        let name = text.extracting(2..<end)
        var rest = text.extracting(end..<text.count)
        guard rest.count > 0, rest[0] == 0x5E || rest[0] == 0x7C else {
            return sink.skip(rest.count > 0 && rest[0] == 0x2F ? .path : .notAnchored, line)
        }
        rest = rest.extracting(1..<rest.count)
        if rest.count > 0, rest[0] == 0x7C { rest = rest.extracting(1..<rest.count) }
        guard rest.count == 0 || rest[0] == 0x24 else { return sink.skip(.path, line) }
        guard var rule = rule(rest, line, &sink) else { return }
        // What such a rule does not let pass would have to be remembered beside what is denied.
        if isAllow, !rule.exceptions.isEmpty { return sink.skip(.otherModifier, line) }
        rule.isAllow = isAllow
        add(name, rule, line, &sink)
    }

    /// Adds a rule; `*.` before a name leaves the name itself out.
    private static func add(_ name: Span<UInt8>, _ rule: Rule, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        var rule = rule
        var name = name
        if TextLine.begins(name, "*.") {
            rule.scope = .below
            name = name.extracting(2..<name.count)
        }
        if TextLine.find(name, 0x2A) != nil { return sink.skip(.pattern, line) }
        guard let reason = sink.name.read(name) else { return sink.addRead(rule, line) }
        guard rule.scope == .suffix, addAddress(name, rule, line, &sink) else {
            return sink.skip(DomainsFormat.isAddress(name) ? .address : reason, line)
        }
    }

    /// Adds a rule about answers in which an address stands, as filters for DNS take it where one stands for a name; false where
    /// there is none. That of the host itself is a browser's.
    private static func addAddress(_ text: Span<UInt8>, _ rule: Rule, _ line: Span<UInt8>, _ sink: inout RuleSink) -> Bool {
        guard text.count > 2, text.count < 50 else { return false }
        let isInBrackets = text[0] == 0x5B && text[text.count - 1] == 0x5D
        let bare = isInBrackets ? text.extracting(1..<text.count - 1) : text
        guard let address = IPAddress(Substring(TextLine.text(bare))), !isInBrackets || !address.isIPv4 else { return false }
        // What a rule with exceptions is about has a name.
        if address.isNullOrLoopback || !rule.exceptions.isEmpty {
            sink.skip(address.isNullOrLoopback ? .localName : .address, line)
        } else {
            var rule = rule
            rule.scope = .exact
            sink.add(AddressPrefix(address, length: 128), rule, line)
        }
        return true
    }

    /// A name without `||`: a whole line that is a name denies that name alone; anything else is about parts of addresses.
    private static func readUnanchored(_ text: Span<UInt8>, isAllow: Bool, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        if TextLine.begins(text, "|") || TextLine.begins(text, "http") || TextLine.find(text, 0x2F) != nil {
            // The dot tells a name that begins so from a protocol.
            if TextLine.find(text, 0x3A) != nil || TextLine.find(text, 0x2F) != nil { return sink.skip(.path, line) }
        }
        // A name that begins with a hyphen or ends with a dot is a part of an address.
        guard text[0] != 0x2D, text[0] != 0x2E, text[text.count - 1] != 0x2E else { return sink.skip(.notAnchored, line) }
        if !isAllow, addAddress(text, DomainsFormat.exact, line, &sink) { return }
        guard !isAllow, TextLine.find(text, 0x2E) != nil, TextLine.find(text, 0x5E) == nil, TextLine.find(text, 0x24) == nil
        else {
            return sink.skip(.notAnchored, line)
        }
        // Here, unlike in a list of plain domains, the dot is part of what is looked for.
        if TextLine.begins(text, "*.") {
            let word = TextLine.firstWord(text)
            guard DomainsFormat.hasOnlyComment(text, behind: word.count) else { return sink.skip(.badName, line) }
            return add(word, DomainsFormat.exact, line, &sink)
        }
        DomainsFormat.read(text, &sink)
    }

    /// The rule that modifiers make; nil where they were counted.
    private static func rule(_ text: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) -> Rule? {
        var rule = suffix
        var start = 1
        while start < text.count {
            let end = TextLine.find(text, 0x2C, from: start) ?? text.count
            let word = text.extracting(start..<end)
            start = end + 1
            if TextLine.equals(word, "important") {
                rule.isImportant = true
            } else if TextLine.begins(word, "denyallow=") {
                guard let names = names(word.extracting(10..<word.count), &sink.exception) else {
                    sink.skip(.badName, line)
                    return nil
                }
                rule.exceptions = names
            } else if TextLine.equals(word, "all") || TextLine.equals(word, "document") || TextLine.equals(word, "doc") {
                // All that a browser asks of that host, or its pages: the host itself.
                continue
            } else {
                sink.skip(isForDNS(word) ? .otherModifier : .browserModifier, line)
                return nil
            }
        }
        return rule
    }

    /// Names between bars. So many are compared one by one.
    private static func names(_ text: Span<UInt8>, _ reader: inout NameText) -> [Name]? {
        var names: [Name] = []
        var start = 0
        while start < text.count {
            let end = TextLine.find(text, 0x7C, from: start) ?? text.count
            guard names.count < maximumExceptions, reader.read(text.extracting(start..<end)) == nil,
                let name = try? Name(wire: Array(reader.wire[..<reader.count]))
            else { return nil }
            names.append(name)
            start = end + 1
        }
        return names.isEmpty ? nil : names
    }

    /// The most names that one rule may except.
    private static var maximumExceptions: Int { 64 }

    /// Whether a modifier is one that filters for DNS have.
    private static func isForDNS(_ word: Span<UInt8>) -> Bool {
        let key = word.extracting(first: TextLine.find(word, 0x3D) ?? word.count)
        return TextLine.equals(key, "dnstype") || TextLine.equals(key, "dnsrewrite") || TextLine.equals(key, "client")
            || TextLine.equals(key, "ctag") || TextLine.equals(key, "badfilter")
    }
}
