/// Plain domains: a name a line is denied, alone; `*.name` denies all below it. Comments begin with `#`, `;`, `!` or `//`.
enum DomainsFormat {
    /// Denies a name alone.
    static let exact = Rule(.exact)
    /// Denies all below a name.
    static let below = Rule(.below)

    /// Reads a line.
    @inline(__always) static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        let first = line[0]
        if first == 0x23 || first == 0x3B || first == 0x21 || (first == 0x2F && line.count > 1 && line[1] == 0x2F) {
            sink.report.commentCount += 1
            return
        }
        let word = TextLine.firstWord(line)
        if word.count < line.count, !hasOnlyComment(line, behind: word.count) { return sink.skip(.badName, line) }
        if word.count > 2, first == 0x2A, word[1] == 0x2E { return add(word.extracting(2..<word.count), below, line, &sink) }
        add(word, exact, line, &sink)
    }

    /// Adds a rule about a name, in which no wildcard may stand.
    @inline(__always)
    private static func add(_ text: Span<UInt8>, _ rule: Rule, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        guard let reason = sink.name.read(text) else { return sink.addRead(rule, line) }
        sink.skip(TextLine.find(text, 0x2A) != nil ? .pattern : isAddress(text) ? .address : reason, line)
    }

    /// Whether what stands for a name is an address.
    static func isAddress(_ text: Span<UInt8>) -> Bool { text.count < 50 && AddressPrefix(Substring(TextLine.text(text))) != nil }

    /// Whether nothing follows a word but a comment.
    static func hasOnlyComment(_ line: Span<UInt8>, behind count: Int) -> Bool {
        let rest = TextLine.trimmed(line.extracting(count..<line.count))
        return rest.count == 0 || rest[0] == 0x23 || rest[0] == 0x3B
    }
}
