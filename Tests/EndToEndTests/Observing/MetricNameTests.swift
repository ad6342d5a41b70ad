import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The metrics of a daemon that has everything, by their names and labels.
    @Suite(.enabled(if: Tool.exists("redis-server") && Tool.exists("promtool"), "redis-server, prometheus: make test-deps"))
    struct MetricNameTests {
        /// What operators build on, with the labels that each has.
        private static let promised: [String: Set<String>] = [
            "vireo_dns_queries_total": ["transport", "family"], "vireo_dns_responses_total": ["source", "rcode"],
            "vireo_dns_request_duration_seconds_bucket": ["source", "le"], "vireo_dns_coalesced_total": [],
            "vireo_dns_prefetches_total": [], "vireo_dns_truncated_total": [], "vireo_dns_dropped_total": [],
            "vireo_dns_rate_limited_total": ["limit"], "vireo_dns_flights": [], "vireo_dns_waiting_clients": [],
            "vireo_upstream_up": ["upstream"], "vireo_upstream_queries_total": ["upstream"],
            "vireo_upstream_replies_total": ["upstream"], "vireo_upstream_refusals_total": ["upstream"],
            "vireo_upstream_timeouts_total": ["upstream"], "vireo_upstream_unreachable_total": ["upstream"],
            "vireo_upstream_insecure_total": ["upstream"], "vireo_upstream_connections_total": ["upstream"],
            "vireo_upstream_handshakes_total": ["upstream"], "vireo_upstream_resumptions_total": ["upstream"],
            "vireo_upstream_hedges_total": ["upstream"], "vireo_upstream_hedges_won_total": ["upstream"],
            "vireo_upstream_near_misses_total": ["upstream"], "vireo_upstream_round_trip_seconds_bucket": ["upstream", "le"],
            "vireo_cache_entries": [], "vireo_cache_bytes": [], "vireo_cache_stale_hits_total": [],
            "vireo_cache_evictions_total": ["reason"], "vireo_redis_up": [], "vireo_redis_lookups_total": ["result"],
            "vireo_redis_stores_total": ["result"], "vireo_redis_errors_total": [], "vireo_redis_outages_total": [],
            "vireo_rules_hits_total": ["list"], "vireo_rules_names": ["list"], "vireo_rules_skipped_lines": ["list"],
            "vireo_tls_certificate_expiry_timestamp_seconds": ["certificate"], "vireo_tls_handshakes_total": [],
            "vireo_tls_resumptions_total": [], "vireo_tls_handshakes_failed_total": [], "vireo_greenlets": [],
            "vireo_hub_lag_seconds": ["worker"], "vireo_workers": [], "vireo_reloads_total": ["result"],
            "vireo_build_info": ["version"], "vireo_process_cpu_seconds_total": [], "vireo_process_open_fds": [],
            "vireo_process_resident_memory_bytes": [], "vireo_process_max_fds": [], "vireo_process_start_time_seconds": [],
            "vireo_query_log_dropped_total": [], "vireo_dnstap_dropped_total": [], "vireo_otlp_dropped_total": [],
        ]

        /// All labels that there are: what stands in them is ours, or the operator's.
        private static let labels: Set = [
            "transport", "family", "source", "rcode", "le", "limit", "view", "upstream", "reason", "result", "list", "url",
            "certificate", "worker", "version",
        ]

        @Test(.enabled(if: Tool.exists("kdig"))) func `what happens is counted where it is said to be`() throws {
            let (upstream, redis) = (try FakeUpstream(delay: Sanitizer.patience(.milliseconds(300))), try RedisServer())
            let vireo = try EncryptedVireo(upstreams: [upstream.address], "cache: {redis: \"redis://127.0.0.1:\(redis.port)\"}")
            let server = vireo.server
            func value(_ sample: String) throws -> Double? {
                let text = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
                return text.split(separator: "\n").first { $0.hasPrefix(sample + " ") }?.split(separator: " ").last.flatMap {
                    Double($0)
                }
            }
            func expect(_ sample: String, _ wanted: Double) throws {
                _ = try eventually("\(sample) to be \(wanted)") {
                    try value(sample) == wanted ? true : nil
                }
            }
            let clients = try (0..<3).map { _ in
                try ManagedProcess(["dig", "@127.0.0.1", "-p", "\(server.port)", "+tries=1", "slow.example"])
            }
            try eventually("three to wait") {
                try value("vireo_dns_flights") == 1 && value("vireo_dns_coalesced_total") == 2 ? true : nil
            }
            for client in clients { try client.waitForExit() }
            try expect("vireo_dns_flights", 0)
            try expect("vireo_redis_lookups_total{result=\"miss\"}", 1)
            try expect("vireo_redis_stores_total{result=\"stored\"}", 1)
            try expect("vireo_dns_responses_total{source=\"upstream\",rcode=\"NOERROR\"}", 3)
            for _ in 0..<2 {
                _ = try Tool([
                    "kdig", "@127.0.0.1", "-p", "\(vireo.tlsPort)", "+tls", "+tls-ca=\(vireo.authority)", "slow.example",
                ])
            }
            try expect("vireo_tls_handshakes_total", 2)
            try expect("vireo_dns_queries_total{transport=\"tls\",family=\"ipv4\"}", 2)
            try expect("vireo_dns_request_duration_seconds_count{source=\"upstream\"}", 3)
            let quick = try value("vireo_dns_request_duration_seconds_bucket{source=\"upstream\",le=\"0.262144\"}")
            let late = try value("vireo_dns_request_duration_seconds_bucket{source=\"upstream\",le=\"2.097152\"}")
            #expect(quick == 0 && late == 3)
            server.process.send(SIGHUP)
            try expect("vireo_reloads_total{result=\"success\"}", 1)
            try server.reload(yaml: "nonsense: 1\n") { try value("vireo_reloads_total{result=\"failure\"}") == 1 }
        }

        @Test func `every metric that is promised is served with its labels, and promtool finds nothing wrong with any`() throws {
            let (upstream, redis, directory) = (try FakeUpstream(), try RedisServer(), try TestDirectory())
            let ads = try directory.write("||ads.example^\n", to: "ads.txt")
            let certificate = try directory.write("", to: "odd \u{E9}\".pem")
            let key = directory.file("key.pem")
            let made = try Tool([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out", certificate, "-days", "3", "-subj", "/CN=dns.test", "-addext", "subjectAltName=DNS:dns.test",
            ])
            #expect(made.exit == .code(0), "\(made.errors)")
            let quoted = certificate.replacingOccurrences(of: "\"", with: "\\\"")
            let server = try VireoServer(
                upstreams: [upstream.address],
                """
                tls: {certificate: "\(quoted)", key: "\(key)"}
                cache: {redis: "redis://127.0.0.1:\(redis.port)"}
                lists: {ads: {from: "\(ads)"}}
                groups: [{name: kids, clients: [192.0.2.64/26], upstreams: [192.0.2.53]}, {name: default, block: [ads]}]
                log: {queries: {to: "\(directory.file("queries.log"))"}}
                dnstap: "unix:\(directory.file("nobody.sock"))"
                otlp: "http://127.0.0.1:\(FreePort.take())"

                """, listen: ["tls://127.0.0.1:\(FreePort.take())"])
            for name in ["www.example.", "www.example.", "never-a-label.example."] { _ = try server.ask(name, .a) }
            let text = try eventually("the list to be read, and loops to be looked at") {
                let text = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
                return text.contains("vireo_rules_names{list=\"ads\"} 1\n") && text.contains("vireo_hub_lag_seconds{")
                    ? text : nil
            }
            let file = try directory.write(text, to: "metrics")
            let checked = try Tool(["sh", "-c", "promtool check metrics < '\(file)'"])
            #expect(checked.exit == .code(0) && checked.output == "" && checked.errors == "", "\(checked.errors)")
            var served: [String: Set<String>] = [:]
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                let name = String(line.prefix { $0 != "{" && $0 != " " })
                // No value of these has a comma or `="` in it.
                served[name] = Set(line.matches(of: /[{,]([a-z]+)="/).map { String($0.output.1) })
            }
            for (name, labels) in Self.promised {
                #expect(served[name] == labels, "\(name): \(served[name].map { "\($0)" } ?? "-")")
            }
            for (name, labels) in served {
                #expect(name.hasPrefix("vireo_") && labels.isSubset(of: Self.labels), "\(name): \(labels)")
            }
            #expect(!text.contains("never-a-label") && text.contains("odd \u{E9}\\\".pem"))
        }
    }
}
