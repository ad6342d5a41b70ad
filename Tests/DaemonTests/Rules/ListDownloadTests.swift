import AnswerCache
import DNSWire
import Green
import GreenHTTP
import Logging
import NameRules
import Observation
import Resolver
import TestSupport
import Testing
import Upstream

@testable import Daemon

/// Lists that are downloaded: kept, asked for again, and left alone when what comes is no list.
@Suite struct ListDownloadTests {
    /// `||packed.example^`, packed, and with a second member `||second.example^`.
    private static let packed: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 169, 41, 72, 76, 206, 78, 77, 209, 75, 173, 72, 204, 45, 200, 73, 141, 227, 2, 0,
        145,
        134, 82, 141, 18, 0, 0, 0,
    ]
    private static let packedTwice: [UInt8] =
        packed + [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 169, 41, 78, 77, 206, 207, 75, 209, 75, 173, 72, 204, 45, 200, 73, 141, 227, 2,
            0,
            152, 153, 205, 159, 18, 0, 0, 0,
        ]

    /// A server of lists that answers each request with bytes, and the parts that download and read.
    final class ListWorld {
        let world = VirtualWorld(seed: 5)
        /// The whole response to the request whose head is given.
        var answer: (String) -> [UInt8] = { _ in ListWorld.response("||ads.example^\n") }
        var requests: [String] = []
        private var server: StreamServer?

        /// Runs a test; the server is at 127.0.0.1:80.
        func run(_ body: @escaping (Hub) throws -> Void) throws {
            try world.run { [self] hub in
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 80), options: ListenOptions())
                server = try StreamServer(listener: listener, limit: 100) { [unowned self] socket in
                    var head = ""
                    while !head.hasSuffix("\r\n\r\n") {
                        let bytes = try socket.read(upTo: 65_536)
                        if bytes.isEmpty { break }
                        head += String(decoding: bytes, as: UTF8.self)
                    }
                    requests.append(head.lowercased())
                    try socket.write(answer(head.lowercased()))
                    socket.close()
                }
                server?.start()
                try body(hub)
                server?.stop()
            }
        }

        /// A response with a length.
        static func response(
            _ text: String, status: String = "200 OK", fields: [String] = [], length: Int? = nil
        ) -> [UInt8] { response(Array(text.utf8), status: status, fields: fields, length: length) }

        static func response(
            _ body: [UInt8], status: String = "200 OK", fields: [String] = [], length: Int? = nil
        ) -> [UInt8] {
            let head = ["HTTP/1.1 \(status)", "Content-Length: \(length ?? body.count)", "Connection: close"] + fields
            return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        }

        /// Starts the parts of a configuration.
        func parts(_ yaml: String) throws -> (ListDownloadsPart, NameRulesPart) {
            let settings = try read(yaml)
            let downloads = ListDownloadsPart(settings, NameRulesPartTests.logger)
            let rules = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), NameRulesPartTests.logger)
            try rules.start()
            try downloads.start()
            return (downloads, rules)
        }
    }

    private static let yaml = "lists: {ads: {from: \"http://127.0.0.1/ads.txt\", refresh: 1h}}"

    private static func denies(_ part: NameRulesPart, _ name: String) -> Bool {
        guard let content = part.book?.content else { return false }
        return RuleExplanation(content, Name(name)!, client: nil, at: 0).outcome == .block
    }

    @Test func `a list is downloaded, asked for again by what the server called it, and there without a network`() throws {
        let world = ListWorld()
        try world.run { hub in
            world.answer = { head in
                head.contains("if-none-match: \"one\"")
                    ? ListWorld.response("", status: "304 Not Modified")
                    : ListWorld.response(
                        "||ads.example^\n", fields: ["ETag: \"one\"", "Last-Modified: Fri, 27 Nov 2026 10:00:00 GMT"])
            }
            var (downloads, rules) = try world.parts(Self.yaml)
            #expect(!Self.denies(rules, "ads.example"))
            try sleep(.seconds(5))
            #expect(Self.denies(rules, "x.ads.example") && world.requests.count == 1)
            #expect(world.requests[0].contains("accept-encoding: gzip") && !world.requests[0].contains("if-none-match"))
            let mark = rules.book?.mark
            try sleep(.seconds(3600))
            #expect(world.requests.count == 2 && rules.book?.mark == mark && downloads.states.values.first?.problem == nil)
            #expect(world.requests[1].contains("if-modified-since: fri, 27 nov 2026 10:00:00 gmt"))
            #expect(downloads.downloads.new == 1 && downloads.downloads.same == 1 && downloads.downloads.failed == 0)
            var metrics = MetricsText(.prometheus)
            try MetricsReport.downloads(downloads)(&metrics)
            let text = String(decoding: metrics.take(), as: UTF8.self)
            #expect(text.contains("vireo_list_downloads_total{result=\"same\"} 1\n"))
            #expect(text.contains("vireo_list_confirmed_timestamp_seconds{url=\"http://127.0.0.1/ads.txt\"} "))
            try downloads.stop()
            try rules.stop()
            world.answer = { _ in [] }
            (downloads, rules) = try world.parts(Self.yaml)
            #expect(Self.denies(rules, "ads.example"))
            try sleep(.seconds(60))
            #expect(world.requests.count == 2, "it is as old as it was")
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `a server that fails is asked at least each minute while nothing is kept, and then less and less often`() throws {
        let world = ListWorld()
        try world.run { hub in
            var times: [Instant] = []
            world.answer = { _ in
                times.append(hub.loop.now())
                return ListWorld.response("", status: "503 Service Unavailable")
            }
            let (downloads, rules) = try world.parts(Self.yaml)
            func pauses(during seconds: Int) throws -> [UInt64] {
                times.removeAll()
                try sleep(.seconds(seconds))
                return zip(times, times.dropFirst()).map { ($0.nanoseconds(to: $1) + 500_000_000) / 1_000_000_000 }
            }
            #expect(try pauses(during: 200).prefix(5) == [5, 10, 20, 40, 60])
            world.answer = { _ in ListWorld.response("||ads.example^\n") }
            try sleep(.seconds(61))
            #expect(Self.denies(rules, "ads.example"))
            world.answer = { _ in
                times.append(hub.loop.now())
                return ListWorld.response("", status: "503 Service Unavailable")
            }
            #expect(try pauses(during: 3600 + 500).prefix(3) == [60, 120, 240])
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `a server that is slow holds no other list up, and there are only so many at once`() throws {
        let world = ListWorld()
        try world.run { hub in
            var (open, most) = (0, 0)
            world.answer = { head in
                if head.contains("/slow") {
                    (open, most) = (open + 1, max(most, open + 1))
                    try? sleep(.seconds(15))
                    open -= 1
                    return ListWorld.response("slow.example\n")
                }
                return ListWorld.response("||ads.example^\n")
            }
            let slow =
                (0..<3).map { "http://127.0.0.1/slow\($0).txt" } + ["http://127.0.0.1/ads.txt"]
                + (3..<9).map { "http://127.0.0.1/slow\($0).txt" }
            let lists = slow.enumerated().map { "l\($0): {from: \"\($1)\"}" }.joined(separator: ", ")
            let (downloads, rules) = try world.parts("lists: {\(lists)}")
            try sleep(.seconds(8))
            #expect(Self.denies(rules, "ads.example") && !Self.denies(rules, "slow.example"))
            try sleep(.seconds(400))
            #expect(Self.denies(rules, "slow.example") && world.requests.count == 10 && most == 4)
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test(arguments: [
        ("https://lists.example/a.txt", "https://lists.example/a.txt"), ("https://lists.example", "https://lists.example"),
        ("https://me:secret@lists.example/a.txt?token=secret#secret", "https://lists.example/a.txt?..."),
        ("http://lists.example?secret", "http://lists.example?..."),
        ("http://a@b@lists.example:81/x@y", "http://lists.example:81/x@y"),
        ("https://h/p?t=secret: redirected to what is no URL", "https://h/p?... redirected to what is no URL"),
        ("no URL? none", "no URL? none"),
    ])
    func `what a URL says of whose account it is is shown to nobody`(_ text: String, _ shown: String) {
        #expect(ListURL.shown(text) == shown)
    }

    @Test func `neither the log nor the listing of lists has what stands behind a question mark`() throws {
        let world = ListWorld()
        try world.run { hub in
            world.answer = { head in
                head.contains("/moved")
                    ? ListWorld.response("", status: "302 Found", fields: ["Location: ftp://x/?key=secret"])
                    : ListWorld.response("", status: "404 Not Found")
            }
            let (downloads, rules) = try world.parts(
                "lists: {ads: {from: [\"http://127.0.0.1/ads.txt?key=secret\", \"http://127.0.0.1/moved?key=secret\"]}}")
            try sleep(.seconds(5))
            #expect(world.requests.contains { $0.contains("/ads.txt?key=secret") } && world.requests.count == 2)
            #expect(downloads.states.values.allSatisfy { $0.problem?.contains("secret") == false })
            #expect(rules.lists[0].problems.count == 2 && !rules.lists[0].problems.contains { $0.contains("secret") })
            let api = RulesAPI(rules, downloads)
            for accept in ["text/plain", "application/json"] {
                let request = HTTPRequest("GET", "/v1/lists", headers: [HTTPField("accept", accept)])
                let response = try api.lists(request, ControlFormat(request))
                guard case .bytes(let bytes) = response.body else { throw SocketError.closed }
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text.contains("ads.txt") && !text.contains("secret"), "\(text)")
            }
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `a packed list is unpacked, of several members too`() throws {
        for (bytes, fields) in [
            (Self.packed, ["Content-Encoding: gzip"]), (Self.packedTwice, []),
            (Self.packedTwice + [0, 0, 0], ["Content-Encoding: x-gzip"]),
        ] {
            let world = ListWorld()
            try world.run { hub in
                world.answer = { _ in ListWorld.response(bytes, fields: fields) }
                let (downloads, rules) = try world.parts(Self.yaml)
                try sleep(.seconds(5))
                #expect(Self.denies(rules, "packed.example") && Self.denies(rules, "second.example") == (bytes.count > 50))
                try downloads.stop()
                try rules.stop()
            }
        }
    }

    @Test(arguments: [
        (ListWorld.response("gone", status: "404 Not Found"), DownloadProblem.status(404)),
        (ListWorld.response("||b.example^\n", fields: ["Content-Type: text/html; charset=utf-8"]), .html),
        (ListWorld.response("\u{FEFF}\n <!doctype html><p>b.example</p>\n"), .html),
        (ListWorld.response(""), .empty), (ListWorld.response("# nothing\n\n! at all\n"), .empty),
        (ListWorld.response("||b.example^\n", length: 100), .cutOff),
        (ListWorld.response(Array(packed.dropLast(3))), .cutOff),
        (ListWorld.response(Array(packed.prefix(12)) + [255, 255, 255]), .cutOff),
        (ListWorld.response(packed, fields: ["Content-Encoding: br"]), .encoding("br")),
        (Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n||b.example^\n".utf8), .unknownLength),
        (ListWorld.response("||b.example^\n", length: 1 << 40), .tooLarge),
    ])
    func `what is no whole list changes nothing, is said, and is tried again`(_ bytes: [UInt8], _ problem: DownloadProblem) throws
    {
        let world = ListWorld()
        try world.run { hub in
            let (downloads, rules) = try world.parts(Self.yaml)
            try sleep(.seconds(5))
            #expect(Self.denies(rules, "ads.example"))
            world.answer = { _ in bytes }
            try sleep(.seconds(3600))
            let state = try #require(downloads.states.values.first)
            #expect(state.problem == "\(problem)" && state.failures > 0)
            #expect(Self.denies(rules, "ads.example") && !Self.denies(rules, "b.example"))
            let count = world.requests.count
            world.answer = { _ in ListWorld.response("||c.example^\n") }
            try sleep(.seconds(130))
            #expect(world.requests.count > count && Self.denies(rules, "c.example") && !Self.denies(rules, "ads.example"))
            #expect(downloads.states.values.first?.problem == nil)
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `the server's name is asked of bootstrap resolvers, and without them nobody is asked`() throws {
        let world = ListWorld()
        try world.run { hub in
            let resolver = try ScriptedUpstream { query in
                query.questions[0].type == .a
                    ? .reply(to: query, .noError, ["\(query.questions[0].name) 300 IN A 127.0.0.1"]) : .reply(to: query, .noError)
            }
            let (downloads, rules) = try world.parts("lists: {ads: {from: \"http://lists.example/ads.txt\"}}")
            try sleep(.seconds(5))
            #expect(downloads.states.values.first?.problem?.contains("lists.example") == true && resolver.count == 0)
            downloads.bootstrap = { [Policy.Upstream(UpstreamAddress(resolver.address), id: 1)] }
            try sleep(.seconds(80))
            #expect(Self.denies(rules, "ads.example") && resolver.count == 2)
            #expect(world.requests[0].contains("host: lists.example"))
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `a reload with another refresh or directory holds for what is kept as well`() throws {
        let world = ListWorld()
        try world.run { hub in
            let (downloads, rules) = try world.parts(Self.yaml)
            try sleep(.seconds(5))
            #expect(world.requests.count == 1)
            let sooner = try read(Self.yaml.replacing("1h", with: "1m"))
            try downloads.adopt(sooner)
            try rules.adopt(sooner)
            try sleep(.seconds(40))
            #expect(world.requests.count == 1)
            try sleep(.seconds(30))
            #expect(world.requests.count == 2)
            let elsewhere = try read(Self.yaml + "\nlists-directory: /other")
            try downloads.adopt(elsewhere)
            try rules.adopt(elsewhere)
            try sleep(.seconds(5))
            #expect(world.requests.count == 3 && Self.denies(rules, "ads.example"))
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `one source that cannot be had holds no other source of its list back`() throws {
        let world = ListWorld()
        try world.run { hub in
            world.world.host.files.write("/own", "own.example\n")
            world.answer = { _ in ListWorld.response("", status: "500 Oh") }
            let (downloads, rules) = try world.parts("lists: {ads: {from: [\"http://127.0.0.1/ads.txt\", /own]}}")
            try sleep(.seconds(5))
            #expect(Self.denies(rules, "own.example"))
            world.world.host.files.write("/own", "other.example\n")
            try sleep(.seconds(5))
            #expect(Self.denies(rules, "other.example") && !Self.denies(rules, "own.example"))
            try downloads.stop()
            try rules.stop()
        }
    }
}
