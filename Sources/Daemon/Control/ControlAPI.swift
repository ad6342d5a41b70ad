// The control socket: what an operator asks a running daemon.
//
//     vireo cache list '*.example.com' --type AAAA
//        GET /v1/cache?pattern=*.example.com&type=AAAA      over HTTP on a Unix socket
//     HTTPServer     reads and bounds the request, starts a greenlet on the main thread's hub
//     ControlAPI     picks what answers it
//     CacheListing   walks over the cache a few dozen entries at a time, and describes those that fit
//     HTTPServer     asks for the next piece when the client has taken the last
//
//     GET    /v1/cache               pattern, type, limit       one JSON object a line
//     GET    /v1/cache/entry         name, type                 what is kept for a question, complete
//     GET    /v1/cache/statistics                               figures of each tier
//     DELETE /v1/cache               name and type, or name, subtree, upstream, answer-in, or all
//     GET    /v1/version
//
// With `Accept: text/plain` the same comes as text for people; the command line only copies it. Errors have a status and
// one line that says what was expected. Handlers run on any loop; queries are served by other threads meanwhile.

internal import AnswerCache
internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Resolver

/// Answers the requests of the control socket.
struct ControlAPI {
    private let cache: MemoryCache
    private let upstreams: () -> UpstreamDirectory
    private let redis: RedisTier?
    private let fleet: () -> RedisFleet?

    /// An API over a cache; `upstreams` gives the upstreams as they are known at the time, `fleet` the other instances.
    init(
        _ cache: MemoryCache, redis: RedisTier? = nil, fleet: @escaping () -> RedisFleet? = { nil },
        upstreams: @escaping () -> UpstreamDirectory
    ) {
        self.cache = cache
        self.redis = redis
        self.fleet = fleet
        self.upstreams = upstreams
    }

    /// Answers one request; may wait.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        let format = ControlFormat(request)
        do {
            return try route(request, format)
        } catch let error as HTTPError {
            return format.response(error)
        }
    }

    private func route(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        switch (request.method, request.path) {
        case ("GET", "/v1/cache"), ("HEAD", "/v1/cache"): return try list(request, format)
        case ("GET", "/v1/cache/entry"): return try get(request, format)
        case ("GET", "/v1/cache/statistics"): return try statistics(request, format)
        case ("DELETE", "/v1/cache"): return try flush(request, format)
        case ("GET", "/v1/version"):
            return format.response {
                "\(Version.text)\n"
            } json: {
                $0.member("version", Version.text)
            }
        case (_, "/v1/cache"): throw HTTPError(405, "expected GET or DELETE")
        case (_, "/v1/cache/entry"), (_, "/v1/cache/statistics"), (_, "/v1/version"): throw HTTPError(405, "expected GET")
        default: throw HTTPError(404, "\(quoted(request.path)) is not there")
        }
    }

    private func list(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["pattern", "type", "limit"])
        let filter = CacheListing.Filter(
            pattern: try parameters.pattern("pattern"), type: try parameters.type(), limit: try parameters.count("limit"))
        let listing = CacheListing(cache, upstreams(), filter, format)
        return HTTPResponse(.pieces { try listing.next() }, headers: [format.type(lines: true)])
    }

    private func get(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["name", "type"])
        guard let name = try parameters.name("name") else { throw HTTPError(400, "name is missing") }
        let type = try parameters.type()
        let entries = try entries(name, type)
        guard !entries.isEmpty else {
            throw HTTPError(404, "\(name)\(type.map { " \($0)" } ?? "") is not in the cache")
        }
        let descriptions = entries.map { EntryDescription($0, upstreams()) }
        return format.response {
            descriptions.map(\.digText).joined(separator: "\n")
        } json: { writer in
            writer.key("entries")
            writer.array { writer in for description in descriptions { description.write(to: &writer) } }
        }
    }

    /// What is kept for a name and a type, or for all types of it, which takes a walk.
    private func entries(_ name: Name, _ type: RecordType?) throws(Interruption) -> [CachedEntry] {
        let hub = Hub.current
        let fixed = FixedName(name)
        if let type { return cache.entries(fixed, type, at: BootSeconds(rawValue: hub.bootSeconds)) }
        var found: [CachedEntry] = []
        var cursor = WalkCursor()
        while let entries = cache.walk(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) {
            found += entries.filter { $0.key.name == fixed }
            try hub.yield(afterEvents: true)
        }
        return found.sorted { $0.key.type.rawValue < $1.key.type.rawValue }
    }

    private func statistics(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let statistics = cache.statistics
        return format.response {
            CacheFigures.text(statistics) + (redis.map(RedisFigures.text) ?? "")
        } json: {
            CacheFigures.write(statistics, to: &$0)
            if let redis { RedisFigures.write(redis, to: &$0) }
        }
    }

    private func flush(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let flush = try CacheFlush(request, upstreams())
        var report = FlushReport(memory: try flush.run(on: cache))
        if let fleet = fleet() { try report.extend(over: fleet, flush.fleetFilter) }
        return format.response {
            report.text
        } json: { writer in
            report.write(to: &writer)
        }
    }
}
