internal import Green
internal import GreenHTTP
internal import Page

/// The page, and what it asks for, on `http`.
///
///     GET    /             the page: one file, which loads nothing from anywhere
///     GET    /v1/live      figures each second, as server-sent events
///     GET    /v1/explain   name, type, client
///     DELETE /v1/cache     name              only with a token
///     POST   /v1/rules     name, action, for only with a token
///     DELETE /v1/rules     name              only with a token
final class LivePage {
    private let overview: LiveOverview
    private let top: TopQueries
    /// What the control socket answers.
    private let control: (HTTPRequest) throws -> HTTPResponse
    /// Those who began to look before it changed look no more.
    private var era = 0
    private var isExplaining = false

    /// What a page can ask of the control socket, by method and path; true where it changes something.
    private static let controls = [
        "GET /v1/explain": false, "DELETE /v1/cache": true, "POST /v1/rules": true, "DELETE /v1/rules": true,
    ]

    /// The page of an overview; `control` answers as the control socket does.
    init(_ overview: LiveOverview, _ top: TopQueries, control: @escaping (HTTPRequest) throws -> HTTPResponse) {
        self.overview = overview
        self.top = top
        self.control = control
    }

    /// The page itself, which tells nothing and loads nothing but what `/v1/` says.
    static func page() -> HTTPResponse {
        let nonce = nonce()
        var html: [UInt8] = []
        let mark = Array("@nonce@".utf8)
        var rest = Page.html[...]
        while let start = rest.firstIndex(of: mark[0]) {
            html += rest[..<start]
            rest = rest[start...]
            let isMark = rest.starts(with: mark)
            html += isMark ? Array(nonce.utf8) : [mark[0]]
            rest = rest.dropFirst(isMark ? mark.count : 1)
        }
        let policy =
            "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; img-src data:; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return HTTPResponse(
            .bytes(html + rest),
            headers: [
                HTTPField("Content-Type", "text/html; charset=utf-8"), HTTPField("Content-Security-Policy", policy),
                HTTPField("Cache-Control", "no-store"), HTTPField("X-Content-Type-Options", "nosniff"),
                HTTPField("Referrer-Policy", "no-referrer"), HTTPField("Cross-Origin-Opener-Policy", "same-origin"),
                HTTPField("Cross-Origin-Resource-Policy", "same-origin"),
            ])
    }

    /// 128 bits that nobody can foretell, in hexadecimal digits.
    private static func nonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Ends what is shown live: who may look has changed.
    func endLive() {
        era += 1
        overview.wake()
    }

    /// Answers what the page asks for; nil where it does not. `mayChange` says whether who asks may do more than look: it has the
    /// token.
    func answer(_ request: HTTPRequest, mayChange: Bool) throws -> HTTPResponse? {
        // Another site's page can have its browser ask; that says so.
        if let site = request.header("Sec-Fetch-Site"), site != "same-origin", site != "none" {
            throw HTTPError(403, "not for other sites' pages")
        }
        if request.method == "HEAD", request.path.hasPrefix("/v1/") { throw HTTPError(405, "expected GET") }
        if request.method == "GET", request.path == "/v1/live" { return try live() }
        guard let changes = Self.controls["\(request.method) \(request.path)"] else { return nil }
        guard mayChange || !changes else { throw HTTPError(403, "nothing can be changed here without http-token") }
        if request.path == "/v1/cache", request.query.map(\.name) != ["name"] { throw HTTPError(400, "expected a name") }
        if request.path != "/v1/explain" { return try Self.guarded(control(request)) }
        // It reads lists from the disk: for a browser that says that it shows this page, or for the token, and one at a time.
        guard mayChange || request.header("Sec-Fetch-Site") != nil else {
            throw HTTPError(403, "for the page alone, without http-token")
        }
        guard !isExplaining else { throw HTTPError(503, "another name is being explained; ask again") }
        isExplaining = true
        defer { isExplaining = false }
        return try Self.guarded(control(request))
    }

    /// Figures each second, until the client goes away.
    private func live() throws -> HTTPResponse {
        guard let ticket = top.join() else { throw HTTPError(503, "as many look already as may: \(TopQueries.mostTickets)") }
        var seen: Int?
        let era = era
        return Self.guarded(
            HTTPResponse(
                .pieces { [overview, weak self] in
                    try withExtendedLifetime(ticket) { try overview.next(after: &seen) { self?.era != era } }
                },
                headers: [HTTPField("Content-Type", "text/event-stream")]))
    }

    /// Nobody keeps it, and nobody takes it for something else.
    private static func guarded(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers += [
            HTTPField("Cache-Control", "no-store"), HTTPField("X-Content-Type-Options", "nosniff"),
            HTTPField("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        return response
    }
}
