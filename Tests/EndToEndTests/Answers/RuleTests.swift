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

        /// Asks a file what its rules do.
        private func judge(_ file: String, _ arguments: String..., zone: String = "UTC0") throws -> Tool {
            try Tool(
                [VireoServer.binary, "rules", "test", "--config", file] + arguments, environment: ["TZ": zone],
                within: .seconds(20))
        }

        @Test func `a file alone is asked what its rules do, and says what a daemon by it says`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let ads = try directory.write("! one\n||ads.example^\n192.0.2.9 nas.example\n", to: "ads.txt")
            let zone =
                "$ORIGIN r.\n@ SOA a. b. 1 2 3 4 5\n*.evil.example CNAME .\nfine.evil.example CNAME rpz-passthru.\n"
                + "data.example A 192.0.2.7\ndata.example AAAA 2001:db8::7\n"
            let policy = try directory.write(zone, to: "zone.rpz")
            let rules = """
                lists-directory: "\(directory.path)"
                lists: {ads: {from: "\(ads)"}, zone: {from: "\(policy)"}}
                groups: [{name: kids, clients: [127.0.0.4], block: [ads, zone], schedule: {ads: "mon-fri 07:00-20:00"}}]
                local: "box.home. A 192.0.2.3"
                """
            let server = try VireoServer(upstreams: [upstream.address], rules, environment: ["TZ": "UTC0"])
            #expect(try vireo(["rules", "add", "own.example"], server).exit == .code(0))
            let file = try directory.write("upstreams: [192.0.2.1]\n\(rules)\n", to: "vireo.yaml")
            for (name, options) in [
                ("x.ads.example", []), ("x.ads.example", ["--at", "2026-11-27 21:00"]), ("data.example", ["--type", "aaaa"]),
                ("data.example", ["--type", "MX"]), ("fine.evil.example", []), ("x.evil.example", []), ("nas.example", []),
                ("box.home", []), ("other.example", ["--json"]), ("x.evil.example", ["--json"]), ("own.example", []),
            ] {
                let arguments =
                    [name, "--client", "127.0.0.4"] + (options.contains("--at") ? [] : ["--at", "2026-11-27 18:00"]) + options
                let asked = try vireo(["rules", "test"] + arguments, server)
                let judged = try Tool(
                    [VireoServer.binary, "rules", "test", "--config", file] + arguments, environment: ["TZ": "UTC0"],
                    within: .seconds(20))
                #expect(asked.output == judged.output && !asked.output.isEmpty && judged.exit == asked.exit, "\(judged.output)")
                #expect(judged.errors == "", "\(judged.errors)")
            }
            let data = try judge(file, "data.example", "--client", "127.0.0.4", "--type", "aaaa").output
            #expect(data.contains("block, AAAA 2001:db8::7\n") && data.contains("list: zone\n  rule: data.example (\(policy):6)"))
            #expect(try judge(file, "a..b").exit == .code(1))
            #expect(try judge(file, "a.example", "--type", "x!").errors.contains("is not a record type"))
        }

        @Test func `where a list cannot be read a file says so, and what the rest of it does`() throws {
            let directory = try TestDirectory()
            let ads = try directory.write("||ads.example^\n", to: "ads.txt")
            let file = try directory.write(
                """
                upstreams: [192.0.2.1]
                lists-directory: "\(directory.path)"
                lists: {gone: {from: /nowhere/at/all}, web: {from: "https://lists.example/a.txt"}, ads: {from: "\(ads)"}}
                """, to: "vireo.yaml")
            let judged = try judge(file, "ads.example")
            #expect(judged.exit == .code(0) && judged.output.contains("list: ads"))
            #expect(judged.errors.contains("vireo: \(file): lists.gone: /nowhere/at/all: it is not there\n"))
            #expect(judged.errors.contains("lists.web: https://lists.example/a.txt: it has not been downloaded yet"))
            let bad = try directory.write("upstreams: [192.0.2.1]\nlocal: a.home. CNAME a.home.\n", to: "bad.yaml")
            #expect(try judge(bad, "a.home").exit == .code(2))
        }

        /// Clocks go forward on 2026-03-29 at 2:00, and back on 2026-10-25 at 3:00.
        @Test(arguments: [
            ("2026-03-29 01:59", "sun 01:30-02:00", true), ("2026-03-29 03:01", "sun 01:30-03:00", false),
            ("2026-03-29 03:01", "sun 03:00-04:00", true), ("2026-03-28 23:30", "sat 23:00-24:00", true),
            ("2026-03-30 00:30", "mon 00:00-01:00", true), ("2026-10-25 01:59", "sun 01:00-02:00", true),
            ("2026-10-25 03:01", "sun 03:00-04:00", true), ("2026-10-25 23:59", "sun 23:00-24:00", true),
            ("2026-10-26 00:00", "sun 23:00-24:00", false), ("2026-07-01 07:00", "wed 07:00-08:00", true),
            ("2026-01-07 07:00", "wed 07:00-08:00", true),
        ])
        func `schedules go by the clock on the wall on days on which it is set`(_ at: String, _ times: String, _ holds: Bool)
            throws
        {
            let directory = try TestDirectory()
            let ads = try directory.write("ads.example\n", to: "ads.txt")
            let file = try directory.write(
                """
                upstreams: [192.0.2.1]
                lists: {ads: {from: "\(ads)"}}
                groups: [{name: default, block: [ads], schedule: {ads: "\(times)"}}]
                """, to: "vireo.yaml")
            let judged = try judge(file, "ads.example", "--at", at, zone: "CET-1CEST,M3.5.0,M10.5.0/3")
            #expect(judged.output.hasPrefix("ads.example.: \(holds ? "block" : "pass")"), "\(judged.output)\(judged.errors)")
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
