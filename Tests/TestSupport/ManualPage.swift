/// A page of the manual as it is written, in the macros of man(7). `make man` writes packaging/man with it.
package struct ManualPage {
    /// What has been written.
    package private(set) var text: String
    /// Whether nothing has come since the last heading.
    private var isFresh = false

    /// Lines are no longer than this, where words allow it.
    private static let width = 78

    /// A page, with what NAME says of it.
    package init(_ name: String, section: Int, _ summary: String) {
        text = ".\\\" Written by `make man`; do not edit.\n"
        text += ".TH \(name.uppercased()) \(section) 2026-11-27 Vireo \"\(section == 5 ? "File Formats" : "Vireo Manual")\"\n"
        heading("Name")
        text += "\(Self.literal(name)) \\- \(Self.escaped(summary))\n"
    }

    /// A chapter.
    package mutating func heading(_ title: String) {
        text += ".SH \(Self.quoted(title.uppercased()))\n"
        isFresh = true
    }

    /// A part of a chapter.
    package mutating func subheading(_ title: String) {
        text += ".SS \(Self.quoted(title))\n"
        isFresh = true
    }

    /// A paragraph; what stands between backticks is literal.
    package mutating func paragraph(_ words: String) {
        begin()
        fill(words)
    }

    /// A paragraph begins, which a heading does as well.
    private mutating func begin() {
        if !isFresh { text += ".PP\n" }
        isFresh = false
    }

    /// A term that is literal, with what it means in one paragraph or several.
    package mutating func item(_ term: String, _ paragraphs: [String]) {
        isFresh = false
        text += ".TP\n\(Self.bold(term))\n"
        for (number, words) in paragraphs.enumerated() {
            if number > 0 { text += ".br\n" }
            fill(words)
        }
    }

    /// Items below the last one.
    package mutating func nested(_ body: (inout ManualPage) -> Void) {
        text += ".RS\n"
        body(&self)
        text += ".RE\n"
    }

    /// Lines as they are.
    package mutating func example(_ lines: [String]) {
        begin()
        text += ".RS 4\n.nf\n" + lines.map { Self.literal($0) + "\n" }.joined() + ".fi\n.RE\n"
    }

    /// A use of a command, in the synopsis.
    package mutating func usage(_ words: String) {
        begin()
        fill(words.hasPrefix("`") ? words : "`\(words)`")
    }

    /// Words in lines, none of which looks like a macro.
    private mutating func fill(_ words: String) {
        var line = ""
        for word in Self.markedUp(words).split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            if !line.isEmpty, line.count + word.count >= Self.width {
                text += line + "\n"
                line = ""
            }
            if line.isEmpty {
                line = Self.protected(String(word))
            } else {
                line += " " + word
            }
        }
        if !line.isEmpty { text += line + "\n" }
    }

    /// A text whose literal parts are bold.
    private static func markedUp(_ words: String) -> String {
        words.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { number, part in
            number % 2 == 0 ? escaped(String(part)) : "\\fB\(inside(String(part)))\\fR"
        }.joined()
    }

    /// A literal text in bold.
    private static func bold(_ term: String) -> String { "\\fB\(inside(term))\\fR" }

    /// A line of literal text.
    private static func literal(_ line: String) -> String { protected(inside(line)) }

    /// Literal text: each hyphen is one that can be typed.
    private static func inside(_ term: String) -> String { escaped(term).replacing("-", with: "\\-") }

    /// A line that is text, whatever it begins with.
    private static func protected(_ line: String) -> String {
        line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line
    }

    /// An argument of a macro.
    private static func quoted(_ title: String) -> String { "\"" + inside(title).replacing("\"", with: "\\(dq") + "\"" }

    /// Letters as roff takes them.
    private static func escaped(_ words: String) -> String {
        words.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\e"
            case "…": text += "..."
            case "'": text += "\\(aq"
            case "^": text += "\\(ha"
            case "~": text += "\\(ti"
            case _ where !scalar.isASCII: text += "\\[u\(String(scalar.value, radix: 16, uppercase: true).leftPadded(to: 4))]"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension String {
    /// With zeros in front, as many as are missing.
    fileprivate func leftPadded(to count: Int) -> String { String(repeating: "0", count: max(0, count - self.count)) + self }
}
