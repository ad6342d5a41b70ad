import AnswerCache
import DNSWire
import Foundation
import Green
import GreenHTTP
import Observation
import Page
import Resolver
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
            try sleep(.seconds(29))
            top.collect()
            #expect(top.names(1).map(\.count) == [4] && top.seconds == 60)
            try sleep(.seconds(31))
            top.collect()
            top.collect()
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

    @Test func `a minute of five is kept, and what comes too late for a second has all of it`() throws {
        try simulated { daemon, top in
            let overview = LiveOverview(daemon, top)
            overview.start()
            try sleep(.seconds(LiveOverview.kept + 50))
            var seen: Int? = 3
            let text = String(decoding: try overview.next(after: &seen), as: UTF8.self)
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
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("web/index.html")
        #expect(Page.html == Array(try Data(contentsOf: file)))
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
