import Green
import GreenRedis
import Testing

/// Against a server of the test's own, which says what no Redis should.
@Suite struct HostileServerTests {
    /// Runs `body` with a connection to a server that answers the greeting and then every command with `bytes`.
    private func withServer(
        _ bytes: [UInt8], limits: ReplyLimits = ReplyLimits(), _ body: @escaping (Hub, RedisConnection) throws -> Void
    ) throws {
        for simulated in [false, true] {
            let world = VirtualWorld(seed: 3)
            let loop: any Loop = simulated ? world.host.makeLoop() : LibeventLoop()
            let hub = Hub(loop: loop)
            try hub.run {
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                let server = try StreamServer(hub: hub, listener: listener, limit: 10) { stream in
                    _ = try stream.read(upTo: 1_000, until: hub.soon)
                    try stream.write(Array("+PONG\r\n".utf8), until: hub.soon)
                    while try !stream.read(upTo: 1_000, until: hub.soon).isEmpty { try stream.write(bytes, until: hub.soon) }
                }
                server.start()
                let redis = try connection(RedisURL(.tcp(host: "127.0.0.1", port: listener.address.port))) {
                    $0.replyLimits = limits
                }
                try body(hub, redis)
                redis.close()
                server.stop()
            }
        }
    }

    @Test(arguments: [
        "garbage\r\n", "\r\n", "$12a\r\n", "$\r\n", "$-2\r\n", "$1048577\r\n", "$99999999999999999999999999\r\n", "*65537\r\n",
        "*-5\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "$3\nabc\r\n", ":12:\r\n+OK\r\n", "+PONG\r\n+PONG\r\n",
        "%1\r\n+a\r\n+b\r\n", "\u{0}\u{0}\u{0}\r\n",
    ])
    func `bytes that are no reply end the connection and nothing else`(_ text: String) throws {
        try withServer(Array(text.utf8)) { hub, redis in
            let count = redis.connectCount
            // What is no number, or one reply too many, is found after the first reply was given.
            _ = try? redis.command(["GET", "a"], until: hub.soon)
            try eventually("a new connection") { redis.connectCount > count }
        }
    }

    @Test func `a reply that never ends is cut off at its limit`() throws {
        var limits = ReplyLimits()
        limits.totalBytes = 10_000
        let element = "$1000\r\n" + String(repeating: "x", count: 1_000) + "\r\n"
        try withServer(Array(("*20\r\n" + String(repeating: element, count: 20)).utf8), limits: limits) { hub, redis in
            #expect(throws: RedisError.protocolViolation("a reply of more than 10000 bytes")) {
                _ = try redis.command(["GET", "a"], until: hub.soon)
            }
        }
        try withServer([UInt8](repeating: UInt8(ascii: "+"), count: 100_000)) { hub, redis in
            #expect(throws: RedisError.protocolViolation("a line without an end")) {
                _ = try redis.command(["GET", "a"], until: hub.soon)
            }
        }
    }

    @Test func `replies arrive whole, however they are cut into pieces`() throws {
        let reply = "*3\r\n$5\r\nab\r\nc\r\n:-7\r\n*2\r\n$-1\r\n+OK\r\n"
        let world = VirtualWorld(seed: 5)
        let hub = Hub(loop: world.host.makeLoop())
        try hub.run {
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = try StreamServer(hub: hub, listener: listener, limit: 10) { stream in
                _ = try stream.read(upTo: 1_000, until: hub.soon)
                try stream.write(Array("+PONG\r\n".utf8), until: hub.soon)
                while try !stream.read(upTo: 1_000, until: hub.soon).isEmpty {
                    for byte in reply.utf8 {
                        try stream.write([byte], until: hub.soon)
                        try sleep(.milliseconds(10))
                    }
                }
            }
            server.start()
            let redis = try connection(RedisURL(.tcp(host: "127.0.0.1", port: listener.address.port)))
            let expected = RedisReply.array([.bytes(Array("ab\r\nc".utf8)), .integer(-7), .array([.null, .status("OK")])])
            for _ in 0..<3 { #expect(try redis.command(["X"], until: hub.soon) == expected) }
            #expect(redis.connectCount == 1)
            redis.close()
            server.stop()
        }
    }

    @Test func `random bytes never do harm`() throws {
        var seed: UInt64 = 11
        func random() -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return seed >> 33
        }
        let alphabet = Array("*$+-:0123456789\r\n\r\n\r\nab".utf8)
        for _ in 0..<60 {
            let bytes = (0..<300).map { _ in alphabet[Int(random()) % alphabet.count] }
            try withServer(bytes) { hub, redis in
                for _ in 0..<3 { _ = try? redis.command(["GET", "a"], until: hub.after(.milliseconds(100))) }
            }
        }
    }
}
