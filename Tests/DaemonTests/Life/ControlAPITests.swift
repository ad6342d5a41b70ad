import AnswerCache
import DNSWire
import Green
import GreenHTTP
import GreenRedis
import TestSupport
import Testing
import Upstream

@testable import Daemon

/// The control API as plain functions, on a simulated loop: no socket, no server.
@Suite struct ControlAPITests {
    private let cache: MemoryCache
    private let directory = UpstreamDirectory([
        0: UpstreamAddress(SocketAddress("192.0.2.53", defaultPort: 53)!),
        1: UpstreamAddress(SocketAddress("192.0.2.54:5353", defaultPort: 53)!, transport: .tcp),
    ])

    init() throws {
        cache = try MemoryCache(sizeBytes: 32 << 20, seed: 42)
    }

    /// The API of a daemon without a Redis.
    private var api: ControlAPI {
        ControlAPI(tiers())
    }

    /// The tiers of a daemon, with a Redis or without.
    private func tiers(_ redis: RedisTier? = nil, _ fleet: RedisFleet? = nil) -> CacheTiers {
        CacheTiers(memory: cache, redis: redis, fleet: { fleet }, upstreams: { [directory] in directory }) {
            [cache, directory] in try $0.remove(from: cache, directory)
        }
    }

    /// Runs `body` as a greenlet of a simulated hub.
    private func simulated<Success>(_ body: @escaping () throws -> Success) throws -> Success {
        let world = VirtualWorld(seed: 1)
        return try withExtendedLifetime(world) { try Hub(loop: world.host.makeLoop()).run(body) }
    }

    /// Keeps an answer with one address; must be called on a hub.
    private func store(_ name: String, _ address: String = "192.0.2.1", ttl: UInt32 = 300, upstream: UInt16 = 0) throws {
        var reply = Message.reply(to: name, .a)
        reply.answers = [try ResourceRecord(text: "\(name) \(ttl) IN A \(address)")]
        try keep(reply, upstream: upstream)
    }

    private func keep(_ reply: Message, upstream: UInt16 = 0) throws {
        let question = reply.questions[0]
        let key = CacheKey(
            FixedName(question.name), question.type, question.class, flags: KeyFlags(dnssecOK: false, checkingDisabled: false),
            seed: cache.seed)
        let bytes = try reply.encoded()
        let now = BootSeconds(rawValue: Hub.current.bootSeconds)
        let result = cache.store(
            key, reply: bytes, from: Provenance(upstream: upstream, transport: upstream == 1 ? .tcp : .udp), at: now)
        guard case .stored = result else { throw DaemonError.cache("\(String(describing: result))") }
    }

    /// Asks the API: the status and the whole body.
    private func ask(
        _ method: String, _ path: String, _ query: KeyValuePairs<String, String> = [:], text: Bool = false
    ) throws -> (status: Int, body: String) {
        let headers = text ? [HTTPField("accept", "text/plain")] : []
        let request = HTTPRequest(method, path, query: query.map { HTTPField($0.key, $0.value) }, headers: headers)
        let response = try api.answer(request)
        var body: [UInt8] = []
        switch response.body {
        case .bytes(let bytes): body = bytes
        case .pieces(let next): while let piece = try next() { body += piece }
        }
        return (response.status, String(decoding: body, as: UTF8.self))
    }

    @Test func `a listing has every entry once, a line each`() throws {
        try simulated {
            for number in 0..<5_000 { try store("n\(number).example.") }
            let lines = try ask("GET", "/v1/cache").body.split(separator: "\n")
            #expect(lines.count == 5_000)
            #expect(Set(lines).count == 5_000)
            #expect(lines.allSatisfy { $0.hasPrefix("{\"name\":\"n") && $0.hasSuffix("}") })
            #expect(try ask("GET", "/v1/cache", ["limit": "7"]).body.split(separator: "\n").count == 7)
        }
    }

    @Test func `a listing waits after each step, so that others run`() throws {
        try simulated {
            for number in 0..<20_000 { try store("n\(number).example.") }
            var turns = 0
            let other = spawn {
                while true {
                    turns += 1
                    try Hub.current.yield(afterEvents: true)
                }
            }
            // Nothing fits: all the work is in one piece.
            #expect(try ask("GET", "/v1/cache", ["pattern": "absent.example"]).body == "")
            #expect(turns >= 20_000 / 128)
            other.kill()
        }
    }

