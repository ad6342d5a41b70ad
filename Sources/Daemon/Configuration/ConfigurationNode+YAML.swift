internal import Green

extension ConfigurationNode {
    /// Reads YAML text; `file` is what messages call it.
    package static func parse(yaml text: String, file: String) throws(ConfigurationError) -> ConfigurationNode {
        var reader = YAMLReader(text, file: file)
        do throws(YAMLReader.Failure) {
            if let node = try reader.root() {
                if case .empty = node.content {} else { return node }
            }
        } catch {
            switch error {
            case .syntax(let fault):
                let reason = plainReason(in: text, at: fault.mark.line) ?? fault.reason
                throw .syntax(file: file, line: fault.mark.line, column: fault.mark.column, reason: reason)
            case .value(let problem): throw problem
            }
        }
        throw .badValue(
            ConfigurationPlace(source: file), problem: "holds no settings", expected: "keys such as listen or upstreams")
    }

    /// What is wrong with an IPv6 address and its port where YAML reads a list.
    static let bareBrackets = "brackets without quotes are a list"

    /// What is most likely wrong in a line that is no YAML, or the one before; nil where it is nothing of the usual.
    private static func plainReason(in text: String, at number: Int) -> String? {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for line in [number, number - 1] where lines.indices.contains(line - 1) {
            let content = lines[line - 1]
            if content.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
                return "the line is indented with a tab; expected spaces"
            }
            if hasBareBrackets(content) { return "\(bareBrackets); expected \"[::1]:53\", quotes included" }
        }
        return nil
    }

    /// Whether `[::1]:53` stands in a line without quotes around it.
    private static func hasBareBrackets(_ line: Substring) -> Bool {
        var rest = line
        while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]") {
            let start = rest[...open].dropLast().last
            let inner = rest[open...close].dropFirst().dropLast()
            let host = inner.drop { $0 == "[" }
            if start != "\"", start != "'", rest[close...].dropFirst().first == ":", IPAddress(host)?.family == .v6 {
                return true
            }
            rest = rest[rest.index(after: open)...]
        }
        return false
    }
}
