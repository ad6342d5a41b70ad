import DNSWire
import Foundation
import TestSupport
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
            // What takes long is asked twice.
            #expect(upstream.questionCount == 300 || !Sanitizer.allowsMeasures)
        }

        @Test func `what was flushed is not back after a crash, however far off the next snapshot was`() throws {
            let directory = try TestDirectory()
            let file = URL(fileURLWithPath: directory.file("cache.snapshot"))
            let original = Data(try SnapshotFile.bytes(names: 10))
            try original.write(to: file)
            let vireo = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            #expect(try vireo.ask("n3.example.", .a).answers.count == 1)
            let flush = try Tool([VireoServer.binary, "cache", "flush", "n3.example", "--control", vireo.controlPath])
            #expect(flush.output == "memory: removed 1 entry\n", "\(flush.errors)")
            try eventually("a snapshot") { try Data(contentsOf: file) == original ? nil : true }
            vireo.process.send(SIGKILL)
            #expect(try vireo.process.waitForExit() == .signal(SIGKILL))
            let after = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            #expect(try after.ask("n3.example.", .a).flags.responseCode == .servFail)
            #expect(try after.ask("n4.example.", .a).answers.count == 1)
        }

        @Test func `a flush by another instance while this one was stopped reaches what its snapshot brings back`() throws {
            let directory = try TestDirectory()
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let near = try VireoServer(upstreams: [upstream.address], redis.line())
            let settings = redis.line("snapshot: \(directory.file("cache.snapshot"))")
            var far = try VireoServer(upstreams: [upstream.address], settings)
            func restart(_ meanwhile: () throws -> Void = {}) throws {
                far.process.send(SIGTERM)
                #expect(try far.process.waitForExit() == .code(0))
                try meanwhile()
                far = try VireoServer(upstreams: [upstream.address], settings)
                try redis.waitForListeners(2)
            }
            func flush(_ name: String) throws -> String {
                try Tool([VireoServer.binary, "cache", "flush", name, "--control", near.controlPath]).output
            }
            try redis.waitForListeners(2)
            _ = try far.ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            var output = ""
            try restart { output = try flush("a.example") }
            #expect(output == "memory: removed 0 entries\nredis: removed 1 entry\n")
            try eventually("the late flush") { far.process.errors.contains("a flush may have been missed") ? true : nil }
            #expect(upstream.questionCount == 1)
            #expect(try far.ask("a.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 2)
            // With no flush in between, all is kept. It has looked at the epoch before it says anything of the next.
            try restart()
            #expect(try flush("b.example").contains("memory of "))
            #expect(!far.process.errors.contains("a flush may have been missed"))
            try redis.ask("DEL", "vireo:1:a.example.:A:IN")
            #expect(try far.ask("a.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 2)
        }

        @Test func `answers go on growing old while the daemon is down, and those that run out are gone`() throws {
            let directory = try TestDirectory()
            for (age, ttls) in [(100 as UInt32, [200 as UInt32]), (301, [])] {
                let bytes = try SnapshotFile.bytes(names: 10, ttl: 300, age: age)
                try Data(bytes).write(to: URL(fileURLWithPath: directory.file("cache.snapshot")))
                let vireo = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
                let answer = try vireo.ask("n3.example.", .a)
                // The test's own seconds count as well.
                #expect(answer.answers.map { $0.ttl > 190 && $0.ttl <= 200 ? 200 : $0.ttl } == ttls)
            }
        }

        @Test(arguments: ["no-cache", "no-stale"])
        func `a domain that is kept by other rules than before has nothing from the snapshot`(_ what: String) throws {
            let directory = try TestDirectory()
            let bytes = try SnapshotFile.bytes(names: 10)
            try Data(bytes).write(to: URL(fileURLWithPath: directory.file("cache.snapshot")))
            let rule = "\ndomains: [{domain: n3.example, \(what): true}]"
            let vireo = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory) + rule)
            #expect(try vireo.ask("n3.example.", .a).flags.responseCode == .servFail)
            #expect(try vireo.ask("n4.example.", .a).answers.count == 1)
        }

        @Test func `a kill in the middle of a write loses nothing of the file before, and what it left is cleared away`() throws {
            let directory = try TestDirectory()
            let file = URL(fileURLWithPath: directory.file("cache.snapshot"))
            let temporary = file.path + ".new"
            let original = Data(try SnapshotFile.bytes(names: 60_000))
            var wasCaught = false
            for _ in 0..<20 where !wasCaught {
                try original.write(to: file)
                let vireo = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory, interval: "1s"))
                try eventually("a snapshot to be begun") { access(temporary, F_OK) == 0 ? true : nil }
                vireo.process.send(SIGKILL)
                #expect(try vireo.process.waitForExit() == .signal(SIGKILL))
                // Else it was finished before the signal came.
                wasCaught = access(temporary, F_OK) == 0
                if wasCaught { #expect(try Data(contentsOf: file) == original) }
            }
            #expect(wasCaught)
            let last = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            try eventually("word of all entries; it says: \(last.process.errors)") {
                last.process.errors.contains("entries=60000") ? true : nil
            }
            for number in stride(from: 0, to: 60_000, by: 997) {
                #expect(try last.ask("n\(number).example.", .a).answers.count == 1)
            }
            last.process.send(SIGTERM)
            #expect(try last.process.waitForExit() == .code(0))
            #expect(access(temporary, F_OK) != 0)
            var facts = stat()
            #expect(stat(file.path, &facts) == 0 && facts.st_mode & 0o7777 == 0o600)
        }

        /// Ways to spoil a snapshot.
        private static let damages: [@Sendable ([UInt8]) -> [UInt8]] = [
            { _ in [] },
            { _ in Array("VireoSnp nothing of the kind".utf8) },
            { Array($0.dropLast()) },
            { Array($0.prefix($0.count / 2)) },
            { bytes in bytes.indices.map { $0 == bytes.count / 2 ? bytes[$0] ^ 1 : bytes[$0] } },
            // The version before the first.
            { bytes in bytes.indices.map { $0 == 8 ? 0 : bytes[$0] } },
        ]

        @Test(arguments: 0..<damages.count)
        func `a file that is no good is left out with one line, and replaced at the next stop`(_ number: Int) throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let bytes = Self.damages[number](try SnapshotFile.bytes(names: 1000))
            try Data(bytes).write(to: URL(fileURLWithPath: directory.file("cache.snapshot")))
            let vireo = try VireoServer(upstreams: [upstream.address], Self.settings(directory))
            try Self.fill(vireo, 10)
            #expect(upstream.questionCount == 10)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            #expect(vireo.process.errors.components(separatedBy: "snapshot left out").count == 2)
            let after = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            #expect(try after.ask("n3.example.", .a).answers.count == 1)
        }

        @Test func `a file that cannot be read or written is a line each, and stops nothing`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            // Even root cannot read a directory as a file.
            try FileManager.default.createDirectory(atPath: directory.file("cache.snapshot"), withIntermediateDirectories: false)
            let vireo = try VireoServer(upstreams: [upstream.address], Self.settings(directory))
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            #expect(vireo.process.errors.components(separatedBy: "snapshot left out").count == 2)
            #expect(vireo.process.errors.components(separatedBy: "snapshot not written").count == 2)
            #expect(access(directory.file("cache.snapshot.new"), F_OK) != 0)
        }

        @Test func `a file that may grow no longer is said once, the one before stays, and queries are answered`() throws {
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let original = Data(try SnapshotFile.bytes(names: 2000))
            let file = URL(fileURLWithPath: directory.file("cache.snapshot"))
            try original.write(to: file)
            let vireo = try VireoServer(upstreams: [upstream.address], Self.settings(directory, interval: "1s"))
            #expect(try Tool(["prlimit", "--pid", "\(vireo.process.pid)", "--fsize=20000:20000"]).exit == .code(0))
            try eventually("the complaint") { vireo.process.errors.contains("snapshot not written") ? true : nil }
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            #expect(vireo.process.errors.components(separatedBy: "snapshot not written").count == 2)
            #expect(try Data(contentsOf: file) == original)
            #expect(access(file.path + ".new", F_OK) != 0)
        }

        @Test(.enabled(if: getuid() == 0))
        func `a disk that is full is said once, the file before stays, and the next write that fits is made`() throws {
            let directory = try TestDirectory()
            let disk = directory.file("disk")
            try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
            let mount = try Tool(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk])
            // Not even root may mount in every container.
            guard mount.exit == .code(0) else { return }
            defer { _ = try? Tool(["umount", "-l", disk]) }
            let upstream = try FakeUpstream()
            let original = Data(try SnapshotFile.bytes(names: 3000))
            let file = URL(fileURLWithPath: disk + "/cache.snapshot")
            try original.write(to: file)
            let more = "cache: {snapshot: \(file.path), snapshot-interval: 1s}\ntimeout: 100ms"
            let vireo = try VireoServer(upstreams: [upstream.address], more)
            try eventually("the complaint; it says: \(vireo.process.errors)") {
                vireo.process.errors.contains("snapshot not written") ? true : nil
            }
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            #expect(try Data(contentsOf: file) == original)
            #expect(access(file.path + ".new", F_OK) != 0)
            #expect(try Tool(["mount", "-o", "remount,size=2m", disk]).exit == .code(0))
            try eventually("a snapshot") { try Data(contentsOf: file) == original ? nil : true }
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit() == .code(0))
            #expect(vireo.process.errors.components(separatedBy: "snapshot not written").count == 2)
        }

        @Test func `a stop ends the queries first, then writes what they brought, and asks for patience meanwhile`() throws {
            let directory = try TestDirectory()
            let manager = try FakeServiceManager()
            let upstream = try FakeUpstream(delay: .milliseconds(700))
            let vireo = try VireoServer(
                upstreams: [upstream.address], "cache: {snapshot: \(directory.file("cache.snapshot"))}",
                environment: ["NOTIFY_SOCKET": manager.path])
            // Said to the manager when it serves already.
            try eventually("word of the start") { manager.messages().first == "READY=1" ? true : nil }
            let socket = try UDPSocket(to: vireo.port)
            socket.send(try Message.query("late.example.", .a).encoded())
            try eventually("the upstream to be asked") { upstream.questionCount >= 1 ? true : nil }
            vireo.process.send(SIGTERM)
            try eventually("word of the stop") { manager.messages().count >= 3 ? true : nil }
            #expect(Array(manager.messages()[1..<3]) == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=10000000"])
            #expect(access(directory.file("cache.snapshot"), F_OK) != 0)
            #expect(socket.receive(within: .seconds(2)) != nil)
            #expect(try vireo.process.waitForExit(within: .seconds(4)) == .code(0))
            let after = try VireoServer(upstreams: [Self.nobody()], Self.settings(directory))
            #expect(try after.ask("late.example.", .a).answers.count == 1)
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
