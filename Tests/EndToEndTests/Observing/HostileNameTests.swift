import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What strangers choose, in each output that an operator reads.
    @Suite struct HostileNameTests {
        /// A name with what moves a terminal's cursor, ends a line, turns the order of letters, or is markup.
        private static let name = #"\027[2J\010\013\000\155\226\128\174<img\032src=x>\"'{}%.example"#

        /// What of an output is more than characters to see, ends of lines and dig's tabs; `µ` stands in durations.
        private static func tricks(_ text: String) -> [Unicode.Scalar] {
            text.unicodeScalars.filter { !"\n\tµ".unicodeScalars.contains($0) && !(0x20...0x7E).contains($0.value) }
        }

        @Test func `a hostile name does nothing to a terminal, a line or a page, whichever command shows it`() throws {
            let (upstream, directory) = (try FakeUpstream(delay: Sanitizer.patience(.milliseconds(600))), try TestDirectory())
            let (log, port) = (directory.file("queries.log"), FreePort.take())
            let more = "http: \"127.0.0.1:\(port)\"\nhttp-page: true\ntimeout: 4s\nlog: {level: debug, queries: {to: \(log)}}"
            let server = try VireoServer(upstreams: [upstream.address], more)
            func started(_ words: String) throws -> ManagedProcess {
                try ManagedProcess(
                    [VireoServer.binary] + words.split(separator: " ").map(String.init) + ["--control", server.controlPath])
            }
            let watching = try ["queries --follow", "queries --follow --json", "top", "top --json"].map { try started($0) }
            let live = try ManagedProcess(["curl", "-sN", "http://127.0.0.1:\(port)/v1/live"])
            let asking = try ManagedProcess([VireoServer.binary, "explain", Self.name, "--control", server.controlPath])
            func expectPlain(_ output: String, _ what: String) {
                #expect(output.contains(#"\027["#) || output.contains(#"\\027["#), "\(what): \(output)")
                #expect(Self.tricks(output).isEmpty, "\(what): \(Self.tricks(output))")
            }
            func expectPlain(_ words: [String]) throws {
                for form in [[], ["--json"]] {
                    let tool = try Tool([VireoServer.binary] + words + ["--control", server.controlPath] + form)
                    expectPlain(tool.output, "\(words) \(form)")
                }
            }
            try eventually("the question in flight") {
                try Tool([VireoServer.binary, "ps", "--control", server.controlPath]).output.contains("027") ? true : nil
            }
            try expectPlain(["ps"])
            try asking.waitForExit()
            expectPlain(asking.output, "explain")
            for words in [["slow"], ["explain", Self.name], ["cache", "list"], ["cache", "get", Self.name]] {
                try expectPlain(words)
            }
            try eventually("what is live") {
                _ = try server.ask(Self.name, .a)
                let isLogged = try String(contentsOfFile: log, encoding: .isoLatin1).contains("027")
                return isLogged && (watching + [live]).allSatisfy({ $0.output.contains("027") }) ? true : nil
            }
            for process in watching + [live] { expectPlain(process.output, "what is live") }
            expectPlain(try String(contentsOfFile: log, encoding: .isoLatin1), "the query log")
            // No name that a client chose is a label, and none of it is logged.
            let metrics = try Tool([VireoServer.binary, "metrics", "--control", server.controlPath]).output
            #expect(!metrics.contains("027") && !metrics.contains("example") && Self.tricks(metrics).isEmpty)
            #expect(Self.tricks(server.process.errors).isEmpty)
        }
    }
}
