import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Names by rule in the built program: lists of every format, groups, changes, and files that are none.
    @Suite struct RuleTests {
        /// The answer to a client at 127.0.0.x.
        private func ask(_ server: VireoServer, _ name: String, _ type: RecordType = .a, from client: UInt8 = 1) throws -> Message
        {
            let socket = try UDPSocket(to: server.port, from: "127.0.0.\(client)")
            socket.send(try Message.query(name, type, edns: EDNS()).encoded())
            return try Message(reading: socket.receive(within: .seconds(6)))
        }

        /// The data of an answer.
        private func data(_ server: VireoServer, _ name: String, from client: UInt8 = 1) throws -> [String] {
            try ask(server, name, from: client).answers.map { "\($0.data)" }
        }

        /// Runs a command against a daemon.
        private func vireo(_ arguments: [String], _ server: VireoServer) throws -> Tool {
            try Tool([VireoServer.binary] + arguments + ["--control", server.controlPath], within: .seconds(20))
        }

        @Test(arguments: [
            ("domains", "# list\nbad.example\n*.below.bad.example\n"), ("hosts", "127.0.0.1 localhost\n0.0.0.0 bad.example\n"),
            ("adblock", "! list\r\n||bad.example^\r\n"), ("dnsmasq", "address=/bad.example/0.0.0.0\n"),
            ("unbound", "server:\nlocal-zone: \"bad.example\" always_null\n"),
            ("rpz", "$ORIGIN r.\n@ SOA a. b. 1 2 3 4 5\nbad.example CNAME .\n"),
        ])
        func `a list of each format denies, told by its content`(_ format: String, _ text: String) throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let path = try directory.write(text, to: "list.txt")
            let server = try VireoServer(upstreams: [upstream.address], "lists: {bad: {from: \"\(path)\"}}")
            let answer = try ask(server, "BAD.example.")
            if format == "rpz" {
                #expect(answer.responseCode == .nxDomain)
            } else {
                #expect(answer.answers.map { "\($0.data)" } == ["0.0.0.0"])
            }
            #expect(answer.edns?.extendedError?.code == .blocked && answer.edns?.extendedError?.text == "bad: bad.example")
            #expect(try data(server, "good.example.") == ["192.0.2.1"] && upstream.questionCount == 1)
            #expect(
                try server.ask("bad.example.", .a, over: .tcp).answers.map { "\($0.data)" } == answer.answers.map { "\($0.data)" }
            )
        }

        @Test func `groups are told apart by their clients' addresses, for names and for aliases`() throws {
            let nsd = try NSDServer()
            let directory = try TestDirectory()
            let path = try directory.write("||a.types.example^\n", to: "list.txt")
            let server = try VireoServer(
                upstreams: [nsd.address],
                """
                lists: {ads: {from: "\(path)"}}
                groups: [{name: kids, clients: [127.0.0.4/31], block: [ads], block-answer: nxdomain}]
                """)
            for _ in 0..<2 {
                for (client, isDenied) in [(UInt8(3), false), (4, true), (5, true), (6, false)] {
                    for name in ["a.types.example.", "cname2.types.example."] {
                        let answer = try ask(server, name, from: client)
                        #expect((answer.responseCode == .nxDomain) == isDenied, "\(name) for \(client)")
                        #expect(isDenied == answer.answers.isEmpty)
                        #expect(answer.edns?.extendedError?.code == (isDenied ? .filtered : nil))
                    }
                }
            }
        }

        /// Settings of two groups that are told apart by address, of which kids ask somebody of their own.
        private func views(_ kids: String, _ more: String) -> String {
            "groups: [{name: kids, clients: [127.0.0.4], upstreams: [\"\(kids)\"]}]\ntimeout: 200ms\n\(more)"
        }

        @Test func `groups with upstreams of their own are told what those say, over Redis, a restart and a reload as well`()
            throws
        {
            let (general, kids) = (try FakeUpstream(), try FakeUpstream(ip: [192, 0, 2, 200]))
            let third = try FakeUpstream(ip: [192, 0, 2, 201])
            let (directory, redis) = (try TestDirectory(), try RedisServer())
            let snapshot = "cache: {snapshot: \(directory.file("cache.snapshot"))}"
            let first = try VireoServer(upstreams: [general.address], views(kids.address, snapshot))
            for name in ["www.example.", "more.example."] {
                for client in [UInt8(4), 1, 4, 1] {
                    #expect(try data(first, name, from: client) == [client == 4 ? "192.0.2.200" : "192.0.2.1"])
                }
            }
            #expect(general.questionCount == 2 && kids.questionCount == 2)
            let listing = try vireo(["cache", "list"], first).output
            #expect(listing.contains("udp, in the view of \(kids.address)"), "\(listing)")
            // Other upstreams are another view, to which nothing of the former is known.
            try first.reload(upstreams: [general.address], views(third.address, snapshot)) {
                try data(first, "www.example.", from: 4) == ["192.0.2.201"]
            }
            #expect(try data(first, "www.example.") == ["192.0.2.1"])
            first.process.send(SIGTERM)
            #expect(try first.process.waitForExit() == .code(0))
            // In another order of groups, so that its number is another one, and nobody who could be asked.
            let nobody = "127.0.0.1:\(FreePort.take())"
            let other = "{name: more, clients: [127.0.0.9], upstreams: [\"\(nobody)\"]}, "
            let settings = views(kids.address, snapshot).replacingOccurrences(of: "[{name: kids", with: "[\(other){name: kids")
            let second = try VireoServer(upstreams: [nobody], settings)
            #expect(
                try data(second, "more.example.", from: 4) == ["192.0.2.200"] && data(second, "more.example.") == ["192.0.2.1"])
            #expect(try ask(second, "more.example.", from: 9).responseCode == .servFail)
            #expect(kids.questionCount == 2)
            let flushed = try vireo(["cache", "flush", "more.example", "A"], second)
            // What is remembered of the failure is the third.
            #expect(flushed.output.hasPrefix("memory: removed 3 entries"), "\(flushed.output)\(flushed.errors)")
            // Over Redis: from one instance to another, in each view, and away from both.
            let shared = redis.line()
            let left = try VireoServer(upstreams: [general.address], views(kids.address, shared))
            #expect(try data(left, "r.example.", from: 4) == ["192.0.2.200"] && data(left, "r.example.") == ["192.0.2.1"])
            try eventually("three keys") { try redis.ask("DBSIZE") == "(integer) 3" ? true : nil }
            let right = try VireoServer(upstreams: [nobody], views(kids.address, shared))
            #expect(try data(right, "r.example.") == ["192.0.2.1"] && data(right, "r.example.", from: 4) == ["192.0.2.200"])
            let plain = try VireoServer(upstreams: [nobody], shared)
            try redis.waitForListeners(3)
            let gone = try vireo(["cache", "flush", "r.example", "A"], plain)
            #expect(gone.output.contains("redis: removed 2 entries"), "\(gone.output)\(gone.errors)")
            let asked = kids.questionCount
            #expect(try data(right, "r.example.", from: 4) == ["192.0.2.200"] && kids.questionCount == asked + 1)
            #expect(try ask(right, "r.example.").responseCode == .servFail)
        }

        @Test func `a list comes over HTTPS from a server that proves who it is, and from no other`() throws {
            let (directory, upstream, port) = (try TestDirectory(), try FakeUpstream(), FreePort.take())
            let body = "||ads.example^\n"
            _ = try directory.write(
                "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)", to: "ads.txt")
            let (key, certificate) = (directory.file("key.pem"), directory.file("cert.pem"))
            let made = try Tool([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=lists", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ])
            #expect(made.exit == .code(0), "\(made.errors)")
            let serve = "exec openssl s_server -accept 127.0.0.1:\(port) -cert \(certificate) -key \(key) -HTTP -quiet"
            let lists = try ManagedProcess(["/bin/sh", "-c", "cd \(directory.path) && \(serve)"])
            let settings =
                "lists: {ads: {from: \"https://127.0.0.1:\(port)/ads.txt\"}}\nlists-directory: \(directory.file("lists"))"
            try FileManager.default.createDirectory(atPath: directory.file("lists"), withIntermediateDirectories: false)
            let stranger = try VireoServer(upstreams: [upstream.address], settings)
            try eventually("the refusal; it says: \(lists.errors)") {
                stranger.process.errors.contains("a list cannot be downloaded") ? true : nil
            }
            #expect(try data(stranger, "ads.example.") == ["192.0.2.1"])
            let server = try VireoServer(
                upstreams: [upstream.address], settings, environment: ["SSL_CERT_FILE": certificate])
            try eventually("the list; it says: \(server.process.errors)") {
                try data(server, "ads.example.") == ["0.0.0.0"] ? true : nil
            }
        }

        @Test func `a list that changes, and a reload, change cached answers`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let path = try directory.write("other.example\n", to: "list.txt")
            let lists = "lists: {ads: {from: \"\(directory.path)/*.txt\"}}"
            let server = try VireoServer(upstreams: [upstream.address], lists + "\nworkers: 2")
            #expect(try data(server, "www.ads.example.") == ["192.0.2.1"])
            try directory.write("||ads.example^\n", to: "more.txt")
            try eventually("the new list") { try data(server, "www.ads.example.") == ["0.0.0.0"] ? true : nil }
            #expect(try data(server, "other.example.") == ["0.0.0.0"])
            try FileManager.default.removeItem(atPath: directory.file("more.txt"))
            try eventually("the list to go") { try data(server, "www.ads.example.") == ["192.0.2.1"] ? true : nil }
            try server.reload(upstreams: [upstream.address], "\(lists)\nworkers: 2\nlocal: \"www.ads.example. IN A 192.0.2.99\"")
            {
                try data(server, "www.ads.example.") == ["192.0.2.99"]
            }
            try server.reload(upstreams: [upstream.address], "workers: 2") {
                try data(server, "www.ads.example.") == ["192.0.2.1"] && data(server, "other.example.") == ["192.0.2.1"]
            }
            #expect(path == directory.file("list.txt"))
        }

        @Test func `files that are none, and broken ones, are said and end nothing`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            try FileManager.default.createDirectory(atPath: directory.file("directory"), withIntermediateDirectories: false)
            #expect(mkfifo(directory.file("pipe"), 0o600) == 0)
            let huge = try directory.write("", to: "huge")
            #expect(truncate(huge, 3 << 30) == 0)
            let noise = try directory.write("", to: "noise")
            try Data((0..<200_000).map { _ in UInt8.random(in: 0...255) }).write(to: URL(fileURLWithPath: noise))
            try directory.write("bad.example\n", to: "good")
            let names = ["directory", "pipe", "huge", "missing", "noise"]
            var lists = names.map { "\($0): {from: [\"\(directory.file($0))\", \"\(directory.file("good"))\"]}" }
            lists += ["device: {from: [/dev/zero]}", "pattern: {from: [\"\(directory.path)/none-*\"]}"]
            let server = try VireoServer(upstreams: [upstream.address], "lists: {\(lists.joined(separator: ", "))}")
            #expect(try data(server, "bad.example.") == ["0.0.0.0"] && data(server, "good.example.") == ["192.0.2.1"])
            let shown = try vireo(["lists"], server)
            #expect(shown.exit == .code(0))
            for (name, problem) in [
                ("directory", "not a regular file"), ("pipe", "not a regular file"), ("huge", "larger than 1024 MiB"),
                ("missing", "it is not there"), ("device", "not a regular file"), ("pattern", "no file fits"),
            ] {
                #expect(server.process.errors.contains("list=\(name)") || server.process.errors.contains("list: \(name)"))
                #expect(shown.output.contains(problem), "\(shown.output)")
            }
        }

        @Test(arguments: ["JST-9", "UTC0", "WST+11:30"])
        func `what the rules do with a name is told, with list, line and group, by the machine's time`(_ zone: String) throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let path = try directory.write("! one\n||ads.example^\n##.banner\n@@||good.ads.example^\n", to: "ads.txt")
            let rules = """
                lists: {ads: {from: "\(path)"}}
                groups:
                  - {name: kids, clients: [127.0.0.4], block: [ads], schedule: {ads: "mon-fri 07:00-20:00"}}
                  - {name: now, clients: [127.0.0.5], block: [ads], schedule: {ads: "daily \(Self.range(around: zone))"}}
                """
            let server = try VireoServer(upstreams: [upstream.address], rules, environment: ["TZ": zone])
            let now = try vireo(["rules", "test", "x.ads.example", "--client", "127.0.0.5"], server)
            #expect(now.output.hasPrefix("x.ads.example.: block"), "\(now.output)")
            let denied = try vireo(
                ["rules", "test", "x.ads.example", "--client", "127.0.0.4", "--at", "2026-11-27 18:00"], server)
            #expect(denied.output == "x.ads.example.: block, zero\n  group: kids\n  list: ads\n  rule: ads.example (\(path):2)\n")
            let late = try vireo(["rules", "test", "x.ads.example", "--client", "127.0.0.4", "--at", "2026-11-27 21:00"], server)
            #expect(late.output == "x.ads.example.: pass\n  group: kids\n")
            #expect(try vireo(["rules", "test", "x.ads.example"], server).output == "x.ads.example.: pass\n")
            let lists = try vireo(["lists"], server).output
            #expect(lists.hasPrefix("ads: 2 rules, 4 lines, 1 skipped") && lists.contains("hides parts of pages, as line 3"))
            let json = try vireo(["lists", "--json"], server).output
            #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
            #expect(try vireo(["rules", "test", "x", "--at", "noon"], server).exit == .code(1))
        }

        /// From an hour ago to an hour from now, in a time zone.
        private static func range(around zone: String) -> String {
            let offset = ["JST-9": 540, "UTC0": 0, "WST+11:30": -690][zone] ?? 0
            let minute = Int(Date().timeIntervalSince1970) / 60 + offset
            let times = [-60, 60].map { (minute + $0) % 1440 }.map { ($0 / 60, $0 % 60) }
            return times.map { String(format: "%02d:%02d", $0.0, $0.1) }.joined(separator: "-")
        }

        @Test func `check tries the tests of a configuration`() throws {
            let directory = try TestDirectory()
            let path = try directory.write("||ads.example^\n", to: "ads.txt")
            let lines = "upstreams: [192.0.2.1]\nlists: {ads: {from: \"\(path)\"}}\n"
            let good = try directory.write(lines + "tests: [{name: x.ads.example, expect: block}]\n", to: "good.yaml")
            #expect(try Tool([VireoServer.binary, "check", good]).exit == .code(0))
            let bad = try directory.write(lines + "tests: [{name: x.ads.example, expect: pass}]\n", to: "bad.yaml")
            let tool = try Tool([VireoServer.binary, "check", bad])
            #expect(tool.exit == .code(2) && tool.errors.contains("tests[0]: x.ads.example.: block (list ads), expected pass"))
        }
    }
}
