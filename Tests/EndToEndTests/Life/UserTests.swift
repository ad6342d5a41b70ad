import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Started as root, it becomes another user, who may do all that the daemon does from then on.
    @Suite(.enabled(if: geteuid() == 0 && getpwnam("nobody") != nil, "needs root, to give it away"))
    struct UserTests {
        private let nobody: uid_t = getpwnam("nobody").map { $0.pointee.pw_uid } ?? 0

        /// The lines of `/proc/…/status` that say who each of its threads is, and what it may do.
        private func identities(_ pid: pid_t) throws -> [Substring] {
            let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
            return try tasks.flatMap { task in
                try String(contentsOfFile: "/proc/\(pid)/task/\(task)/status", encoding: .utf8).split(separator: "\n").filter {
                    $0.hasPrefix("Uid:") || $0.hasPrefix("Gid:") || $0.hasPrefix("CapEff:") || $0.hasPrefix("CapPrm:")
                }
            }
        }

        /// A file's owner and mode.
        private func owner(_ path: String) -> [UInt32]? {
            var info = stat()
            return lstat(path, &info) == 0 ? [info.st_uid, info.st_mode & 0o7777] : nil
        }

        @Test func `it becomes the user with all its threads, and its files, socket and reload work on`() throws {
            let directory = try TestDirectory()
            #expect(chown(directory.path, nobody, getpwnam("nobody").pointee.pw_gid) == 0)
            let (snapshot, hosts) = (
                directory.file("cache.snapshot"), try directory.write("192.0.2.7 printer.home\n", to: "hosts")
            )
            let more = "user: nobody\nworkers: 2\nhosts: \(hosts)\ncache: {snapshot: \(snapshot)}"
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], more, control: directory.file("control.sock"))
            let identities = try identities(vireo.process.pid)
            #expect(identities.count >= 3 * 4)
            for line in identities {
                let words = line.split(separator: "\t")
                let isOurs = line.hasPrefix("Cap") ? words[1].allSatisfy { $0 == "0" } : words[1...].allSatisfy { $0 != "0" }
                #expect(isOurs, "\(line)")
            }
            #expect(try vireo.ask("printer.home.", .a).answers.count == 1)
            #expect(try vireo.ask("www.example.", .a, over: .tcp).answers.count == 1)
            // Root still uses the control socket, which is the new user's; a flush writes the snapshot.
            #expect(owner(vireo.controlPath) == [nobody, 0o600])
            let flush = try Tool([VireoServer.binary, "cache", "flush", "www.example", "--control", vireo.controlPath])
            #expect(flush.output == "memory: removed 1 entry\n", "\(flush.errors)")
            try eventually("a snapshot; it says: \(vireo.process.errors)") { owner(snapshot) }
            #expect(owner(snapshot) == [nobody, 0o600])
            try directory.write("192.0.2.8 scanner.home\n", to: "hosts")
            try vireo.reload(upstreams: [upstream.address], more) { try vireo.ask("scanner.home.", .a).answers.count == 1 }
            vireo.process.send(SIGTERM)
            #expect(try vireo.process.waitForExit(within: .seconds(5)) == .code(0))
            #expect(owner(vireo.controlPath) == nil && !vireo.process.errors.contains("error"), "\(vireo.process.errors)")
        }

        @Test(.enabled(if: getpwnam("vireo") == nil, "this machine has a user vireo"))
        func `without a user to become it starts for a trial on loopback alone`() throws {
            for (listen, parts) in [("127.0.0.1:53", ["no user vireo"]), ("0.0.0.0:\(FreePort.take())", ["no user vireo"])] {
                let tool = try Tool([VireoServer.binary, "--listen", listen, "--upstream", "192.0.2.1"], within: .seconds(4))
                #expect(tool.exit == .code(1))
                for part in parts { #expect(tool.errors.contains(part), "\(tool.errors)") }
            }
            let directory = try TestDirectory()
            let yaml = "listen: [\"127.0.0.1:\(FreePort.take())\"]\nupstreams: [\"192.0.2.1\"]\n"
            let http = try directory.write(
                yaml + "http: 0.0.0.0:\(FreePort.take())\nhttp-token: abcdefghijklmnop\n", to: "http.yaml")
            let tool = try Tool([VireoServer.binary, "serve", "--config", http], within: .seconds(4))
            #expect(tool.exit == .code(1) && tool.errors.contains("no user vireo"), "\(tool.errors)")
            let upstream = try FakeUpstream()
            #expect(try VireoServer(upstreams: [upstream.address]).ask("www.example.", .a).answers.count == 1)
        }

        @Test(.enabled(if: getpwnam("vireo") == nil, "this machine has a user vireo"))
        func `sockets that were handed over count as taken`() throws {
            let manager = try ServiceManager("listen: [\"127.0.0.1:\(FreePort.take())\"]\nupstreams: [\"192.0.2.1\"]")
            try manager.open(SOCK_DGRAM, port: FreePort.take(), named: "dns", anywhere: true)
            let process = try manager.startOnly()
            #expect(try process.waitForExit(within: .seconds(4)) == .code(1))
            #expect(process.errors.contains("no user vireo"), "\(process.errors)")
        }
    }
}
