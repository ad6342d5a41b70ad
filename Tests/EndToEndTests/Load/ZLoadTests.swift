import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Much at once. The file's name puts these last, when the other modules' tests are done.
    @Suite struct LoadTests {
        @Test func `five thousand misses at once against a slow upstream are all answered`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(300))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let total = 5_000
            let queries = try (0..<total).map { try Message.query("n\($0).example.", .a, id: UInt16($0)).encoded() }
            let socket = try UDPSocket(to: vireo.port)
            var answered = Set<UInt16>()
            let start = ContinuousClock.now
            for (number, query) in queries.enumerated() {
                socket.send(query)
                // As fast as a socket's buffer is emptied: all are on their way before the first answer is due.
                let due = start + .microseconds(40 * number)
                while ContinuousClock.now < due {}
            }
            while answered.count < total, let reply = socket.receive(within: .seconds(6)) {
                if reply[3] & 15 == 0 { answered.insert(UInt16(reply[0]) << 8 | UInt16(reply[1])) }
            }
            #expect(answered.count == total)
            #expect(ContinuousClock.now - start < Sanitizer.patience(.seconds(6)))
        }

        @Test func `one question from many clients at once is asked once`() throws {
            let upstream = try FakeUpstream(delay: .milliseconds(300))
            let vireo = try VireoServer(upstreams: [upstream.address])
            let sockets = try (0..<200).map { _ in try UDPSocket(to: vireo.port) }
            for (id, socket) in sockets.enumerated() {
                socket.send(try Message.query(id % 2 == 0 ? "same.example." : "SAME.Example.", .a, id: UInt16(id)).encoded())
            }
            for (id, socket) in sockets.enumerated() {
                let reply = try Message(reading: socket.receive(within: .seconds(5)))
                #expect(reply.id == UInt16(id) && reply.answers.count == 1)
                #expect("\(reply.questions[0].name)" == (id % 2 == 0 ? "same.example." : "SAME.Example."))
            }
            #expect(upstream.questionCount == 1)
        }

        /// Seconds that the load lasts; VIREO_LOAD_SECONDS=30 for the whole measure.
        private static let seconds = ProcessInfo.processInfo.environment["VIREO_LOAD_SECONDS"].flatMap { Int($0) } ?? 10

        @Test(.enabled(if: Tool.exists("dnsperf") && Sanitizer.allowsMeasures))
        func `twenty thousand queries a second for cached names lose none`() throws {
            let upstream = try FakeUpstream(ttl: 3_600)
            let vireo = try VireoServer(upstreams: [upstream.address], "workers: 1")
            let directory = try TestDirectory()
            let names = (0..<1_000).map { "name\($0).example A\n" }.joined()
            let file = try directory.write(names, to: "names")
            let common = ["dnsperf", "-s", "127.0.0.1", "-p", "\(vireo.port)", "-d", file, "-c", "8", "-T", "1"]
            let warm = try Tool(common + ["-n", "1", "-Q", "5000"])
            #expect(warm.exit == .code(0), "\(warm.errors)")
            let load = try Tool(common + ["-Q", "20000", "-l", "\(Self.seconds)"], within: .seconds(Self.seconds + 20))
            let sent = load.output.firstMatch(of: /Queries sent:\s+(\d+)/).flatMap { Int($0.1) } ?? 0
            let lost = load.output.firstMatch(of: /Queries lost:\s+(\d+)/).flatMap { Int($0.1) } ?? -1
            #expect(lost == 0, "\(load.output)")
            #expect(sent >= 18_000 * Self.seconds, "\(load.output)")
        }
    }
}
