import Green
import Testing

@testable import GreenHTTP2

/// Client and server of our own.
@Suite struct HTTP2Tests {
    @Test(arguments: World.allCases) func `many requests share a connection, answered in any order`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub) { request in
                let number = Int(request.fields[":path"]!.dropFirst())!
                try sleep(.milliseconds(number * 7 % 5))
                return HTTP2Response(status: 200, [("x-number", "\(number)")], body: request.body)
            }
            let client = try connect(hub, to: server)
            let askers = (0..<90).map { number in
                hub.spawn {
                    let body = [UInt8](repeating: UInt8(number), count: number * 300)
                    let reply = try client.send(request("/\(number)", method: "POST"), body: body, until: hub.soon)
                    #expect(reply.fields.status == 200 && reply.fields["x-number"] == "\(number)" && reply.body == body)
                }
            }
            for asker in askers { try asker.get() }
            client.close()
            try server.stop(until: hub.soon)
        }
    }

    @Test func `what a handler throws is 500, and the connection goes on`() throws {
        try onHub { hub in
            let server = try serve(hub) { request in
                if request.fields[":path"] == "/bad" { throw SocketError.closed }
                return HTTP2Response(status: 204)
            }
            let client = try connect(hub, to: server)
            #expect(try client.send(request("/bad"), until: hub.soon).fields.status == 500)
            #expect(try client.send(request("/good"), until: hub.soon).fields.status == 204)
            client.close()
            try server.stop(until: hub.soon)
        }
    }

    @Test func `an answer that is not waited for is cancelled, and its handler ended`() throws {
        try onHub { hub in
            var ended = 0
            let server = try serve(hub) { _ in
                defer { ended += 1 }
                try sleep(.seconds(3))
                return HTTP2Response(status: 200)
            }
            let client = try connect(hub, to: server)
            #expect(throws: SocketError.timedOut) {
                try client.send(request("/"), until: hub.loop.now().advanced(by: .milliseconds(100)))
            }
            try sleep(.milliseconds(100))
            #expect(ended == 1)
            client.close()
            try server.stop(until: hub.soon)
        }
    }

    @Test func `a connection that ends tells all who wait`() throws {
        try onHub { hub in
            let server = try serve(hub) { _ in
                try sleep(.seconds(60))
                return HTTP2Response(status: 200)
            }
            let client = try connect(hub, to: server)
            let askers = (0..<3).map { _ in hub.spawn { _ = try client.send(request("/"), until: hub.soon) } }
            try sleep(.milliseconds(10))
            try server.stop(until: hub.loop.now())
            for asker in askers { #expect(throws: (any Error).self) { try asker.get() } }
            #expect(!client.hasRoom)
            client.close()
        }
    }

    @Test func `a client that is silent is left`() throws {
        try onHub { hub in
            let server = try serve(hub, idleLimit: .seconds(3)) { _ in HTTP2Response(status: 200) }
            let client = try connect(hub, to: server)
            _ = try client.send(request("/"), until: hub.soon)
            #expect(server.connectionCount == 1)
            try sleep(.seconds(4))
            #expect(server.connectionCount == 0)
            client.close()
            server.stop()
        }
    }
}

/// One connection's HTTP/2 without the connection.
@Suite struct HTTP2EngineTests {
    @Test func `a request and its answer come whole, with trailers and interim answers left out`() throws {
        let pair = try Pair()
        let number = try pair.client.send(request("/a", method: "POST", [("accept", "x")]), body: [1, 2, 3])
        try pair.exchange()
        guard case .message(let got)? = events(pair.server).first else { Issue.record("no request"); return }
        #expect(got.stream == number && got.fields["accept"] == "x" && got.body == [1, 2, 3])
        try pair.server.answer(number, HTTP2Fields([(":status", "200"), ("content-type", "t")]), body: [9])
        try pair.exchange()
        guard case .message(let answer)? = events(pair.client).first else { Issue.record("no answer"); return }
        #expect(answer.fields.status == 200 && answer.fields["content-type"] == "t" && answer.body == [9])
        #expect(pair.client.openStreams == 0 && pair.server.openStreams == 0)
    }

