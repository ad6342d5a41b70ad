import AnswerCache
import DNSWire
import Green
import GreenHTTP
import Observation
import TestSupport
import Testing

@testable import Daemon
@testable import Resolver
@testable import Upstream

/// What the daemon shows of itself, without a socket.
@Suite struct MetricsTests {
    /// Runs `body` as a greenlet of a simulated hub.
    private func simulated<Success>(_ body: @escaping () throws -> Success) throws -> Success {
        let world = VirtualWorld(seed: 1)
        return try withExtendedLifetime(world) { try Hub(loop: world.host.makeLoop()).run(body) }
    }

    /// A daemon with so many upstreams, whose resolver is kept by the caller.
    private func daemon(upstreams: Int) throws -> (ObservedDaemon, Resolver) {
        let shared = SharedState(cache: try MemoryCache(sizeBytes: 8 << 20, seed: 1))
        var policy = Policy()
        let addresses = (0..<upstreams).map { SocketAddress("192.0.2.\($0 + 1)", defaultPort: 53)! }
        policy.routes = [
            Policy.Route(
                domain: [0],
                upstreams: addresses.enumerated().map { Policy.Upstream(UpstreamAddress($1), id: UInt16($0)) })
        ]
        let resolver = Resolver(shared: shared, policy: policy)
        return (ObservedDaemon(shared: shared, life: DaemonLife(startedAt: 1_700_000_000)), resolver)
    }

    private func body(_ response: HTTPResponse) throws -> [[UInt8]] {
        switch response.body {
        case .bytes(let bytes): return [bytes]
        case .pieces(let next):
            var pieces: [[UInt8]] = []
            while let piece = try next() { pieces.append(piece) }
            return pieces
        }
    }

    @Test func `upstreams that are shown alike are told apart`() {
        #expect(MetricsReport.distinct(["https://a/...", "b", "https://a/..."]) == ["https://a/...", "b", "https://a/... (2)"])
    }

