/// Follows lines as they come and holds the last one back where a daemon may say in it what it could not do.
struct LastLine {
    /// How such a line begins, in text and in JSON.
    private static let mark = "error: "
    private static let jsonMark = "{\"error\":\""
    private static let marks = [mark, jsonMark]

    private var held: [UInt8] = []

    /// Takes what came; returns all of it but a line that is not whole, or that may be the last and about an error.
    mutating func take(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        held += bytes
        let newline = UInt8(ascii: "\n")
        guard var last = held.lastIndex(of: newline) else { return [] }
        if last == held.count - 1 {
            let start = held[..<last].lastIndex(of: newline).map { $0 + 1 } ?? 0
            if Self.marks.contains(where: { held[start...].starts(with: $0.utf8) }) {
                guard start > 0 else { return [] }
                last = start - 1
            }
        }
        defer { held.removeFirst(last + 1) }
        return held[...last]
    }

    /// At the end: what of the last line is to be printed, and what the daemon could not do. In JSON a program gets that
    /// line too.
    consuming func finish() -> (rest: ArraySlice<UInt8>, problem: String?) {
        let text = String(decoding: held, as: UTF8.self)
        if text.hasPrefix(Self.mark) { return ([], Self.message(text)) }
        return (held[...], text.hasPrefix(Self.jsonMark) ? Self.message(text) : nil)
    }

    /// The first line of what a daemon says about an error, or all of it, in words.
    static func message(_ body: String, isWhole: Bool = false) -> String {
        if isWhole, !body.hasPrefix(jsonMark) { return body }
        let line = body.split(separator: "\n").first ?? ""
        if line.hasPrefix(mark) { return String(line.dropFirst(mark.count)) }
        guard line.hasPrefix(jsonMark) else { return String(line) }
        var text = ""
        var isEscaped = false
        for character in line.dropFirst(jsonMark.count) {
            if character == "\"", !isEscaped { break }
            let letter: Character = isEscaped && character == "n" ? "\n" : character
            isEscaped = character == "\\" && !isEscaped
            if !isEscaped { text.append(letter) }
        }
        return text
    }
}