    @Test func `an interim answer is not the answer`() throws {
        let pair = try Pair()
        let number = try pair.client.send(request("/"))
        try pair.exchange()
        // ":status: 103" as a literal without indexing, name 8 of the static table; then 200 by its index.
        try pair.client.receive(frame(1, flags: 4, stream: number, [0x08, 3] + Array("103".utf8)))
        try pair.client.receive(frame(1, flags: 5, stream: number, [0x88]))
        guard case .message(let answer)? = events(pair.client).first else { Issue.record("no answer"); return }
        #expect(answer.fields.status == 200 && answer.fields.count == 1)
    }

    @Test func `an answer larger than allowed ends its stream alone`() throws {
        var limits = HTTP2Limits()
        limits.bodyBytes = 1000
        let pair = try Pair(client: limits)
        let (large, small) = (try pair.client.send(request("/large")), try pair.client.send(request("/small")))
        try pair.exchange()
        _ = events(pair.server)
        let head = HTTP2Fields([(":status", "200")])
        try pair.server.answer(large, head, body: [UInt8](repeating: 1, count: 1001))
        try pair.server.answer(small, head, body: [UInt8](repeating: 1, count: 1000))
        try pair.exchange()
        let all = events(pair.client)
        #expect(all.contains { if case .failed(large, .tooLarge) = $0 { true } else { false } })
        #expect(
            all.contains {
                if case .message(let answer) = $0 { answer.stream == small && answer.body.count == 1000 } else { false }
            })
        #expect(pair.client.heldBytes == 0)
    }

    @Test func `bodies that are not whole are bounded together`() throws {
        var limits = HTTP2Limits()
        limits.heldBytes = 100_000
        let pair = try Pair(server: limits)
        for number in 0..<50 {
            _ = try pair.client.send(request("/\(number)", method: "POST"), body: [UInt8](repeating: 1, count: 60_000))
        }
        for _ in 0..<200 {
            let up = Pair.output(pair.client)
            for start in stride(from: 0, to: up.count, by: 4096) {
                try pair.server.receive(Array(up[start..<min(start + 4096, up.count)]))
                #expect(pair.server.heldBytes <= 100_000)
            }
            let down = Pair.output(pair.server)
            if up.isEmpty, down.isEmpty { break }
            try pair.client.receive(down)
        }
        #expect(pair.server.heldBytes == 0)
    }

    @Test func `a head larger than allowed ends its stream alone`() throws {
        let pair = try Pair()
        _ = try pair.client.send(request("/", [("x", String(repeating: "y", count: 17_000))]))
        let good = try pair.client.send(request("/good"))
        try pair.exchange()
        let messages = events(pair.server).compactMap { if case .message(let message) = $0 { message.stream } else { nil } }
        #expect(messages == [good])
    }

    @Test func `a peer's farewell ends what it has not begun, and takes no more`() throws {
        let pair = try Pair()
        let first = try pair.client.send(request("/1"))
        try pair.exchange()
        pair.server.sayFarewell()
        let second = try pair.client.send(request("/2"))
        try pair.client.receive(Pair.output(pair.server))
        let all = events(pair.client)
        #expect(all.contains { if case .farewell(first) = $0 { true } else { false } })
        #expect(all.contains { if case .failed(second, .streamEnded(_, wasRefused: true)) = $0 { true } else { false } })
        #expect(!pair.client.hasRoom)
        #expect(throws: HTTP2Error.closed) { try pair.client.send(request("/3")) }
        try pair.server.answer(first, HTTP2Fields([(":status", "200")]))
        try pair.client.receive(Pair.output(pair.server))
        #expect(events(pair.client).contains { if case .message = $0 { true } else { false } })
    }

    /// Sends a server the same bytes again and again until it has had enough; how often, or nil where it never has.
    private func flood(_ most: Int, _ bytes: (Int) -> [UInt8]) throws -> Int? {
        let server = try HTTP2Engine(isServer: true)
        try server.receive(preface)
        for round in 0..<most {
            do throws(HTTP2Error) {
                try server.receive(bytes(round))
            } catch { return round }
            // What nghttp2 ends by itself it says with its last bytes.
            _ = Pair.output(server)
            if server.isOver { return round }
        }
        return nil
    }

    /// A request's head: GET, https, /, by the static table, and an authority.
    private static let head: [UInt8] = [0x82, 0x87, 0x84, 0x01, 1, 0x61]

    @Test func `frames that carry nothing are suffered up to a limit`() throws {
        let limit = HTTP2Limits().idleFrames + 10
        // Pings, settings, windows, priorities.
        #expect(try flood(limit) { _ in frame(6, [UInt8](repeating: 0, count: 8)) } != nil)
        #expect(try flood(limit) { _ in frame(4) } != nil)
        #expect(try flood(limit) { _ in frame(8, word(1)) } != nil)
        #expect(try flood(limit) { number in frame(2, stream: Int32(number * 2 + 1), word(0) + [1]) } != nil)
        // A stream that begins and is taken back.
        let reset = try flood(limit) { number in
            frame(1, flags: 5, stream: Int32(number * 2 + 1), Self.head) + frame(3, stream: Int32(number * 2 + 1), word(8))
        }
        #expect(reset != nil)
        // Pieces of a head without end, and of a body without bytes.
        #expect(try flood(20) { number in number == 0 ? frame(1, stream: 1, Self.head) : frame(9, stream: 1) } != nil)
        #expect(
            try flood(limit) { number in number == 0 ? frame(1, flags: 4, stream: 1, Self.head) : frame(0, stream: 1) } != nil)
        // Unknown frames are skipped by the protocol, and are bytes like any other.
        #expect(try flood(20_000) { _ in frame(0x55) } == nil)
    }

    @Test func `more streams than are allowed are refused, and the others served`() throws {
        var limits = HTTP2Limits()
        limits.streams = 10
        let server = try HTTP2Engine(isServer: true, limits: limits)
        try server.receive(preface)
        // The client has seen and acknowledged the limit.
        _ = Pair.output(server)
        try server.receive(frame(4, flags: 1))
        for number in 0..<50 { try server.receive(frame(1, flags: 5, stream: Int32(number * 2 + 1), Self.head)) }
        #expect(server.openStreams == 10)
        #expect(events(server).count == 10)
    }

    @Test func `who opens no window gets no bytes, and holds no more than its answers`() throws {
        let server = try HTTP2Engine(isServer: true)
        // SETTINGS_INITIAL_WINDOW_SIZE is 0.
        try server.receive(Array(preface.prefix(24)) + frame(4, [0, 4, 0, 0, 0, 0]))
        for number in 0..<100 { try server.receive(frame(1, flags: 5, stream: Int32(number * 2 + 1), Self.head)) }
        for case .message(let message) in events(server) {
            try server.answer(message.stream, HTTP2Fields([(":status", "200")]), body: [UInt8](repeating: 7, count: 60_000))
        }
        #expect(Pair.output(server).count < 10_000)
        #expect(Pair.output(server).isEmpty)
        // A window that overflows ends the connection.
        try? server.receive(frame(8, word(Int32.max)))
        try? server.receive(frame(8, word(Int32.max)))
        _ = Pair.output(server)
        #expect(server.isOver)
    }

    @Test(arguments: 0..<300 as Range<UInt64>) func `whatever bytes come, it ends or goes on, and holds little`(_ seed: UInt64)
        throws
    {
        var numbers = SeededNumbers(seed: seed)
        let pair = try Pair()
        for number in 0..<5 {
            _ = try pair.client.send(request("/\(number)", method: "POST"), body: [UInt8](repeating: 5, count: number * 50))
        }
        var up = Pair.output(pair.client)
        for _ in 0..<Int.random(in: 1...6, using: &numbers) {
            up[Int.random(in: 24..<up.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
        }
        try? pair.server.receive(up)
        for case .message(let message) in events(pair.server) {
            try? pair.server.answer(message.stream, HTTP2Fields([(":status", "200"), ("a", "b")]), body: [1, 2, 3])
        }
        var down = Pair.output(pair.server)
        for _ in 0..<Int.random(in: 1...6, using: &numbers) where !down.isEmpty {
            down[Int.random(in: 0..<down.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
        }
        try? pair.client.receive(down)
        _ = events(pair.client)
        #expect(pair.server.heldBytes <= 2000 && pair.client.heldBytes <= 2000)
    }
}
