/// Plain domains: a name a line is denied, alone; `*.name` and `.name` deny the name and all below it, for so they are meant where
/// lists of them are published. Comments begin with `#`, `;`, `!` or `//`.
enum DomainsFormat {
    /// Denies a name alone.
    static let exact = Rule(.exact)
    /// Denies a name and all below it.
    private static let suffix = Rule(.suffix)

    /// Reads a line.
    @inline(__always) static func read(_ line: Span<UInt8>, _ sink: inout RuleSink) {
        if TextLine.isComment(line) {
            sink.report.commentCount += 1
            return
        }
        let word = TextLine.firstWord(line)
        if word.count < line.count, !hasOnlyComment(line, behind: word.count) { return sink.skip(.badName, line) }
        if line[0] == 0x2A || line[0] == 0x2E { return addWildcard(word, line, &sink) }
        add(word, exact, line, &sink)
    }

    /// Adds a rule of a word that begins with an asterisk or a dot: few do, and the way of all others is short without it.
    @inline(never)
    private static func addWildcard(_ word: Span<UInt8>, _ line: Span<UInt8>, _ sink: inout RuleSink) {
        let start = wildcardLength(word)
        add(word.extracting(start..<word.count), start > 0 ? suffix : exact, line, &sink)
    }

    /// How many bytes before a name say that all below it is meant too: those of `*.` or of a dot. The root has none.
    private static func wildcardLength(_ word: Span<UInt8>) -> Int {
        if word[0] == 0x2E { return word.count > 1 && word[1] != 0x2E ? 1 : 0 }
        return word[0] == 0x2A && word.count > 2 && word[1] == 0x2E && word[2] != 0x2E ? 2 : 0
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
        return rest.count == 0 || TextLine.isComment(rest)
    }
}
