internal import AnswerCache
internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Resolver

/// What is to be forgotten.
enum CacheFlush {
    /// One type of a name.
    case question(Name, RecordType)
    /// All types of a name.
    case name(Name)
    /// A name and all below it.
    case subtree(Name)
    /// What came from these upstreams.
    case upstreams([UInt16])
    /// Answers with an address in a range.
    case answers(AddressPrefix)
    /// Everything.
    case all

    /// The parameters of which one says what is meant.
    static let targets = ["name", "subtree", "upstream", "answer-in", "all"]

    /// Reads what a request wants gone.
    init(_ request: HTTPRequest, _ upstreams: UpstreamDirectory) throws(HTTPError) {
        let parameters = try ControlParameters(request, known: Self.targets + ["type"])
        let given = Self.targets.filter { parameters.has($0) }
        guard given.count == 1, !parameters.has("type") || given == ["name"] else {
            throw HTTPError(400, "expected one of name (with or without type), subtree, upstream, answer-in, all")
        }
        if let name = try parameters.name("name") {
            self = try parameters.type().map { .question(name, $0) } ?? .name(name)
        } else if let top = try parameters.name("subtree") {
            self = .subtree(top)
        } else if let prefix = try parameters.prefix("answer-in") {
            self = .answers(prefix)
        } else if let text = parameters.text("upstream") {
            let numbers = upstreams.numbers(meantBy: text)
            guard !numbers.isEmpty else {
                let known = upstreams.names.joined(separator: ", ")
                throw HTTPError(404, "\(quoted(text)) is no upstream of this daemon; it has \(known)")
            }
            self = .upstreams(numbers)
        } else {
            self = .all
        }
    }

    /// Removes it from the memory, letting others run between steps; returns how many entries went.
    func run(on cache: MemoryCache) throws -> Int {
        switch self {
        case .question(let name, let type): return cache.remove(FixedName(name), type)
        case .all: return try cache.removeAll()
        case .name(let name): return try remove(.name(FixedName(name)), from: cache)
        case .subtree(let top): return try remove(.subtree(FixedName(top)), from: cache)
        case .upstreams(let numbers):
            return try numbers.reduce(0) { try $0 + remove(.upstream($1), from: cache) }
        case .answers(let prefix):
            let hub = Hub.current
            return try total { cursor in
                cache.remove(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) { $0.hasAnswer(in: prefix) }
            }
        }
    }

    /// The same for all instances at one Redis; nil where it means something to this one only.
    var fleetFilter: FleetFilter? {
        switch self {
        case .question(let name, let type): .question(name, type)
        case .name(let name): .name(name)
        case .subtree(let top): .subtree(top)
        case .all: .everything
        case .upstreams, .answers: nil
        }
    }

    private func remove(_ filter: RemovalFilter, from cache: MemoryCache) throws(Interruption) -> Int {
        try total { cache.remove(filter, &$0) }
    }

    /// Takes step after step to the end.
    private func total(_ step: (inout WalkCursor) -> Int?) throws(Interruption) -> Int {
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
