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
            // The counter writes to a file of its own at the end.
            let vireo = try VireoServer(
                upstreams: [upstream.address], "workers: 1\nsandbox: false\n\(settings)",
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
            arguments: [
                "",
                "rate-limit: {queries: 1000000, burst: 100000, responses: 100000, all-responses: 100000, exempt: 192.0.2.1}",
            ])
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