    @Test func `a scrape with 50 upstreams is made in small pieces, and others have their turn before each`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 50)
            var turns = 0
            let other = spawn {
                while true {
                    turns += 1
                    try Hub.current.yield(afterEvents: true)
                }
            }
            let pieces = try body(MetricsReport.response(HTTPRequest("GET", "/metrics"), daemon))
            other.kill()
            #expect(pieces.count > 70 && turns >= pieces.count)
            #expect(pieces.allSatisfy { $0.count < 16 << 10 })
            let text = String(decoding: pieces.joined(), as: UTF8.self)
            #expect(text.contains("vireo_upstream_up{upstream=\"192.0.2.50:53\"} 1\n"))
            #expect(text.contains("vireo_upstream_round_trip_seconds_bucket{upstream=\"192.0.2.1:53\",le=\"+Inf\"} 0\n"))
            withExtendedLifetime(resolver) {}
        }
    }

    @Test func `each metric is described once, before its samples, and every family has one place`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 2)
            for accept in ["text/plain", "application/openmetrics-text; version=1.0.0"] {
                let request = HTTPRequest("GET", "/metrics", headers: [HTTPField("Accept", accept)])
                let response = MetricsReport.response(request, daemon)
                let type = try #require(response.headers.first { $0.name == "Content-Type" }?.value)
                #expect(type.hasPrefix(accept.split(separator: ";")[0]))
                let lines = String(decoding: try body(response).joined(), as: UTF8.self).split(separator: "\n")
                let described = lines.filter { $0.hasPrefix("# TYPE") }.map { $0.split(separator: " ")[2] }
                #expect(Set(described).count == described.count)
                var current = ""
                for line in lines where line != "# EOF" {
                    let words = line.split(separator: " ")
                    if line.hasPrefix("#") { current = String(words[2]) } else { #expect(line.hasPrefix(current), "\(line)") }
                }
                #expect((lines.last == "# EOF") == accept.hasPrefix("application"))
            }
            withExtendedLifetime(resolver) {}
        }
    }

    @Test func `where groups ask upstreams of their own, queries are counted by whose they are`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 1)
            let identity = ViewIdentity(["of a test of metrics"], shown: ["\"own\""])
            let number = try #require(ViewDirectory.shared.number(of: identity))
            resolver.figures.views.add(at: QueryFigures.cell(ofView: number.rawValue))
            resolver.figures.views.add(at: QueryFigures.cell(ofView: ViewNumber.general.rawValue))
            let text = String(
                decoding: try body(MetricsReport.response(HTTPRequest("GET", "/metrics"), daemon)).joined(), as: UTF8.self)
            #expect(text.contains("vireo_view_queries_total{view=\"general\"} 1\n"))
            // Views of other tests may have taken all cells.
            let hasCell = QueryFigures.cell(ofView: number.rawValue) < QueryFigures.viewCells - 1
            #expect(text.contains("vireo_view_queries_total{view=\"\(hasCell ? "\\\"own\\\"" : "other")\"} 1\n"))
            #expect(QueryFigures.cell(ofView: 0) == 0 && QueryFigures.cell(ofView: .max) == QueryFigures.viewCells - 1)
        }
    }

    @Test func `upstreams that are asked no more are shown no more, and what they counted is kept`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 3)
            #expect(daemon.shared.upstreams.inUse.count == 3)
            resolver.adopt(Policy())
            #expect(daemon.shared.upstreams.inUse.isEmpty)
            #expect(daemon.unreadiness == "there is no upstream")
        }
    }

    @Test func `without a token only this machine's own names and addresses are answered, with one only who knows it`() throws {
        func status(_ headers: [(String, String)], token: String?) -> Int {
            let request = HTTPRequest("GET", "/metrics", headers: headers.map { HTTPField($0.0, $0.1) })
            return ObservingServer.refusal(of: request, token: token)?.status ?? 200
        }
        for host in ["127.0.0.1:9153", "localhost:9153", "LOCALHOST", "[::1]:9153"] {
            #expect(status([("Host", host)], token: nil) == 200, "\(host)")
        }
        for host in ["rebound.example:9153", "localhost.example", "127.0.0.1.example:80", ""] {
            #expect(status([("Host", host)], token: nil) == 403, "\(host)")
        }
        let token = "0123456789abcdef"
        #expect(status([("Host", "127.0.0.1")], token: token) == 401)
        for wrong in ["Bearer", "Bearer 0123456789abcdeF", "0123456789abcdef", "Bearer 0123456789abcdef0", "bearer"] {
            #expect(status([("Authorization", wrong)], token: token) == 401)
        }
        #expect(status([("Authorization", "Bearer \(token)"), ("Host", "dns.example")], token: token) == 200)
    }

    @Test func `readiness is 200 or 503 over HTTP, with the reason, and needs no token`() throws {
        try simulated {
            let logger = NameRulesPartTests.logger
            func ready(_ daemon: ObservedDaemon) throws -> (status: Int, text: String) {
                let server = ObservingServer(
                    try read("http: 127.0.0.1:9153\nhttp-token: 0123456789abcdef\n"), daemon, logger)
                try server.start()
                let client = HTTPClient()
                let response = try client.get("http://127.0.0.1:9153/health/ready")
                client.close()
                try server.stop()
                return (response.status, response.text)
            }
            let (bare, nobody) = try daemon(upstreams: 0)
            #expect(try ready(bare) == (503, "there is no upstream\n"))
            let (daemon, resolver) = try daemon(upstreams: 1)
            #expect(try ready(daemon) == (200, "ready\n"))
            _ = try #require(daemon.shared.upstreams.inUse.first).failed(.silent, .root, at: Hub.current.now)
            #expect(try ready(daemon) == (503, "no upstream answers\n"))
            var starting = try self.daemon(upstreams: 1)
            starting.0.rules = NameRulesPart(try read("lists: {ads: {from: /list}}\n"), starting.0.shared.cache, logger)
            #expect(try ready(starting.0) == (503, "lists are not read yet\n"))
            withExtendedLifetime((nobody, resolver, starting.1)) {}
        }
    }

    @Test func `http is for this machine, unless there is a token`() throws {
        #expect(try read("http: 127.0.0.1\n").http == SocketAddress("127.0.0.1:9153", defaultPort: 1))
        #expect(try read("http: \"[::1]:80\"\n").http?.port == 80)
        #expect(try read("{}").http == nil)
        #expect(throws: ConfigurationError.self) { try read("http: 0.0.0.0:9153\n") }
        #expect(throws: ConfigurationError.self) { try read("http: 0.0.0.0:9153\nhttp-token: short\n") }
        #expect(try read("http: 0.0.0.0:9153\nhttp-token: 0123456789abcdef\n").httpToken == "0123456789abcdef")
    }

    @Test func `a table is as wide as its cells, and shows nothing that a terminal obeys`() {
        var table = TextTable(["NAME", "COUNT"], right: [1])
        table.add(["a\u{1B}[2J\u{202E}b\n", "7"])
        table.add(["longer-name", "12345"])
        #expect(table.text == "NAME         COUNT\na?[2J?b?         7\nlonger-name  12345\n")
        #expect(
            [0, 999, 1_500, 2_500_000, 600_000_000].map { TextTable.duration(microseconds: $0) }
                == ["0 µs", "999 µs", "1.5 ms", "2.5 s", "10 min"])
    }

    @Test func `upstreams are shown with their state and last error`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 1)
            let api = ControlAPI(
                CacheTiers(memory: daemon.shared.cache, redis: nil, fleet: { nil }, upstreams: { UpstreamDirectory([:]) }) { _ in
                    0
                },
                observing: ObservingAPI(daemon, Log(level: .info)))
            func ask(_ path: String, text: Bool = true) throws -> String {
                let request = HTTPRequest("GET", path, headers: text ? [HTTPField("Accept", "text/plain")] : [])
                return String(decoding: try body(api.answer(request)).joined(), as: UTF8.self)
            }
            #expect(try ask("/v1/upstreams").contains("192.0.2.1:53  well"))
            let health = try #require(daemon.shared.upstreams.inUse.first)
            _ = health.failed(.silent, .root, at: Hub.current.now)
            try sleep(.seconds(5))
            #expect(try ask("/v1/upstreams").contains("no answer, 5.0 s ago"))
            #expect(try ask("/v1/upstreams", text: false).contains("\"last-error\":\"no answer\""))
            #expect(daemon.unreadiness == "no upstream answers")
            #expect(try ask("/v1/stats").contains("from memory"))
            withExtendedLifetime(resolver) {}
        }
    }

    @Test func `the level of the log changes at once`() throws {
        try simulated {
            let (daemon, resolver) = try daemon(upstreams: 1)
            let log = Log(level: .info)
            let api = ObservingAPI(daemon, log)
            func put(_ level: String) throws -> Int? {
                let request = HTTPRequest("PUT", "/v1/log-level", query: [HTTPField("level", level)])
                return try api.answer(request, .text)?.status
            }
            #expect(try put("debug") == 200 && log.level == .debug)
            #expect(throws: HTTPError.self) { try put("loud\u{1B}[2J") }
            #expect(log.level == .debug)
            withExtendedLifetime(resolver) {}
        }
    }

    @Test func `a hostile name is escaped where questions are shown, to people and to programs`() throws {
        try simulated {
            let hub = Hub.current
            let labels = [Array("a\u{1B}[2J\n\"<script>".utf8), Array("example".utf8)]
            let name = try Name(labels: labels)
            let key = CacheKey(
                FixedName(name), .a, .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false), seed: 1)
            let tablet = ClientName("slow-tablet").number
            ClientDirectory.shared.note(tablet, "slow-tablet")
            let asker = ClientIdentity(IPAddress("192.0.2.7")!.number, name: tablet)
            let flight = Flight(key, FlightOwner(client: 1, domain: 1, asker: asker), on: hub)
            let table = QuestionTable([AskedQuestion(flight, clients: 1, at: hub.now)], UpstreamDirectory([:]), at: hub.now)
            var writer = JSONWriter()
            writer.object { table.write(to: &$0) }
            for text in [table.inFlight, table.slow, String(decoding: writer.bytes, as: UTF8.self)] {
                #expect(text.contains("027[2j") && !text.contains("\u{1B}"), "\(text)")
            }
            #expect(table.inFlight.split(separator: "\n").count == 2)
            #expect(table.slow.contains(" 192.0.2.7 (slow-tablet) ") && table.inFlight.contains(" 192.0.2.7 (slow-tablet) "))
            #expect(String(decoding: writer.bytes, as: UTF8.self).contains(#""client":"192.0.2.7","client-name":"slow-tablet""#))
        }
    }
}
