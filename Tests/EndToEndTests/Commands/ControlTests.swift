import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The control socket of a running daemon, and the commands that use it.
    @Suite struct ControlTests {
        /// Runs a command against a daemon.
        private func vireo(_ arguments: [String], _ server: VireoServer) throws -> Tool {
            try Tool([VireoServer.binary] + arguments + ["--control", server.controlPath], within: .seconds(20))
        }

        /// Expects one line on standard error, nothing on standard output, and exit code 1.
        private func expectComplaint(_ tool: Tool, _ part: String, at location: SourceLocation = #_sourceLocation) {
            #expect(tool.exit == .code(1), sourceLocation: location)
            #expect(tool.output == "", sourceLocation: location)
            #expect(tool.errors.split(separator: "\n").count == 1, "\(tool.errors)", sourceLocation: location)
            #expect(tool.errors.contains(part), "\(tool.errors) without \(part)", sourceLocation: location)
        }

        @Test func `what was asked is listed, with where it came from`() throws {
            let upstream = try FakeUpstream(ip: [192, 0, 2, 7])
            let server = try VireoServer(upstreams: [upstream.address])
            _ = try server.ask("www.listed.example.", .a)
            _ = try server.ask("www.listed.example.", .a)
            _ = try server.ask("other.example.", .a)
            for arguments in [
                ["--inspect-cache", "*.listed.example"], ["--inspect-cache=*.listed.example"],
                ["--inspect-cache", "--type", "A", "*.listed.example"],
                ["--inspect-cache", "*.listed.example", "--type=a"],
                ["cache", "list", "*.listed.example", "--type", "A"],
            ] {
                let tool = try vireo(arguments, server)
                #expect(tool.exit == .code(0), "\(tool.errors)")
                let lines = tool.output.split(separator: "\n")
                #expect(lines.count == 2)
                let columns = lines[1].split(separator: " ").map(String.init)
                #expect(columns[0...2] == ["www.listed.example.", "A", "192.0.2.7"])
                #expect((290...300).contains(try #require(Int(columns[3]))))
                #expect(columns[5] == "1")
                #expect(columns[7...9] == ["memory", upstream.address, "udp"])
            }
            #expect(try vireo(["--inspect-cache"], server).output.split(separator: "\n").count == 3)
            let json = try vireo(["--inspect-cache", "--json", "--limit", "1"], server).output
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect(object?["tier"] as? String == "memory")
        }

        @Test func `an entry is printed as dig prints it`() throws {
            let upstream = try FakeUpstream(ip: [192, 0, 2, 7])
            let server = try VireoServer(upstreams: [upstream.address])
            _ = try server.ask("www.example.", .a)
            let tool = try vireo(["cache", "get", "WWW.example", "a"], server)
            #expect(tool.exit == .code(0))
            #expect(tool.output.contains(";; ANSWER SECTION:\nwww.example.\t"))
            #expect(tool.output.contains("\tIN\tA\t192.0.2.7\n"))
            expectComplaint(try vireo(["cache", "get", "www.example", "AAAA"], server), "www.example. AAAA is not in the cache")
        }

        @Test func `a flush makes the upstream be asked again`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            for (number, arguments) in [
                ["www.example", "A"], ["www.example"], ["--subtree", "example"], ["--upstream", upstream.address],
                ["--answer-in", "192.0.2.0/24"], ["--all"],
            ].enumerated() {
                _ = try server.ask("www.example.", .a)
                _ = try server.ask("www.example.", .a)
                #expect(upstream.questionCount == number + 1)
                let tool = try vireo(["cache", "flush"] + arguments, server)
                #expect(tool.output == "memory: removed 1 entry\n", "\(arguments): \(tool.errors)")
            }
            let statistics = try vireo(["cache", "stats"], server).output
            #expect(statistics.contains(/entries +0\n/) && statistics.contains(/flushed +6\n/), "\(statistics)")
        }

        @Test func `what cannot be done is said in one line`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            expectComplaint(try vireo(["cache", "get", "a..b"], server), "\"a..b\" is not a domain name")
            expectComplaint(try vireo(["cache", "list", "--type", "NOTYPE"], server), "\"NOTYPE\" is not a record type")
            expectComplaint(try vireo(["cache", "get", "a.example", "NOTYPE"], server), "\"NOTYPE\" is not a record type")
            expectComplaint(try vireo(["--inspect-cache=a..b"], server), "\"a..b\" is not a domain name")
            expectComplaint(try vireo(["--inspect-cache", "--tier", "redis"], server), "cache.redis is not set")
            expectComplaint(try vireo(["cache", "flush", "--subtree", "a..b"], server), "\"a..b\" is not a domain name")
            expectComplaint(try vireo(["cache", "flush", "--upstream", "nobody"], server), "\"nobody\" is no upstream")
            expectComplaint(try vireo(["cache", "flush", "--upstream", "192.0.2.99"], server), upstream.address)
            expectComplaint(try vireo(["cache", "flush", "--answer-in", "192.0.2.0/40"], server), "192.0.2.0/40")
            #expect(try vireo(["cache", "flush"], server).exit == .code(64))
            let missing = try Tool([VireoServer.binary, "cache", "stats", "--control", "/nonexistent/control.sock"])
            expectComplaint(missing, "is the daemon running?")
        }

        @Test func `a daemon that is gone is said to be, and a dead socket gives way to the next one`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let path = directory.file("control.sock")
            var server: VireoServer? = try VireoServer(upstreams: [upstream.address], control: path)
            server?.process.send(SIGKILL)
            try server?.process.waitForExit()
            expectComplaint(
                try Tool([VireoServer.binary, "cache", "stats", "--control", path]), "the daemon is not running")
            server = try VireoServer(upstreams: [upstream.address], control: path)
            #expect(try Tool([VireoServer.binary, "cache", "stats", "--control", path]).exit == .code(0))
            server?.process.send(SIGTERM)
            #expect(try server?.process.waitForExit() == .code(0))
            #expect(access(path, F_OK) == -1)
        }

        @Test func `a daemon that was told nothing makes its socket where systemd says`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let arguments = [VireoServer.binary, "--listen", "127.0.0.1:\(FreePort.take())", "--upstream", upstream.address]
            let daemon = try ManagedProcess(arguments, environment: ["RUNTIME_DIRECTORY": directory.path])
            defer { withExtendedLifetime(directory) {} }
            let path = directory.file("control.sock")
            try eventually("the socket; it says: \(daemon.errors)") { access(path, F_OK) == 0 ? true : nil }
            #expect(try Tool([VireoServer.binary, "cache", "stats", "--control", path]).exit == .code(0))
        }

        @Test(.enabled(if: geteuid() == 0 && Tool.exists("setpriv"), "needs root, to give rights away"))
        func `a user's own daemon has its socket in the user's own directory`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let program = directory.file("program")
            try FileManager.default.copyItem(atPath: VireoServer.binary, toPath: program)
            #expect(chown(directory.path, 65_534, 65_534) == 0)
            let asUser = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program]
            let environment = ["XDG_RUNTIME_DIR": directory.path]
            let daemon = try ManagedProcess(
                asUser + ["--listen", "127.0.0.1:\(FreePort.take())", "--upstream", upstream.address], environment: environment)
            // The daemon may begin long after this line, and the folder must be there then.
            defer { withExtendedLifetime(directory) {} }
            let path = directory.file("vireo/control.sock")
            try eventually("the socket; it says: \(daemon.errors)") { access(path, F_OK) == 0 ? true : nil }
            #expect(try Tool(asUser + ["cache", "stats"], environment: environment).exit == .code(0))
        }

        @Test func `a socket that a living daemon has is not taken, nor is one that cannot be made`() throws {
            let upstream = try FakeUpstream()
            let first = try VireoServer(upstreams: [upstream.address])
            // Few enough for any limit of descriptors, of which there would be a word besides.
            let directory = try TestDirectory()
            defer { withExtendedLifetime(directory) {} }
            let file = try directory.write("connections: 100\n", to: "vireo.yaml")
            let listen = "127.0.0.1:\(FreePort.take())"
            let arguments = [VireoServer.binary, "--config", file, "--listen", listen, "--upstream", upstream.address]
            expectComplaint(try Tool(arguments + ["--control", first.controlPath]), "in use by another process")
            expectComplaint(try Tool(arguments + ["--control", "/nonexistent/control.sock"]), "the directory is missing")
            #expect(try Tool(arguments + ["--control", "relative"]).exit == .code(2))
            #expect(try vireo(["cache", "stats"], first).exit == .code(0))
        }

        @Test func `the socket is for its user alone, or for the group too`() throws {
            let upstream = try FakeUpstream()
            for (more, mode) in [("", mode_t(0o600)), ("control-mode: 0660", mode_t(0o660))] {
                let server = try VireoServer(upstreams: [upstream.address], more)
                var info = stat()
                #expect(stat(server.controlPath, &info) == 0)
                #expect(info.st_mode & 0o7777 == mode)
            }
        }

        @Test(.enabled(if: geteuid() == 0 && Tool.exists("setpriv"), "needs root, to give rights away"))
        func `a user without the right is told so`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            let directory = try TestDirectory()
            let program = directory.file("vireo")
            try FileManager.default.copyItem(atPath: VireoServer.binary, toPath: program)
            let tool = try Tool([
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "cache", "stats", "--control",
                server.controlPath,
            ])
            expectComplaint(tool, "no permission")
        }

        @Test func `queries are answered while the whole cache is listed`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address], "workers: 1")
            let total = Sanitizer.rounds(20_000)
            try fill(server, total)
            let listing = try ManagedProcess([VireoServer.binary, "cache", "list", "--control", server.controlPath])
            let socket = try UDPSocket(to: server.port)
            var answered = 0
            repeat {
                socket.send(try Message.query("n\(answered % total).fill.example.", .a).encoded())
                guard socket.receive(within: .seconds(2)) != nil else { break }
                answered += 1
            } while listing.exit == nil
            #expect(listing.exit == .code(0))
            #expect(answered > 0)
            let names = Set(listing.output.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } })
            #expect(names.count == total)
            #expect(upstream.questionCount < total + 2_000)
        }

        /// Asks for `total` names, some at a time.
        private func fill(_ server: VireoServer, _ total: Int) throws {
            let socket = try UDPSocket(to: server.port)
            var (sent, received) = (0, 0)
            while received < total {
                while sent < total, sent - received < 200 {
                    socket.send(try Message.query("n\(sent).fill.example.", .a).encoded())
                    sent += 1
                }
                try #require(socket.receive(within: .seconds(5)) != nil)
                received += 1
            }
        }

        @Test func `a client that reads nothing of a listing harms nobody`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            try fill(server, Sanitizer.rounds(5_000))
            let stuck = try (0..<5).map { _ in try UnixConnection(to: server.controlPath) }
            for connection in stuck { connection.send("GET /v1/cache HTTP/1.1\r\nHost: x\r\n\r\n") }
            #expect(try vireo(["cache", "stats"], server).exit == .code(0))
            #expect(try server.ask("n1.fill.example.", .a).answers.count == 1)
            server.process.send(SIGTERM)
            #expect(try server.process.waitForExit(within: .seconds(4)) == .code(0))
        }

        @Test func `bytes that are no HTTP harm nobody`() throws {
            let upstream = try FakeUpstream()
            let server = try VireoServer(upstreams: [upstream.address])
            var random = SeededNumbers(seed: 3)
            for _ in 0..<300 {
                let connection = try UnixConnection(to: server.controlPath)
                let garbage = (0..<Int.random(in: 1...400, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                connection.send(bytes: garbage)
            }
            let long = try UnixConnection(to: server.controlPath)
            long.send("GET /v1/cache?pattern=" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\n\r\n")
            #expect(try vireo(["cache", "stats"], server).exit == .code(0))
            #expect(server.process.exit == nil)
        }
    }
}
