package import DNSWire

/// What is to be forgotten, in words that every instance understands.
package enum FleetFilter: Hashable, Sendable {
    /// All there is.
    case everything
    /// One type of a name.
    case question(Name, RecordType)
    /// All types of a name.
    case name(Name)
    /// Names that fit a pattern, all types of them or one.
    case pattern(NamePattern, RecordType?)
    /// A name and all names below it.
    case subtree(Name)
    /// What came from an upstream.
    case upstream(UpstreamMatch)
    /// Answers with an address in a range.
    case answers(AddressPrefix)

    /// Whether a key may be meant; where the value must be looked at as well, all are.
    func includes(_ parts: RedisKey.Parts) -> Bool {
        switch self {
        case .everything, .upstream, .answers: true
        case .question(let name, let type): parts.name == name && parts.type == type
        case .name(let name): parts.name == name
        case .pattern(let pattern, let type): (type ?? parts.type) == parts.type && pattern.matches(FixedName(parts.name))
        case .subtree(let top): parts.name.isSubdomain(of: top)
        }
    }

    /// Whether an answer is meant, where its key alone does not tell; nil where it does.
    var includesEntry: ((RedisEntry) -> Bool)? {
        switch self {
        case .everything, .question, .name, .pattern, .subtree: nil
        case .upstream(let upstream): { upstream.includes($0.origin.upstream) }
        case .answers(let prefix): { $0.hasAnswer(in: prefix) }
        }
    }

    /// The filter in a message: `all`, `question A example.com.`, `name example.com.`,
    /// `pattern * *.example.com`, `pattern A *.example.com`, `subtree example.com.`, `upstream 192.0.2.53` or
    /// `answer-in 192.0.2.0/24`.
    var text: String {
        switch self {
        case .everything: "all"
        case .question(let name, let type): "question \(type) \(name.lowercased)"
        case .name(let name): "name \(name.lowercased)"
        case .pattern(let pattern, let type): "pattern \(type.map { "\($0)" } ?? "*") \(pattern.text)"
        case .subtree(let top): "subtree \(top.lowercased)"
        case .upstream(let upstream): "upstream \(upstream.text)"
        case .answers(let prefix): "answer-in \(prefix)"
        }
    }

    /// Reads a filter; nil for anything else.
    init?(_ text: Substring) {
        if text == "all" {
            self = .everything
            return
        }
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2 else { return nil }
        let found: FleetFilter? =
            switch words[0] {
            case "name": Name(words[1]).map { .name($0) }
            case "subtree": Name(words[1]).map { .subtree($0) }
            case "upstream": UpstreamMatch(words[1]).map { .upstream($0) }
            case "answer-in": AddressPrefix(words[1]).map { .answers($0) }
            case "question": Self.question(words[1])
            case "pattern": Self.pattern(words[1])
            default: nil
            }
        guard let found else { return nil }
        self = found
    }

    /// Reads `A example.com.`.
    private static func question(_ text: String) -> FleetFilter? {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, let type = RecordType(parts[0]), let name = Name(parts[1]) else { return nil }
        return .question(name, type)
    }

    /// Reads `A *.example.com` or `* *.example.com`.
    private static func pattern(_ text: String) -> FleetFilter? {
        let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, let pattern = NamePattern(parts[1]) else { return nil }
        if parts[0] == "*" { return .pattern(pattern, nil) }
        return RecordType(parts[0]).map { .pattern(pattern, $0) }
    }
}
