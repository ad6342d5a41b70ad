internal import Green

extension Settings {
    /// Reads YAML text; `file` is what messages call it. All that is wrong with it is thrown at once, in the order of its lines: where
    /// it ceases to be YAML, the mistakes before that, too.
    package mutating func read(yaml text: String, file: String) throws(ConfigurationError) {
        var reading = SettingsReading(self, source: file)
        reading.read(file: file) { () throws(ConfigurationError) in text }
        reading.conclude()
        self = reading.settings
        try reading.check()
    }
}

extension ConfigurationNode {
    /// The tree of a YAML text, and whether all of the text is in it; what is wrong goes into `faults`.
    static func parse(
        yaml text: String, file: String, _ faults: inout ConfigurationFaults
    ) -> (node: ConfigurationNode?, isWhole: Bool) {
        var reader = YAMLReader(text, file: file)
        do throws(YAMLReader.Failure) {
            let node = try reader.root()
            faults = reader.faults
            guard faults.isEmpty else { return (node, false) }
            if let node, !node.isEmpty { return (node, true) }
            faults.add(
                .badValue(
                    ConfigurationPlace(source: file), problem: "holds no settings", expected: "keys such as listen or upstreams"))
            return (nil, true)
        } catch {
            faults = reader.faults
            switch error {
            case .syntax(let fault):
                let reason = plainReason(in: text, at: fault.mark.line) ?? fault.reason
                faults.add(.syntax(file: file, line: fault.mark.line, column: fault.mark.column, reason: reason))
            case .value(let problem): faults.add(problem)
            }
            return (ConfigurationNode(.mapping(reader.outermost), at: ConfigurationPlace(source: file)), false)
        }
    }

    /// Whether nothing stands there.
    private var isEmpty: Bool {
        if case .empty = content { return true }
        return false
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
