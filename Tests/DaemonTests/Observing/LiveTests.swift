import AnswerCache
import DNSWire
import Foundation
import Green
import GreenHTTP
import Logging
import Observation
import Page
import Resolver
import TestSupport
import Testing

@testable import Daemon

/// What the page and `vireo top` show.
@Suite struct LiveTests {
    /// Runs `body` as a greenlet of a simulated hub, with a daemon that has no workers.
    private func simulated(_ body: @escaping (ObservedDaemon, TopQueries) throws -> Void) throws {
        let world = VirtualWorld(seed: 1)
        try withExtendedLifetime(world) {
            try Hub(loop: world.host.makeLoop()).run {
                let shared = SharedState(cache: try MemoryCache(sizeBytes: 8 << 20, seed: 1))
                let top = TopQueries(shared.tap)
                let daemon = ObservedDaemon(shared: shared, life: DaemonLife(startedAt: 1_700_000_000), top: top)
                try body(daemon, top)
            }
        }
    }

    private func tell(_ tap: QueryTap, _ ring: RecordRing, _ name: String, _ source: AnswerSource = .memory, count: Int = 1)
        throws
    {
        let wire = try Name(labels: [Array(name.utf8), Array("example".utf8)]).wire
        let entry = QueryTap.Entry(1, from: IPAddress("192.0.2.7")!.number, 0, source, nanoseconds: 0, at: 0)
        for _ in 0..<count { tap.tell(entry, wire.span, oneIn: tap.interval, by: ring) }
    }

