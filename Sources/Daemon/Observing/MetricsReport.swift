internal import AnswerCache
internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Observation
internal import Resolver
internal import Upstream

/// The metrics of a running daemon, made piece by piece: a metric at a time, and of a metric of all upstreams one upstream.
struct MetricsReport {
    /// Writes some of it. May wait.
    typealias Piece = (inout MetricsText) throws -> Void

    private var text: MetricsText
    private var pieces: [Piece]
    private var next = 0

    /// The metrics of a daemon, written in a format.
    init(_ daemon: ObservedDaemon, _ format: MetricsText.Format) {
        text = MetricsText(format)
        pieces = Self.queries(daemon) + Self.upstreams(daemon.shared.upstreams.inUse) + Self.cache(daemon)
        if let redis = daemon.shared.redis { pieces += Self.redis(redis) }
        if let rules = daemon.rules { pieces += Self.rules(rules) }
        if let downloads = daemon.downloads { pieces.append(Self.downloads(downloads)) }
        pieces += Self.serving(daemon) + Self.life(daemon)
        if let log = daemon.queryLog { pieces.append(Self.queryLog(log)) }
        if let dnstap = daemon.dnstap { pieces.append(Self.dnstap(dnstap)) }
        if let otlp = daemon.otlp { pieces.append(Self.otlp(otlp)) }
        pieces.append { $0.end() }
    }

    /// The response to a request.
    static func response(_ request: HTTPRequest, _ daemon: ObservedDaemon) -> HTTPResponse {
        let format = MetricsText.Format(accept: request.header("Accept"))
        var report = MetricsReport(daemon, format)
        return HTTPResponse(.pieces { try report.piece() }, headers: [HTTPField("Content-Type", format.contentType)])
    }

    /// The next piece; nil behind the last. Others have their turn before each.
    mutating func piece() throws -> [UInt8]? {
        guard next < pieces.count else { return nil }
        try Hub.current.yield(afterEvents: true)
        giveWay()
        try pieces[next](&text)
        next += 1
        return text.take()
    }

    // MARK: - Queries

    private static func queries(_ daemon: ObservedDaemon) -> [Piece] {
        let figures = daemon.shared.figures
        let shared = daemon.shared
        func counter(_ name: String, _ help: String, _ value: @escaping (QueryFigures) -> UInt64) -> Piece {
            {
                $0.family(name, .counter, help); $0.sample(figures.sum(value))
            }
        }
        return [
            { text in
                text.family("vireo_dns_queries", .counter, "Queries of clients, by how they came.")
                for transport in QueryTransport.allCases {
                    for (family, isIPv6) in [("ipv4", false), ("ipv6", true)] {
                        let count = figures.sum { $0.queries[transport.cell(isIPv6: isIPv6)] }
                        text.sample(count, ("transport", transport.name), ("family", family))
                    }
                }
            },
            { text in
                text.family("vireo_dns_responses", .counter, "Answers to clients, by where they came from and by rcode.")
                for source in AnswerSource.allCases {
                    for code in 0..<32 {
                        let count = figures.sum { $0.responses(source, code) }
                        guard count > 0 || (source == .memory && code == 0) else { continue }
                        let name = code == 31 ? "other" : "\(ResponseCode(rawValue: UInt16(code)))"
                        text.sample(count, ("source", source.name), ("rcode", name))
                    }
                }
            },
            { text in
                text.family(
                    "vireo_dns_request_duration_seconds", .histogram,
                    "How long answers took, by where they came from; those that needed no waiting count as no time.")
                for source in AnswerSource.allCases {
                    var counts = HistogramCounts()
                    for each in figures.all { counts.add(each.durations(source)) }
                    text.histogram(counts, ("source", source.name))
                }
            },
            counter("vireo_dns_coalesced", "Queries that waited for a question that was being asked already.") {
                $0.coalesced.value
            },
            counter("vireo_dns_prefetches", "Answers that were asked for anew before their time was over.") {
                $0.prefetched.value
            },
            counter("vireo_dns_truncated", "Answers that did not fit and were sent with TC.") { $0.truncated.value },
            counter("vireo_dns_dropped", "Queries to which nothing was said.") { $0.dropped.value },
            { text in
                let views = ViewDirectory.shared.identitiesByNumber.sorted { $0.key.rawValue < $1.key.rawValue }
                guard !views.isEmpty else { return }
                text.family(
                    "vireo_view_queries", .counter, "Queries by whose upstreams they are asked of: those of all, or of a group.")
                text.sample(figures.sum { $0.views[0] }, ("view", "general"))
                let own = views.prefix(QueryFigures.viewCells - 2)
                for (view, name) in zip(own, distinct(own.map(\.value.text))) {
                    let cell = QueryFigures.cell(ofView: view.key.rawValue)
                    text.sample(figures.sum { $0.views[cell] }, ("view", name))
                }
                if views.count > own.count {
                    text.sample(figures.sum { $0.views[QueryFigures.viewCells - 1] }, ("view", "other"))
                }
            },
            { text in
                text.family("vireo_dns_rate_limited", .counter, "What was over the rate limits of clients, by what it was.")
                for kind in ClientLimits.Kind.allCases {
                    text.sample(figures.sum { $0.limited[kind.rawValue] }, ("limit", kind.name))
                }
            },
            counter("vireo_dns_domain_limited", "Queries that got SERVFAIL because too many of their domain were asked at once.")
            {
                $0.domainLimited.value
            },
            { text in
                text.family("vireo_dns_flights", .gauge, "Questions that are being asked at present.")
                text.sample(UInt64(clamping: shared.flightCount))
            },
        ]
    }

