/// Where an answer to a client came from. The order is that of the cells it is counted in.
package enum AnswerSource: Int, CaseIterable, Sendable {
    /// The cache in memory.
    case memory
    /// Redis.
    case redis
    /// An upstream.
    case upstream
    /// The cache in memory, past its time (RFC 8767).
    case stale
    /// A rule: a list, or a schedule.
    case rule
    /// Records of our own: the hosts file, local data, locally served zones, what is said of the server itself.
    case local
    /// Nowhere: the query was refused, or no answer was to be had.
    case error

    /// Its name in metrics.
    package var name: String { "\(self)" }
}

/// How a client's query came. The order is that of the cells it is counted in.
package enum QueryTransport: Int, CaseIterable, Sendable {
    case udp, tcp, tls, https, http

    /// Its name in metrics.
    package var name: String { "\(self)" }

    /// Whether it is a stream, on which answers may be as long as they are.
    @inline(__always)
    package var streams: Bool {
        switch self {
        case .udp: false
        case .tcp, .tls, .https, .http: true
        }
    }

    /// The cell of its queries over a version of IP.
    package func cell(isIPv6: Bool) -> Int { rawValue << 1 | (isIPv6 ? 1 : 0) }
}

/// What became of the answer to a query.
package enum AnswerOutcome: UInt8, Sendable, CaseIterable {
    /// It was sent.
    case answered
    /// It was sent without what did not fit.
    case truncated
    /// The query was refused.
    case refused
    /// Limits cut it to nothing, so that its client asks over TCP.
    case slipped
    /// Limits kept it back: nothing was sent.
    case limited

    /// Whether something went to the client.
    package var isSent: Bool { self != .limited }

    /// What is said of it.
    package var name: String { "\(self)" }
}

/// What one worker counts about queries and their answers.
package final class QueryFigures: Sendable {
    /// Queries by `QueryTransport.cell`.
    package let queries = CounterRow<16>()
    /// Answers by source, 32 cells for each: the rcodes, those from 31 on together.
    private let responses = CounterRow<256>()
    /// How long the answers took that were waited for, by source.
    private let durations = InlineArray<8, LogLinearHistogram> { _ in LogLinearHistogram() }
    /// Answers that were waited for, by source.
    private let waited = CounterRow<8>()
    /// Queries that waited for a question that was being asked already.
    package let coalesced = Counter()
    /// Answers that were asked for before their time was over, and before anybody needed them.
    package let prefetched = Counter()
    /// Answers with TC: they did not fit.
    package let truncated = Counter()
    /// Queries to which nothing was said.
    package let dropped = Counter()
    /// Queries, answers and refusals over the limits of clients (`ClientLimits.Kind`).
    package let limited = CounterRow<4>()
    /// Queries that got no answer since too many of their domain were being asked.
    package let domainLimited = Counter()
    /// Queries by `cell(ofView:)`, where groups ask upstreams of their own.
    package let views = CounterRow<64>()
    /// So many cells of views there are; the last is that of all that have none of their own.
    package static let viewCells = 64

    /// The cell of a view by its number (`ViewNumber`), of which the general one's is 1.
    package static func cell(ofView number: UInt16) -> Int { min(max(Int(number) - 1, 0), viewCells - 1) }
    /// TLS handshakes of clients that succeeded.
    package let handshakes = Counter()
    /// Those of them that resumed an earlier session, by a ticket.
    package let resumptions = Counter()

    /// Nothing counted.
    package init() {}

    /// Counts an answer from the cache that was given at once: the walk of a hit.
    @inline(__always)
    package func noteHit(_ responseCode: UInt16) { responses.add(at: Int(truncatingIfNeeded: responseCode & 31)) }

    /// Counts any other answer.
    package func note(_ source: AnswerSource, _ responseCode: UInt16) {
        responses.add(at: source.rawValue << 5 | Int(min(responseCode, 31)))
    }

    /// Notes that such an answer was waited for, and for how long.
    package func noteWait(_ source: AnswerSource, nanoseconds: UInt64) {
        waited.add(at: source.rawValue)
        durations[source.rawValue].record(nanoseconds: nanoseconds)
    }

    /// How many answers of a source had an rcode.
    package func responses(_ source: AnswerSource, _ responseCode: Int) -> UInt64 {
        responses[source.rawValue << 5 | min(max(0, responseCode), 31)]
    }

    /// How long the answers of a source took that were waited for.
    package func waits(_ source: AnswerSource) -> HistogramCounts { durations[source.rawValue].counts }

    /// How long the answers of a source took. What needed no waiting counts as no time: it is less than what the loop's clock
    /// tells apart.
    package func durations(_ source: AnswerSource) -> HistogramCounts {
        var counts = durations[source.rawValue].counts
        let all = (0..<32).reduce(UInt64(0)) { $0 &+ responses(source, $1) }
        let waited = waited[source.rawValue]
        counts.addInstants(all > waited ? all - waited : 0)
        return counts
    }
}
