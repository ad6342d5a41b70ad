internal import DNSWire
internal import Green
internal import NameRules
internal import Observation
internal import Resolver

/// What the page shows: the figures of each of the last 300 seconds, and how everything stands. Of the main thread's hub.
///
///     {"second": [queries, [answers by source], failures, p50, p99, flights], "upstreams": […], "top": {…}, …}
///
/// The first of a page has `history` in place of `second`: all that is known.
final class LiveOverview {
    /// What was counted in a second.
    private struct Second {
        let queries: UInt64
        let answers: [UInt64]
        let failures: UInt64
        let codes: [UInt64]
        /// Of those that were waited for, in microseconds.
        let median: UInt64?
        let slow: UInt64?
        let flights: Int

        func write(to writer: inout JSONWriter) {
            writer.array { writer in
                writer.value(queries)
                writer.array { writer in for count in answers { writer.value(count) } }
                writer.value(failures)
                for figure in [median, slow] { if let figure { writer.value(figure) } else { writer.null() } }
                writer.value(flights)
            }
        }
    }

    private let daemon: ObservedDaemon
    private let top: TopQueries
    private let hub = Hub.current
    private var totals: QueryTotals
    private var seconds: [Second] = []
    /// How everything stands, as it was written for a second.
    private var standing: (number: Int, bytes: [UInt8]) = (-1, [])
    /// The whole of what pages are told of it that saw the second before; nil until one asks.
    private var event: [UInt8]?
    /// How many seconds it has counted.
    private(set) var number = 0
    private var counting: Greenlet<Void>?
    /// Set for pages that wait, each time anew.
    private var news = Event()

    /// So many seconds are kept.
    static let kept = 300
    /// News come each second.
    private static let patience = Duration.seconds(10)
    /// So many names, clients and slow questions are shown.
    private static let rows = 10
    /// So many upstreams and lists are.
    private static let mostRows = 100

    /// An overview of a daemon that counts nothing yet.
    init(_ daemon: ObservedDaemon, _ top: TopQueries) {
        self.daemon = daemon
        self.top = top
        totals = QueryTotals(daemon.shared)
    }

    /// Counts each second from now on.
    func start() {
        totals = QueryTotals(daemon.shared)
        counting = hub.spawn(name: "overview") { [weak self, hub] in
            var due = hub.loop.now()
            while true {
                due = max(due.advanced(by: .seconds(1)), hub.loop.now())
                try hub.sleep(until: due)
                guard let self else { return }
                count()
            }
        }
    }

    /// Counts no more.
    func stop() {
        counting?.kill()
        counting = nil
    }

    /// Notes what came in the last second.
    private func count() {
        let now = QueryTotals(daemon.shared)
        let new = now.since(totals)
        totals = now
        seconds.append(
            Second(
                queries: new.queries, answers: new.sources, failures: new.failures, codes: new.codes,
                median: new.waits.quantile(permille: 500), slow: new.waits.quantile(permille: 990), flights: new.flights))
        if seconds.count > Self.kept { seconds.removeFirst() }
        number += 1
        wake()
    }

    /// Has all pages look for news.
    func wake() {
        news.set()
        news = Event(hub: hub)
    }

    /// The next piece of a page's news, which has seen what was there at `seen`; waits for it. Nil once `isOver`.
    func next(after seen: inout Int?, isOver: () -> Bool = { false }) throws -> [UInt8]? {
        while seen == number, !isOver() { _ = try news.wait(until: hub.loop.now().advanced(by: Self.patience)) }
        if isOver() { return nil }
        giveWay()
        defer { seen = number }
        if standing.number != number { (standing, event) = ((number, state()), nil) }
        let isNext = seen.map { $0 == number - 1 } == true
        // One event for all pages.
        if isNext, let event { return event }
        var writer = JSONWriter()
        writer.object { writer in
            if isNext, let last = seconds.last {
                writer.key("second")
                last.write(to: &writer)
            } else {
                writer.key("history")
                writer.array { writer in for second in seconds { second.write(to: &writer) } }
            }
        }
        // Two objects become one.
        let written =
            Array("data: ".utf8) + writer.bytes.dropLast() + Array(",".utf8) + standing.bytes.dropFirst() + Array("\n\n".utf8)
        if isNext { event = written }
        return written
    }

    /// How everything stands.
    private func state() -> [UInt8] {
        let now = hub.loop.now()
        let wall = hub.loop.wallTime()
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("version", Version.text)
            writer.member("uptime", max(0, wall / 1_000_000_000 - daemon.life.startedAt))
            writer.member("unready", daemon.unreadiness)
            writer.member("queries", totals.queries)
            writer.member("entries", totals.entries)
            writer.member("control", daemon.mayControl())
            writer.key("rcodes")
            writeCodes(to: &writer)
            writer.key("upstreams")
            writer.array { writer in
                for (number, standing) in UpstreamStanding.all(daemon.shared, at: now).prefix(Self.mostRows).enumerated() {
                    giveWay(before: number, every: 8)
                    writer.object { standing.write(to: &$0) }
                }
            }
            giveWay()
            writer.key("top")
            top.write(Self.rows, to: &writer)
            giveWay()
            writer.key("lists")
            writeLists(at: wall, to: &writer)
            let slow = Array(daemon.shared.slowQuestions(at: now).prefix(Self.rows))
            QuestionTable(slow, daemon.upstreams(), at: now).write("slow", to: &writer)
        }
        return writer.bytes
    }

    /// The rcodes of what is kept, the most frequent first.
    private func writeCodes(to writer: inout JSONWriter) {
        let sums = (0..<32).map { code in (code, seconds.reduce(UInt64(0)) { $0 &+ $1.codes[code] }) }
        writer.array { writer in
            for (code, count) in sums.filter({ $0.1 > 0 }).sorted(by: { $0.1 > $1.1 }) {
                writer.object { writer in
                    writer.member("rcode", code == 31 ? "other" : "\(ResponseCode(rawValue: UInt16(code)))")
                    writer.member("count", count)
                }
            }
        }
    }

    private func writeLists(at wall: Int64, to writer: inout JSONWriter) {
        let hits = daemon.rules?.hitCounts ?? []
        writer.array { writer in
            for (number, list) in (daemon.rules?.lists ?? []).enumerated().prefix(Self.mostRows) {
                writer.object { writer in
                    writer.member("name", list.settings.name)
                    writer.member("rules", list.table.ruleCount)
                    writer.member("hits", number < hits.count ? hits[number] : 0)
                    writer.member("age", max(0, wall - list.loadedAt) / 1_000_000_000)
                    writer.member("problem", list.problems.first.map { "\($0)" })
                }
            }
        }
    }
}