    @Test func `no piece of a listing is much larger than another, however many entries there are`() throws {
        try simulated {
            for number in 0..<20_000 { try store("n\(number).example.") }
            let response = try api.answer(HTTPRequest("GET", "/v1/cache"))
            guard case .pieces(let next) = response.body else { throw DaemonError.cache("no pieces") }
            var largest = 0
            while let piece = try next() { largest = max(largest, piece.count) }
            #expect(largest < 128 << 10)
        }
    }

    @Test func `a listing is narrowed by pattern and type`() throws {
        try simulated {
            try store("a.example.")
            try store("www.a.example.")
            var reply = Message.reply(to: "a.example.", .mx)
            reply.answers = [try ResourceRecord(text: "a.example. 300 IN MX 10 mail.a.example.")]
            try keep(reply)
            func names(_ query: KeyValuePairs<String, String>) throws -> Int {
                try ask("GET", "/v1/cache", query).body.split(separator: "\n").count
            }
            #expect(try names(["pattern": "A.example"]) == 2)
            #expect(try names(["pattern": "a.example.", "type": "mx"]) == 1)
            #expect(try names(["pattern": "*.a.example"]) == 1)
            #expect(try names(["pattern": "*a.ex?mple"]) == 3)
            #expect(try names(["pattern": "*"]) == 3)
            #expect(try names(["pattern": "example"]) == 0)
            #expect(try names(["type": "TYPE1"]) == 2)
        }
    }

