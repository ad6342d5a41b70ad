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

        @Test func `what the rules do with a name is told, with list, line and group`() throws {
            let upstream = try FakeUpstream()
            let directory = try TestDirectory()
            let path = try directory.write("! one\n||ads.example^\n##.banner\n@@||good.ads.example^\n", to: "ads.txt")
            let rules = """
                lists: {ads: {from: "\(path)"}}
                groups:
                  - {name: kids, clients: [127.0.0.4], block: [ads], schedule: {ads: "mon-fri 07:00-20:00"}}
                """
            let server = try VireoServer(upstreams: [upstream.address], rules)
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
