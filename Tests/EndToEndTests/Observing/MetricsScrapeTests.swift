import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Metrics and health of the running daemon, read by Prometheus' own programs.
    @Suite struct MetricsScrapeTests {
        private static let packaging = SourceTree.file("packaging")

        /// What a server says to a request for a path.
        private func get(_ path: String, port: UInt16, _ headers: [String: String] = [:]) throws -> (status: Int, body: String) {
            var arguments = ["curl", "-s", "--max-time", "10", "-w", "\n%{http_code}", "http://127.0.0.1:\(port)\(path)"]
            for (name, value) in headers { arguments += ["-H", "\(name): \(value)"] }
            let lines = try Tool(arguments).output.split(separator: "\n", omittingEmptySubsequences: false)
            return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
        }

        @Test func `promtool finds nothing wrong with the metrics, however they are asked for`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let group = "groups: [{name: kids, clients: [192.0.2.64/26], upstreams: [192.0.2.53]}]"
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\n\(group)")
            for transport in [ClientTransport.udp, .tcp] {
                _ = try server.ask("www.example.", .a, over: transport)
                _ = try server.ask("www.example.", .a, over: transport)
            }
            let (status, text) = try get("/metrics", port: port)
            #expect(status == 200)
            let directory = try TestDirectory()
            let file = try directory.write(text + "\n", to: "metrics")
            let checked = try Tool(["sh", "-c", "promtool check metrics < '\(file)'"])
            #expect(checked.exit == .code(0) && checked.output == "" && checked.errors == "", "\(checked.errors)")
            #expect(text.contains("vireo_dns_queries_total{transport=\"tcp\",family=\"ipv4\"} 2\n"), "\(text.prefix(900))")
            #expect(text.contains("vireo_dns_responses_total{source=\"memory\",rcode=\"NOERROR\"} 3\n"))
            #expect(text.contains("vireo_dns_responses_total{source=\"upstream\",rcode=\"NOERROR\"} 1\n"))
            #expect(text.contains("vireo_view_queries_total{view=\"general\"} 4\n"))
            #expect(text.contains("vireo_view_queries_total{view=\"192.0.2.53:53\"} 0\n"))
            for name in ["list_downloads", "zone_transfers"] { #expect(text.contains("vireo_\(name)_total{result=\"new\"} 0\n")) }
            let open = try get("/metrics", port: port, ["Accept": "application/openmetrics-text"]).body
            #expect(open.hasSuffix("# EOF") || open.hasSuffix("# EOF\n"))
            let tool = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath])
            #expect(tool.output.contains("vireo_build_info{version="), "\(tool.errors)")
            #expect(try get("/health/live", port: port).status == 200)
            #expect(try get("/health/ready", port: port).body.hasPrefix("ready"))
            #expect(try get("/metrics", port: port, ["Host": "rebound.example"]).status == 403)
        }

        @Test func `connections that say nothing keep nobody from asking how it is`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"")
            let silent = try (0..<100).map { _ in try TCPConnection(to: port) }
            for path in ["/health/live", "/health/ready", "/metrics"] {
                #expect(try get(path, port: port).status == 200, "\(path)")
            }
            withExtendedLifetime((silent, server)) {}
        }

        @Test func `clients that ask again and again and take nothing keep nobody from asking how it is`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"")
            let request = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
            let deaf = try (0..<70).map { _ in
                let connection = try TCPConnection(to: port)
                connection.sendRaw(Array(repeatElement(request, count: 300).joined()))
                return connection
            }
            for path in ["/health/live", "/health/ready", "/metrics"] {
                #expect(try get(path, port: port).status == 200, "\(path)")
            }
            withExtendedLifetime((deaf, server)) {}
        }

        @Test func `Prometheus scrapes it, and knows its metrics`() throws {
            let upstream = try FakeUpstream()
            let (port, own) = (FreePort.take(), FreePort.take())
            let server = try VireoServer(
                upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"\nhttp-token: 0123456789abcdef")
            _ = try server.ask("www.example.", .a)
            let directory = try TestDirectory()
            let alerts = Self.packaging.appendingPathComponent("alerts.yaml").path
            let file = try directory.write(
                """
                rule_files: ["\(alerts)"]
                scrape_configs:
                  - job_name: vireo
                    scrape_interval: 1s
                    authorization: {credentials: 0123456789abcdef}
                    static_configs: [{targets: ["127.0.0.1:\(port)"]}]

                """, to: "prometheus.yml")
            let prometheus = try ManagedProcess([
                "prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(directory.file("data"))",
                "--web.listen-address=127.0.0.1:\(own)",
            ])
            for query in ["up==1", "vireo_dns_queries_total%7Btransport=%22udp%22%7D>0", "vireo_upstream_up==1"] {
                try eventually("Prometheus to know \(query); it says: \(prometheus.errors)", within: .seconds(30)) {
                    let body = try? get("/api/v1/query?query=\(query)", port: own).body
                    return body?.contains("\"instance\":\"127.0.0.1:\(port)\"") == true ? true : nil
                }
            }
        }

        @Test func `the alert rules are rules`() throws {
            let checked = try Tool(["promtool", "check", "rules", Self.packaging.appendingPathComponent("alerts.yaml").path])
            #expect(checked.exit == .code(0), "\(checked.errors)\(checked.output)")
        }

        @Test func `every metric that dashboard and alerts name is served`() throws {
            let upstream = try FakeUpstream()
            let port = FreePort.take()
            let server = try VireoServer(upstreams: [upstream.address], "http: \"127.0.0.1:\(port)\"")
            _ = try server.ask("www.example.", .a)
            let text = try get("/metrics", port: port).body
            let served = Set(
                text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }.map { String($0.split(separator: " ")[2]) })
            // Of parts that this daemon has none of.
            let others = ["vireo_redis_up", "vireo_redis_lookups_total"]
            for name in ["grafana.json", "alerts.yaml"] {
                let file = try String(contentsOf: Self.packaging.appendingPathComponent(name), encoding: .utf8)
                if name.hasSuffix("json") { _ = try JSONSerialization.jsonObject(with: Data(file.utf8)) }
                for match in file.matches(of: /vireo_[a-z_]+[a-z]/) {
                    let metric = String(match.output).replacing("_bucket", with: "")
                    #expect(served.contains(metric) || others.contains(metric), "\(metric) of \(name)")
                }
            }
        }

        @Test func `upstreams and figures are shown by the command line`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            _ = try server.ask("www.example.", .a)
            func vireo(_ arguments: String...) throws -> Tool {
                try Tool([VireoServer.binary] + arguments + ["--control", server.controlPath], within: .seconds(20))
            }
            #expect(
                try vireo("upstreams").output.contains(
                    #/127\.0\.0\.1:\d+ +well +[\d.]+ (µs|ms) +[\d.]+ (µs|ms) +100\.0 % +\d+ +0 +-/#))
            #expect(try vireo("stats").output.contains(#/from upstream +1 /#))
            #expect(try vireo("log-level", "debug").exit == .code(0))
            #expect(try vireo("log-level", "loud").errors.contains("expected one of trace, debug"))
            let watch = try ManagedProcess([VireoServer.binary, "stats", "--watch", "--control", server.controlPath])
            try eventually("a line a second; it says \(watch.output)", within: .seconds(10)) {
                watch.output.split(separator: "\n").count >= 3 ? true : nil
            }
        }

        @Test func `explain names the list, the rule and the line of the file that deny a name`() throws {
            let (upstream, directory) = (try FakeUpstream(), try TestDirectory())
            let ads = try directory.write("# ads\n||other.example^\n||ads.example^\n@@||good.ads.example^\n", to: "ads.txt")
            let server = try VireoServer(upstreams: [upstream.address], "lists: {ads: {from: \(ads)}}")
            func explain(_ arguments: String..., name: String = "x.ads.example") throws -> String {
                try Tool([VireoServer.binary, "explain", name, "--control", server.controlPath] + arguments).output
            }
            let text = try eventually("the list to hold") { try explain().contains("denied by") ? try explain() : nil }
            #expect(text.contains("rule: ads.example of list ads (\(ads):3)"), "\(text)")
            let object = try JSONSerialization.jsonObject(with: Data(try explain("--json").utf8)) as? [String: Any]
            #expect((object?["rule"] as? [String: Any])?["place"] as? String == "\(ads):3")
            let passed = try explain(name: "good.ads.example")
            #expect(passed.contains("rule: good.ads.example of list ads (\(ads):4), which lets it pass"), "\(passed)")
            #expect(try passed.contains("answer: from upstream") && !explain(name: "www.example").contains("rule: "))
        }

        @Test func `queries are shown as they are answered, to who asks for them, with nothing that a terminal obeys`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            func follow(_ arguments: String...) throws -> ManagedProcess {
                try ManagedProcess([VireoServer.binary, "queries", "--follow", "--control", server.controlPath] + arguments)
            }
            let all = try follow()
            let some = try follow("--json", "--name", "example", "--rcode", "noerror", "--client", "127.0.0.1")
            let none = try follow("--name", "other.example")
            try eventually("a query to be shown; it says \(all.output)\(all.errors)") {
                _ = try server.ask(#"a\027\[2J.example"#, .a)
                return all.output.contains("\n") && some.output.contains("\n") ? true : nil
            }
            #expect(all.output.contains(#/127\.0\.0\.1  a\\027\[2J\.example\. A  NOERROR  (upstream|memory)/#), "\(all.output)")
            #expect(!all.output.contains("\u{1B}") && none.output == "" && none.exit == nil)
            let line = some.output.split(separator: "\n").first ?? ""
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["client"] as? String == "127.0.0.1" && object?["rcode"] as? String == "NOERROR")
            server.process.send(SIGTERM)
            try all.waitForExit(within: .seconds(10))
            let tool = try Tool([VireoServer.binary, "queries", "--control", server.controlPath])
            #expect(tool.exit == .code(64) && tool.errors.contains("--follow"))
        }

        @Test func `a question is explained as it is answered, in flight and afterwards, whatever its name has in it`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(20))
            let server = try VireoServer(upstreams: [upstream.address])
            func vireo(_ arguments: String...) throws -> Tool {
                try Tool([VireoServer.binary] + arguments + ["--control", server.controlPath], within: .seconds(20))
            }
            let name = #"a\027\[2J.example"#
            let first = try vireo("explain", name, "A", "--client", "127.0.0.7")
            #expect(first.exit == .code(0), "\(first.errors)")
            for part in [
                "for 127.0.0.7", "memory: nothing is known", "asked over udp", "store: kept for", "\nNOERROR\n", " IN A ",
            ] {
                #expect(first.output.contains(part), "\(part) is not in \(first.output)")
            }
            #expect(!first.output.contains("\u{1B}"))
            #expect(try vireo("explain", name).output.contains("memory: an answer from \(upstream.address)"))
            #expect(try vireo("explain", name, "--no-cache").output.contains("asked over udp"))
            let json = try vireo("explain", name, "--json").output
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect(object?["rcode"] as? String == "NOERROR" && (object?["steps"] as? [Any])?.isEmpty == false)
            #expect(try vireo("explain", "a..b").errors.contains("is not a domain name"))
            let slow = try vireo("slow").output
            #expect(slow.contains("NOERROR") && slow.contains("027") && !slow.contains("\u{1B}"), "\(slow)")
            #expect(try vireo("ps").output == "nothing is being asked\n")
        }
    }
}
