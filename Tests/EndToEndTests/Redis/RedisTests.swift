import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// Instances that share a Redis, and a Redis that fails them.
    @Suite struct RedisTests {
        /// The log's lines that speak of Redis going out of use and coming back.
        private func news(_ vireo: VireoServer) -> [String] {
            vireo.process.errors.split(separator: "\n").filter { $0.contains("redis is ") }.map(String.init)
        }

        @Test(arguments: ["size: 1MiB", "size: 0"])
        func `an answer that one instance got is given out by the other, its TTL counted on`(_ size: String) throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream(ttl: 300)
            let first = try VireoServer(upstreams: [upstream.address], redis.line(size))
            #expect(try first.ask("wWw.example.", .a).answers.map { $0.ttl } == [300])
            try redis.waitForKey("www.example.")
            let life = try redis.ask("PTTL", "vireo:1:www.example.:A:IN")
            #expect((Int(life.dropFirst("(integer) ".count)) ?? 0) > 290_000)
            first.process.send(SIGKILL)
            let second = try VireoServer(upstreams: ["127.0.0.1:1"], redis.line(size))
            // A second must have passed for the TTL to show it.
            try eventually("a smaller TTL") {
                let answer = try second.ask("www.EXAMPLE.", .a)
                #expect(answer.answers.map { "\($0.owner)" } == ["www.EXAMPLE."])
                return try #require(answer.answers.first?.ttl) < 300 ? true : nil
            }
            #expect(upstream.questionCount == 1)
        }

        @Test func `without memory, Redis is the only cache`() throws {
            let redis = try RedisServer()
            let nsd = try NSDServer()
            let vireo = try VireoServer(
                upstreams: [nsd.address], redis.line("size: 0, redis-timeout: 1s") + "\nlocal-zones: {single-label: false}")
            for _ in 0..<2 {
                for (name, type) in [("com.", RecordType.ds), ("nothing-there.", .a), ("types.example.", .soa)] {
                    let own = try nsd.client.askFully(.query(name, type, edns: EDNS(dnssecOK: true)))
                    let reply = try vireo.client.askFully(.query(name, type, edns: EDNS(dnssecOK: true)))
                    #expect(reply.flags.responseCode == own.flags.responseCode)
                    #expect(Set(reply.answers.map { "\($0.data)" }) == Set(own.answers.map { "\($0.data)" }))
                    if own.answers.isEmpty { #expect(reply.authorities.count == own.authorities.count) }
                }
            }
            try eventually("three keys") { try redis.ask("DBSIZE") == "(integer) 3" ? true : nil }
            #expect(try redis.ask("EXISTS", "vireo:1:com.:DS:IN:do") == "(integer) 1")
        }

        @Test func `a Redis that is stopped, killed or back again never keeps anybody waiting`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line() + "\nworkers: 1")
            _ = try vireo.ask("kept.example.", .a)
            func askMany(_ word: String) throws {
                for number in 0..<40 {
                    let begun = ContinuousClock.now
                    #expect(try vireo.ask("\(word)-\(number).example.", .a).answers.count == 1)
                    // 20 ms are Redis's, and the machine may be busy: far from the 5 s of a question.
                    #expect(ContinuousClock.now - begun < .seconds(1))
                }
                #expect(try vireo.ask("kept.example.", .a).answers.count == 1)
            }
            redis.send(SIGSTOP)
            try askMany("stopped")
            #expect(news(vireo).count == 1)
            redis.send(SIGCONT)
            try eventually("redis in use") {
                _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                return news(vireo).count == 2 ? true : nil
            }
            redis.kill()
            try askMany("killed")
            try redis.start()
            try eventually("redis in use again") {
                _ = try vireo.ask("probe-\(UInt32.random(in: 0...UInt32.max)).example.", .a)
                return news(vireo).count == 4 ? true : nil
            }
            _ = try vireo.ask("after.example.", .a)
            try redis.waitForKey("after.example.")
        }

        @Test func `a wrong password is said once and harms nobody`() throws {
            let redis = try RedisServer("--requirepass", "secret")
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line(entry: ":wrong@") + "\nworkers: 1")
            for number in 0..<20 { #expect(try vireo.ask("n\(number).example.", .a).answers.count == 1) }
            try eventually("the news") { news(vireo).isEmpty ? nil : true }
            #expect(news(vireo).count == 1)
            #expect(news(vireo)[0].contains("WRONGPASS"))
            #expect(!vireo.process.errors.contains(":wrong@"))
        }

        @Test func `garbage under our keys is no answer, and is replaced by one`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0, redis-timeout: 1s"))
            try redis.ask("SET", "vireo:1:a.example.:A:IN", "garbage")
            try redis.ask("SET", "vireo:1:b.example.:A:IN", "")
            try redis.ask("RPUSH", "vireo:1:c.example.:A:IN", "a", "list")
            for name in ["a.example.", "b.example.", "c.example."] {
                #expect(try vireo.ask(name, .a).answers.count == 1)
            }
            #expect(upstream.questionCount == 3)
            for name in ["a.example.", "b.example.", "c.example."] {
                try eventually("an answer in place of garbage") {
                    try redis.ask("STRLEN", "vireo:1:\(name):A:IN").dropFirst("(integer) ".count).count >= 2 ? true : nil
                }
                #expect(try vireo.ask(name, .a).answers.count == 1)
            }
            #expect(upstream.questionCount == 3)
            let statistics = try Tool([VireoServer.binary, "cache", "stats", "--control", vireo.controlPath]).output
            #expect(statistics.contains("values that were none, or damaged"))
        }

        @Test func `a Redis that is full pushes out old answers and takes new ones`() throws {
            let redis = try RedisServer("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line("size: 0"))
            try redis.ask("EVAL", "for i=1,20000 do redis.call('SET', 'fill:' .. i, string.rep('x', 200)) end", "0")
            for number in 0..<200 { #expect(try vireo.ask("full-\(number).example.", .a).answers.count == 1) }
            // Redis picks what it pushes out by samples, within the same second the newest key as well; then it is asked
            // for, and so written, once more.
            try eventually("the key of full-199.example. in a full Redis") {
                #expect(try vireo.ask("full-199.example.", .a).answers.count == 1)
                return try redis.ask("EXISTS", "vireo:1:full-199.example.:A:IN") == "(integer) 1" ? true : nil
            }
        }

        @Test func `a flush reaches every instance and says what was removed where`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let instances = try (0..<2).map { _ in try VireoServer(upstreams: [upstream.address], redis.line()) }
            try redis.waitForListeners(2)
            for name in ["a.dom.example.", "b.dom.example.", "dom.example.", "notdom.example."] {
                for instance in instances { #expect(try instance.ask(name, .a).answers.count == 1) }
                try redis.waitForKey(name)
            }
            let asked = upstream.questionCount
            let flush = try Tool([
                VireoServer.binary, "cache", "flush", "--subtree", "dom.example", "--control", instances[0].controlPath,
            ])
            #expect(flush.exit == .code(0))
            let lines = flush.output.split(separator: "\n")
            #expect(lines.count == 3, "\(flush.output)")
            #expect(lines.first == "memory: removed 3 entries")
            #expect(lines.dropFirst().first == "redis: removed 3 entries")
            #expect(lines.last?.hasPrefix("memory of ") == true && lines.last?.hasSuffix(": removed 3 entries") == true)
            #expect(try instances[1].ask("notdom.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == asked)
            #expect(try instances[1].ask("a.dom.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == asked + 1)
        }

        @Test func `an instance that missed a flush forgets everything when it listens again`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line())
            try redis.waitForListeners(1)
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
            try redis.waitForKey("a.example.")
            // Another instance's flush, which the break hides.
            try redis.ask("INCR", "vireo:1:epoch")
            try redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
            try redis.ask("DEL", "vireo:1:a.example.:A:IN")
            try eventually("the late flush; it says \(vireo.process.errors)") {
                vireo.process.errors.contains("a flush may have been missed") ? true : nil
            }
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
            #expect(upstream.questionCount == 2)
        }

        @Test func `an answer that is on its way while another instance flushes is kept nowhere`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream()
            let slow = try FakeUpstream(delay: .seconds(1.5))
            let flusher = try VireoServer(upstreams: [upstream.address], redis.line())
            let vireo = try VireoServer(upstreams: [slow.address], redis.line())
            try eventually("both to listen") {
                try redis.ask("PUBSUB", "NUMSUB", "vireo:1:flush").contains("(integer) 2") ? true : nil
            }
            let socket = try UDPSocket(to: vireo.port)
            socket.send(try Message.query("late.example.", .a).encoded())
            try eventually("the upstream to be asked") { slow.questionCount >= 1 ? true : nil }
            // Of another name: what was flushed does not matter.
            let flush = try Tool([VireoServer.binary, "cache", "flush", "other.example", "--control", flusher.controlPath])
            #expect(flush.exit == .code(0), "\(flush.errors)")
            #expect(socket.receive(within: .zero) == nil)
            #expect(socket.receive(within: .seconds(4)) != nil)
            #expect(try redis.ask("EXISTS", "vireo:1:late.example.:A:IN") == "(integer) 0")
            let asked = slow.questionCount
            #expect(try vireo.ask("late.example.", .a).answers.count == 1)
            #expect(slow.questionCount > asked)
            try redis.waitForKey("late.example.")
        }

        @Test func `a refresh of a stale answer does not come back with what Redis still has of it`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream(ttl: 1)
            let more = "serve-stale: 1h, stale-client-timeout: 0s"
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line(more))
            #expect(try vireo.ask("www.example.", .a).answers.count == 1)
            try redis.waitForKey("www.example.")
            try eventually("a stale answer") {
                try vireo.ask("www.example.", .a, edns: EDNS()).edns?.extendedError?.code == .staleAnswer ? true : nil
            }
            try eventually("another question") { upstream.questionCount >= 2 ? true : nil }
            #expect(try redis.ask("EXISTS", "vireo:1:www.example.:A:IN") == "(integer) 1")
        }

        @Test func `answers of a domain without a cache are not in Redis, and not taken from it`() throws {
            let redis = try RedisServer()
            let upstream = try FakeUpstream(ip: [192, 0, 2, 1])
            let other = try FakeUpstream(ip: [192, 0, 2, 2])
            let rule = "\ndomains: [{domain: dyn.example, no-cache: true}]"
            let vireo = try VireoServer(upstreams: [upstream.address], redis.line() + rule)
            for name in ["a.dyn.example.", "b.dyn.example.", "kept.example."] { _ = try vireo.ask(name, .a) }
            try redis.waitForKey("kept.example.")
            #expect(try redis.ask("DBSIZE") == "(integer) 1")
            let plain = try VireoServer(upstreams: [other.address], redis.line())
            _ = try plain.ask("a.dyn.example.", .a)
            try redis.waitForKey("a.dyn.example.")
            for _ in 0..<3 { #expect(try vireo.ask("a.dyn.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.1"]) }
            #expect(upstream.questionCount == 6)
        }
    }
}
