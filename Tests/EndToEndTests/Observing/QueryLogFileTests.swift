import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// The log of queries that the program writes.
    @Suite struct QueryLogFileTests {
        private func lines(_ path: String) -> [Substring] {
            ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
        }

        @Test func `queries are logged to a file, to a new one after SIGHUP, and to none where that is taken back`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let path = directory.file("queries.log")
            let more = "log: {queries: {to: \(path), privacy: mask}}"
            let server = try VireoServer(upstreams: [upstream.address], more)
            for number in 0..<20 { _ = try server.ask("n\(number).example.", .a) }
            try eventually("the log; it has \(lines(path))") { lines(path).count >= 20 ? true : nil }
            #expect(lines(path).contains { $0.contains(" 127.0.0.0 n7.example. A NOERROR upstream ") })
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
            server.process.send(SIGHUP)
            try eventually("a new file") {
                _ = try server.ask("again.example.", .a)
                return lines(path).contains { $0.contains("again.example.") } ? true : nil
            }
            #expect(!lines(path + ".old").isEmpty)
            let metrics = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
            #expect(metrics.contains("vireo_query_log_dropped_total 0\n") && metrics.contains("vireo_query_log_written_total"))
            server.process.send(SIGTERM)
            try server.process.waitForExit()
            #expect(lines(path).allSatisfy { $0.contains("127.0.0.0") })
        }

        @Test func `a log that nobody takes holds no query up, and what is lost is counted`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let path = directory.file("pipe")
            #expect(mkfifo(path, 0o600) == 0)
            // Whoever reads has it open, and does not read.
            let reader = open(path, O_RDWR | O_NONBLOCK)
            defer { close(reader) }
            let server = try VireoServer(upstreams: [upstream.address], "log: {queries: {to: \(path)}}")
            try eventually("queries to be dropped", within: .seconds(20)) {
                for _ in 0..<200 { _ = try server.ask("www.example.", .a) }
                let metrics = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
                let dropped = metrics.firstMatch(of: /vireo_query_log_dropped_total (\d+)/)?.output.1
                return dropped.flatMap { Int($0) } ?? 0 > 0 ? true : nil
            }
            #expect(server.process.errors.contains("query log cannot be written"))
        }

        @Test func `a place that cannot be written ends the start with a line that says so`() throws {
            let directory = try TestDirectory()
            let path = try directory.write(
                "listen: [\"127.0.0.1:\(FreePort.take())\"]\nupstreams: [\"192.0.2.1\"]\ncontrol: \"off\"\n"
                    + "log: {queries: {to: /nonexistent/queries.log}}\n", to: "vireo.yaml")
            let tool = try Tool([VireoServer.binary, "serve", "--config", path])
            #expect(
                tool.exit == .code(1) && tool.errors.contains("log.queries: /nonexistent/queries.log: No such file"),
                "\(tool.errors)")
        }
    }
}
