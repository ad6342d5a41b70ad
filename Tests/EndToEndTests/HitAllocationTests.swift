import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// The whole walk of a hit in the built program, from datagram to datagram, allocates nothing.
    @Suite struct HitAllocationTests {
        /// Allocations of a run with as many hits.
        private func allocations(hits: Int, _ settings: String, counter: String, in directory: TestDirectory) throws -> Int {
            let upstream = try FakeUpstream()
            let file = directory.file("count-\(hits)")
            let vireo = try VireoServer(
                upstreams: [upstream.address], "workers: 1\n\(settings)",
                environment: ["LD_PRELOAD": counter, "ALLOCATION_COUNT_FILE": file])
            let socket = try UDPSocket(to: vireo.port)
            let query = try Message.query("www.example.", .a, edns: EDNS()).encoded()
            for _ in 0..<hits {
                socket.send(query)
                let reply = socket.receive(within: .seconds(5))
                try #require(reply != nil)
            }
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            return try #require(Int(String(contentsOfFile: file, encoding: .utf8)))
        }

        /// Allocations of a run with as many hits over a connection of TLS or HTTPS.
        private func allocations(hits: Int, over mode: String, counter: String, in directory: TestDirectory) throws -> Int {
            let file = directory.file("count-\(mode)-\(hits)")
            let port = FreePort.take()
            let pair = "certificate: \"\(directory.file("server.pem"))\", key: \"\(directory.file("server.key"))\""
            let vireo = try VireoServer(
                upstreams: ["127.0.0.1:9"], "workers: 1\ntls: {\(pair)}\nlocal: |\n  a.example. 60 IN A 192.0.2.1",
                environment: ["LD_PRELOAD": counter, "ALLOCATION_COUNT_FILE": file],
                listen: [mode == "dot" ? "tls://127.0.0.1:\(port)" : "https://127.0.0.1:\(port)/dns-query"])
            let names = try directory.write("a.example A\n", to: "names")
            let load = try Tool([
                "dnsperf", "-s", "127.0.0.1", "-p", "\(port)", "-m", mode, "-O", "doh-uri=https://localhost:\(port)/dns-query",
                "-d",
                names, "-c", "1", "-q", "1", "-n", "\(hits)", "-l", "60",
            ])
            #expect(load.output.contains("Queries completed:    \(hits)"), "\(load.output)")
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            return try #require(Int(String(contentsOfFile: file, encoding: .utf8)))
        }

        @Test(
            .enabled(if: VireoServer.binary.contains("release") && Tool.exists("dnsperf"), "what is not optimised does allocate"),
            arguments: [("dot", 6), ("doh", 16)])
        func `a hit over TLS or HTTPS allocates what the libraries need`(_ mode: String, _ most: Int) throws {
            let directory = try TestDirectory()
            try EncryptedPeer.makeCertificates(directory, isExpired: false)
            let counter = try Self.counter(in: directory)
            let few = try allocations(hits: 1_000, over: mode, counter: counter, in: directory)
            let many = try allocations(hits: 6_000, over: mode, counter: counter, in: directory)
            #expect(few > 1_000, "the counter is not there")
            #expect((many - few) / 5_000 <= most, "\(few) with 1,000 hits, \(many) with 6,000")
        }

        /// A library that counts allocations.
        private static func counter(in directory: TestDirectory) throws -> String {
            let counter = directory.file("counter.so")
            let sources = TestDirectory.resource("../CAllocationCount")
            let compiler = try ManagedProcess([
                "clang", "-shared", "-fPIC", "-O1", "-I", "\(sources)/include", "-o", counter, "\(sources)/allocation_count.c",
            ])
            try #require(try compiler.waitForExit() == .code(0), "\(compiler.errors)")
            return counter
        }

        @Test(
            .enabled(if: VireoServer.binary.contains("release"), "what is not optimised does allocate"),
            arguments: ["", "rate-limit: {queries: 1000000, burst: 100000, responses: 100000, exempt: 192.0.2.1}"])
        func `10,000 hits more make no allocations more`(settings: String) throws {
            let directory = try TestDirectory()
            let counter = try Self.counter(in: directory)
            let few = try allocations(hits: 1_000, settings, counter: counter, in: directory)
            let many = try allocations(hits: 11_000, settings, counter: counter, in: directory)
            #expect(few > 1_000, "the counter is not there")
            // The clock ticks for longer, and that may cost a few.
            #expect(many - few < 500, "\(few) with 1,000 hits, \(many) with 11,000")
        }
    }
}
