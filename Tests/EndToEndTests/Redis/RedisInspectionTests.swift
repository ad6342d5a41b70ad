import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// What operators see of a real Redis, and remove from it.
    @Suite struct RedisInspectionTests {
        /// Runs `vireo cache` against a daemon.
        private func cache(_ arguments: [String], _ server: VireoServer) throws -> Tool {
            try Tool([VireoServer.binary, "cache"] + arguments + ["--control", server.controlPath], within: .seconds(20))
        }

        /// The lines of a listing, in columns, without the titles.
        private func rows(_ tool: Tool) -> [[String]] {
            tool.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ").map(String.init) }
        }

        @Test(arguments: ["size: 1MiB", "size: 0"])
        func `get prints what Redis has, of every type and with every flag, as dig prints it`(_ size: String) throws {
            let redis = try RedisServer()
            let nsd = try NSDServer()
            let first = try VireoServer(upstreams: [nsd.address], redis.line("size: 0, redis-timeout: 1s"))
            for type in [RecordType.soa, .mx, .txt] { _ = try first.client.askFully(.query("types.example.", type)) }
            _ = try first.client.askFully(.query("types.example.", .mx, edns: EDNS(dnssecOK: true)))
            _ = try first.client.askFully(.query("nothing.types.example.", .a))
            _ = try first.client.askFully(.query("types.example.", .ns))
            try eventually("six keys") { try redis.ask("DBSIZE") == "(integer) 6" ? true : nil }
            // Nobody asked this one anything.
            let other = try VireoServer(upstreams: ["127.0.0.1:1"], redis.line(size))
            let all = try cache(["get", "TYPES.example"], other)
            #expect(all.exit == .code(0), "\(all.errors)")
            let heads = all.output.split(separator: "\n").filter { $0.hasPrefix("; ") }
            #expect(heads.count == 5)
            #expect(heads.allSatisfy { $0.hasPrefix("; redis: ") && $0.contains(" bytes, from \(nsd.address) over ") })
            #expect(heads.count { $0.hasSuffix(", asked with DO") } == 1)
            for part in [
                ";; QUESTION SECTION:\n;types.example.\t\tIN\tTXT\n", "types.example.\t3600\tIN\tMX\t10 mail.types.example.\n",
                "\tIN\tNS\tns2.types.example.\n",
            ] {
                #expect(all.output.contains(part), "\(all.output) without \(part)")
            }
            let one = try cache(["get", "types.example", "mx"], other)
            #expect(one.output.components(separatedBy: ";; ANSWER SECTION:").count == 3, "\(one.output)")
            let negative = try cache(["get", "nothing.types.example", "A", "--json"], other)
            let object = try JSONSerialization.jsonObject(with: Data(negative.output.utf8)) as? [String: [[String: Any]]]
            let entry = try #require(object?["entries"]?.first)
            #expect(entry["kind"] as? String == "nxdomain" && entry["tier"] as? String == "redis" && entry["uses"] is NSNull)
            #expect((entry["authority"] as? [Any])?.isEmpty == false)
            let absent = try cache(["get", "types.example", "AAAA"], other)
            #expect(absent.exit == .code(1) && absent.errors == "vireo: types.example. AAAA is not in the cache\n")
        }

        @Test func `a listing has both tiers, or one of them`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream(ip: [192, 0, 2, 7])
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line())
            _ = try vireo.ask("www.listed.example.", .a)
            _ = try vireo.ask("other.example.", .a)
            for name in ["www.listed.example.", "other.example."] { try redis.waitForKey(name) }
            try redis.ask("SET", "vireo:1:damaged.listed.example.:A:IN", "damaged")
            try redis.ask("SET", "unrelated", "1")
            let both = rows(try cache(["list", "*.listed.example"], vireo))
            #expect(both.map { $0[7] } == ["memory", "redis"])
            for row in both {
                #expect(row[0...2] == ["www.listed.example.", "A", "192.0.2.7"])
                #expect((290...300).contains(try #require(Int(row[3]))))
                #expect(row[8...9] == [upstream.address, "udp"])
            }
            #expect(both.map { $0[5] } == ["0", "-"])
            #expect(rows(try cache(["list", "--tier", "memory"], vireo)).map { $0[7] } == ["memory", "memory"])
            #expect(
                Set(rows(try cache(["list", "--tier", "redis"], vireo)).map { $0[0] }) == [
                    "www.listed.example.", "other.example.",
                ])
            #expect(rows(try cache(["list", "--limit", "3"], vireo)).count == 3)
            #expect(rows(try cache(["list", "--type", "AAAA"], vireo)).isEmpty)
            let inspected = try Tool([
                VireoServer.binary, "--inspect-cache=OTHER.example.", "--control", vireo.controlPath, "--json",
            ])
            let lines = inspected.output.split(separator: "\n")
            #expect(lines.count == 2)
            let object = try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any]
            #expect(object?["tier"] as? String == "redis" && object?["upstream"] as? String == upstream.address)
            let wrong = try cache(["list", "--tier", "disk"], vireo)
            #expect(wrong.exit == .code(1) && wrong.errors == "vireo: \"disk\" is not a tier; expected memory or redis\n")
        }

        @Test func `names with letters that Redis takes for patterns are found and removed, and no others`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s"))
            let odd = ["*.example.", "[ab].example.", #"b\\c.example."#, "a?c.example.", #"x\032y.example."#, "^.example."]
            let plain = ["a.example.", "abc.example.", "bc.example.", "x.example.", "sub.a.example."]
            for name in odd + plain {
                #expect(try vireo.ask(name, .a).answers.count == 1)
                try redis.waitForKey(name)
            }
            for name in odd {
                let get = try cache(["get", name], vireo)
                #expect(get.output.contains(";; QUESTION SECTION:\n;\(name)\t"), "\(name): \(get.output)\(get.errors)")
                #expect(rows(try cache(["list", name], vireo)).contains { $0[0] == name }, "\(name)")
                let flush = try cache(["flush", "--subtree", name], vireo)
                #expect(flush.output == "memory: removed 0 entries\nredis: removed 1 entry\n", "\(name): \(flush.output)")
            }
            #expect(Set(rows(try cache(["list"], vireo)).map { $0[0] }) == Set(plain))
            #expect(rows(try cache(["list", "[ab].example"], vireo)).isEmpty)
            #expect(Set(rows(try cache(["list", "*a.ex?mple"], vireo)).map { $0[0] }) == ["a.example.", "sub.a.example."])
        }

        @Test func `a flush by upstream or by address reaches Redis and every memory`() throws {
            let redis = try RedisServer()
            let upstreams = try (0..<2).map { number in try FakeUpstream(ip: [192, 0, 2, 1 + UInt8(number) * 200]) }
            let forward = "\nforward: [{domain: b.example, upstreams: [\"\(upstreams[1].address)\"]}]"
            let instances = try (0..<2).map { _ in try VireoServer(upstreams: [upstreams[0].address], redis.line() + forward) }
            try redis.waitForListeners(2)
            for (number, arguments) in [
                ["--upstream", upstreams[1].address], ["--answer-in", "192.0.2.128/25"],
            ].enumerated() {
                for name in ["x.a.example.", "x.b.example.", "y.b.example."] {
                    #expect(try instances[0].ask(name, .a).answers.count == 1)
                    try redis.waitForKey(name)
                }
                // This one learns of some by way of Redis.
                for name in ["x.a.example.", "x.b.example."] { #expect(try instances[1].ask(name, .a).answers.count == 1) }
                #expect(upstreams.map(\.questionCount) == [1, 2 + 2 * number])
                let listed = rows(try cache(["list", "--tier", "memory", "x.b.example"], instances[1]))
                #expect(listed.map { Array($0[8...]) } == [[upstreams[1].address, "redis"]])
                let flush = try cache(["flush"] + arguments, instances[0])
                #expect(flush.exit == .code(0), "\(flush.errors)")
                let lines = flush.output.split(separator: "\n")
                #expect(lines.count == 3 && lines[0] == "memory: removed 2 entries" && lines[1] == "redis: removed 2 entries")
                #expect(lines.last?.hasPrefix("memory of ") == true && lines.last?.hasSuffix(": removed 1 entry") == true)
                for instance in instances {
                    #expect(Set(rows(try cache(["list"], instance)).map { $0[0] }) == ["x.a.example."])
                }
            }
        }

        @Test func `an upstream that only other instances have can be named`() throws {
            let redis = try RedisServer()
            let upstreams = try (0..<2).map { _ in try FakeUpstream() }
            let instances = try upstreams.map { try VireoServer(upstreams: [$0.address], redis.line()) }
            try redis.waitForListeners(2)
            _ = try instances[0].ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            let flush = try cache(["flush", "--upstream", upstreams[0].address, "--json"], instances[1])
            let object = try JSONSerialization.jsonObject(with: Data(flush.output.utf8)) as? [String: [String: Int]]
            let removed = try #require(object?["removed"])
            #expect(removed["memory"] == 0 && removed["redis"] == 1 && removed.count == 3 && removed.values.reduce(0, +) == 2)
            #expect(rows(try cache(["list"], instances[0])).isEmpty)
        }

        @Test func `an instance that does not say what it removed is counted, and the rest is flushed`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let instances = try (0..<2).map { _ in try VireoServer(upstreams: [upstream.address], redis.line()) }
            try redis.waitForListeners(2)
            _ = try instances[0].ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            instances[1].process.send(SIGSTOP)
            defer { instances[1].process.send(SIGCONT) }
            let flush = try cache(["flush", "--all"], instances[0])
            #expect(flush.exit == .code(1))
            #expect(flush.output == "memory: removed 1 entry\nredis: removed 1 entry\n")
            #expect(flush.errors == "vireo: 1 of 2 instances have not said yet what they removed\n")
        }

        @Test func `what came by way of Redis keeps its upstream over a restart`() throws {
            let redis = try RedisServer()
            let directory = try TestDirectory()
            let upstream = try FakeUpstream()
            let writer = try VireoServer(upstreams: [upstream.address], redis.line())
            _ = try writer.ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            let settings = redis.line("snapshot: \(directory.file("cache.snapshot"))")
            for round in 0..<2 {
                let reader = try VireoServer(upstreams: ["127.0.0.1:1"], settings)
                if round == 0 { #expect(try reader.ask("a.example.", .a).answers.count == 1) }
                let listed = rows(try cache(["list", "--tier", "memory"], reader))
                #expect(listed.map { Array($0[8...]) } == [[upstream.address, "redis"]])
                if round == 1 {
                    let flush = try cache(["flush", "--upstream", upstream.address], reader)
                    #expect(flush.output.hasPrefix("memory: removed 1 entry\n"))
                }
                reader.process.send(SIGTERM)
                #expect(try reader.process.waitForExit() == .code(0))
            }
        }

        @Test func `a long listing of Redis keeps nobody waiting, whether it is read or not`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s") + "\nworkers: 1")
            let total = 5_000
            let socket = try UDPSocket(to: vireo.port)
            for start in stride(from: 0, to: total, by: 100) {
                for number in start..<start + 100 { socket.send(try Message.query("n\(number).fill.example.", .a).encoded()) }
                for _ in 0..<100 { try #require(socket.receive(within: .seconds(5)) != nil) }
            }
            try eventually("all keys") { try redis.ask("DBSIZE") == "(integer) \(total)" ? true : nil }
            let stuck = try (0..<5).map { _ in try UnixConnection(to: vireo.controlPath) }
            for connection in stuck { connection.send("GET /v1/cache?tier=redis HTTP/1.1\r\nHost: x\r\n\r\n") }
            let listing = try ManagedProcess([VireoServer.binary, "cache", "list", "--control", vireo.controlPath])
            var answered = 0
            repeat {
                #expect(try vireo.ask("n\(answered % total).fill.example.", .a).answers.count == 1)
                answered += 1
            } while listing.exit == nil
            #expect(listing.exit == .code(0))
            #expect(Set(listing.output.split(separator: "\n").dropFirst().map { $0.prefix { $0 != " " } }).count == total)
            #expect(upstream.questionCount == total)
        }

        @Test func `a Redis that is away spoils nothing of the memory, and is said in one line`() throws {
            let upstream = try FakeUpstream()
            let redis = try RedisServer("--requirepass", "hush")
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line(entry: ":hush@"))
            _ = try vireo.ask("a.example.", .a)
            #expect(rows(try cache(["list", "--tier", "memory"], vireo)).count == 1)
            try eventually("both tiers") { rows(try cache(["list"], vireo)).count == 2 ? true : nil }
            redis.send(SIGSTOP)
            let stopped = try cache(["list"], vireo)
            #expect(stopped.exit == .code(1) && stopped.output.split(separator: "\n").count == 2)
            #expect(stopped.errors == "vireo: redis: not listed to its end: no reply in time\n")
            redis.kill()
            func expect(_ arguments: [String], _ output: Int, _ errors: String, at place: SourceLocation = #_sourceLocation)
                throws
            {
                let tool = try cache(arguments, vireo)
                #expect(tool.exit == .code(1), sourceLocation: place)
                #expect(tool.output.split(separator: "\n").count == output, "\(tool.output)", sourceLocation: place)
                #expect(tool.errors.hasPrefix("vireo: \(errors)"), "\(tool.errors)", sourceLocation: place)
                #expect(tool.errors.split(separator: "\n").count == 1, sourceLocation: place)
                #expect(!(tool.output + tool.errors).contains("hush"), sourceLocation: place)
            }
            try expect(["list"], 2, "redis: not listed to its end: ")
            try expect(["list", "--json"], 2, "redis: not listed to its end: ")
            try expect(["get", "a.example", "A", "--json"], 1, "redis: not asked to its end: ")
            try expect(["get", "b.example"], 0, "b.example. is not in the cache; redis: not asked to its end: ")
            try expect(["flush", "--all"], 1, "redis and other instances may not be flushed: ")
            let statistics = try cache(["stats"], vireo)
            #expect(statistics.exit == .code(0))
            #expect(statistics.output.contains("redis redis://:***@127.0.0.1:\(redis.port)/0"))
            #expect(!statistics.output.contains("hush"))
        }

        @Test func `a Redis that goes away in the middle of a listing is said in one line`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port, delay: .milliseconds(20))
            let upstream = try FakeUpstream()
            let writer = try VireoServer(upstreams: [upstream.address], redis.line("size: 0"))
            let socket = try UDPSocket(to: writer.port)
            for start in stride(from: 0, to: 3_000, by: 100) {
                for number in start..<start + 100 { socket.send(try Message.query("n\(number).fill.example.", .a).encoded()) }
                for _ in 0..<100 { try #require(socket.receive(within: .seconds(5)) != nil) }
            }
            try eventually("all keys") { try redis.ask("DBSIZE") == "(integer) 3000" ? true : nil }
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line(by: proxy.port))
            try redis.waitForListeners(2)
            let listing = try ManagedProcess([VireoServer.binary, "cache", "list", "--control", vireo.controlPath])
            try eventually("its first lines") { listing.output.contains("fill.example.") ? true : nil }
            redis.kill()
            #expect(try listing.waitForExit() == .code(1))
            #expect((2..<3_000).contains(listing.output.split(separator: "\n").count))
            #expect(
                listing.errors.hasPrefix("vireo: redis: not listed to its end: ")
                    && listing.errors.filter { $0 == "\n" }.count == 1)
        }

        @Test func `statistics tell what Redis did, and how it is`() throws {
            let redis = try RedisServer("--maxmemory", "50mb")
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address], redis.line("size: 0, redis-timeout: 1s"))
            for _ in 0..<3 {
                for name in ["a.types.example.", "nothing.types.example."] { _ = try vireo.ask(name, .a) }
                try eventually("two keys") { try redis.ask("DBSIZE") == "(integer) 2" ? true : nil }
            }
            try redis.ask("SET", "vireo:1:b.types.example.:A:IN", "garbage")
            _ = try vireo.ask("b.types.example.", .a)
            let json = try cache(["stats", "--json"], vireo).output
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: [String: Any]]
            let figures = try #require(object?["redis"])
            for (key, value) in [
                "lookups": 7, "hits": 4, "hits-negative": 2, "misses": 2, "invalid": 1, "expired": 0, "timeouts": 0, "errors": 0,
                "left-out": 0, "outages": 0, "bytes-budget": 50 << 20, "evicted": 0, "removed-expired": 0, "entries": 3,
            ] {
                #expect(figures[key] as? Int == value, "\(key): \(json)")
            }
            #expect(figures["in-use"] as? Bool == true)
            #expect(figures["place"] as? String == "redis://127.0.0.1:\(redis.port)/0")
            #expect(try #require(figures["bytes-used"] as? Int) > 100_000)
            let text = try cache(["stats"], vireo).output
            #expect(text.contains("\nredis redis://127.0.0.1:\(redis.port)/0\n  keys   "))
            #expect(text.contains(/hits +4\n +of them negative +2\n/))
        }
    }
}
