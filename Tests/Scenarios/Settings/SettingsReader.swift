/// Reads the lines in front of CONFIG_END.
struct SettingsReader {
    private var settings = ScenarioSettings()
    private var section = "server"

    /// Reads up to CONFIG_END; a file that begins with its scenario has no settings.
    static func read(_ lines: inout ScenarioLines) throws(ScenarioError) -> ScenarioSettings {
        var reader = SettingsReader()
        while let line = lines.next() {
            switch line.keyword {
            case "CONFIG_END": return reader.settings
            case "SCENARIO_BEGIN":
                lines.putBack()
                return reader.settings
            case "vireo:": try reader.takeOwn(line, &lines)
            case "TEMPFILE_CONTENTS": try reader.takeFile(line, &lines)
            case "AUTOTRUST_FILE":
                throw lines.error(line.number, "needs DNSSEC validation", "AUTOTRUST_FILE: no trust anchors are kept here")
            case "COMMANDLINE":
                throw lines.error(line.number, "COMMANDLINE", "COMMANDLINE: these are options of another program")
            case "TEMPFILE_NAME": continue
            default: try reader.takeForeign(line, lines)
            }
        }
        throw lines.ended(before: "CONFIG_END")
    }

    /// YAML: all that is farther in than `vireo:`.
    private mutating func takeOwn(_ begin: ScenarioLines.Line, _ lines: inout ScenarioLines) throws(ScenarioError) {
        guard settings.own == nil else { throw lines.syntax(begin.number, "vireo: stands here a second time") }
        var text: [Substring] = []
        while let line = lines.nextRaw() {
            guard line.text.first?.isWhitespace ?? true || line.text.trimmed.isEmpty else {
                lines.putBack()
                break
            }
            text.append(line.text)
        }
        let depth = text.filter { !$0.trimmed.isEmpty }.map { $0.prefix(while: \.isWhitespace).count }.min() ?? 0
        settings.own = text.map { "\($0.dropFirst(depth))\n" }.joined()
        settings.ownLine = begin.number
    }

    /// A file of the daemon's machine: TEMPFILE_CONTENTS path, lines, TEMPFILE_END.
    private mutating func takeFile(_ begin: ScenarioLines.Line, _ lines: inout ScenarioLines) throws(ScenarioError) {
        guard !begin.rest.isEmpty else { throw lines.syntax(begin.number, "TEMPFILE_CONTENTS: expected a path") }
        let path = begin.rest.hasPrefix("/") ? String(begin.rest) : "/tmp/\(begin.rest)"
        var text = ""
        while let line = lines.nextRaw() {
            if line.text.trimmed == "TEMPFILE_END" {
                settings.files[path] = text
                return
            }
            text += "\(line.text)\n"
        }
        throw lines.ended(before: "TEMPFILE_END")
    }

    /// A section or a setting as Unbound has them.
    private mutating func takeForeign(_ line: ScenarioLines.Line, _ lines: ScenarioLines) throws(ScenarioError) {
        guard let colon = line.text.firstIndex(of: ":") else {
            throw lines.syntax(line.number, "'\(line.text)': expected a setting, vireo:, or CONFIG_END")
        }
        let key = line.text[..<colon].trimmed
        let value = Self.value(line.text[line.text.index(after: colon)...].trimmed)
        if UnboundTranslation.sections.contains(String(key)) {
            section = String(key)
            settings.foreign.append(.init(section: section, key: "", value: "", line: line.number))
            // Settings may follow on the same line: `forward-zone: name: "." forward-addr: 192.0.2.1`.
            let words = value.split(separator: " ").map(String.init)
            for index in stride(from: 0, to: words.count - 1, by: 2) where words[index].hasSuffix(":") {
                let inner = Self.value(words[index + 1][...])
                settings.foreign.append(
                    .init(section: section, key: String(words[index].dropLast()), value: inner, line: line.number))
            }
        } else {
            settings.foreign.append(.init(section: section, key: String(key), value: value, line: line.number))
        }
    }

    /// A value without quotes around it and a comment behind it.
    private static func value(_ text: Substring) -> String {
        if let quote = text.first, quote == "\"" || quote == "'" {
            let inside = text.dropFirst()
            if let end = inside.lastIndex(of: quote) { return String(inside[..<end]) }
        }
        let isComment = { (text: Substring) in text.first == "#" || text.first == ";" }
        var value = text
        for index in text.indices
        where isComment(text[index...]) && (index == text.startIndex || text[text.index(before: index)].isWhitespace) {
            value = text[..<index]
            break
        }
        return String(value.trimmed)
    }
}
