internal import Observation

/// Text as it stands in the log: what a terminal or a reader of lines would take for more than itself, and what nobody
/// would see, is escaped.
enum LogText {
    /// A message or a key.
    static func plain(_ text: String) -> String {
        text.unicodeScalars.allSatisfy(\.isPlain) ? text : escaped(text, inQuotes: false)
    }

    /// A value: in quotes where it would not be told from what stands beside it.
    static func value(_ text: String) -> String {
        let needsQuotes = text.isEmpty || text.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        return needsQuotes ? "\"\(escaped(text, inQuotes: true))\"" : plain(text)
    }

    private static func escaped(_ text: String, inQuotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if !scalar.isPlain {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else if inQuotes, scalar == "\"" || scalar == "\\" {
                result += "\\\(scalar)"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
