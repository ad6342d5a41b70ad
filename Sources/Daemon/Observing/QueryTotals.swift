internal import AnswerCache
internal import Observation
internal import Resolver

/// What all workers have counted of queries, at a moment or between two.
struct QueryTotals {
    /// Queries that came.
    private(set) var queries: UInt64 = 0
    /// Answers by where they came from, and by rcode; the last rcode stands for all from 31 on.
    private(set) var sources: [UInt64] = []
    private(set) var codes: [UInt64] = []
    /// Those of them that were SERVFAIL.
    private(set) var failures: UInt64 = 0
    private var coalesced: UInt64 = 0
    private var prefetched: UInt64 = 0
    private var truncated: UInt64 = 0
    private var durations = HistogramCounts()
    /// How long those took that were waited for.
    private(set) var waits = HistogramCounts()
    /// Questions that are being asked, and answers that are kept, at the end.
    private(set) var flights = 0
    private(set) var entries = 0

    /// What was counted since the start.
    init(_ shared: SharedState) {
        let figures = shared.figures.all
        queries = figures.reduce(0) { sum, each in (0..<16).reduce(sum) { $0 &+ each.queries[$1] } }
        sources = AnswerSource.allCases.map { source in
            figures.reduce(0) { sum, each in (0..<32).reduce(sum) { $0 &+ each.responses(source, $1) } }
        }
        codes = (0..<32).map { code in
            figures.reduce(0) { sum, each in AnswerSource.allCases.reduce(sum) { $0 &+ each.responses($1, code) } }
        }
        failures = codes[2]
        for each in figures {
            coalesced &+= each.coalesced.value
            prefetched &+= each.prefetched.value
            truncated &+= each.truncated.value
            for source in AnswerSource.allCases {
                durations.add(each.durations(source))
                waits.add(each.waits(source))
            }
        }
        flights = shared.flightCount
        entries = shared.cache.statistics.entries
    }

    /// What was counted since an earlier moment.
    func since(_ earlier: QueryTotals) -> QueryTotals {
        func less(_ new: UInt64, _ old: UInt64) -> UInt64 { new > old ? new - old : 0 }
        var result = self
        result.queries = less(queries, earlier.queries)
        result.sources = zip(sources, earlier.sources).map(less)
        result.codes = zip(codes, earlier.codes).map(less)
        result.failures = less(failures, earlier.failures)
        result.coalesced = less(coalesced, earlier.coalesced)
        result.prefetched = less(prefetched, earlier.prefetched)
        result.truncated = less(truncated, earlier.truncated)
        result.durations = durations.since(earlier.durations)
        result.waits = waits.since(earlier.waits)
        return result
    }

    /// All answers.
    var answers: UInt64 { sources.reduce(0, &+) }

    private func quantile(_ permille: UInt64) -> String {
        durations.quantile(permille: permille).map { $0 <= 1 ? "at once" : TextTable.duration(microseconds: $0) } ?? "-"
    }

    /// Lines for people.
    var text: String {
        var lines = [("queries", "\(queries)"), ("answers", "\(answers)")]
        for (source, count) in zip(AnswerSource.allCases, sources) {
            lines.append(("  from \(source.name)", "\(count)  (\(TextTable.share(count, of: answers)))"))
        }
        lines += [
            ("  of them SERVFAIL", "\(failures)"), ("  of them truncated", "\(truncated)"),
            ("queries that joined others", "\(coalesced)"), ("answers asked for ahead of time", "\(prefetched)"),
            ("half were answered within", quantile(500)), ("99 of 100 within", quantile(990)),
            ("questions being asked", "\(flights)"), ("answers kept", "\(entries)"),
        ]
        return lines.map { words, value in words + String(repeating: " ", count: 34 - words.count) + value + "\n" }.joined()
    }

    /// What stands above lines of seconds.
    static let lineHead = "  queries/s  memory%  upstream/s  failures/s       p50       p99   asking     kept\n"

    /// A second in one line.
    var line: String {
        func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(1, width - text.count)) + text }
        let memory = answers > 0 ? "\(Int((Double(sources[0]) / Double(answers) * 100).rounded()))" : "-"
        return right("\(queries)", 11) + right(memory, 9) + right("\(sources[AnswerSource.upstream.rawValue])", 12)
            + right("\(failures)", 12) + right(quantile(500), 10) + right(quantile(990), 10) + right("\(flights)", 9)
            + right("\(entries)", 9) + "\n"
    }

    /// The same for programs.
    func write(to writer: inout JSONWriter) {
        writer.member("queries", queries)
        writer.key("answers")
        writer.object { writer in
            for (source, count) in zip(AnswerSource.allCases, sources) { writer.member(source.name, count) }
        }
        writer.member("servfail", failures)
        writer.member("truncated", truncated)
        writer.member("coalesced", coalesced)
        writer.member("prefetched", prefetched)
        for (name, permille) in [("p50-microseconds", 500), ("p99-microseconds", 990)] as [(String, UInt64)] {
            if let value = durations.quantile(permille: permille) { writer.member(name, value) }
        }
        writer.member("flights", flights)
        writer.member("entries", entries)
    }

    /// The same as a line.
    var jsonLine: [UInt8] {
        var writer = JSONWriter()
        writer.object { write(to: &$0) }
        writer.endLine()
        return writer.bytes
    }
}
