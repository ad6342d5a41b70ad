import Foundation
import Green
import GreenRedis
import Testing

/// Against a real redis-server.
@Suite struct RedisConnectionTests {
    @Test(arguments: [false, true]) func `values come back as they were set`(_ overUnix: Bool) throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(overUnix ? server.socketURL : server.url)
            let value = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try redis.command(["SET", "key", RedisArgument(value), "PX", "60000"], until: hub.soon) == .status("OK"))
            #expect(try redis.command(["GET", "key"], until: hub.soon) == .bytes(value))
            #expect(try redis.command(["GET", "none"], until: hub.soon) == .null)
            #expect(try redis.command(["INCR", "count"], until: hub.soon) == .integer(1))
            #expect(try redis.command(["MGET", "none", "count", ""], until: hub.soon) == .array([.null, .bytes([49]), .null]))
            guard case .error(let words) = try redis.command(["INCR", "key"], until: hub.soon) else {
                Issue.record("no error")
                return
            }
            #expect(words.hasPrefix("ERR"))
            redis.close()
        }
    }

    @Test func `a thousand greenlets share one connection and each gets its own reply`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            let greenlets = (0..<1_000).map { number in
                hub.spawn {
                    let key = RedisArgument("key-\(number)")
                    _ = try redis.command(["SET", key, RedisArgument(number)], until: hub.soon)
                    return try redis.command(["GET", key], until: hub.soon)
                }
            }
            for (number, greenlet) in greenlets.enumerated() {
                #expect(try greenlet.get() == .bytes(Array("\(number)".utf8)))
            }
            #expect(redis.pendingCount == 0)
            redis.close()
        }
    }

    @Test func `a wrong password is said, and the right one enters the chosen database`() throws {
        try onHub { hub in
            let server = try RedisServer("--requirepass", "secret")
            var url = server.url
            url.password = "wrong"
            url.database = 3
            var options = RedisOptions(url)
            options.firstPause = .milliseconds(5)
            for password in ["wrong", nil] {
                options.locate = { [url] in
                    var url = url
                    url.password = password
                    return url
                }
                let refused = RedisConnection(options)
                try eventually("a refusal") {
                    guard case .broken(.refused(let words)) = refused.state else { return false }
                    return words.hasPrefix(password == nil ? "NOAUTH" : "WRONGPASS")
                }
                #expect(throws: RedisError.self) { _ = try refused.command(["PING"], until: hub.soon) }
                refused.close()
            }
            url.password = "secret"
            let redis = try connection(url)
            _ = try redis.command(["SET", "a", "b"], until: hub.soon)
            #expect(try redis.command(["INFO", "keyspace"], until: hub.soon).text?.contains("db3:keys=1") == true)
            redis.close()
        }
    }

    @Test func `a late reply is dropped and answers no other command`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url) { $0.silenceLimit = .seconds(10) }
            _ = try redis.command(["SET", "a", "1"], until: hub.soon)
            server.send(SIGSTOP)
            #expect(throws: RedisError.timedOut) { _ = try redis.command(["GET", "a"], until: hub.after(.milliseconds(20))) }
            let patient = hub.spawn { try redis.command(["GET", "b"], until: hub.soon) }
            #expect(throws: RedisError.timedOut) { _ = try redis.command(["GET", "a"], until: hub.after(.milliseconds(20))) }
            server.send(SIGCONT)
            #expect(try patient.get() == .null)
            #expect(try redis.command(["GET", "a"], until: hub.soon) == .bytes([49]))
            #expect(redis.lateReplies == 2)
            #expect(redis.connectCount == 1)
            redis.close()
        }
    }

    @Test func `a server that stays silent is given up, and taken again when it speaks`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url) {
                $0.silenceLimit = .milliseconds(100)
                $0.connectLimit = .milliseconds(100)
            }
            server.send(SIGSTOP)
            #expect(throws: RedisError.timedOut) { _ = try redis.command(["GET", "a"], until: hub.soon) }
            // A stopped server takes connections, but not for one that stands.
            #expect(throws: RedisError.self) { _ = try redis.command(["GET", "a"], until: hub.soon) }
            server.send(SIGCONT)
            try eventually("the server again") { redis.state == .ready }
            #expect(try redis.command(["GET", "a"], until: hub.soon) == .null)
            redis.close()
        }
    }

    @Test func `a server that repeats the password in its refusal gives it to nobody`() throws {
        try onHub { hub in
            for server in [try RedisServer("--rename-command", "AUTH", "UNHEARD-OF"), try RedisServer()] {
                var url = server.url
                url.password = "hush" + String(repeating: "hush", count: 100)
                let redis = RedisConnection(RedisOptions(url))
                try eventually("a refusal") {
                    guard case .broken(.refused(let words)) = redis.state else { return false }
                    #expect(!words.contains("hush") && words.hasPrefix("ERR "), "\(words)")
                    return true
                }
                redis.close()
            }
        }
    }

    @Test func `a killed server fails commands at once until it is back`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            server.send(SIGSTOP)
            let waiting = hub.spawn { try redis.command(["GET", "a"], until: hub.soon) }
            try eventually("the command") { redis.pendingCount == 1 }
            server.stop()
            #expect(throws: RedisError.self) { _ = try waiting.get() }
            let begun = hub.loop.now()
            for _ in 0..<100 { #expect(throws: RedisError.self) { _ = try redis.command(["GET", "a"], until: hub.soon) } }
            #expect(begun.duration(to: hub.loop.now()) < .seconds(5))
            try server.start()
            try eventually("the server again") { redis.state == .ready }
            #expect(try redis.command(["PING"], until: hub.soon) == .status("PONG"))
            redis.close()
        }
    }

    @Test func `too many commands are turned away`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url) {
                $0.pendingLimit = 10
                $0.unsentLimit = 10_000
            }
            server.send(SIGSTOP)
            for _ in 0..<10 { try redis.post(["GET", "a"]) }
            #expect(throws: RedisError.overloaded) { try redis.post(["GET", "a"]) }
            server.send(SIGCONT)
            try eventually("the replies") { redis.pendingCount == 0 }
            try redis.post(["SET", "a", RedisArgument([UInt8](repeating: 0, count: 10_000))])
            #expect(throws: RedisError.overloaded) { try redis.post(["GET", "a"]) }
            redis.close()
        }
    }

    @Test func `a close ends all waits`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            server.send(SIGSTOP)
            let waiting = hub.spawn { try redis.command(["GET", "a"], until: hub.soon) }
            try eventually("the command") { redis.pendingCount == 1 }
            redis.close()
            #expect(throws: RedisError.closed) { _ = try waiting.get() }
            #expect(throws: RedisError.closed) { _ = try redis.command(["GET", "a"], until: hub.soon) }
        }
    }

    @Test func `a subscription gets what is published, also after the server was away`() throws {
        try onHub { hub in
            let server = try RedisServer()
            let redis = try connection(server.url)
            var joins = 0
            var messages: [String] = []
            var options = RedisOptions(server.url)
            options.firstPause = .milliseconds(5)
            let subscription = RedisSubscription(options, channels: ["news", "more"]) {
                joins += 1
            } received: { channel, message in
                messages.append("\(channel): \(String(decoding: message, as: UTF8.self))")
            }
            try eventually("the subscription") { subscription.isListening }
            #expect(try redis.command(["PUBLISH", "news", "one"], until: hub.soon) == .integer(1))
            try eventually("the message") { messages == ["news: one"] }
            server.stop()
            try eventually("the end") { !subscription.isListening }
            try server.start()
            try eventually("both again") { subscription.isListening && redis.state == .ready }
            #expect(joins == 2)
            #expect(try redis.command(["PUBLISH", "more", "two"], until: hub.soon) == .integer(1))
            try eventually("the message") { messages == ["news: one", "more: two"] }
            subscription.close()
            redis.close()
        }
    }

    @Test func `a server with TLS is reached, if its certificate is known`() throws {
        try onHub { hub in
            let certificate = try Certificate()
            let port = freePort()
            let server = try RedisServer(
                "--tls-port", "\(port)", "--tls-cert-file", certificate.file, "--tls-key-file", certificate.keyFile,
                "--tls-ca-cert-file", certificate.file, "--tls-auth-clients", "no")
            defer { server.stop() }
            let redis = try connection(#require(RedisURL("rediss://127.0.0.1:\(port)?ca=\(certificate.file)")))
            let value = [UInt8](repeating: 7, count: 200_000)
            _ = try redis.command(["SET", "a", RedisArgument(value)], until: hub.soon)
            #expect(try redis.command(["GET", "a"], until: hub.soon) == .bytes(value))
            redis.close()
            let wary = RedisConnection(RedisOptions(try #require(RedisURL("rediss://127.0.0.1:\(port)"))))
            try eventually("a refusal") {
                guard case .broken(.notConnected(let reason)) = wary.state else { return false }
                return reason.contains("certificate")
            }
            wary.close()
        }
    }
}
