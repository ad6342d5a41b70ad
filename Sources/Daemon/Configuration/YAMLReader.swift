internal import Resolver

/// Makes the tree of settings of a YAML text. A mistake does not end it where what comes after can be told apart from it, so that
/// all are found at once.
struct YAMLReader: ~Copyable {
    /// Why it cannot go on.
    enum Failure: Error {
        case syntax(YAMLEvents.Fault)
        case value(ConfigurationError)
    }

    /// A value that an alias may stand for, and how many values it holds.
    private struct Anchored {
        let node: ConfigurationNode
        let count: Int
    }

    private var events: YAMLEvents
    private let file: String
    private var anchored: [String: Anchored] = [:]
    private var count = 0
    /// What is wrong with what was read.
    private(set) var faults = ConfigurationFaults()
    /// The pairs of the outermost mapping that were read to their end.
    private(set) var outermost: [(key: String, value: ConfigurationNode)] = []

    /// More values than this are not settings but a mistake, or aliases that multiply.
    private static let maximumValues = 100_000
    /// Settings are not as deep as this.
    private static let maximumDepth = 32

    init(_ text: String, file: String) {
        events = YAMLEvents(text)
        self.file = file
    }

    /// The text's only document; nil where there is none.
    mutating func root() throws(Failure) -> ConfigurationNode? {
        guard try next() == .documentStart else { return nil }
        let node = try value(of: try next(), at: place(ConfigurationPlace(source: file)), depth: 0)
        _ = try next()
        guard try next() == .streamEnd else {
            throw .syntax(YAMLEvents.Fault(mark: events.mark, reason: "a second document begins"))
        }
        return node
    }

    private mutating func next() throws(Failure) -> YAMLEvents.Event {
        do throws(YAMLEvents.Fault) {
            return try events.next()
        } catch {
            throw .syntax(error)
        }
    }

    /// Where the last event begins, as a place with the key of another.
    private func place(_ outer: ConfigurationPlace) -> ConfigurationPlace {
        var place = outer
        (place.line, place.column) = (events.mark.line, events.mark.column)
        return place
    }

    /// A value; nil for one that a mistake stands for.
    private mutating func value(
        of event: YAMLEvents.Event, at place: ConfigurationPlace, depth: Int
    ) throws(Failure) -> ConfigurationNode? {
        let first = count
        try note(1, at: place)
        guard depth < Self.maximumDepth else {
            throw .value(.badValue(place, problem: "values stand too deep in one another", expected: "settings"))
        }
        let (node, anchor): (ConfigurationNode?, String?)
        switch event {
        case .scalar(let text, let isPlain, let name):
            let isEmpty = isPlain && ["", "~", "null"].contains(text)
            (node, anchor) = (ConfigurationNode(isEmpty ? .empty : .scalar(text), at: place), name)
        case .sequenceStart(let name): (node, anchor) = (try list(at: place, depth: depth), name)
        case .mappingStart(let name): (node, anchor) = (try mapping(at: place, depth: depth), name)
        case .alias(let name):
            guard let known = anchored[name] else {
                faults.add(.badValue(place, problem: "nothing has the anchor \(quoted(name))", expected: "an anchor before it"))
                return nil
            }
            try note(known.count, at: place)
            var copy = known.node
            copy.place = place
            return copy
        default: throw .syntax(YAMLEvents.Fault(mark: events.mark, reason: "a value is missing"))
        }
        if let node, let anchor { anchored[anchor] = Anchored(node: node, count: count - first) }
        return node
    }

    private mutating func list(at place: ConfigurationPlace, depth: Int) throws(Failure) -> ConfigurationNode? {
        var elements: [ConfigurationNode] = []
        var isWhole = true
        while true {
            let event = try next()
            if event == .sequenceEnd { return isWhole ? ConfigurationNode(.list(elements), at: place) : nil }
            var inner = self.place(place)
            inner.key += "[\(elements.count)]"
            if let element = try value(of: event, at: inner, depth: depth + 1) {
                elements.append(element)
            } else {
                isWhole = false
            }
        }
    }

    private mutating func mapping(at place: ConfigurationPlace, depth: Int) throws(Failure) -> ConfigurationNode? {
        var pairs: [(key: String, value: ConfigurationNode)] = []
        var known: Set<String> = []
        // Where a value stands for a mistake, what holds it cannot be judged; the outermost values can, each by itself.
        var isWhole = true
        while true {
            let event = try next()
            if event == .mappingEnd { return isWhole || depth == 0 ? ConfigurationNode(.mapping(pairs), at: place) : nil }
            var keyPlace = self.place(ConfigurationPlace(source: file))
            guard case .scalar(let name, _, _) = event else {
                faults.add(Self.fault(ofKey: event, at: keyPlace))
                _ = try value(of: event, at: keyPlace, depth: depth + 1)
                _ = try value(of: next(), at: keyPlace, depth: depth + 1)
                isWhole = false
                continue
            }
            let plainName = String(quoted(name).dropFirst().dropLast())
            keyPlace.key = place.key.isEmpty ? plainName : "\(place.key).\(plainName)"
            let valueEvent = try next()
            let value = try value(of: valueEvent, at: self.place(keyPlace), depth: depth + 1)
            guard known.insert(name).inserted else {
                faults.add(.duplicateKey(keyPlace))
                continue
            }
            guard var value else {
                isWhole = false
                continue
            }
            if case .empty = value.content { value.place = keyPlace }
            value.keyPlace = keyPlace
            pairs.append((name, value))
            if depth == 0 { outermost.append((name, value)) }
        }
    }

    /// What is wrong with a key that is not a word.
    private static func fault(ofKey event: YAMLEvents.Event, at place: ConfigurationPlace) -> ConfigurationError {
        if case .sequenceStart = event {
            return .badValue(place, problem: ConfigurationNode.bareBrackets, expected: "\"[::1]:53\", quotes included")
        }
        return .badValue(place, problem: "a key is not a word", expected: "keys such as listen")
    }

    /// Counts values.
    private mutating func note(_ more: Int, at place: ConfigurationPlace) throws(Failure) {
        count += more
        guard count <= Self.maximumValues else {
            throw .value(.badValue(place, problem: "too many values", expected: "at most \(Self.maximumValues)"))
        }
    }
}
