internal import Green
internal import GreenHTTP
internal import Logging
internal import Observation
internal import Resolver
internal import Upstream

/// What the control socket says of what goes on.
struct ObservingAPI {
    private let daemon: ObservedDaemon
    private let log: Log

    /// The answers of a daemon that logs to `log`.
    init(_ daemon: ObservedDaemon, _ log: Log) {
        self.daemon = daemon
        self.log = log
    }

    /// Answers one request; nil where it is not about this. May wait.
    func answer(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse? {
        switch (request.method, request.path) {
        case ("GET", "/metrics"): return MetricsReport.response(request, daemon)
        case ("GET", "/v1/upstreams"): return try upstreams(request, format)
        case ("GET", "/v1/stats"): return try stats(request, format)
        case ("GET", "/v1/explain"):
            guard let workers = daemon.workers else { return nil }
            return try ExplainAPI(workers, daemon.rules).answer(request, format)
        case ("GET", "/v1/queries"): return try QueriesAPI(daemon.shared.tap).answer(request, format)
        case ("GET", "/v1/top"):
            guard let top = daemon.top else { return nil }
            return try TopAPI(daemon, top).answer(request, format)
        case ("GET", "/v1/questions"): return try questions(request, format)
        case ("GET", "/v1/slow"): return try slow(request, format)
        case ("PUT", "/v1/log-level"): return try setLogLevel(request, format)
        case (_, "/metrics"), (_, "/v1/upstreams"), (_, "/v1/stats"), (_, "/v1/questions"), (_, "/v1/slow"), (_, "/v1/explain"),
            (_, "/v1/queries"), (_, "/v1/top"):
            throw HTTPError(405, "expected GET")
        case (_, "/v1/log-level"): throw HTTPError(405, "expected PUT")
        default: return nil
        }
    }

    /// How each upstream is.
    private func upstreams(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let found = UpstreamStanding.all(daemon.shared, at: Hub.current.loop.now())
        return format.response {
            found.isEmpty ? "no upstreams\n" : UpstreamStanding.table(found)
        } json: { writer in
            writer.key("upstreams")
            writer.array { writer in for each in found { writer.object { each.write(to: &$0) } } }
        }
    }

    /// What is being asked.
    private func questions(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let now = Hub.current.loop.now()
        let found = daemon.shared.questionsInFlight(limit: QuestionTable.most, at: now)
        let table = QuestionTable(found, daemon.upstreams(), at: now)
        return format.response {
            table.inFlight
        } json: {
            table.write(to: &$0)
        }
    }

    /// What took longest in the last hour.
    private func slow(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let now = Hub.current.loop.now()
        let table = QuestionTable(daemon.shared.slowQuestions(at: now), daemon.upstreams(), at: now)
        return format.response {
            table.slow
        } json: {
            table.write(to: &$0)
        }
    }

    /// Figures of what was answered: all since the start, or with `watch` a line each second of what came in it.
    private func stats(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["watch"])
        let begin = QueryTotals(daemon.shared)
        guard parameters.has("watch") else {
            return format.response {
                begin.text
            } json: {
                begin.write(to: &$0)
            }
        }
        let hub = Hub.current
        let shared = daemon.shared
        var (last, due, line) = (begin, hub.loop.now(), 0)
        return HTTPResponse(
            .pieces {
                due = due.advanced(by: .seconds(1))
                try hub.sleep(until: due)
                let new = QueryTotals(shared)
                let difference = new.since(last)
                last = new
                line += 1
                guard case .text = format else { return difference.jsonLine }
                let head = line % 20 == 1 ? QueryTotals.lineHead : ""
                return Array((head + difference.line).utf8)
            }, headers: [format.type(lines: true)])
    }

    /// Logs from another level on, until the settings are read again.
    private func setLogLevel(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["level"])
        let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        guard let text = parameters.text("level") else { throw HTTPError(400, "level is missing; expected one of \(names)") }
        guard let level = Logger.Level(rawValue: text) else {
            throw HTTPError(400, "\(quoted(text)) is not a level; expected one of \(names)")
        }
        log.level = level
        return format.response {
            "logging from \(level.rawValue) on, until the settings are read again\n"
        } json: {
            $0.member("level", level.rawValue)
        }
    }
}