    @Test func `an entry tells what it is, how old, and where it came from`() throws {
        try simulated {
            try store("a.example.", "192.0.2.7", ttl: 300, upstream: 1)
            try sleep(.seconds(100))
            let line = try ask("GET", "/v1/cache", ["pattern": "a.example"]).body
            for part in [
                #""type":"A""#, #""kind":"answer""#, #""rcode":"NOERROR""#, #""ttl":200"#, #""lifetime":300"#, #""age":100"#,
                #""uses":0"#, #""size":136"#, #""tier":"memory""#, #""upstream":"tcp://192.0.2.54:5353""#, #""transport":"tcp""#,
                #""records":[{"name":"a.example.","ttl":200,"type":"A","data":"192.0.2.7"}]"#,
            ] {
                #expect(line.contains(part), "\(line) without \(part)")
            }
            let columns = try ask("GET", "/v1/cache", text: true).body.split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
            #expect(columns[0] == ["NAME", "TYPE", "ANSWER", "TTL", "AGE", "USES", "SIZE", "TIER", "UPSTREAM", "VIA"])
            #expect(
                columns[1] == [
                    "a.example.", "A", "192.0.2.7", "200", "100", "0", "136", "memory", "tcp://192.0.2.54:5353", "tcp",
                ])
        }
    }

    @Test func `get prints what dig would, records and sections`() throws {
        try simulated {
            try store("a.example.", "192.0.2.7")
            let text = try ask("GET", "/v1/cache/entry", ["name": "A.Example", "type": "a"], text: true).body
            for part in [
                "; memory: 300 s left of 300", ";; ->>HEADER<<- opcode: QUERY, status: NOERROR",
                ";; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0",
                ";; QUESTION SECTION:\n;a.example.\t\tIN\tA\n", ";; ANSWER SECTION:\na.example.\t300\tIN\tA\t192.0.2.7\n",
            ] {
                #expect(text.contains(part), "\(text) without \(part)")
            }
            #expect(try ask("GET", "/v1/cache/entry", ["name": "a.example"], text: true).body == text)
            let absent = try ask("GET", "/v1/cache/entry", ["name": "a.example", "type": "AAAA"])
            #expect(absent.status == 404)
            #expect(absent.body == "{\"error\":\"a.example. AAAA is not in the cache\"}\n")
        }
    }

    @Test(arguments: [
        (["name": "a.example", "type": "A"], 1), (["name": "a.example"], 2), (["subtree": "a.example"], 3),
        (["upstream": "tcp://192.0.2.54:5353"], 1), (["upstream": "192.0.2.53"], 4), (["answer-in": "198.51.100.0/24"], 1),
        (["all": "1"], 5), (["name": "*.a.example"], 1), (["name": "?a.example."], 1), (["name": "*A.example"], 4),
        (["name": "*a.example", "type": "MX"], 1), (["name": "*.example.org"], 0),
    ])
    func `a flush removes what it names and says how much`(query: [String: String], count: Int) throws {
        try simulated {
            try store("a.example.")
            var reply = Message.reply(to: "a.example.", .mx)
            reply.answers = [try ResourceRecord(text: "a.example. 300 IN MX 10 mail.a.example.")]
            try keep(reply)
            try store("www.a.example.", "198.51.100.9")
            try store("b.example.", upstream: 1)
            try store("ba.example.")
            let request = HTTPRequest("DELETE", "/v1/cache", query: query.map { HTTPField($0.key, $0.value) })
            let response = try api.answer(request)
            guard case .bytes(let body) = response.body else { throw DaemonError.cache("no body") }
            #expect(String(decoding: body, as: UTF8.self) == "{\"removed\":{\"memory\":\(count)}}\n")
            #expect(cache.statistics.entries == 5 - count)
        }
    }

    @Test(arguments: [
        ("10.1.0.0/8", "10.0.0.0/8"), ("192.0.2.129/25", "192.0.2.128/25"), ("2001:db8:0:1::/48", "2001:db8::/48"),
        ("192.0.2.1/0", "0.0.0.0/0"),
    ])
    func `a range with bits after its prefix is refused with the one that may be meant`(_ text: String, _ meant: String) throws {
        try simulated {
            try store("a.example.", "10.2.3.4")
            let (status, body) = try ask("DELETE", "/v1/cache", ["answer-in": text], text: true)
            #expect(status == 400)
            #expect(body == "\"\(text)\" has bits set after the prefix; expected \(meant), or a longer prefix\n")
            #expect(cache.statistics.entries == 1)
        }
    }

    @Test func `a record that cannot be shown is shown as bytes, and the others as they are`() throws {
        var reply = Message.reply(to: "a.example.", .txt)
        reply.answers = try ["TXT one", "TXT two"].map { try ResourceRecord(text: "a.example. 300 IN \($0)") }
        reply.authorities = [try ResourceRecord(text: "example. 300 IN NS ns.example.")]
        var bytes = try reply.encoded()
        let place = try #require(bytes.indices.dropLast(3).first { bytes[$0...].starts(with: [3] + Array("two".utf8)) })
        bytes[place] = 200
        let shown = Message(showing: bytes.span)
        let message = try #require(shown)
        #expect(message.answers.map { "\($0.data)" } == ["\"one\"", "\\# 4 C874776F"])
        #expect(message.authorities.count == 1)
        let cut = Message(showing: bytes.span.extracting(first: place + 2))
        #expect(cut?.answers.count == 1)
        let tooShort = Message(showing: bytes.span.extracting(first: 5))
        #expect(tooShort == nil)
    }

    @Test func `a flush goes on to its end when nobody waits for its report any more`() throws {
        try simulated {
            for number in 0..<2_000 { try store("n\(number).example.") }
            let request = spawn { try ask("DELETE", "/v1/cache", ["subtree": "example"]) }
            while cache.statistics.entries == 2_000 { try yield() }
            #expect(cache.statistics.entries > 0)
            request.kill()
            try request.join()
            for _ in 0..<100_000 where cache.statistics.entries > 0 { try yield() }
            #expect(cache.statistics.entries == 0)
        }
    }

    @Test func `a flush of an upstream that is not known here counts for answers on their way`() throws {
        try simulated {
            let mark = cache.flushMark
            let filter = FleetFilter.upstream(UpstreamMatch("192.0.2.99")!)
            let removed = try filter.remove(from: cache, directory)
            #expect(removed == 0)
            #expect(cache.flushMark != mark)
        }
    }

    @Test func `a Redis that cannot be asked spoils nothing of the memory, and is said in the last line`() throws {
        try simulated {
            try store("a.example.")
            let redis = RedisTier(RedisURL("redis://:hush@192.0.2.6")!, budget: .milliseconds(20)) { _ in }
            let fleet = RedisFleet(redis, name: "test") { _ in 0 }
            let api = ControlAPI(tiers(redis, fleet))
            func lines(_ method: String, _ path: String, _ query: KeyValuePairs<String, String> = [:]) throws -> [Substring] {
                let fields = query.map { HTTPField($0.key, $0.value) }
                var body: [UInt8] = []
                let plain = [HTTPField("accept", "text/plain")]
                switch try api.answer(HTTPRequest(method, path, query: fields, headers: plain)).body {
                case .bytes(let bytes): body = bytes
                case .pieces(let next): while let piece = try next() { body += piece }
                }
                let text = String(decoding: body, as: UTF8.self)
                #expect(!text.contains("hush"))
                return text.split(separator: "\n")
            }
            let list = try lines("GET", "/v1/cache")
            #expect(
                list.count == 3 && list[1].hasPrefix("a.example. ") && list[2].hasPrefix("error: redis: not listed to its end: "))
            #expect(try lines("GET", "/v1/cache", ["tier": "memory"]).count == 2)
            let get = try lines("GET", "/v1/cache/entry", ["name": "a.example"])
            #expect(
                get.first?.hasPrefix("; memory: ") == true && get.last?.hasPrefix("error: redis: not asked to its end: ") == true)
            let absent = try lines("GET", "/v1/cache/entry", ["name": "b.example"])
            #expect(absent.count == 1 && absent[0].hasPrefix("b.example. is not in the cache; redis: "))
            #expect(try lines("GET", "/v1/cache/statistics").contains("redis redis://:***@192.0.2.6:6379/0"))
            let flush = try lines("DELETE", "/v1/cache", ["all": "1"])
            #expect(flush.first == "memory: removed 1 entry")
            #expect(flush.last?.hasPrefix("error: redis and other instances may not be flushed: ") == true)
            fleet.close()
        }
    }

    @Test func `statistics count entries, hits and flushes`() throws {
        try simulated {
            try store("a.example.")
            try store("b.example.")
            _ = try ask("DELETE", "/v1/cache", ["name": "a.example"])
            let body = try ask("GET", "/v1/cache/statistics").body
            #expect(body.hasPrefix("{\"memory\":{\"entries\":1,"))
            #expect(body.contains("\"stored\":2,") && body.contains("\"removed\":1}"))
            #expect(try ask("GET", "/v1/cache/statistics", text: true).body.hasPrefix("memory\n  entries   "))
        }
    }

    @Test(arguments: [
        ("GET", "/v1/cache", ["type": "NONE"], 400), ("GET", "/v1/cache", ["limit": "0"], 400),
        ("GET", "/v1/cache", ["limit": "many"], 400), ("GET", "/v1/cache", ["pattern": "a..b"], 400),
        ("GET", "/v1/cache", ["patern": "a"], 400), ("GET", "/v1/cache", ["tier": "disk"], 400),
        ("GET", "/v1/cache", ["tier": "redis"], 404), ("GET", "/v1/cache/entry", [:], 400),
        ("GET", "/v1/cache/entry", ["name": "a..b"], 400),
        ("GET", "/v1/cache/entry", ["name": String(repeating: "a", count: 64)], 400),
        ("DELETE", "/v1/cache", [:], 400), ("DELETE", "/v1/cache", ["all": "1", "subtree": "a"], 400),
        ("DELETE", "/v1/cache", ["type": "A"], 400), ("DELETE", "/v1/cache", ["subtree": "a", "type": "A"], 400),
        ("DELETE", "/v1/cache", ["answer-in": "10.0.0.0/99"], 400), ("DELETE", "/v1/cache", ["name": "*..a"], 400),
        ("DELETE", "/v1/cache", ["upstream": "192.0.2.99"], 404),
        ("POST", "/v1/cache", [:], 405), ("DELETE", "/v1/cache/statistics", [:], 405), ("GET", "/", [:], 404),
    ])
    func `a request that makes no sense is refused in one line and changes nothing`(
        method: String, path: String, query: [String: String], status: Int
    ) throws {
        try simulated {
            try store("a.example.")
            let request = HTTPRequest(
                method, path, query: query.map { HTTPField($0.key, $0.value) }, headers: [HTTPField("Accept", "text/plain")])
            let response = try api.answer(request)
            #expect(response.status == status)
            guard case .bytes(let body) = response.body else { throw DaemonError.cache("no body") }
            #expect(body.last == UInt8(ascii: "\n") && body.dropLast().contains(UInt8(ascii: "\n")) == false && body.count > 10)
            #expect(cache.statistics.entries == 1)
        }
    }
}

extension Message {
    /// A reply without records.
    fileprivate static func reply(to name: String, _ type: RecordType) -> Message {
        var message = Message()
        message.flags.isResponse = true
        message.questions = [Question(Name(name)!, type, .internet)]
        return message
    }
}
