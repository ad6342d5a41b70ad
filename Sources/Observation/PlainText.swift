/// Text as people are shown it, whoever chose it. The one place that says what a terminal, a reader of lines or a page would take for
/// more than a character.
package enum PlainText {
    /// A text in which each character that is none to see is shown as `?`.
    package static func shown(_ text: String) -> String {
        guard !text.unicodeScalars.allSatisfy(\.isPlain) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isPlain ? $0 : "?" }))
    }
}

extension Unicode.Scalar {
    /// Whether a reader sees the character, and it does nothing else to a terminal or a line.
    package var isPlain: Bool {
        if isASCII { return (0x20...0x7E).contains(value) }
        if properties.isDefaultIgnorableCodePoint { return false }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .privateUse, .unassigned:
            return false
        default: return true
        }
    }
}
