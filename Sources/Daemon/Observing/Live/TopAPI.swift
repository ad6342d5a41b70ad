internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Observation
internal import Resolver

/// `vireo top`: each second what comes most often, and how things stand.
struct TopAPI {
    private let daemon: ObservedDaemon
    private let top: TopQueries

    /// So many rows each table has.
    private static let rows = 10

    /// Shows what a daemon's queries are.
    init(_ daemon: ObservedDaemon, _ top: TopQueries) {
        self.daemon = daemon
        self.top = top
    }

    /// Answers a request, until the client goes away. With `clear` each second's text is shown in place of the last.
    func answer(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["clear"])
        guard let ticket = top.join() else { throw HTTPError(503, "as many look already as may: \(TopQueries.mostTickets)") }
        let hub = Hub.current
        let clear = parameters.has("clear") ? "\u{1B}[H\u{1B}[2J" : ""
        var (last, due) = (QueryTotals(daemon.shared), hub.loop.now())
        return HTTPResponse(
            .pieces {
                due = due.advanced(by: .seconds(1))
                try withExtendedLifetime(ticket) { try hub.sleep(until: due) }
                let now = QueryTotals(daemon.shared)
                let second = now.since(last)
                last = now
                guard case .json = format else { return Array((clear + text(second)).utf8) }
                return json(second)
            }, headers: [format.type(lines: true)])
    }

    /// A second for people.
    private func text(_ second: QueryTotals) -> String {
        let codes = second.codes.enumerated().filter { $0.element > 0 }.sorted { $0.element > $1.element }
        let shown = codes.map { "\(ResponseCode(rawValue: UInt16($0.offset))) \($0.element)" }.joined(separator: "  ")
        var text = QueryTotals.lineHead + second.line + "\nanswers in this second: \(shown.isEmpty ? "none" : shown)\n\n"
        let tables: [(String, [TopQueries.Count])] = [
            ("NAME", top.names(Self.rows)), ("CLIENT", top.clients(Self.rows)), ("DENIED NAME", top.denied(Self.rows)),
        ]
        for (head, counts) in tables where !counts.isEmpty {
            var table = TextTable(["QUERIES", head], right: [0])
            for (name, count) in counts { table.add(["\(count)", name]) }
            text += table.text + "\n"
        }
        let upstreams = UpstreamStanding.all(daemon.shared, at: Hub.current.loop.now())
        if !upstreams.isEmpty { text += UpstreamStanding.table(Array(upstreams.prefix(Self.rows))) }
        return text + "(queries of the last \(top.seconds) s)\n"
    }

    /// A second for programs, in a line.
    private func json(_ second: QueryTotals) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            second.write(to: &writer)
            writer.key("rcodes")
            writer.object { writer in
                for (code, count) in second.codes.enumerated() where count > 0 {
                    writer.member("\(ResponseCode(rawValue: UInt16(code)))", count)
                }
            }
            writer.key("top")
            top.write(Self.rows, to: &writer)
            writer.key("upstreams")
            writer.array { writer in
                for each in UpstreamStanding.all(daemon.shared, at: Hub.current.loop.now()).prefix(Self.rows) {
                    writer.object { each.write(to: &$0) }
                }
            }
        }
        writer.endLine()
        return writer.bytes
    }
}
