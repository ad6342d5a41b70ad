import Green
import GreenRedis
import Testing

/// Connections that are lent: commands that block, and transactions.
@Suite struct PoolTests {
    /// A pool for a server that stands.
    private func pool(_ server: RedisServer, size: Int) throws -> RedisPool {
        try connection(server.url).close()
        return RedisPool(RedisOptions(server.url), size: size)
    }

    @Test func `a command that blocks has a connection of its own, and others go on`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            let pool = try pool(server, size: 2)
            let waiting = hub.spawn { try pool.command("BLPOP jobs 0", until: hub.soon) }
            try eventually("the loan") { pool.lentCount == 1 }
            for number in 0..<50 { #expect(try redis.command("ECHO \(number)", until: hub.soon).text == "\(number)") }
            #expect(!waiting.isDone)
            #expect(try redis.command("RPUSH jobs \("a b")", until: hub.soon) == .integer(1))
            #expect(try waiting.get() == .array([.bytes(Array("jobs".utf8)), .bytes(Array("a b".utf8))]))
            // The same connection serves again.
            for _ in 0..<10 { #expect(try pool.command("PING", until: hub.soon) == .status("PONG")) }
            #expect(pool.connectCount == 1 && pool.lentCount == 0)
            pool.close()
            #expect(throws: RedisError.closed) { try pool.command("PING") }
            redis.close()
        }
    }

    @Test(arguments: [
        ["BLPOP", "a", "0"], ["blmove", "a", "b", "LEFT", "LEFT", "0"],
        ["XREAD", "COUNT", "1", "block", "0", "STREAMS", "s", "0"],
        ["WAIT", "1", "0"], ["MULTI"], ["WATCH", "a"], ["SELECT", "2"], ["AUTH", "x"], ["SUBSCRIBE", "a"], ["MONITOR"],
        ["HELLO", "3"], ["QUIT"], ["CLIENT", "REPLY", "OFF"],
    ])
    func `what would keep others from their replies is refused on a connection that they share`(_ words: [String]) throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            do {
                _ = try redis.command(words.map { RedisArgument($0) }, until: hub.soon)
                Issue.record("it was sent")
            } catch RedisError.unsuitable(let name, _) {
                #expect(name == words[0])
            }
            #expect(try redis.command(["XREAD", "COUNT", "1", "STREAMS", "BLOCK", "0"], until: hub.soon) == .null)
            #expect(redis.connectCount == 1)
            redis.close()
        }
    }

    @Test func `a command that was broken off answers nobody else`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            let pool = try pool(server, size: 1)
            #expect(throws: RedisError.timedOut) { try pool.command("BLPOP jobs 0", until: hub.after(.milliseconds(20))) }
            let killed = hub.spawn { try pool.command("BLPOP jobs 0") }
            try eventually("the loan") { pool.lentCount == 1 }
            // Nobody else has a place meanwhile.
            #expect(throws: RedisError.timedOut) { try pool.command("PING", until: hub.after(.milliseconds(5))) }
            killed.kill()
            #expect(throws: Interruption.killed) { try killed.get() }
            #expect(try pool.command("PING", until: hub.soon) == .status("PONG"))
            #expect(pool.connectCount == 3)
            // One that says more than its own command is not lent again.
            try pool.withConnection { session in
                _ = try session.command("SELECT 5")
                _ = try session.command("SET here 1")
            }
            #expect(try pool.command("GET here", until: hub.soon) == .null)
            try pool.withConnection { session in
                _ = try session.command("MULTI")
                _ = try session.command("UNWATCH")
            }
            #expect(try pool.command("PING", until: hub.soon) == .status("PONG"))
            #expect(pool.connectCount == 5)
            _ = redis
            pool.close()
            redis.close()
        }
    }

    @Test func `a connection that died while nobody had it is made anew`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let pool = try pool(server, size: 3)
            #expect(try pool.command("PING", until: hub.soon) == .status("PONG"))
            server.stop()
            #expect(throws: RedisError.self) { try pool.command("PING", until: hub.soon) }
            #expect(throws: RedisError.self) { try pool.command("PING", until: hub.soon) }
            try server.start()
            try eventually("the server") { (try? pool.command("PING", until: hub.soon)) == .status("PONG") }
            #expect(pool.lentCount == 0)
            pool.close()
        }
    }

    @Test func `a transaction is done as one, or not at all`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            let pool = try pool(server, size: 2)
            _ = try redis.command("SET count 1", until: hub.soon)
            let raised = try pool.withConnection { session in
                _ = try session.command("WATCH count")
                let count = Int(try session.command("GET count").text ?? "") ?? 0
                return try session.transaction([["SET", "count", RedisArgument(count + 1)], ["GET", "count"]])
            }
            #expect(raised == [.status("OK"), .bytes([50])])
            let missed = try pool.withConnection { session in
                _ = try session.command("WATCH count")
                _ = try redis.command("INCR count", until: hub.soon)
                return try session.transaction([["SET", "count", "0"]])
            }
            #expect(missed == nil)
            #expect(try redis.command("GET count", until: hub.soon) == .bytes([51]))
            // On a shared connection nobody's commands come in between.
            let greenlets = (0..<20).map { _ in
                hub.spawn { try redis.transaction([["INCR", "count"], ["DECR", "count"]], until: hub.soon) }
            }
            for greenlet in greenlets { #expect(try greenlet.get() == [.integer(4), .integer(3)]) }
            do {
                _ = try redis.transaction([["INCR", "count"], ["NONSENSE"]], until: hub.soon)
                Issue.record("it was taken")
            } catch RedisError.refused(let words) {
                #expect(words.contains("unknown command"))
            }
            #expect(try redis.command("GET count", until: hub.soon) == .bytes([51]))
            pool.close()
            redis.close()
        }
    }

    @Test func `a pattern is listened to`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            var messages: [String] = []
            let subscription = RedisSubscription(RedisOptions(server.url), patterns: ["news.*", "odd?"]) { channel, message in
                messages.append("\(channel): \(String(decoding: message, as: UTF8.self))")
            }
            try eventually("the subscription") { subscription.isListening }
            for channel in ["news.one", "newspaper", "odd1", "news."] {
                _ = try redis.command("PUBLISH \(channel) \("to " + channel)", until: hub.soon)
            }
            try eventually("the messages") { messages.count == 3 }
            #expect(messages == ["news.one: to news.one", "odd1: to odd1", "news.: to news."])
            subscription.close()
            redis.close()
        }
    }

    @Test func `values in a command stay whole, whatever is in them`() {
        func words(_ command: RedisCommand) -> [String] { command.arguments.map { String(decoding: $0.bytes, as: UTF8.self) } }
        let name = "a b\r\nFLUSHALL\r\n"
        #expect(words("SET user:\(7):name \(name) EX  \(60)") == ["SET", "user:7:name", name, "EX", "60"])
        #expect(words("DEL \(["a", "b c"] as [RedisArgument])") == ["DEL", "a", "b c"])
        #expect(words("SET k \("")") == ["SET", "k", ""])
        #expect(words("GET \([1, 255] as [UInt8])").count == 2)
        #expect(words("PING") == ["PING"])
    }
}
