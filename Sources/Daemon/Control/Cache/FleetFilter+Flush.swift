internal import AnswerCache
internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Resolver

/// What a request to flush is about, and how it is removed from the memory.
extension FleetFilter {
    /// The parameters of which one says what is meant.
    static let targets = ["name", "subtree", "upstream", "answer-in", "all"]

    /// Reads what a request wants gone. Where there are other instances, `isShared`, an upstream need not be known here.
    init(_ request: HTTPRequest, _ upstreams: UpstreamDirectory, isShared: Bool) throws(HTTPError) {
        let parameters = try ControlParameters(request, known: Self.targets + ["type"])
        let given = Self.targets.filter { parameters.has($0) }
        guard given.count == 1, !parameters.has("type") || given == ["name"] else {
            throw HTTPError(400, "expected one of name (with or without type), subtree, upstream, answer-in, all")
        }
        if let text = parameters.text("name"), NamePattern.hasWildcard(text), let pattern = try parameters.pattern("name") {
            self = .pattern(pattern, try parameters.type())
        } else if let name = try parameters.name("name") {
            self = try parameters.type().map { .question(name, $0) } ?? .name(name)
        } else if let top = try parameters.name("subtree") {
            self = .subtree(top)
        } else if let prefix = try parameters.prefix("answer-in") {
            self = .answers(prefix)
        } else if let text = parameters.text("upstream") {
            guard let upstream = UpstreamMatch(text), isShared || !upstreams.numbers(of: upstream).isEmpty else {
                let known = upstreams.names.joined(separator: ", ")
                throw HTTPError(404, "\(quoted(text)) is no upstream of this daemon; it has \(known)")
            }
            self = .upstream(upstream)
        } else {
            self = .everything
        }
    }

    /// Removes it from the memory, letting others run between steps; returns how many entries went.
    func remove(from cache: MemoryCache, _ upstreams: UpstreamDirectory) throws -> Int {
        switch self {
        case .question(let name, let type): return cache.remove(FixedName(name), type)
        case .everything: return try cache.removeAll()
        case .name(let name): return try Self.total { cache.remove(.name(FixedName(name)), &$0) }
        case .pattern(let pattern, let type):
            let hub = Hub.current
            return try Self.total { cursor in
                cache.remove(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) {
                    (type ?? $0.key.type) == $0.key.type && pattern.matches($0.key.name)
                }
            }
        case .subtree(let top): return try Self.total { cache.remove(.subtree(FixedName(top)), &$0) }
        case .upstream(let upstream):
            // What is on its way may come from one that has no number here yet.
            cache.beginFlushStep()
            return try upstreams.numbers(of: upstream).reduce(0) { total, number in
                try total + Self.total { cache.remove(.upstream(number), &$0) }
            }
        case .answers(let prefix):
            let hub = Hub.current
            return try Self.total { cursor in
                cache.remove(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) { $0.hasAnswer(in: prefix) }
            }
        }
    }

    /// Takes step after step to the end.
    private static func total(_ step: (inout WalkCursor) -> Int?) throws(Interruption) -> Int {
        let hub = Hub.current
        var cursor = WalkCursor()
        var total = 0
        while let count = step(&cursor) {
            total += count
            try hub.yield(afterEvents: true)
        }
        return total
    }
}
