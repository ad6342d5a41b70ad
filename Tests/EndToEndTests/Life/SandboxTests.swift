import Foundation
import Testing

extension EndToEnd {
    /// What the process gives up when it starts.
    @Suite struct SandboxTests {
        /// A daemon that logs queries below a directory, and whether this kernel has Landlock.
        private func server(_ log: String, _ more: String = "") throws -> (VireoServer, hasLandlock: Bool) {
            let server = try VireoServer(upstreams: ["127.0.0.1:9"], "log: {queries: {to: \(log)}}\n\(more)")
            let words = try eventually("the line that says so") { server.process.errors.firstMatch(of: #/ sandbox="?([a-z]+)/#) }
            return (server, words.1 == "landlock")
        }

        private func reload(_ server: VireoServer, _ log: String) throws -> Tool {
            try server.write(upstreams: ["127.0.0.1:9"], "log: {queries: {to: \(log)}}")
            return try Tool([VireoServer.binary, "reload", "--control", server.controlPath], within: .seconds(20))
        }

        @Test func `a reload to a directory that was not named at the start is refused with what is to be done`() throws {
            let directory = try TestDirectory()
            for name in ["first", "second"] { #expect(mkdir(directory.file(name), 0o700) == 0) }
            let (server, hasLandlock) = try server(directory.file("first/queries.log"))
            #expect(try reload(server, directory.file("first/others.log")).exit == .code(0))
            let tool = try reload(server, directory.file("second/queries.log"))
            guard hasLandlock else { return #expect(tool.exit == .code(0)) }
            #expect(tool.exit == .code(2))
            #expect(
                tool.errors.contains(#/vireo\.yaml:4: log\.queries\.to: ".*/second" is no directory .* or a restart\n/#),
                "\(tool.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory.file("second/queries.log")))
        }

        @Test func `the kernel refuses files in a directory that took the place of one that was named`() throws {
            let directory = try TestDirectory()
            #expect(mkdir(directory.file("logs"), 0o700) == 0)
            let (server, hasLandlock) = try server(directory.file("logs/queries.log"))
            try FileManager.default.moveItem(atPath: directory.file("logs"), toPath: directory.file("former"))
            #expect(mkdir(directory.file("logs"), 0o700) == 0)
            let tool = try reload(server, directory.file("logs/others.log"))
            guard hasLandlock else { return #expect(tool.exit == .code(0)) }
            #expect(tool.exit == .code(2) && tool.errors.contains("Permission denied"), "\(tool.errors)")
        }

        @Test func `a directory below one that was named is no other, and one that comes late is said to be`() throws {
            let directory = try TestDirectory()
            for name in ["logs", "logs/below"] { #expect(mkdir(directory.file(name), 0o700) == 0) }
            let (server, hasLandlock) = try server(
                directory.file("logs/queries.log"), "cache: {snapshot: \(directory.file("late/cache.snapshot"))}")
            guard hasLandlock else { return }
            try eventually("the line about it; \(server.process.errors)") {
                server.process.errors.contains(#/can be written to after a restart only .* place="cache\.snapshot: .*/late"/#)
                    ? true : nil
            }
            #expect(try reload(server, directory.file("logs/below/queries.log")).exit == .code(0))
        }

        @Test func `without it the process may write everywhere, as it says`() throws {
            let directory = try TestDirectory()
            for name in ["first", "second"] { #expect(mkdir(directory.file(name), 0o700) == 0) }
            let (server, hasLandlock) = try server(directory.file("first/queries.log"), "sandbox: false")
            #expect(!hasLandlock)
            try server.write(
                upstreams: ["127.0.0.1:9"], "log: {queries: {to: \(directory.file("second/queries.log"))}}\nsandbox: false")
            let tool = try Tool([VireoServer.binary, "reload", "--control", server.controlPath], within: .seconds(20))
            #expect(tool.exit == .code(0), "\(tool.errors)")
        }

        @Test func `a snapshot behind symbolic links is written where they lead`() throws {
            let directory = try TestDirectory()
            for name in ["named", "real"] { #expect(mkdir(directory.file(name), 0o700) == 0) }
            #expect(symlink("../real/cache.snapshot", directory.file("named/cache.snapshot")) == 0)
            let server = try VireoServer(
                upstreams: ["127.0.0.1:9"], "cache: {snapshot: \(directory.file("named/cache.snapshot"))}")
            server.process.send(SIGTERM)
            try server.process.waitForExit()
            #expect(FileManager.default.fileExists(atPath: directory.file("real/cache.snapshot")))
        }
    }
}
