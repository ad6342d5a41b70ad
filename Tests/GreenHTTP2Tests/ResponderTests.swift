import Testing

@testable import GreenHTTP2

/// A responder that answers each request with as many bytes as its path says, `/N/B`, N times the byte B.
private final class Repeater: HTTP2Responder {
    private(set) var endedCount = 0
    var isTelling = true

    override func headCame(_ stream: Int32, _ head: HTTP2Head, isLast: Bool) -> Verdict {
        guard isLast, !head.isTooLong else { return .body(0) }
        if !scratch.hasRoom { settle() }
        let (count, byte) = head.with(.path) { path in
            let text = (0..<path.count).map { path[$0] }.split(separator: UInt8(ascii: "/"))
            let numbers = text.map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
            return numbers.count == 2 ? (numbers[0], UInt8(truncatingIfNeeded: numbers[1])) : (0, 0)
        }
        let written = scratch.write { buffer in
            let count = min(max(0, count), buffer.count)
            for index in 0..<count { buffer[index] = byte }
            return count
        }
        answer(stream, HTTP2AnswerHead("200", "a/b", contentLength: written), bodyLength: written)
        return .taken
    }

    override func bodyCame(_ stream: Int32, _ tag: Int, _ body: [UInt8]) {
        answer(stream, HTTP2AnswerHead("204"), bodyLength: nil)
    }

    override func bodyIsTooLong(_ stream: Int32, _ tag: Int) {
        answer(stream, HTTP2AnswerHead("413"), bodyLength: nil)
    }

    override func ended(_ stream: Int32) { endedCount += 1 }

    /// One frame that is to be sent; empty where there is none.
    func frame() -> [UInt8] {
        var bytes: [UInt8] = []
        _ = unsafe nextOutput { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }
}

/// Many connections of one thread, which share what they can.
@Suite struct ResponderTests {
    @Test func `connections share the room for a frame, and what each is sent is its own`() throws {
        let limits = HTTP2Limits()
        let scratch = HTTP2Scratch(limits: limits)
        let servers = try (0..<3).map { _ in try Repeater(scratch, limits: limits) }
        let clients = try servers.map { _ in try HTTP2Engine(isServer: false) }
        #expect(servers.allSatisfy { $0.memory.isLent })
        var streams: [[Int32]] = []
        for (number, client) in clients.enumerated() {
            streams.append(try (0..<4).map { try client.send(request("/\(20_000 - $0)/\(number * 4 + $0)")) })
            try servers[number].receive(Pair.output(client).span)
            servers[number].settle()
        }
        // A frame of each in turn; the windows have room for a part of it at a time.
        var answers: [[Int32: [UInt8]]] = [[:], [:], [:]]
        var turns = 0
        while answers.contains(where: { $0.count < 4 }), turns < 10_000 {
            turns += 1
            for (number, server) in servers.enumerated() {
                let bytes = server.frame()
                if !bytes.isEmpty { try clients[number].receive(bytes) }
                server.settle()
                for case .message(let answer) in events(clients[number]) { answers[number][answer.stream] = answer.body }
                let up = Pair.output(clients[number])
                if !up.isEmpty { try server.receive(up.span) }
                server.settle()
            }
        }
        for number in 0..<3 {
            for (index, stream) in streams[number].enumerated() {
                let expected = [UInt8](repeating: UInt8(number * 4 + index), count: 20_000 - index)
                #expect(answers[number][stream] == expected)
            }
        }
        #expect(servers.allSatisfy { $0.heldBytes == 0 && $0.openCount == 0 })
    }

    @Test func `whoever comes and goes gives back what was lent`() throws {
        let limits = HTTP2Limits()
        let scratch = HTTP2Scratch(limits: limits)
        for _ in 0..<3 {
            let server = try Repeater(scratch, limits: limits)
            let client = try HTTP2Engine(isServer: false)
            let stream = try client.send(request("/5/7"))
            try server.receive(Pair.output(client).span)
            while case let bytes = server.frame(), !bytes.isEmpty { try client.receive(bytes) }
            server.settle()
            guard case .message(let answer)? = events(client).first else { Issue.record("no answer"); return }
            #expect(answer.stream == stream && answer.body == [7, 7, 7, 7, 7])
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `whatever one client sends, it holds little, and another on the same thread is answered`(_ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        var limits = HTTP2Limits()
        (limits.bodyBytes, limits.heldBytes) = (2_000, 4_000)
        let scratch = HTTP2Scratch(limits: limits)
        let (hostile, honest) = (try Repeater(scratch, limits: limits), try Repeater(scratch, limits: limits))
        let (client, other) = (try HTTP2Engine(isServer: false), try HTTP2Engine(isServer: false))
        for number in 0..<6 {
            let body = [UInt8](repeating: 5, count: number % 2 * number * 50)
            _ = try client.send(request("/\(number * 9_000)/1", method: body.isEmpty ? "GET" : "POST"), body: body)
        }
        var up = Pair.output(client)
        for _ in 0..<Int.random(in: 1...8, using: &numbers) {
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0: up.remove(at: Int.random(in: 24..<up.count, using: &numbers))
            case 1: up.insert(UInt8.random(in: 0...255, using: &numbers), at: Int.random(in: 24..<up.count, using: &numbers))
            case 2:
                let payload = (0..<Int.random(in: 0...40, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers)
                }
                up += frame(
                    UInt8.random(in: 0...12, using: &numbers), flags: UInt8.random(in: 0...255, using: &numbers),
                    stream: Int32.random(in: 0...13, using: &numbers), payload)
            default: up[Int.random(in: 24..<up.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
        }
        // In pieces, with the other's whole exchange between any two of them.
        var (start, isOver) = (0, false)
        while start < up.count, !isOver {
            let end = min(up.count, start + Int.random(in: 1...400, using: &numbers))
            do { try hostile.receive(Array(up[start..<end]).span) } catch { isOver = true }
            for _ in 0..<Int.random(in: 0...6, using: &numbers) { _ = hostile.frame() }
            hostile.settle()
            start = end
            let stream = try other.send(request("/300/9"))
            try honest.receive(Pair.output(other).span)
            while case let bytes = honest.frame(), !bytes.isEmpty { try other.receive(bytes) }
            honest.settle()
            guard case .message(let answer)? = events(other).first else { Issue.record("no answer"); return }
            #expect(answer.stream == stream && answer.body == [UInt8](repeating: 9, count: 300))
            let acknowledgement = Pair.output(other)
            if !acknowledgement.isEmpty { try honest.receive(acknowledgement.span) }
        }
        // Bodies that are not whole, and of at most six answers what the windows have no room for.
        #expect(hostile.heldBytes <= 4_000 + 6 * HTTP2Scratch.bodyLimit && hostile.openCount <= limits.streams)
    }
}
