internal import Green
internal import Observation
internal import Resolver
internal import Upstream

/// How an upstream is, as an operator is shown it.
struct UpstreamStanding {
    private let name: String
    private let state: String
    private let queries: UInt64
    private let replies: UInt64
    private let failures: UInt64
    /// Of a thousand questions of all upstreams so many went to this one.
    private let total: UInt64
    /// Quantiles of its last round trips, in microseconds.
    private let median: UInt32?
    private let slow: UInt32?
    private let trouble: (text: String, secondsAgo: UInt64)?

    /// How an upstream is; all were asked `total` questions.
    init(_ health: UpstreamHealth, ofQueries total: UInt64, at now: Instant) {
        name = "\(health.address)"
        state = health.isDown ? "down" : health.isFailing ? "failing" : "well"
        let figures = health.figures
        queries = figures.sum { $0.queries.value }
        replies = figures.sum { $0.replies.value }
        failures = figures.sum { $0.timeouts.value &+ $0.refusals.value &+ $0.unreachable.value &+ $0.insecure.value }
        self.total = total
        let recent = figures.all.flatMap { $0.recent.microseconds }.sorted()
        median = RecentDurations.quantile(recent, permille: 500)
        slow = RecentDurations.quantile(recent, permille: 990)
        trouble = health.lastTrouble.map { ($0.trouble.text, $0.since.nanoseconds(to: now) / 1_000_000_000) }
    }

    /// How all are that are in use.
    static func all(_ shared: SharedState, at now: Instant) -> [UpstreamStanding] {
        let healths = shared.upstreams.inUse
        let total = healths.reduce(UInt64(0)) { $0 &+ $1.figures.sum { $0.queries.value } }
        return healths.enumerated().map { number, health in
            giveWay(before: number, every: 4)
            return UpstreamStanding(health, ofQueries: total, at: now)
        }
    }

    /// A table of some.
    static func table(_ standings: [UpstreamStanding]) -> String {
        var table = TextTable(
            ["UPSTREAM", "STATE", "P50", "P99", "SHARE", "QUERIES", "FAILURES", "LAST ERROR"], right: [2, 3, 4, 5, 6])
        for each in standings {
            func shown(_ duration: UInt32?) -> String {
                duration.map { TextTable.duration(microseconds: UInt64($0)) } ?? "-"
            }
            table.add([
                each.name, each.state, shown(each.median), shown(each.slow), TextTable.share(each.queries, of: each.total),
                "\(each.queries)", "\(each.failures)",
                each.trouble.map { "\($0.text), \(TextTable.duration(microseconds: $0.secondsAgo &* 1_000_000)) ago" } ?? "-",
            ])
        }
        return table.text
    }

    /// The same for programs.
    func write(to writer: inout JSONWriter) {
        writer.member("upstream", name)
        writer.member("state", state)
        writer.member("queries", queries)
        writer.member("replies", replies)
        writer.member("failures", failures)
        writer.member("share-permille", total > 0 ? Int((Double(queries) / Double(total) * 1000).rounded()) : 0)
        if let median, let slow {
            writer.member("round-trip-p50-microseconds", median)
            writer.member("round-trip-p99-microseconds", slow)
        }
        writer.member("last-error", trouble?.text)
        if let trouble { writer.member("last-error-seconds-ago", trouble.secondsAgo) }
    }
}
