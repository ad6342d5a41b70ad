import DNSWire
import Green
import GreenHTTP2
import Testing

@testable import Upstream

/// DNS over HTTPS.
@Suite struct `Upstreams over HTTPS` {
    @Test(arguments: World.allCases) func `questions share a connection, as requests by POST that are padded`(_ world: World)
        throws
    {
        try onHub(world) { hub in
            var waiting = 0
            let upstream = try FakeHTTPUpstream { request in
                waiting += 1
                return [.wait(.milliseconds(waiting % 3)), request.answer]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<90).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
            for asker in askers { #expect(try asker.get().transport == .https) }
            #expect(upstream.connectionCount == 1)
            for request in upstream.requests {
                let fields = request.message.fields
                #expect(fields[":method"] == "POST" && fields[":scheme"] == "https" && fields[":path"] == "/dns-query")
                #expect(fields[":authority"] == "dns.test:\(upstream.address.port)")
                #expect(fields["content-type"] == "application/dns-message" && fields["accept"] == "application/dns-message")
                #expect(fields["content-length"] == "128" && request.query.bytes.count == 128)
            }
            #expect(Set(upstream.requests.map(\.query.id)).count > 80)
            upstream.server.retire()
        }
    }

    @Test func `by GET a question is the same bytes each time, with id 0`() throws {
        try onHub { _ in
            let upstream = try FakeHTTPUpstream(usesGet: true)
            for _ in 0..<3 { _ = try ask([upstream.server]) }
            #expect(Set(upstream.requests.map { $0.message.fields[":path"]! }).count == 1)
            #expect(upstream.requests.allSatisfy { $0.message.fields[":method"] == "GET" && $0.query.id == 0 })
            #expect(upstream.requests[0].query.name == wire("www.example.com"))
            upstream.server.retire()
        }
    }

    /// What an upstream that answers so is taken for: who answers in its place, and what a question to it alone ends with.
    private func trial(_ acts: @escaping (FakeRequest) -> [FakeResponse]) throws -> (second: UInt16?, alone: UpstreamFailure?) {
        let upstream = try FakeHTTPUpstream(acts)
        let next = try FakeUpstream(id: 2) { [.send($0.answer())] }
        let second = try? ask([upstream.server, next.server]).upstream
        var failure: UpstreamFailure?
        do { _ = try ask([upstream.server]) } catch { failure = error as? UpstreamFailure }
        upstream.server.retire()
        return (second, failure)
    }

    @Test func `a response that is no answer means the next upstream, and an extended error`() throws {
        try onHub { _ in
            let type = "application/dns-message"
            let zeros = [UInt8](repeating: 0, count: 65_536)
            let bodies: [(Int, String?, [UInt8]?)] = [
                (404, type, nil), (500, nil, []), (200, "text/html", Array("<html>".utf8)), (200, nil, nil),
                (200, type, [1, 2, 3]),
                (200, type, []), (200, type, zeros),
            ]
            var trials: [(FakeRequest) -> [FakeResponse]] = bodies.map { (status, type, body) in
                { request in [FakeResponse.respond(status, type, body ?? request.query.answer())] }
            }
            trials.append { _ in [.redirect("https://127.0.0.1/dns-query")] }
            trials.append { _ in [.reset(2)] }
            for (index, acts) in trials.enumerated() {
                let result = try trial(acts)
                #expect(result.second == 2, "trial \(index)")
                #expect(result.alone == .refused(.servFail, .networkError), "trial \(index)")
            }
            // Another question's answer.
            let other = try trial { request in
                [.respond(200, type, request.query.reply(name: request.query.otherName))]
            }
            #expect(other.second == 2 && other.alone == .refused(.servFail, .invalidData))
        }
    }

    @Test func `the content type's parameters and letters do not matter`() throws {
        try onHub { _ in
            let upstream = try FakeHTTPUpstream { [.respond(200, "Application/DNS-Message; x=y", $0.query.answer())] }
            #expect(address(try ask([upstream.server])) != nil)
            upstream.server.retire()
        }
    }

    @Test func `the age of a response is taken from its TTLs, and a stale one is not kept`() throws {
        try onHub { _ in
            let trials: [([(String, String)], UInt32)] = [
                ([], 256), ([("age", "0")], 256), ([("age", "100")], 156),
                ([("age", "255"), ("cache-control", "max-age=256")], 1),
                ([("age", "256")], 0), ([("age", "99999999999999999999999")], 0), ([("age", "-1")], 256),
                ([("age", "1x")], 256), ([("age", "10"), ("cache-control", "private, Max-Age=\"9\"")], 0),
                ([("age", "10"), ("cache-control", "max-age=10")], 246), ([("cache-control", "max-age=0")], 256),
                ([("age", "10"), ("cache-control", "s-maxage=1, max-age=x")], 246),
            ]
            for (fields, expected) in trials {
                let upstream = try FakeHTTPUpstream { [.fields(fields, $0.query.answer())] }
                let answer = try ask([upstream.server]).answer
                #expect(answer.lifetimeSeconds == expected, "\(fields)")
                let message = try Message(answer.message(to: question("www.example.com").asked).span)
                #expect(message.answers.map(\.ttl) == [expected], "\(fields)")
                upstream.server.retire()
            }
        }
    }

    @Test func `an aged response that cannot be read is judged as what it is`() throws {
        try onHub { _ in
            let result = try trial { request in
                [.fields([("age", "5")], Array(request.query.answer().dropLast(12)))]
            }
            #expect(result.second == 2)
        }
    }

    @Test func `who answers nothing else is told of with the status`() throws {
        try onHub { hub in
            let lines = Locked<[String]>([])
            let watch = UpstreamWatch { news in
                if case .stopped(_, let trouble) = news { lines.withLock { $0.append(trouble.text) } }
            }
            let fake = try FakeHTTPUpstream { _ in [.respond(403, nil, [])] }
            let server = UpstreamServer(
                fake.server.address, id: 1, hub: hub, health: watch.health(of: fake.server.address), tls: fake.server.tls)
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2), watch: watch)
            for index in 0..<4 { _ = try? forwarder.ask(question("n\(index).example")) }
            try sleep(.seconds(5))
            #expect(lines.withLock { $0 } == ["HTTP status 403 for /dns-query"])
            fake.behavior = { [$0.answer] }
            try sleep(.seconds(5))
            #expect(!server.isFailing)
            server.retire()
        }
    }

    @Test func `a stream that the server refused, or reset, is asked for again`() throws {
        try onHub { _ in
            for code in [UInt32(7), 2] {
                let upstream = try FakeHTTPUpstream { $0.number == 0 ? [.reset(code)] : [$0.answer] }
                #expect(address(try ask([upstream.server])) != nil)
                #expect(upstream.requests.count == 2)
                #expect(!upstream.server.isFailing)
                upstream.server.retire()
            }
        }
    }

    @Test func `after a farewell the questions that were begun are answered, and others go over another connection`() throws {
        try onHub { hub in
            let upstream = try FakeHTTPUpstream { request in
                request.number == 5
                    ? [.farewell, .wait(.milliseconds(20)), request.answer] : [.wait(.milliseconds(10)), request.answer]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<60).map { index in
                hub.spawn {
                    try sleep(.milliseconds(index / 3))
                    _ = try forwarder.ask(question("name\(index).example"))
                }
            }
            for asker in askers { try asker.get() }
            #expect(upstream.connectionCount == 2)
            #expect(!upstream.server.isFailing)
            upstream.server.retire()
        }
    }

    @Test func `a connection that stops in the middle of a response has its question asked again`() throws {
        try onHub { _ in
            let upstream = try FakeHTTPUpstream { $0.number == 1 ? [.cut] : [$0.answer] }
            for _ in 0..<3 { _ = try ask([upstream.server]) }
            #expect(upstream.requests.count == 4 && upstream.connectionCount <= 3)
            upstream.server.retire()
        }
    }

    @Test func `a server that takes few streams at once answers all the same`() throws {
        try onHub { hub in
            let upstream = try FakeHTTPUpstream { [.wait(.milliseconds(3)), $0.answer] }
            upstream.limits.streams = 10
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<300).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
            for asker in askers { _ = try asker.get() }
            #expect(upstream.connectionCount <= 16)
            upstream.server.retire()
        }
    }

    @Test func `a server without HTTP/2 is not asked`() throws {
        try onHub { _ in
            for protocols in [["http/1.1"], []] {
                let upstream = try FakeHTTPUpstream(protocols: protocols)
                #expect(throws: UpstreamFailure.insecure) { try ask([upstream.server]) }
                #expect(upstream.requests.isEmpty)
                upstream.server.retire()
            }
        }
    }

    @Test func `the longest answer comes through`() throws {
        try onHub { _ in
            let record = [0xC0, 12] + word(16) + word(1) + [0, 0, 1, 0] + word(2000) + [UInt8](repeating: 9, count: 2000)
            let upstream = try FakeHTTPUpstream { request in
                var reply = request.query.reply(answers: Array(repeating: record, count: 32))
                reply[11] = 0
                return [.respond(200, "application/dns-message", Array(reply.dropLast(11)))]
            }
            let forwarder = Forwarder(hub: .current, servers: [upstream.server], tryLimit: .seconds(2))
            #expect(try forwarder.ask(question("www.example.com", .txt)).answer.recordByteCount > 64_000)
            upstream.server.retire()
        }
    }

    @Test func `a connection that has gone silent is raced by a fresh one, and left`() throws {
        try onHub { _ in
            var dead: Int?
            var isDead = false
            let upstream = try FakeHTTPUpstream { _ in [] }
            upstream.behavior = { request in
                if isDead, dead == nil { dead = request.path }
                return request.path == dead ? [.silent] : [request.answer]
            }
            _ = try ask([upstream.server])
            isDead = true
            let raced = try elapsed { _ = try ask([upstream.server]) }
            #expect(raced < .milliseconds(420))
            let next = try elapsed { _ = try ask([upstream.server]) }
            #expect(next < .milliseconds(10))
            upstream.server.retire()
        }
    }

    @Test func `a question that nobody waits for is taken back`() throws {
        try onHub { hub in
            let upstream = try FakeHTTPUpstream { [.wait(.seconds(1)), $0.answer] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let asker = hub.spawn { _ = try forwarder.ask(question("a.example")) }
            try sleep(.milliseconds(100))
            asker.kill()
            try sleep(.milliseconds(100))
            #expect(upstream.server.exchangeCount == 0)
            let time = try elapsed { _ = try ask([upstream.server]) }
            #expect(time < .milliseconds(1300))
            #expect(upstream.connectionCount == 1)
            upstream.server.retire()
        }
    }
}
