internal import Green
internal import GreenHTTP
internal import Logging
internal import Resolver

/// The HTTP server for those who watch the daemon (`http`): metrics, whether it lives and is ready, and the page.
///
///     GET /                 the page (LivePage)
///     GET /metrics          for Prometheus
///     GET /health/live      200 as long as the main thread turns
///     GET /health/ready     200 where queries can be answered, else 503 and why not
///
/// It is open to this machine alone unless there is a token, which is then wanted for everything but health. The page shows names and
/// clients, which the control socket keeps from other users of the machine: it is there for who has the token, or where
/// `http-page` opens it to all of them.
final class ObservingServer: Part {
    let name = "http"
    private let hub = Hub.current
    private let logger: Logger
    private let address: SocketAddress?
    private var token: String?
    /// Whether the page is open to who has no token, where there is none.
    private var isOpen: Bool
    private var server: HTTPServer?
    /// What is shown.
    private let daemon: ObservedDaemon
    private var overview: LiveOverview?
    private var page: LivePage?
    /// Answers what the page asks of the control socket.
    var control: (HTTPRequest) throws -> HTTPResponse = { _ in throw HTTPError(404, "nothing is there") }
    /// Where it listens, with the port that was really taken.
    private(set) var listening: SocketAddress?

    /// Requests in progress get this long to end when the daemon stops.
    private static let farewell = Duration.milliseconds(500)
    /// So many connections at once.
    static let mostConnections = 64

    /// The part for what `settings` ask for; a reload changes the token only.
    init(_ settings: Settings, _ daemon: ObservedDaemon, _ logger: Logger) {
        address = settings.http
        (token, isOpen) = (settings.httpToken, settings.httpPage)
        self.logger = logger
        var daemon = daemon
        self.daemon = daemon
        guard let top = daemon.top, address != nil else { return }
        daemon.mayControl = { [weak self] in self?.token != nil }
        let overview = LiveOverview(daemon, top)
        self.overview = overview
        page = LivePage(overview, top) { [unowned self] in try control($0) }
    }

    func start() throws {
        guard let address else { return }
        var limits = HTTPLimits()
        limits.connections = Self.mostConnections
        limits.bodyBytes = 4096
        // Who opens connections and says nothing keeps nobody from asking.
        limits.givesWay = true
        do throws(SocketError) {
            let server = try HTTPServer(limits: limits) { [unowned self] request in try answer(request) }
            listening = try server.listen(at: address)
            self.server = server
        } catch {
            throw DaemonError.listen(address, "http", error)
        }
        overview?.start()
        logger.info("metrics served", metadata: ["address": "\(listening ?? address)"])
    }

    func adopt(_ settings: Settings) throws {
        // Who may look now has to show it anew.
        if (settings.httpToken, settings.httpPage) != (token, isOpen) { page?.endLive() }
        (token, isOpen) = (settings.httpToken, settings.httpPage)
    }

    func status() throws -> [StatusField] {
        guard let listening, let server else { return [] }
        return [StatusField("address", listening), StatusField("requests", server.requestCount)]
    }

    func stop() throws {
        overview?.stop()
        try server?.stop(within: Self.farewell)
    }

    /// Answers a request; may wait. Who shows no token where there is one keeps no connection.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        let refusal = Self.refusal(of: request, token: token)
        guard let refusal else { return try answer(allowed: request) }
        var response = openAnswer(request) ?? refusal
        response.closes = true
        return response
    }

    /// What everybody is told; nil for all else.
    private func openAnswer(_ request: HTTPRequest) -> HTTPResponse? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        switch request.path {
        case "/" where token != nil: return LivePage.page()
        case "/health/live": return HTTPResponse(text: "alive\n")
        case "/health/ready":
            let reason = daemon.unreadiness
            return HTTPResponse(text: "\(reason ?? "ready")\n", status: reason == nil ? 200 : 503)
        default: return nil
        }
    }

    private func answer(allowed request: HTTPRequest) throws -> HTTPResponse {
        if let response = openAnswer(request) { return response }
        let isPage = request.path == "/" || request.path.hasPrefix("/v1/")
        guard !isPage || token != nil || isOpen else {
            throw HTTPError(404, "the page shows names and clients: set http-token, or http-page for all users of this machine")
        }
        if let response = try page?.answer(request, mayChange: token != nil) { return response }
        guard request.method == "GET" || request.method == "HEAD" else { throw HTTPError(405, "expected GET") }
        switch request.path {
        case "/": return LivePage.page()
        case "/metrics": return MetricsReport.response(request, daemon)
        default: throw HTTPError(404, "\(quoted(request.path)) is not there; expected /, /metrics, /health/live or /health/ready")
        }
    }

    /// The response to who may not ask; nil for who may.
    static func refusal(of request: HTTPRequest, token: String?) -> HTTPResponse? {
        guard let token else {
            // A page of anybody's can have a browser of this machine ask under a name that leads here.
            if isLocal(request.header("Host")) { return nil }
            return HTTPResponse(text: "without http-token, ask by address or as localhost\n", status: 403)
        }
        let given = Array((request.header("Authorization") ?? "").utf8)
        if isSame(given, Array("Bearer \(token)".utf8)) { return nil }
        var response = HTTPResponse(text: "expected the token of http-token\n", status: 401)
        response.headers.append(HTTPField("WWW-Authenticate", "Bearer"))
        return response
    }

    /// Whether a Host header names an address, or this machine.
    private static func isLocal(_ host: String?) -> Bool {
        guard let host else { return true }
        if SocketAddress(host, defaultPort: 80) != nil { return true }
        let name = host.split(separator: ":", omittingEmptySubsequences: false)
        return name.count <= 2 && name.first?.lowercased() == "localhost"
    }

    /// Compares all bytes, so that the time tells nothing of where the first difference is.
    private static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
