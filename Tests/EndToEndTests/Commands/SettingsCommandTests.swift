import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// `vireo reload` and `vireo config`.
    @Suite struct SettingsCommandTests {
        /// Runs a command against a daemon.
        private func vireo(_ arguments: String..., to server: VireoServer) throws -> Tool {
            try Tool([VireoServer.binary] + arguments + ["--control", server.controlPath], within: .seconds(20))
        }

        @Test func `a reload says what changed and what needs a restart, once it is in force`() throws {
            let (old, new) = (try FakeUpstream(ip: [192, 0, 2, 1]), try FakeUpstream(ip: [192, 0, 2, 2]))
            let server = try VireoServer(upstreams: [old.address], "workers: 1")
            #expect(try vireo("reload", to: server).output == "nothing changed\n")
            try server.write(upstreams: [new.address], "workers: 2\ncache: {max-ttl: 77}")
            let tool = try vireo("reload", to: server)
            #expect(tool.exit == .code(0), "\(tool.errors)")
            #expect(tool.output.contains("changed: upstreams: "), "\(tool.output)")
            #expect(tool.output.contains("changed: cache.max-ttl: 77 now, 86400 before\n"), "\(tool.output)")
            #expect(tool.output.contains("needs a restart: workers: 2 in the file, 1 in force\n"), "\(tool.output)")
            #expect(try server.ask("fresh.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.2"])
        }

        @Test(arguments: [[], ["--json"]])
        func `a bad file changes nothing, and its mistakes are a line each, with exit code 2`(options: [String]) throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            let before = try vireo("config", to: server).output
            try server.write(upstreams: [upstream.address], "cache: {max-tll: 77, size: 1XB}")
            let tool = try Tool([VireoServer.binary, "reload", "--control", server.controlPath] + options, within: .seconds(20))
            #expect(tool.exit == .code(2) && tool.output == "", "\(tool.output)")
            #expect(tool.errors.contains(":4:9: cache.max-tll: unknown key; did you mean max-ttl?\n"), "\(tool.errors)")
            #expect(tool.errors.contains("\nvireo: ") && tool.errors.contains(":4:28: cache.size: "), "\(tool.errors)")
            #expect(try vireo("config", to: server).output == before)
            #expect(try server.ask("fresh.example.", .a).responseCode == .noError)
        }

        @Test func `the settings in force are shown with their places, as a file that check finds good`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address], "cache: {redis: \"redis://:topsecret@127.0.0.1:9\"}")
            let tool = try vireo("config", to: server)
            #expect(tool.exit == .code(0), "\(tool.errors)")
            #expect(tool.output.contains(#/(?m)^upstreams: \["127.0.0.1:\d+"\]  # /.*/vireo\.yaml:2$/#), "\(tool.output)")
            #expect(tool.output.contains("\nmax-udp-size: 1232  # default\n"), "\(tool.output)")
            #expect(!tool.output.contains("topsecret"), "\(tool.output)")
            let directory = try TestDirectory()
            let file = try directory.write(tool.output.replacing("***@", with: ""), to: "shown.yaml")
            let check = try Tool([VireoServer.binary, "check", file], within: .seconds(5))
            #expect(check.exit == .code(0), "\(check.errors)")
        }

        @Test func `a level of the log that was set meanwhile is shown as it is in force`() throws {
            let server = try VireoServer(upstreams: ["127.0.0.1:9"], "log: {level: info}")
            #expect(try vireo("config", to: server).output.contains(#/\n  level: info  # .*:4\n/#))
            #expect(try vireo("log-level", "debug", to: server).exit == .code(0))
            #expect(try vireo("config", to: server).output.contains("\n  level: debug  # vireo log-level\n"))
            #expect(try vireo("reload", to: server).exit == .code(0))
            #expect(try vireo("config", to: server).output.contains(#/\n  level: info  # .*:4\n/#))
        }

        @Test func `without a daemon both say so`() throws {
            for command in ["reload", "config"] {
                let tool = try Tool([VireoServer.binary, command, "--control", "/nonexistent/control.sock"])
                #expect(tool.exit == .code(1) && tool.errors.contains("is the daemon running?"), "\(tool.errors)")
            }
        }
    }
}