    // MARK: - Upstreams

    private static let upstreamCounters: [(name: String, help: String, value: @Sendable (UpstreamFigures) -> UInt64)] = [
        ("queries", "Questions sent to an upstream; each try is one.", { $0.queries.value }),
        ("resends", "Datagrams sent again because no answer had come.", { $0.resends.value }),
        ("replies", "Replies of an upstream.", { $0.replies.value }),
        ("refusals", "Replies that said SERVFAIL, REFUSED or the like, or could not be read.", { $0.refusals.value }),
        ("timeouts", "Tries that ended because nothing came in time.", { $0.timeouts.value }),
        (
            "unreachable", "Tries that ended because there was no way, nobody listened, or the connection broke.",
            { $0.unreachable.value }
        ),
        (
            "insecure", "Tries that ended because the upstream did not prove who it is, by its certificate or a pin.",
            { $0.insecure.value }
        ),
        ("connections", "Connections opened to an upstream.", { $0.connections.value }),
        ("handshakes", "TLS handshakes with an upstream that succeeded.", { $0.handshakes.value }),
        ("resumptions", "Those of them that resumed an earlier session.", { $0.resumptions.value }),
        ("hedges", "Questions it was asked because another upstream was late.", { $0.hedges.value }),
        ("hedges_won", "Those of them that it answered first.", { $0.hedgesWon.value }),
        ("strays", "Messages in its name that fitted no question.", { $0.strays.value }),
        ("near_misses", "Replies with the right id that did not have the question as it was written.", { $0.nearMisses.value }),
        ("suspicious", "Its answers that were suspicious, and asked of a verifying upstream.", { $0.suspicious.value }),
        ("forged", "Those of them that were not what the verifying upstream said.", { $0.forged.value }),
    ]

    /// Names of which no two are the same: paths of upstreams over HTTPS are not shown, and may be all that tells them apart.
    static func distinct(_ names: [String]) -> [String] {
        var seen: [String: Int] = [:]
        return names.map { name in
            seen[name, default: 0] += 1
            return seen[name] == 1 ? name : "\(name) (\(seen[name, default: 0]))"
        }
    }

    private static func upstreams(_ healths: [UpstreamHealth]) -> [Piece] {
        let names = Self.distinct(healths.map { "\($0.address)" })
        var pieces: [Piece] = [
            { text in
                text.family("vireo_upstream_up", .gauge, "Whether an upstream answers.")
                for (health, name) in zip(healths, names) { text.sample(UInt64(health.isFailing ? 0 : 1), ("upstream", name)) }
            }
        ]
        for counter in upstreamCounters {
            pieces.append { text in
                text.family("vireo_upstream_\(counter.name)", .counter, counter.help)
                for (health, name) in zip(healths, names) {
                    text.sample(health.figures.sum(counter.value), ("upstream", name))
                }
            }
        }
        pieces.append { $0.family("vireo_upstream_round_trip_seconds", .histogram, "Round trips to an upstream.") }
        for (health, name) in zip(healths, names) {
            pieces.append { text in
                var counts = HistogramCounts()
                for figures in health.figures.all { counts.add(figures.roundTrips.counts) }
                text.histogram(counts, ("upstream", name))
            }
        }
        return pieces
    }
}
