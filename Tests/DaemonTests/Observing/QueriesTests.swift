import AnswerCache
import DNSWire
import Green
import GreenHTTP
import Observation
import Testing

@testable import Daemon

/// Queries as an operator is shown them.
@Suite struct QueriesTests {
    private func entry(_ labels: [String], client: String = "192.0.2.1", code: UInt16 = 0) throws -> QueryTap.Entry {
        var entry = QueryTap.Entry(
            1, from: IPAddress(client)!.number, code, .upstream, nanoseconds: 1_500_000, at: 1_795_823_723_250_000_000)
        entry.name = try Name(labels: labels.map { Array($0.utf8) }).wire
        return entry
    }

    @Test func `a query is shown in a line, with nothing in it that a terminal or a page would obey`() throws {
        let hostile = try entry(["a\u{1B}[2J\n\"<script>", "example"], client: "2001:db8::7", code: 3)
        let line = String(decoding: QueriesAPI.lines([hostile], dropped: 0, .text), as: UTF8.self)
        #expect(
            line
                == "2026-11-27T23:55:23.250Z  2001:db8::7  a\\027[2J\\010\\\"<script>.example. A  NXDOMAIN  upstream  udp  1.5 ms\n"
        )
        let json = String(decoding: QueriesAPI.lines([hostile], dropped: 3, .json), as: UTF8.self)
        #expect(json.contains(#""name":"a\\027[2J\\010\\\"<script>.example.","type":"A","rcode":"NXDOMAIN""#))
        #expect(json.hasSuffix("}\n{\"dropped\":3}\n") && !json.contains("\u{1B}"))
        #expect(
            QueriesAPI.lines([try entry(["www"])], dropped: 2, .text).split(separator: 10).last
                == Array("(2 more were not shown)".utf8)[...])
        var named = try entry(["www"])
        (named.transport, named.outcome, named.clientName) = (.tls, .slipped, ClientName("shown-tablet").number)
        #expect(ShownQuery(named).line.contains("  192.0.2.1  www. A  NOERROR  upstream  tls  1.5 ms  slipped\n"))
        ClientDirectory.shared.note(named.clientName, "shown-tablet")
        #expect(ShownQuery(named).line.contains("  192.0.2.1 (shown-tablet)  www. A "))
        let shown = String(decoding: QueriesAPI.lines([named], dropped: 0, .json), as: UTF8.self)
        #expect(shown.contains(#""transport":"tls","outcome":"slipped","client-name":"shown-tablet""#))
        var nameless = hostile
        nameless.name = []
        #expect(ShownQuery(nameless).name == "-")
    }

    @Test func `a name is below a domain by whole labels, whatever its letters`() throws {
        let domain = try Name(labels: [Array("example".utf8), Array("net".utf8)]).wire
        for (labels, isBelow) in [
            (["example", "net"], true), (["wWw", "EXAMPLE", "Net"], true), (["notexample", "net"], false), (["net"], false),
            (["example", "net", "org"], false), (["@xample", "net"], false),
        ] {
            #expect(QueriesAPI.isBelow(try entry(labels).name, domain) == isBelow, "\(labels)")
        }
        #expect(QueriesAPI.isBelow(try entry(["www"]).name, [0]) && !QueriesAPI.isBelow([], [0]))
        // Not a name at all: a label that goes past the end.
        #expect(!QueriesAPI.isBelow([63, 1, 2], domain))
    }

    /// Those of one client, by its name.
    private func followsByName(_ tap: QueryTap) throws {
        let request = HTTPRequest("GET", "/v1/queries", query: [HTTPField("client", "Follow-Me")])
        let response = try QueriesAPI(tap).answer(request, .text)
        let ring = tap.rings.take()
        for (name, label) in [("follow-me", "a"), ("other", "b")] {
            var entry = try entry([label])
            entry.clientName = ClientName(name).number
            tap.tell(entry, entry.name.span, oneIn: 1, by: ring)
        }
        guard case .pieces(let next) = response.body else { throw HTTPError(500, "no pieces") }
        let text = String(decoding: try #require(try next()), as: UTF8.self)
        #expect(text.split(separator: "\n").count == 1 && text.contains(" a. A "))
    }

    @Test func `who watches is shown what was asked for, and nobody watches when the answer is let go`() throws {
        let world = VirtualWorld(seed: 1)
        try withExtendedLifetime(world) {
            try Hub(loop: world.host.makeLoop()).run {
                let tap = QueryTap()
                var request = HTTPRequest("GET", "/v1/queries", query: [HTTPField("rcode", "nxdomain"), HTTPField("name", "b")])
                do {
                    let response = try QueriesAPI(tap).answer(request, .text)
                    #expect(tap.isOpen)
                    let ring = tap.rings.take()
                    for (name, code) in [("a", 3), ("b", 3), ("b", 0)] as [(String, UInt16)] {
                        let entry = try entry([name], code: code)
                        tap.tell(entry, entry.name.span, oneIn: 1, by: ring)
                    }
                    guard case .pieces(let next) = response.body else { throw HTTPError(500, "no pieces") }
                    let text = String(decoding: try #require(try next()), as: UTF8.self)
                    #expect(text.split(separator: "\n").count == 1 && text.contains(" b. A  NXDOMAIN "))
                }
                #expect(!tap.isOpen)
                try followsByName(tap)
                for (key, value) in [("rcode", "NOPE\u{1B}"), ("client", "x y"), ("name", "a..b"), ("what", "")] {
                    request.query = [HTTPField(key, value)]
                    #expect(throws: HTTPError.self) { try QueriesAPI(tap).answer(request, .text) }
                }
                #expect(!tap.isOpen)
            }
        }
    }
}
