internal import AnswerCache
internal import Green
internal import NameRules
internal import Observation
internal import Resolver

/// Metrics of the daemon's parts.
extension MetricsReport {
    private typealias Figure = (name: String, kind: MetricsText.Kind, help: String, value: UInt64)

    /// A piece for each figure.
    private static func write(_ figures: [Figure], to text: inout MetricsText) {
        for figure in figures {
            text.family(figure.name, figure.kind, figure.help)
            text.sample(figure.value)
        }
    }

    /// The cache in memory.
    static func cache(_ daemon: ObservedDaemon) -> [Piece] {
        let cache = daemon.shared.cache
        return [
            { text in
                let figures = cache.statistics
                write(
                    [
                        ("vireo_cache_entries", .gauge, "Answers in the cache.", UInt64(clamping: figures.entries)),
                        ("vireo_cache_bytes", .gauge, "Memory that they take.", UInt64(clamping: figures.bytesUsed)),
                        ("vireo_cache_limit_bytes", .gauge, "Memory that they may take.", UInt64(clamping: figures.byteBudget)),
                        ("vireo_cache_hits", .counter, "Look-ups that found an answer.", figures.hits),
                        ("vireo_cache_misses", .counter, "Look-ups that found none.", figures.misses),
                        ("vireo_cache_stale_hits", .counter, "Answers given out past their time.", figures.staleHits),
                        ("vireo_cache_stores", .counter, "Answers stored.", figures.stores),
                        ("vireo_cache_flushed", .counter, "Answers removed on request.", figures.removed),
                    ], to: &text)
                text.family("vireo_cache_evictions", .counter, "Answers that gave way to others, by what they were.")
                for (reason, count) in [
                    ("unused", figures.evicted), ("expired", figures.evictedExpired), ("stale", figures.evictedStale),
                    ("in_use", figures.evictedInUse),
                ] {
                    text.sample(count, ("reason", reason))
                }
            }
        ]
    }

    /// Redis, as a tier of the cache.
    static func redis(_ tier: RedisTier) -> [Piece] {
        [
            { text in
                text.family(
                    "vireo_redis_up", .gauge, "Whether Redis is used by all workers: 0 while the circuit breaker is open.")
                text.sample(UInt64(tier.isLeftOut ? 0 : 1))
                text.family("vireo_redis_lookups", .counter, "Look-ups in Redis, by what came of them.")
                let results: [(String, RedisCount)] = [
                    ("hit", .hits), ("miss", .misses), ("expired", .expired), ("mismatch", .invalid), ("timeout", .timeouts),
                    ("left_out", .leftOut),
                ]
                for (result, count) in results { text.sample(tier.figure(count), ("result", result)) }
                text.family("vireo_redis_stores", .counter, "Answers given to Redis, by whether it took them.")
                text.sample(tier.figure(.stores), ("result", "stored"))
                text.sample(tier.figure(.refusedStores), ("result", "refused"))
                write(
                    [
                        ("vireo_redis_errors", .counter, "Commands that failed.", tier.figure(.errors)),
                        (
                            "vireo_redis_outages", .counter, "Times that a worker opened its circuit breaker.",
                            tier.figure(.outages)
                        ),
                    ], to: &text)
            }
        ]
    }

    /// Lists of names.
    static func rules(_ rules: NameRulesPart) -> [Piece] {
        let lists = Array(rules.lists.enumerated())
        return [
            { text in
                let hits = rules.hitCounts
                text.family("vireo_rules_hits", .counter, "Queries and answers that a list has denied.")
                for (number, list) in lists where number < hits.count {
                    text.sample(UInt64(clamping: hits[number]), ("list", list.settings.name))
                }
                text.family("vireo_rules_names", .gauge, "Rules in a list.")
                for (_, list) in lists { text.sample(UInt64(clamping: list.table.ruleCount), ("list", list.settings.name)) }
                text.family("vireo_rules_skipped_lines", .gauge, "Lines of a list that mean nothing for DNS.")
                for (_, list) in lists {
                    text.sample(UInt64(clamping: list.report.skippedCount), ("list", list.settings.name))
                }
                text.family("vireo_rules_read_timestamp_seconds", .gauge, "When a list was read.")
                for (_, list) in lists {
                    text.sample(UInt64(clamping: list.loadedAt / 1_000_000_000), ("list", list.settings.name))
                }
            }
        ]
    }

    /// Lists and zones that come from elsewhere.
    static func downloads(_ part: ListDownloadsPart) -> Piece {
        { text in
            for (name, help, totals) in [
                ("vireo_list_downloads", "Times that a list was asked for by HTTP, by what came of it.", part.downloads),
                ("vireo_zone_transfers", "Times that a zone was asked of its primaries, by what came of it.", part.transfers),
            ] {
                text.family(name, .counter, help)
                text.sample(totals.new, ("result", "new"))
                text.sample(totals.same, ("result", "same"))
                text.sample(totals.failed, ("result", "failure"))
            }
            let states = Array(part.states.filter { $0.value.record.size > 0 }.sorted { $0.key.text < $1.key.text }.prefix(100))
            text.family("vireo_list_confirmed_timestamp_seconds", .gauge, "When a server last said that this is the list.")
            let names = distinct(states.map { $0.key.shown })
            for (name, state) in zip(names, states) {
                text.sample(UInt64(clamping: state.value.record.checkedAt), ("url", name))
            }
        }
    }

