import DNSWire
import Foundation
import Testing

extension EndToEnd {
    @Suite struct SnapshotTests {
        /// An upstream's address where nobody listens.
        private static func nobody() -> String { "127.0.0.1:\(FreePort.take())" }

        /// Settings with a snapshot in a directory.
        private static func settings(_ directory: TestDirectory, interval: String = "10m") -> String {
            "cache: {snapshot: \(directory.file("cache.snapshot")), snapshot-interval: \(interval)}\ntimeout: 100ms"
        }

        /// Fills a server's cache with names, a few at once.
        private static func fill(_ vireo: VireoServer, _ count: Int) throws {
            let connection = try TCPConnection(to: vireo.port)
            for start in stride(from: 0, to: count, by: 50) {
                let numbers = start..<min(count, start + 50)
                for number in numbers { connection.send(try Message.query("n\(number).example.", .a).encoded()) }
                for _ in numbers { #expect(connection.receive(within: .seconds(6)) != nil) }
            }
        }

        @Test func `a restart goes on with what was known, its TTLs counted on`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream(ip: [192, 0, 2, 7])
            let before = try VireoServer(upstreams: [upstream.address], Self.settings(directory))
            try Self.fill(before, 300)
            before.process.send(SIGTERM)
            #expect(try before.process.waitForExit() == .code(0))
            let after = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            for number in 0..<300 {
                let answer = try after.ask("n\(number).example.", .a)
                #expect(answer.answers.map { "\($0.data)" } == ["192.0.2.7"])
                #expect(answer.answers.allSatisfy { $0.ttl <= 300 })
            }
            #expect(upstream.questionCount == 300)
        }

        @Test func `a kill in the middle of a write loses nothing of the file before`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let first = try VireoServer(upstreams: [upstream.address], Self.settings(directory))
            try Self.fill(first, 4000)
            first.process.send(SIGTERM)
            try first.process.waitForExit()
            let path = directory.file("cache.snapshot")
            let size = try #require(try? Data(contentsOf: URL(fileURLWithPath: path))).count
            for _ in 0..<3 {
                let vireo = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory, interval: "1s"))
                try eventually("a snapshot to be begun") { access(path + ".new", F_OK) == 0 ? true : nil }
                vireo.process.send(SIGKILL)
                try vireo.process.waitForExit()
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count >= size / 2)
            }
            let last = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            try eventually("word of the snapshot") { last.process.errors.contains("snapshot read") ? true : nil }
            for number in stride(from: 0, to: 4000, by: 97) {
                #expect(try last.ask("n\(number).example.", .a).answers.count == 1)
            }
        }

        @Test func `a damaged file is left out with one line, and replaced at the next stop`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            try directory.write("VireoSnp nothing of the kind", to: "cache.snapshot")
            let vireo = try VireoServer(upstreams: [upstream.address], Self.settings(directory))
            try eventually("the complaint") {
                vireo.process.errors.components(separatedBy: "snapshot left out").count == 2 ? true : nil
            }
            try Self.fill(vireo, 10)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            let after = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            #expect(try after.ask("n3.example.", .a).answers.count == 1)
        }

        @Test func `a directory that is not there is said once, and stops nothing`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(
                upstreams: [upstream.address], "cache: {snapshot: /nonexistent/cache.snapshot, snapshot-interval: 1s}")
            try eventually("the complaint") { vireo.process.errors.contains("snapshot not written") ? true : nil }
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            #expect(vireo.process.errors.components(separatedBy: "snapshot not written").count == 2)
        }
    }
}