    private func piece(_ response: HTTPResponse) throws -> String {
        guard case .pieces(let next) = response.body else { throw HTTPError(500, "no pieces") }
        return String(decoding: try #require(try next()), as: UTF8.self)
    }

    @Test func `names and clients are counted while somebody looks, without regard to letters, and not after`() throws {
        try simulated { daemon, top in
            let tap = daemon.shared.tap
            let ring = tap.rings.take()
            #expect(top.names(5).isEmpty && !tap.isOpen)
            var ticket = top.join()
            try tell(tap, ring, "a", count: 3)
            try tell(tap, ring, "A")
            try tell(tap, ring, "b", .rule, count: 2)
            top.collect()
            #expect(top.names(5).map { "\($0.name) \($0.count)" } == ["a.example. 4", "b.example. 2"])
            #expect(top.denied(5).map(\.name) == ["b.example."] && top.clients(5).map(\.count) == [6])
            try sleep(.seconds(31))
            top.collect()
            try sleep(.seconds(28))
            #expect(top.names(1).map(\.count) == [4] && top.seconds == 59)
            try sleep(.seconds(31))
            #expect(top.names(5).isEmpty)
            withExtendedLifetime(ticket) {}
            ticket = nil
            #expect(!tap.isOpen)
            let tickets = (0..<TopQueries.mostTickets).compactMap { _ in top.join() }
            #expect(tickets.count == TopQueries.mostTickets && top.join() == nil)
        }
    }

    @Test func `where queries come too fast one stands for several, until they come slowly again`() throws {
        try simulated { daemon, top in
            let tap = daemon.shared.tap
            let ring = tap.rings.take()
            let ticket = top.join()
            for _ in 0..<4 {
                try tell(tap, ring, "a", count: 20_000)
                top.collect()
            }
            #expect(tap.interval == 16)
            let before = top.names(1)[0].count
            try tell(tap, ring, "a", count: 100)
            top.collect()
            #expect(top.names(1)[0].count == before + 1_600 && tap.interval == 8)
            for _ in 0..<5 { top.collect() }
            #expect(tap.interval == 1)
            withExtendedLifetime(ticket) {}
        }
    }

    @Test func `the first event has what is known, the next ones a second each, and each is one line of JSON`() throws {
        try simulated { daemon, top in
            let overview = LiveOverview(daemon, top)
            overview.start()
            let page = LivePage(overview, top) { _ in throw HTTPError(404, "") }
            try sleep(.milliseconds(3_500))
            let response = try #require(try page.answer(HTTPRequest("GET", "/v1/live"), mayChange: false))
            #expect(response.headers.contains { $0.value == "text/event-stream" })
            let ring = daemon.shared.tap.rings.take()
            var seen: [[String: Any]] = []
            for _ in 0..<3 {
                let text = try piece(response)
                #expect(text.hasPrefix("data: {") && text.hasSuffix("}\n\n") && text.dropLast(2).allSatisfy { $0 != "\n" })
                seen.append(
                    try JSONSerialization.jsonObject(with: Data(text.dropFirst(6).utf8)) as? [String: Any] ?? [:])
                try tell(daemon.shared.tap, ring, "a\u{1B}]0;\n\ndata: {}\n\n</script>\u{7F}")
            }
            #expect((seen[0]["history"] as? [Any])?.count == 3 && seen[0]["second"] == nil)
            #expect(seen[1]["history"] == nil && (seen[2]["second"] as? [Any])?.count == 6)
            let names = ((seen[2]["top"] as? [String: Any])?["names"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            #expect(names == ["a\\027]0\\;\\010\\010data:\\032{}\\010\\010</script>\\127.example."])
            #expect(seen[2]["unready"] as? String == "there is no upstream" && seen[2]["control"] as? Bool == false)
            overview.stop()
        }
    }

    @Test func `pages that saw the same are told the same, and one that missed a second is told all`() throws {
        try simulated { daemon, top in
            let overview = LiveOverview(daemon, top)
            overview.start()
            try sleep(.milliseconds(1_500))
            var seen: [Int?] = [nil, nil, nil]
            for page in seen.indices { _ = try overview.next(after: &seen[page]) }
            let told = try (0..<2).map { String(decoding: try overview.next(after: &seen[$0]) ?? [], as: UTF8.self) }
            #expect(told[0] == told[1] && told[0].contains("\"second\":["))
            try sleep(.milliseconds(2_500))
            for page in [2, 0] {
                let late = String(decoding: try overview.next(after: &seen[page]) ?? [], as: UTF8.self)
                #expect(late.contains("\"history\":[") && !late.contains("\"second\":["))
            }
            overview.stop()
        }
    }

    @Test func `what is shown live ends when who may look changes, and only GET looks`() throws {
        try simulated { daemon, top in
            let overview = LiveOverview(daemon, top)
            overview.start()
            let page = LivePage(overview, top) { _ in throw HTTPError(404, "") }
            #expect(throws: HTTPError.self) { try page.answer(HTTPRequest("HEAD", "/v1/live"), mayChange: true) }
            #expect(!daemon.shared.tap.isOpen)
            let old = try #require(try page.answer(HTTPRequest("GET", "/v1/live"), mayChange: false))
            _ = try piece(old)
            page.endLive()
            guard case .pieces(let next) = old.body else { throw HTTPError(500, "no pieces") }
            #expect(try next() == nil)
            _ = try piece(try #require(try page.answer(HTTPRequest("GET", "/v1/live"), mayChange: false)))
            overview.stop()
        }
    }

    @Test func `a name is explained for the page or the token, one at a time`() throws {
        try simulated { daemon, top in
            let page = LivePage(LiveOverview(daemon, top), top) { _ in
                try sleep(.seconds(1))
                return HTTPResponse(text: "walk")
            }
            var request = HTTPRequest("GET", "/v1/explain", query: [HTTPField("name", "a.example")])
            #expect(throws: HTTPError.self) { try page.answer(request, mayChange: false) }
            request.headers = [HTTPField("Sec-Fetch-Site", "same-origin")]
            let wanted = request
            var status = 0
            let first = Hub.current.spawn(name: "first") { status = try page.answer(wanted, mayChange: false)?.status ?? 0 }
            try sleep(.milliseconds(500))
            #expect { try page.answer(wanted, mayChange: true) } throws: { ($0 as? HTTPError)?.status == 503 }
            try first.join()
            #expect(status == 200)
            let later = try page.answer(wanted, mayChange: true)
            #expect(later?.status == 200)
        }
    }

    @Test func `without a token the page is there only where it was opened, and who shows no token keeps no connection`() throws {
        try simulated { daemon, top in
            func status(_ settings: Settings, _ path: String, _ token: String? = nil) throws -> String {
                let server = ObservingServer(settings, daemon, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                let headers = token.map { [HTTPField("Authorization", "Bearer \($0)")] } ?? []
                do {
                    let response = try server.answer(HTTPRequest("GET", path, headers: headers))
                    return "\(response.status)" + (response.closes ? " closes" : "")
                } catch let error as HTTPError { return "\(error.status)" }
            }
            func check(_ settings: Settings, _ path: String, _ wanted: String, _ token: String? = nil) throws {
                let given = try status(settings, path, token)
                #expect(given == wanted, "\(path)")
            }
            var settings = Settings()
            settings.http = SocketAddress("127.0.0.1:9153", defaultPort: 1)
            for path in ["/", "/v1/live", "/v1/explain", "/v1/cache"] { try check(settings, path, "404") }
            try check(settings, "/metrics", "200")
            try check(settings, "/health/live", "200")
            settings.httpPage = true
            try check(settings, "/", "200")
            try check(settings, "/v1/live", "200")
            settings.httpToken = "0123456789abcdef"
            try check(settings, "/", "200 closes")
            try check(settings, "/health/live", "200 closes")
            try check(settings, "/v1/live", "401 closes")
            try check(settings, "/metrics", "401 closes", "wrong")
            try check(settings, "/v1/live", "200", "0123456789abcdef")
            settings.http = SocketAddress("192.0.2.1:9153", defaultPort: 1)
            #expect(settings.warnings.contains { $0.contains("http-token in clear") })
        }
    }

    @Test func `a minute of five is kept, and what comes too late for a second has all of it`() throws {
        try simulated { daemon, top in
            let overview = LiveOverview(daemon, top)
            overview.start()
            try sleep(.seconds(LiveOverview.kept + 50))
            var seen: Int? = 3
            let text = String(decoding: try #require(try overview.next(after: &seen)), as: UTF8.self)
            #expect(text.components(separatedBy: ",0]").count > LiveOverview.kept && seen == overview.number)
            overview.stop()
        }
    }

    @Test func `the page is one file with a nonce of its own each time, which loads nothing from elsewhere`() throws {
        let (one, other) = (LivePage.page(), LivePage.page())
        func policy(_ response: HTTPResponse) -> String {
            response.headers.first { $0.name == "Content-Security-Policy" }?.value ?? ""
        }
        #expect(policy(one) != policy(other) && policy(one).contains("default-src 'none'"))
        #expect(!policy(one).contains("unsafe") && policy(one).contains("frame-ancestors 'none'"))
        guard case .bytes(let bytes) = one.body else { throw HTTPError(500, "no bytes") }
        let text = String(decoding: bytes, as: UTF8.self)
        let nonce = try #require(policy(one).firstMatch(of: /'nonce-([0-9a-f]{32})'/)).output.1
        #expect(text.components(separatedBy: "nonce=\"\(nonce)\"").count == 3 && !text.contains("@nonce@"))
        let outside = text.replacing("http://www.w3.org/", with: "")
        for part in [
            "http://", "https://", "//cdn", "innerHTML", "outerHTML", "insertAdjacentHTML", " on\u{6C}oad=", "onclick=", "eval(",
        ] {
            #expect(!outside.contains(part), "\(part)")
        }
        #expect(!text.contains(#/\sstyle="/#))
        #expect(Page.html == Array(try Data(contentsOf: SourceTree.file("web/index.html"))))
    }

    @Test func `top shows names as text that no terminal obeys`() throws {
        try simulated { daemon, top in
            let request = HTTPRequest("GET", "/v1/top")
            let (response, json) = (
                try TopAPI(daemon, top).answer(request, .text), try TopAPI(daemon, top).answer(request, .json)
            )
            try tell(daemon.shared.tap, daemon.shared.tap.rings.take(), "a\u{1B}[2J\n<b>", count: 3)
            let text = try piece(response)
            #expect(text.contains("      3  a\\027[2j\\010<b>.example.\n") && !text.contains("\u{1B}"), "\(text)")
            let line = try piece(json)
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["rcodes"] != nil && object?["top"] != nil && line.last == "\n")
        }
    }
}
