internal import Green
internal import Resolver
internal import Yams

extension ConfigurationNode {
    /// More values than this are not settings but a mistake, or aliases that multiply.
    private static let maximumValues = 100_000

    /// Reads YAML text; `file` is what messages call it.
    package static func parse(yaml text: String, file: String) throws(ConfigurationError) -> ConfigurationNode {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .basic, .default, .utf8)
        } catch {
            throw failure(for: error, in: text, file: file)
        }
        let place = ConfigurationPlace(source: file)
        var count = 0
        if let root {
            let node = try convert(root, at: place, count: &count)
            if case .empty = node.content {} else { return node }
        }
        throw .badValue(place, problem: "holds no settings", expected: "keys such as listen or upstreams")
    }

    /// Makes our tree of Yams's.
    private static func convert(
        _ node: Node, at outer: ConfigurationPlace, count: inout Int
    ) throws(ConfigurationError) -> ConfigurationNode {
        var place = outer
        place.line = node.mark?.line ?? outer.line
        place.column = node.mark?.column ?? outer.column
        count += 1
        if count > maximumValues {
            throw .badValue(place, problem: "too many values", expected: "at most \(maximumValues)")
        }
        switch node {
        case .scalar(let scalar):
            let isEmpty =
                scalar.style != .doubleQuoted && scalar.style != .singleQuoted
                && ["", "~", "null"].contains(scalar.string)
            return ConfigurationNode(isEmpty ? .empty : .scalar(scalar.string), at: place)
        case .sequence(let sequence):
            var elements: [ConfigurationNode] = []
            for (index, element) in sequence.enumerated() {
                var elementPlace = place
                elementPlace.key += "[\(index)]"
                elements.append(try convert(element, at: elementPlace, count: &count))
            }
            return ConfigurationNode(.list(elements), at: place)
        case .mapping(let mapping):
            var pairs: [(key: String, value: ConfigurationNode)] = []
            for (key, value) in mapping {
                var valuePlace = ConfigurationPlace(
                    source: place.source, line: key.mark?.line ?? place.line, column: key.mark?.column ?? place.column)
                guard let name = key.scalar?.string else {
                    if key.sequence != nil {
                        throw .badValue(valuePlace, problem: Self.bareBrackets, expected: "\"[::1]:53\", quotes included")
                    }
                    throw .badValue(valuePlace, problem: "a key is not a word", expected: "keys such as listen")
                }
                let plainName = String(quoted(name).dropFirst().dropLast())
                valuePlace.key = place.key.isEmpty ? plainName : "\(place.key).\(plainName)"
                var converted = try convert(value, at: valuePlace, count: &count)
                if case .empty = converted.content { converted.place = valuePlace }
                converted.keyPlace = valuePlace
                pairs.append((name, converted))
            }
            return ConfigurationNode(.mapping(pairs), at: place)
        case .alias:
            throw .badValue(place, problem: "an alias is given", expected: "a plain value")
        }
    }

    /// What Yams found wrong, as one line.
    private static func failure(for error: any Error, in text: String, file: String) -> ConfigurationError {
        guard let error = error as? YamlError else {
            return .syntax(file: file, line: 1, column: 1, reason: quoted("\(error)"))
        }
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let reason = plainReason(in: text, at: mark.line) ?? context.map { "\($0.text), \(problem)" } ?? problem
            return .syntax(file: file, line: mark.line, column: mark.column, reason: reason)
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            let column = before.reversed().prefix { !$0.isNewline }.count + 1
            return .syntax(file: file, line: line, column: column, reason: problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let name = duplicates.first ?? ""
            var place = placeOfSecond(name, in: text, from: context.mark.line, file)
            place.key = String(quoted(name).dropFirst().dropLast())
            return .duplicateKey(place)
        default:
            return .syntax(file: file, line: 1, column: 1, reason: "it cannot be read")
        }
    }

    /// What is wrong with an IPv6 address and its port where YAML reads a list.
    private static let bareBrackets = "brackets without quotes are a list"

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

    /// Where `key` stands for the second time at or after the line `first`, as far as text alone can tell.
    private static func placeOfSecond(
        _ key: String, in text: String, from first: Int, _ file: String
    ) -> ConfigurationPlace {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let places = lines.enumerated().filter { number, line in
            number + 1 >= first && line.drop { $0 == " " || $0 == "-" }.hasPrefix("\(key):")
        }
        guard places.count > 1 else { return ConfigurationPlace(source: file, line: first) }
        let indent = places[1].element.prefix { $0 == " " || $0 == "-" }.count
        return ConfigurationPlace(source: file, line: places[1].offset + 1, column: indent + 1)
    }
}
