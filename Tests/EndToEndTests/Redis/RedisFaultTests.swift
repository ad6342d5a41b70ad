import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A real Redis that fails in every way that was thought of: hits go on, and misses are answered.
    @Suite struct RedisFaultTests {
        private let upstream: FakeUpstream

        init() throws {
            upstream = try FakeUpstream()
        }

        private func statistics(_ vireo: VireoServer) throws -> [String: [String: Any]] {
            let tool = try Tool([VireoServer.binary, "cache", "stats", "--json", "--control", vireo.controlPath])
            return try JSONSerialization.jsonObject(with: Data(tool.output.utf8)) as? [String: [String: Any]] ?? [:]
        }

        private func figure(_ key: String, _ vireo: VireoServer) throws -> Int {
            try #require(statistics(vireo)["redis"]?[key] as? Int)
        }

        /// Asks for new names and, with each, many times for one that is in memory: all are answered, none of them late.
        private func expectAnswers(_ vireo: VireoServer, _ word: String, _ count: Int = 20) throws {
            for number in 0..<count {
                let begun = ContinuousClock.now
                #expect(try vireo.ask("\(word)-\(number).example.", .a).answers.count == 1)
                // 20 ms are Redis's, and the machine may be busy: far from the 2 s of an attempt, and the 5 s of a question.
                #expect(ContinuousClock.now - begun < .seconds(1))
                let socket = try UDPSocket(to: vireo.port)
                let hit = try Message.query("kept.example.", .a).encoded()
                for _ in 0..<50 { socket.send(hit) }
                for _ in 0..<50 { #expect(socket.receive(within: .milliseconds(500)) != nil) }
            }
        }

        @Test func `100 ms of latency cost a miss the budget at most, and soon nothing`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port, delay: .milliseconds(100))
            let more = redis.line("redis-timeout: 20ms", by: proxy.port) + "\nworkers: 1"
            let vireo = try VireoServer(upstreams: [upstream.address], more)
            _ = try vireo.ask("kept.example.", .a)
            try expectAnswers(vireo, "slow")
            #expect(upstream.questionCount == 21)
            #expect(try figure("timeouts", vireo) >= 5)
            #expect(try figure("left-out", vireo) >= 5)
            #expect(try figure("outages", vireo) == 1)
            #expect(vireo.process.errors.components(separatedBy: "redis is left out").count == 2)
            #expect(try statistics(vireo)["redis"]?["in-use"] as? Bool == false)
        }

        @Test func `with a budget beyond its latency a slow Redis is a cache all the same`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port, delay: .milliseconds(100))
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 2s", by: proxy.port))
            _ = try vireo.ask("a.example.", .a)
            try redis.waitForKey("a.example.")
            for _ in 0..<5 { #expect(try vireo.ask("a.example.", .a).answers.count == 1) }
            #expect(upstream.questionCount == 1)
        }

        @Test func `a Redis that is killed while hundreds of look-ups are under way leaves none without an answer`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port, delay: .milliseconds(30))
            let vireo = try VireoServer(
                upstreams: [upstream.address], redis.line("size: 1MiB, redis-timeout: 1s", by: proxy.port))
            for round in 0..<3 {
                let socket = try UDPSocket(to: vireo.port)
                for number in 0..<300 {
                    socket.send(try Message.query("r\(round)n\(number).example.", .a).encoded())
                    if number == 150 { redis.kill() }
                }
                for _ in 0..<300 {
                    let reply = try #require(socket.receive(within: .seconds(5)))
                    #expect(try Message(reply.span).answers.count == 1)
                }
                try redis.start()
                try eventually("redis in use") {
                    _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                    return try redis.ask("DBSIZE") == "(integer) 0" ? nil : true
                }
            }
        }

        @Test func `a value that is far too large under one key does not take Redis away from the others`() throws {
            let redis = try RedisServer()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s"))
            _ = try vireo.ask("good.example.", .a)
            try redis.waitForKey("good.example.")
            try redis.ask("SETRANGE", "vireo:1:huge.example.:A:IN", "5000000", "x")
            for _ in 0..<10 {
                #expect(try vireo.ask("huge.example.", .a).answers.count == 1)
                #expect(try vireo.ask("good.example.", .a).answers.count == 1)
            }
            #expect(upstream.questionCount == 2)
            #expect(try figure("errors", vireo) == 0)
            #expect(try figure("invalid", vireo) == 1)
        }

        @Test func `lists and hashes under keys of ours are no answers, and do not take Redis away`() throws {
            let redis = try RedisServer()
            let vireo = try VireoServer(
                upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s") + "\nworkers: 1")
            _ = try vireo.ask("good.example.", .a)
            try redis.waitForKey("good.example.")
            for number in 0..<10 {
                try redis.ask(number % 2 == 0 ? "LPUSH" : "HINCRBY", "vireo:1:n\(number).example.:A:IN", "x", "1")
            }
            for number in 0..<10 { #expect(try vireo.ask("n\(number).example.", .a).answers.count == 1) }
            #expect(try vireo.ask("good.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 11)
            #expect(try figure("invalid", vireo) == 10)
            #expect(try figure("errors", vireo) == 0)
            #expect(try figure("outages", vireo) == 0)
        }

        @Test(arguments: ["noeviction", "allkeys-lru"])
        func `a Redis that has no room keeps nobody from an answer`(_ policy: String) throws {
            let redis = try RedisServer("--maxmemory", "2mb", "--maxmemory-policy", policy)
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line() + "\nworkers: 1")
            _ = try vireo.ask("kept.example.", .a)
            try redis.ask("EVAL", "for i=1,20000 do redis.pcall('SET', 'fill:' .. i, string.rep('x', 200)) end", "0")
            try expectAnswers(vireo, "full")
            #expect(try statistics(vireo)["redis"]?["in-use"] as? Bool == true)
            // It is said once that answers are refused, why, and that it is over.
            func count(_ words: String) -> Int { vireo.process.errors.components(separatedBy: words).count - 1 }
            guard policy == "noeviction" else {
                #expect(count("redis takes no answers") == 0)
                return
            }
            try eventually("the refusals to be said") { count("redis takes no answers any more") == 1 ? true : nil }
            #expect(count("OOM command not allowed") == 1)
            #expect(try figure("stores-refused", vireo) >= 20)
            try redis.ask("CONFIG", "SET", "maxmemory", "0")
            try eventually("the end to be said") {
                _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                return count("redis takes answers again") == 1 ? true : nil
            }
            #expect(count("redis takes no answers any more") == 1)
        }

        @Test func `a password that becomes wrong is not shown, and does not outlive its time`() throws {
            let redis = try RedisServer("--requirepass", "hush")
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line(entry: ":hush@") + "\nworkers: 1")
            _ = try vireo.ask("kept.example.", .a)
            try redis.askEntered("hush", "CONFIG", "SET", "requirepass", "changed")
            try redis.askEntered("changed", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try eventually("redis to be left out") {
                _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                return vireo.process.errors.contains("redis is left out") ? true : nil
            }
            try expectAnswers(vireo, "wrong")
            try redis.askEntered("changed", "CONFIG", "SET", "requirepass", "hush")
            try eventually("redis in use again") {
                _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                return vireo.process.errors.contains("redis is used again") ? true : nil
            }
            #expect(!vireo.process.errors.contains("hush"))
        }

        @Test func `no command and no log shows the password of a URL that is wrong`() throws {
            let bad = RedisServer.line("redis://me:hu@sh@127.0.0.1:99999")
            let directory = try TestDirectory()
            let file = try directory.write(bad, to: "vireo.yaml")
            for arguments in [["check", file], ["serve", "--config", file]] {
                let tool = try Tool([VireoServer.binary] + arguments)
                #expect(tool.exit == .code(2))
                #expect(
                    tool.errors.hasPrefix("vireo: \(file):1:16: cache.redis: what is given is not that; expected a URL such as"))
                #expect(!tool.errors.contains("sh@") && !tool.errors.contains("hu@"))
            }
            let vireo = try VireoServer(upstreams: [upstream.address])
            try vireo.reload(upstreams: [upstream.address], bad) { vireo.process.errors.contains("settings not read again") }
            #expect(!vireo.process.errors.contains("sh@") && !vireo.process.errors.contains("hu@"))
        }

        @Test func `a flush that an instance missed reaches it when its connections are back`() throws {
            let redis = try RedisServer()
            let proxy = try TCPProxy(to: redis.port)
            let near = try VireoServer(upstreams: [upstream.address], redis.line())
            let far = try VireoServer(upstreams: [upstream.address], redis.line(by: proxy.port))
            try redis.waitForListeners(2)
            for round in 1...2 {
                for instance in [near, far] { #expect(try instance.ask("a.example.", .a).answers.count == 1) }
                try redis.waitForKey("a.example.")
                proxy.cut()
                try redis.waitForListeners(1)
                let flush = try Tool([VireoServer.binary, "cache", "flush", "a.example", "--control", near.controlPath])
                #expect(flush.output == "memory: removed 1 entry\nredis: removed 1 entry\n", "\(flush.output)\(flush.errors)")
                let asked = upstream.questionCount
                #expect(try far.ask("a.example.", .a).answers.count == 1)
                #expect(upstream.questionCount == asked)
                // It may listen before its commands are answered: then it asks for the epoch until it is told.
                try redis.ask("ACL", "SETUSER", "default", "-get")
                proxy.mend()
                try redis.waitForListeners(2)
                try eventually("a vain question for the epoch") {
                    try redis.ask("ACL", "LOG").contains("get") ? true : nil
                }
                try redis.ask("ACL", "LOG", "RESET")
                try redis.ask("ACL", "SETUSER", "default", "+get")
                try eventually("the late flush", within: .seconds(20)) {
                    far.process.errors.components(separatedBy: "a flush may have been missed").count == round + 1 ? true : nil
                }
                #expect(try far.ask("a.example.", .a).answers.count == 1)
                #expect(upstream.questionCount == asked + 1)
            }
        }

        @Test func `a Redis that is restarted empty does not make anybody forget, unless there were flushes`() throws {
            let redis = try RedisServer()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line())
            try redis.waitForListeners(1)
            _ = try vireo.ask("a.example.", .a)
            redis.kill()
            try redis.start()
            try redis.waitForListeners(1)
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 1)
            // One flush before the restart, and one after it that is missed: the epoch must not look the same.
            let flush = [VireoServer.binary, "cache", "flush", "b.example", "--control", vireo.controlPath]
            // What listens has its own connection; the one for commands may come back later.
            try eventually("a flush that Redis hears of") { try Tool(flush).exit == .code(0) ? true : nil }
            let before = try redis.ask("GET", "vireo:1:epoch")
            try redis.ask("DEL", "vireo:1:epoch")
            #expect(try Tool(flush).exit == .code(0))
            #expect(try redis.ask("GET", "vireo:1:epoch") != before)
        }

        @Test func `every key ends with its answer's time, whatever serve-stale says`() throws {
            let redis = try RedisServer()
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address], redis.line("serve-stale: 1h"))
            try redis.waitForListeners(1)
            for name in ["a.types.example.", "nothing.types.example.", "types.example.", "a-zero.types.example."] {
                for type in [RecordType.a, .soa, .mx] { _ = try vireo.client.askFully(.query(name, type)) }
            }
            try eventually("nine keys") {
                let count = Int(try redis.ask("DBSIZE").dropFirst("(integer) ".count)) ?? 0
                return count >= 9 ? true : nil
            }
            let flush = [VireoServer.binary, "cache", "flush", "types.example", "A", "--control", vireo.controlPath]
            #expect(try Tool(flush).output.hasPrefix("memory: removed 1 entry\nredis: removed 1 entry\n"))
            let script = """
                local least, forever = 1e9, {}
                for _, key in ipairs(redis.call('KEYS', '*')) do
                    local left = redis.call('PTTL', key)
                    if left < 0 then forever[#forever + 1] = key
                    elseif not string.find(key, 'flushed') then least = math.min(least, left) end
                end
                return table.concat(forever, ' ') .. ' ' .. least
                """
            let words = try redis.ask("EVAL", script, "0").trimmingCharacters(in: ["\""]).split(separator: " ")
            #expect(words.first == "vireo:1:epoch" && words.count == 2, "\(words)")
            #expect((1...300_000).contains(try #require(Int(words.last ?? ""))), "\(words)")
        }

        @Test func `each worker has one connection, whatever is asked`() throws {
            let redis = try RedisServer()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s") + "\nworkers: 2")
            let socket = try UDPSocket(to: vireo.port)
            for number in 0..<500 { socket.send(try Message.query("n\(number).example.", .a).encoded()) }
            for _ in 0..<500 { #expect(socket.receive(within: .seconds(5)) != nil) }
            try redis.waitForListeners(1)
            // Two workers, the commands about flushes, and the subscription; and who asks here.
            let list = try redis.ask("CLIENT", "LIST").components(separatedBy: " laddr=").count - 1
            #expect(list == 5)
        }

        @Test func `the rights that README names are enough, and who has others' cannot make instances forget`() throws {
            let readme = SourceTree.file("README.md")
            let line = try String(contentsOf: readme, encoding: .utf8).split(separator: "\n").first {
                $0.hasPrefix("ACL SETUSER")
            }
            let redis = try RedisServer()
            func ask(_ words: [String]) throws -> String { try Tool(["redis-cli", "-p", "\(redis.port)"] + words).output }
            #expect(try ask(try #require(line).split(separator: " ").map(String.init)) == "OK\n")
            #expect(try ask(["ACL", "SETUSER", "other", "on", ">secret", "~other:*", "resetchannels", "+@all"]) == "OK\n")
            let published = try ask(["--user", "other", "--pass", "secret", "--no-auth-warning", "PUBLISH", "vireo:1:flush", "x"])
            #expect(published.contains("NOPERM"))
            let upstream = try FakeUpstream()
            let more = redis.line("redis-timeout: 2s", entry: "vireo:password@")
            let instances = try (0..<2).map { _ in try VireoServer(upstreams: [upstream.address], more) }
            try redis.waitForListeners(2)
            #expect(try instances[0].ask("www.example.", .a).answers.count == 1)
            try redis.waitForKey("www.example.")
            #expect(try instances[1].ask("www.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 1)
            func vireo(_ words: String...) throws -> Tool {
                try Tool([VireoServer.binary, "cache"] + words + ["--control", instances[1].controlPath])
            }
            #expect(try vireo("list", "--tier", "redis").output.contains("www.example."))
            #expect(try vireo("stats").exit == .code(0))
            let flush = try vireo("flush", "www.example")
            #expect(flush.output.contains("redis: removed 1") && flush.exit == .code(0), "\(flush.output) \(flush.errors)")
            #expect(try instances[0].ask("www.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 2)
            #expect(!instances.contains { $0.process.errors.contains("NOPERM") }, "\(instances.map(\.process.errors))")
        }

        @Test func `Redis is reached with a user, in a database, over a Unix socket and over TLS`() throws {
            let directory = try TestDirectory()
            let path = directory.file("redis.sock")
            let pem = directory.file("redis.pem")
            let key = directory.file("redis.key")
            _ = try Tool([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout",
                key, "-out", pem, "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1",
            ])
            let port = FreePort.take()
            let redis = try RedisServer(
                "--unixsocket", path, "--tls-port", "\(port)", "--tls-cert-file", pem, "--tls-key-file", key,
                "--tls-ca-cert-file",
                pem, "--tls-auth-clients", "no")
            try redis.ask("ACL", "SETUSER", "vireo", "on", ">hu@sh:/", "allkeys", "allchannels", "+@all")
            for (number, url) in [
                "redis://127.0.0.1:\(redis.port)/1", "redis://vireo:hu%40sh%3A%2F@127.0.0.1:\(redis.port)/2",
                "redis+unix://\(path)?db=3", "redis+unix://vireo:hu%40sh%3A%2F@\(path)?db=4",
                "rediss://127.0.0.1:\(port)/5?ca=\(pem)", "rediss://vireo:hu%40sh%3A%2F@127.0.0.1:\(port)/6?ca=\(pem)",
            ].enumerated() {
                let more = RedisServer.line(url, "size: 0, redis-timeout: 2s") + "\nworkers: 1"
                let vireo = try VireoServer(upstreams: [upstream.address], more)
                let asked = upstream.questionCount
                #expect(try vireo.ask("a.example.", .a).answers.count == 1)
                try eventually("the key over \(url); it says \(vireo.process.errors)") {
                    try redis.ask("-n", "\(number + 1)", "EXISTS", "vireo:1:a.example.:A:IN") == "(integer) 1" ? true : nil
                }
                #expect(try vireo.ask("a.example.", .a).answers.count == 1)
                #expect(upstream.questionCount == asked + 1)
                let tool = try Tool([VireoServer.binary, "cache", "stats", "--control", vireo.controlPath])
                #expect(!(tool.output + vireo.process.errors).contains("sh%3A") && !tool.output.contains("hu@sh"))
            }
        }
    }
}
