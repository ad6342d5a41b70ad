// The control socket: what an operator asks a running daemon.
//
//     vireo cache list '*.example.com' --type AAAA
//        GET /v1/cache?pattern=*.example.com&type=AAAA      over HTTP on a Unix socket
//     HTTPServer     reads and bounds the request, starts a greenlet on the main thread's hub
//     ControlAPI     picks what answers it
//     CacheListing   walks over memory and Redis some entries at a time, and describes those that fit
//     HTTPServer     asks for the next piece when the client has taken the last
//
//     GET    /v1/cache               pattern, type, limit, tier one JSON object a line
//     GET    /v1/cache/entry         name, type                 what is kept for a question, complete
//     GET    /v1/cache/statistics                               figures of each tier
//     DELETE /v1/cache               name and type, or name, subtree, upstream, answer-in, or all
//     GET    /v1/lists               lists of names: rules, skipped lines by reason, age, hits
//     GET    /v1/rules               rules that were given to the running daemon
//     POST   /v1/rules               name, action, for            gives one: deny or allow, for a while or for good
//     DELETE /v1/rules               name                         takes it back
//     GET    /v1/rules/test          name, client, at           what the rules do with a name, and why
//     GET    /v1/upstreams                                       how each upstream is
//     GET    /v1/stats                                           figures of what was answered
//     GET    /v1/explain             name, type, client, no-cache  how a query is answered, step by step
//     GET    /v1/queries             client, name, rcode          queries from now on, a line each
//     GET    /v1/top                                            each second what comes most often
//     GET    /v1/questions                                       what is being asked, the oldest first
//     GET    /v1/slow                                            what took longest in the last hour
//     PUT    /v1/log-level           level                       logs from this level on
//     GET    /metrics                                            for Prometheus
//     GET    /v1/config                                     the settings in force, and where each comes from
//     POST   /v1/reload                                     reads them again: what changed, what needs a restart (422: mistakes)
//     GET    /v1/version
//
// With `Accept: text/plain` the same comes as text for people; the command line only copies it. Errors have a status and
// one line that says what was expected. Where Redis cannot be asked the rest is answered, and its last line says so
// (`error: …`, or an object whose first member is `error`). Handlers run on any loop; queries are served by other threads
// meanwhile.

internal import AnswerCache
internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Resolver

/// Answers the requests of the control socket.
struct ControlAPI {
    private let tiers: CacheTiers
    private let rules: RulesAPI?
    private let observing: ObservingAPI?
    private let settings: SettingsAPI?

    /// An API over a cache, the rules in force, and the settings.
    init(
        _ tiers: CacheTiers, rules: NameRulesPart? = nil, downloads: ListDownloadsPart? = nil, observing: ObservingAPI? = nil,
        settings: SettingsAPI? = nil
    ) {
        self.settings = settings
        self.tiers = tiers
        self.observing = observing
        self.rules = rules.map { RulesAPI($0, downloads) }
    }

    /// Answers one request; may wait.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        let format = ControlFormat(request)
        do {
            if let response = try observing?.answer(request, format) { return response }
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
        case ("GET", "/v1/lists"): if let rules { return try rules.lists(request, format) }
        case ("GET", "/v1/rules"): if let rules { return try rules.own(request, format) }
        case ("POST", "/v1/rules"): if let rules { return try rules.add(request, format) }
        case ("DELETE", "/v1/rules"): if let rules { return try rules.remove(request, format) }
        case ("GET", "/v1/rules/test"): if let rules { return try rules.test(request, format) }
        case ("GET", "/v1/config"): if let settings { return try settings.show(request, format) }
        case ("POST", "/v1/reload"): if let settings { return try settings.reload(request, format) }
        case ("GET", "/v1/version"):
            return format.response {
                "\(Version.text)\n"
            } json: {
                $0.member("version", Version.text)
            }
        case (_, "/v1/rules"): throw HTTPError(405, "expected GET, POST or DELETE")
        case (_, "/v1/cache"): throw HTTPError(405, "expected GET or DELETE")
        case (_, "/v1/reload"): throw HTTPError(405, "expected POST")
        case (_, "/v1/cache/entry"), (_, "/v1/cache/statistics"), (_, "/v1/version"), (_, "/v1/lists"), (_, "/v1/rules/test"),
            (_, "/v1/config"):
            throw HTTPError(405, "expected GET")
        default: break
        }
        throw HTTPError(404, "\(quoted(request.path)) is not there")
    }

    private func list(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["pattern", "type", "limit", "tier"])
        let filter = CacheListing.Filter(
            pattern: try parameters.pattern("pattern"), type: try parameters.type(), limit: try parameters.count("limit"))
        let listing = CacheListing(tiers, of: try parameters.tiers("tier", of: tiers.all), filter, format)
        return HTTPResponse(.pieces { try listing.next() }, headers: [format.type(lines: true)])
    }

    private func get(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["name", "type"])
        guard let name = try parameters.name("name") else { throw HTTPError(400, "name is missing") }
        let type = try parameters.type()
        var descriptions = try entries(name, type).map { EntryDescription($0, tiers.upstreams()) }
        var problem: String?
        if tiers.redis != nil {
            do {
                descriptions += try tiers.listeningFleet().entries(name, type).map { EntryDescription($0) }
            } catch let interruption as Interruption {
                throw interruption
            } catch {
                problem = "redis: not asked to its end: \(ControlFormat.words(error))"
            }
        }
        guard !descriptions.isEmpty else {
            let absent = "\(name)\(type.map { " \($0)" } ?? "") is not in the cache"
            throw problem.map { HTTPError(503, "\(absent); \($0)") } ?? HTTPError(404, absent)
        }
        return format.response {
            descriptions.map(\.digText).joined(separator: "\n") + (problem.map { format.problem($0) } ?? "")
        } json: { writer in
            if let problem { writer.member(ControlFormat.problemKey, problem) }
            writer.key("entries")
            writer.array { writer in for description in descriptions { description.write(to: &writer) } }
        }
    }

    /// What is kept in memory for a name and a type, or for all types of it, which takes a walk.
    private func entries(_ name: Name, _ type: RecordType?) throws(Interruption) -> [CachedEntry] {
        let hub = Hub.current
        let fixed = FixedName(name)
        if let type { return tiers.memory.entries(fixed, type, at: BootSeconds(rawValue: hub.bootSeconds)) }
        var found: [CachedEntry] = []
        var cursor = WalkCursor()
        while let entries = tiers.memory.walk(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) {
            found += entries.filter { $0.key.name == fixed }
            try hub.yield(afterEvents: true)
        }
        return found.sorted { $0.key.type.rawValue < $1.key.type.rawValue }
    }

    private func statistics(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let statistics = tiers.memory.statistics
        let redis = try tiers.redis.map { try RedisFigures($0, tiers.fleet()) }
        return format.response {
            CacheFigures.text(statistics) + (redis?.text ?? "")
        } json: {
            CacheFigures.write(statistics, to: &$0)
            redis?.write(to: &$0)
        }
    }

    private func flush(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let filter = try FleetFilter(request, tiers.upstreams(), isShared: tiers.redis != nil)
        // Whoever asked may go away; what they asked for is done to its end all the same.
        let report = try spawn(name: "flush") { [tiers] in
            var report = FlushReport(memory: try tiers.remove(filter))
            if tiers.redis != nil { try report.extend(over: tiers, filter) }
            return report
        }.get()
        return format.response {
            report.text
        } json: { writer in
            report.write(to: &writer)
        }
    }
}