    /// The workers, their clients, and what these are shown.
    static func serving(_ daemon: ObservedDaemon) -> [Piece] {
        let figures = daemon.shared.figures
        var pieces: [Piece] = [
            { text in
                text.family("vireo_tls_handshakes", .counter, "TLS handshakes of clients that succeeded.")
                text.sample(figures.sum { $0.handshakes.value })
                text.family("vireo_tls_resumptions", .counter, "Those of them that resumed an earlier session by a ticket.")
                text.sample(figures.sum { $0.resumptions.value })
            }
        ]
        if let certificates = daemon.certificates {
            pieces.append { text in
                text.family("vireo_tls_certificate_expiry_timestamp_seconds", .gauge, "When a certificate for clients ends.")
                for (file, end) in certificates.certificates?.expiries ?? [] {
                    text.sample(UInt64(clamping: end), ("certificate", file))
                }
            }
        }
        guard let workers = daemon.workers else { return pieces }
        pieces.append { text in
            let total = workers.lastFigures
            write(
                [
                    ("vireo_workers", .gauge, "Workers that serve.", UInt64(clamping: workers.serving)),
                    (
                        "vireo_dns_waiting_clients", .gauge, "Queries that wait for an answer.",
                        UInt64(clamping: total.waitingClients)
                    ),
                    (
                        "vireo_client_connections", .gauge, "Connections of clients that are open.",
                        UInt64(clamping: total.connections)
                    ),
                    (
                        "vireo_client_connections_refused", .counter, "Connections for which there was no place.",
                        total.refusedConnections
                    ),
                    (
                        "vireo_client_connections_closed", .counter, "Connections closed to make room for others.",
                        total.closedConnections
                    ),
                    ("vireo_dns_shed", .counter, "Datagrams for which there was no greenlet.", total.shedDatagrams),
                    ("vireo_dns_refused_clients", .counter, "Queries of clients that may not ask.", total.refusedQueries),
                    (
                        "vireo_dns_turned_away", .counter, "Queries that got SERVFAIL because too many waited.",
                        total.turnedAwayQueries
                    ),
                    ("vireo_tls_handshakes_failed", .counter, "TLS handshakes of clients that failed.", total.failedHandshakes),
                    ("vireo_greenlets", .gauge, "Greenlets of the workers.", UInt64(clamping: total.greenlets)),
                ], to: &text)
            text.family("vireo_hub_lag_seconds", .gauge, "How long a worker's loop took to come to what it was last asked.")
            for (worker, lag) in workers.lags { text.sample(microseconds: lag / 1_000, ("worker", "\(worker)")) }
        }
        return pieces
    }

    /// The log of queries.
    static func queryLog(_ totals: QueryLogTotals) -> Piece {
        { text in
            write(
                [
                    ("vireo_query_log_written", .counter, "Queries that were logged.", totals.written.value),
                    ("vireo_query_log_dropped", .counter, "Queries that were to be logged and were not.", totals.dropped.value),
                ], to: &text)
        }
    }

    /// Messages for dnstap.
    static func dnstap(_ totals: QueryLogTotals) -> Piece {
        { text in
            write(
                [
                    ("vireo_dnstap_messages", .counter, "Messages that were handed over as dnstap.", totals.written.value),
                    ("vireo_dnstap_dropped", .counter, "Messages that were not, for they came too fast.", totals.dropped.value),
                ], to: &text)
        }
    }

    /// Traces for OpenTelemetry.
    static func otlp(_ totals: OTLPTotals) -> Piece {
        { text in
            write(
                [
                    ("vireo_otlp_traces", .counter, "Traces that the collector took.", totals.sent.value),
                    (
                        "vireo_otlp_dropped", .counter, "Traces that were not sent: they came too fast, or nobody took them.",
                        totals.dropped.value
                    ),
                    ("vireo_otlp_rejected_spans", .counter, "Spans that the collector rejected.", totals.rejected.value),
                ], to: &text)
            text.family("vireo_otlp_requests", .counter, "Requests to the collector, by what came of them.")
            text.sample(totals.succeeded.value, ("result", "success"))
            text.sample(totals.failed.value, ("result", "failure"))
        }
    }

    /// The daemon and its process.
    static func life(_ daemon: ObservedDaemon) -> [Piece] {
        let life = daemon.life
        return [
            { text in
                text.family("vireo_reloads", .counter, "Reloads of the settings, by how they went.")
                text.sample(life.reloads, ("result", "success"))
                text.sample(life.failedReloads, ("result", "failure"))
                text.family("vireo_settings_loaded_timestamp_seconds", .gauge, "When settings were last taken over.")
                text.sample(UInt64(clamping: life.loadedAt))
                text.family("vireo_build_info", .gauge, "What is running.")
                text.sample(UInt64(1), ("version", Version.text))
            },
            { text in
                let files = Hub.current.loop.files
                let process = try blocking { ProcessFigures(files) }
                text.family("vireo_process_cpu_seconds", .counter, "Processor time that the process took.")
                text.sample(microseconds: process.cpuMicroseconds)
                write(
                    [
                        ("vireo_process_resident_memory_bytes", .gauge, "Memory that is resident.", process.residentBytes),
                        ("vireo_process_open_fds", .gauge, "Descriptors that are open.", process.openDescriptors),
                        ("vireo_process_max_fds", .gauge, "Descriptors that may be open.", process.mostDescriptors),
                        (
                            "vireo_process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.",
                            UInt64(clamping: life.startedAt)
                        ),
                    ], to: &text)
            },
        ]
    }
}
