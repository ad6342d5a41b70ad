import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What the program says and returns when it is started in all kinds of ways.
    @Suite struct CommandLineTests {
        /// Runs the program, which is expected to end by itself within 2 s.
        private func run(_ arguments: [String]) throws -> Tool {
            try Tool([VireoServer.binary] + arguments, within: .seconds(2))
        }

        /// Expects one line on standard error and nothing on standard output.
        private func expectOneLine(_ tool: Tool, code: Int32, _ parts: [String], at location: SourceLocation = #_sourceLocation) {
            #expect(tool.exit == .code(code), "\(tool.errors)", sourceLocation: location)
            #expect(tool.output == "", sourceLocation: location)
            #expect(
                tool.errors.hasSuffix("\n") && tool.errors.dropLast().contains("\n") == false, "\(tool.errors)",
                sourceLocation: location)
            for part in parts {
                #expect(tool.errors.contains(part), "\(tool.errors) without \(part)", sourceLocation: location)
            }
        }

        @Test func `the version is one line with a number`() throws {
            let tool = try run(["--version"])
            #expect(tool.exit == .code(0))
            #expect(tool.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
        }

        @Test(arguments: [
            "--version", "--help", "help cache", "check FILE", "cache list --control SOCKET", "cache stats --control SOCKET",
        ])
        func `output that cannot be written is an error, and who reads no further is none`(_ words: String) throws {
            let directory = try TestDirectory()
            let vireo = try VireoServer(upstreams: ["127.0.0.1:9"])
            let file = try directory.write("upstreams: [\"192.0.2.1\"]\n", to: "good.yaml")
            let arguments = words.split(separator: " ").map {
                ["FILE": file, "SOCKET": vireo.controlPath][String($0)] ?? String($0)
            }
            let full = try Tool(["sh", "-c", "exec \"$@\" >/dev/full", "sh", VireoServer.binary] + arguments)
            expectOneLine(full, code: 1, ["standard output: No space left on device"])
            let closed = try Tool(["sh", "-c", "\"$@\" | true", "sh", VireoServer.binary] + arguments)
            #expect(closed.errors == "")
        }

        @Test func `an option that does not exist is a usage error`() throws {
            #expect(try run(["--bogus"]).exit == .code(64))
        }

        @Test(.enabled(if: geteuid() == 0 && Sanitizer.allowsNoProc, "needs root, to take /proc away"))
        func `arguments are read where there is no proc`() throws {
            let script = "mount --make-rprivate / && umount -l /proc && exec \"$0\" --version"
            let tool = try Tool(["unshare", "--mount", "sh", "-c", script, VireoServer.binary], within: .seconds(5))
            #expect(tool.exit == .code(0) && tool.output.contains(#/^\d+\.\d+\.\d+\n$/#), "\(tool.output)\(tool.errors)")
        }

        @Test func `the example configuration is good`() throws {
            let path = SourceTree.file("config/vireo.yaml").path
            let tool = try run(["check", path])
            #expect(tool.exit == .code(0), "\(tool.errors)")
            #expect(tool.errors == "")
        }

        @Test(arguments: [
            (
                "listen: [\"127.0.0.1:5300\"]\nupstream: [\"192.0.2.1\"]\n",
                [":2:1: upstream: unknown key", "did you mean upstreams"]
            ),
            ("workers: many\n", [":1:10: workers: \"many\"", "expected a whole number"]),
            ("workers: 1\nlisten: [\"dns.example\"]\n", [":2:10: listen[0]: ", "expected an address"]),
            ("upstreams: [\"192.0.2.1:99999\"]\n", [":1:13: upstreams[0]: ", "port"]),
            ("cache: {size: 64MiB\n", [": not valid YAML: "]),
            ("cache:\n  size: 1XB\n", [":2:9: cache.size: ", "expected a size"]),
            ("workers: 1\nworkers: 2\n", [":2:1: workers: given twice"]),
            ("", ["holds no settings"]),
        ])
        func `a bad configuration is one line with file, line, key and what was expected`(yaml: String, parts: [String]) throws {
            let directory = try TestDirectory()
            let file = try directory.write(yaml, to: "bad.yaml")
            expectOneLine(try run(["serve", "--config", file]), code: 2, [file] + parts)
            expectOneLine(try run(["check", file]), code: 2, [file] + parts)
        }

        @Test func `all mistakes of a file are told at once, a line each, by check and by the daemon, and options' too`() throws {
            let directory = try TestDirectory()
            let file = try directory.write(
                "wrokers: 1\ncache: {size: 1XB}\nupstreams: [\"tls://192.0.2.1?ca=/nowhere/ca.pem\"]\n", to: "bad.yaml")
            for arguments in [["check", file], ["serve", "--config", file, "--workers", "many"]] {
                let tool = try run(arguments)
                #expect(tool.exit == .code(2) && tool.output == "")
                let lines = tool.errors.split(separator: "\n")
                #expect(lines.count == 3, "\(tool.errors)")
                #expect(lines[0].hasPrefix("vireo: \(file):1:1: wrokers: unknown key; did you mean workers?"), "\(lines)")
                #expect(lines[1].hasPrefix("vireo: \(file):2:15: cache.size: "), "\(lines)")
            }
            let missing = try directory.write(
                "upstreams: [\"tls://192.0.2.1?ca=/nowhere/ca.pem\"]\ncookie-secret: /nowhere/keys\n", to: "missing.yaml")
            let tool = try run(["check", missing])
            let lines = tool.errors.split(separator: "\n")
            #expect(tool.exit == .code(2) && lines.count == 2, "\(tool.errors)")
            #expect(lines.first?.hasPrefix("vireo: \(missing):1:13: upstreams[0]: tls://192.0.2.1:853: /nowhere/ca.pem") == true)
            #expect(lines.last?.hasPrefix("vireo: \(missing):2:16: cookie-secret: /nowhere/keys: ") == true, "\(lines)")
        }

        @Test func `a password in a file that everybody can read is warned of, by check and by the daemon`() throws {
            let directory = try TestDirectory()
            let yaml =
                "upstreams: [\"127.0.0.1:9\"]\nlisten: [\"127.0.0.1:\(FreePort.take())\"]\ncontrol: off\ncache: {redis: \"redis://:topsecret@127.0.0.1:9\"}\n"
            let file = try directory.write(yaml, to: "vireo.yaml")
            let warning = "every user of this machine can read \(file)"
            for (mode, isWarned) in [(mode_t(0o644), true), (0o640, false)] {
                chmod(file, mode)
                let check = try run(["check", file])
                #expect(check.exit == .code(0) && check.output.contains(warning) == isWarned, "\(check.output)")
                let daemon = try ManagedProcess([VireoServer.binary, "--config", file])
                try eventually("the start; it says: \(daemon.errors)") { daemon.errors.contains(" serving ") ? true : nil }
                daemon.send(SIGTERM)
                #expect(try daemon.waitForExit() == .code(0))
                #expect(daemon.errors.contains(warning) == isWarned && !(daemon.errors + check.output).contains("topsecret"))
            }
        }

        @Test func `make install lets nobody but root and a group read the configuration`() throws {
            let directory = try TestDirectory()
            // Any program will do.
            let tool = try Tool([
                "make", "-C", SourceTree.root.path, "install", "DESTDIR=\(directory.file("staged"))", "PREFIX=/usr",
                "BINARY=/bin/true",
            ])
            #expect(tool.exit == .code(0), "\(tool.errors)")
            var info = stat()
            #expect(stat(directory.file("staged/etc/vireo/vireo.yaml"), &info) == 0 && info.st_mode & 0o7777 == 0o640)
        }

        @Test func `make uninstall takes away all that make install brought, but the configuration`() throws {
            let directory = try TestDirectory()
            let staged = directory.file("staged")
            func make(_ target: String) throws {
                let tool = try Tool([
                    "make", "-C", SourceTree.root.path, target, "DESTDIR=\(staged)", "PREFIX=/usr", "BINARY=/bin/true",
                ])
                #expect(tool.exit == .code(0), "\(tool.errors)")
            }
            func files() throws -> [String] {
                try FileManager.default.subpathsOfDirectory(atPath: staged).filter { path in
                    var isDirectory: ObjCBool = false
                    return FileManager.default.fileExists(atPath: "\(staged)/\(path)", isDirectory: &isDirectory)
                        && !isDirectory.boolValue
                }
            }
            try make("install")
            let installed = try files()
            for name in ["man8/vireo.8", "man5/vireo.yaml.5", "man1/vireo-cache.1", "completions/vireo", "_vireo", "vireo.fish"] {
                #expect(installed.contains { $0.hasSuffix(name) }, "\(installed)")
            }
            try make("uninstall")
            #expect(try files() == ["etc/vireo/vireo.yaml"])
        }

        @Test func `the unit bounds memory, tasks and files, keeps no core, and is tried again for as long as it takes`() throws {
            let unit = try String(contentsOf: SourceTree.file("systemd/vireo.service"), encoding: .utf8)
            let settings = unit.split(separator: "\n").filter { !$0.hasPrefix("#") }
            for name in ["MemoryMax=2G", "TasksMax=512", "LimitCORE=0", "LimitNOFILE=262144", "StartLimitIntervalSec=0"] {
                #expect(settings.contains { $0 == name }, "\(name)")
            }
            // What `allow: local` stands on needs AF_NETLINK, and nothing needs more than that.
            #expect(settings.contains("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK"))
            #expect(settings.filter { $0.hasPrefix("CapabilityBoundingSet") } == ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE"])
        }

        @Test func `a missing file is named, with the reason`() throws {
            expectOneLine(
                try run(["--config", "/nonexistent/vireo.yaml"]), code: 2, ["/nonexistent/vireo.yaml: ", "No such file"])
        }

        @Test func `a bad option value is named with the option`() throws {
            expectOneLine(try run(["--listen", "localhost"]), code: 2, ["--listen: \"localhost\" is a host name"])
            expectOneLine(try run(["--upstream", "gopher://192.0.2.1"]), code: 2, ["--upstream: \"gopher\" is not a transport"])
            expectOneLine(try run(["--workers", "0"]), code: 2, ["--workers: \"0\"", "from 1 to 256"])
            expectOneLine(try run(["--log-level", "loud"]), code: 2, ["--log-level: \"loud\"", "expected one of trace"])
        }

        @Test func `a port in use by UDP or by TCP is named`() throws {
            for type in [SOCK_DGRAM, SOCK_STREAM] {
                let port = FreePort.take()
                let descriptor = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                defer { close(descriptor) }
                var address = loopback(port)
                let code = withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                try #require(code == 0)
                if type == SOCK_STREAM { listen(descriptor, 1) }
                let tool = try run(["--listen", "127.0.0.1:\(port)", "--upstream", "192.0.2.1"])
                let transport = type == SOCK_STREAM ? "TCP" : "UDP"
                expectOneLine(
                    tool, code: 1,
                    ["127.0.0.1:\(port) (\(transport)) is in use by ", "(pid \(getpid())); expected a free address"])
            }
        }

        @Test func `a second instance on the same port is refused, the first goes on`() throws {
            let upstream = try FakeUpstream()
            let first = try VireoServer(upstreams: [upstream.address], "workers: 2")
            let second = try run(["--listen", "127.0.0.1:\(first.port)", "--upstream", "192.0.2.1"])
            expectOneLine(
                second, code: 1, ["127.0.0.1:\(first.port) (UDP) is in use by vireo (pid \(first.process.pid)); expected"])
            #expect(try first.ask("still.example.", .a).answers.count == 1)
        }

        @Test func `check reads standard input for a dash, and says what is wrong there`() throws {
            let good = try Tool(["sh", "-c", "echo 'upstreams: [192.0.2.1]' | \(VireoServer.binary) check -"])
            #expect(good.exit == .code(0), "\(good.errors)")
            let bad = try Tool(["sh", "-c", "printf 'workers: 1\\nupstream: [192.0.2.1]\\n' | \(VireoServer.binary) check -"])
            #expect(bad.exit == .code(2) && bad.errors.contains(":2:") && bad.errors.contains("upstream"), "\(bad.errors)")
        }

        @Test func `the unit never gives up`() throws {
            let text = try String(contentsOf: SourceTree.file("systemd/vireo.service"), encoding: .utf8)
            #expect(text.contains("StartLimitIntervalSec=0\n") && text.contains("Restart=on-failure\n"))
        }

        @Test(.enabled(if: geteuid() == 0 && Tool.exists("setpriv"), "needs root, to give rights away"))
        func `a privileged port without the right is named`() throws {
            let limit = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8)
            guard let limit = Int(limit.trimmingCharacters(in: .whitespacesAndNewlines)), limit > 53 else { return }
            // Others may not be allowed to look into the build's directory.
            let directory = try TestDirectory()
            let program = directory.file("vireo")
            try FileManager.default.copyItem(atPath: VireoServer.binary, toPath: program)
            let unprivileged = [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--no-new-privs",
            ]
            let tool = try Tool(
                unprivileged + [program, "--listen", "127.0.0.1:53", "--upstream", "192.0.2.1"], within: .seconds(2))
            expectOneLine(tool, code: 1, ["127.0.0.1:53: no right to take a port below 1024"])
        }
    }
}
