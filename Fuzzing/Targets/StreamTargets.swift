import DNSWire
import Green
import GreenRedis

@testable import Daemon
@testable import GreenHTTP2

/// Readers of streams, which get their bytes in pieces.
enum StreamTargets {
    /// Replies of a Redis: the same ones however the bytes are cut.
    static func resp(_ bytes: [UInt8]) {
        var limits = ReplyLimits()
        (limits.bulkBytes, limits.elements, limits.totalBytes) = (4096, 512, 65_536)
        let whole = replies(bytes, limits, pieces: bytes.count)
        let cut = replies(bytes, limits, pieces: 3)
        promise(whole.hasFailed == cut.hasFailed, "a violation is one however the bytes are cut")
        promise(whole.shown == cut.shown, "and so are the replies before it")
    }

    private static func replies(_ bytes: [UInt8], _ limits: ReplyLimits, pieces: Int) -> (shown: [String], hasFailed: Bool) {
        var reader = ReplyReader(limits)
        var shown: [String] = []
        for start in stride(from: 0, to: bytes.count, by: max(1, pieces)) {
            let piece = Array(bytes[start..<min(bytes.count, start + max(1, pieces))])
            let isGood = piece.withUnsafeBytes { piece in
                do throws(RedisError) {
                    try reader.feed(piece)
                    return true
                } catch {
                    return false
                }
            }
            while let reply = reader.next() { shown.append("\(reply)") }
            if !isGood { return (shown, true) }
        }
        return (shown, false)
    }

    /// What a client of HTTP/2 says to a server: answered with 200, whatever it is.
    static func http2Server(_ bytes: [UInt8]) {
        guard let engine = try? HTTP2Engine(isServer: true, limits: limits) else { return }
        feed(bytes, to: engine) { engine, message in
            try? engine.answer(message.stream, HTTP2Fields([(":status", "200")]), body: message.body)
        }
        let scratch = HTTP2Scratch(limits: limits)
        guard let responder = try? Responder(scratch, limits: limits) else { return }
        for piece in pieces(bytes) {
            guard (try? responder.receive(piece.span)) != nil else { break }
            var count = 0
            while responder.nextOutput({ count += $0.count }) { promise(count < 1 << 24, "the output has an end") }
            responder.settle()
            promise(responder.heldBytes <= limits.heldBytes + limits.bodyBytes, "bodies are held within bounds")
        }
    }

    /// What a server of HTTP/2 says to a client that has asked three questions.
    static func http2Client(_ bytes: [UInt8]) {
        guard let engine = try? HTTP2Engine(isServer: false, limits: limits) else { return }
        for number in 0..<3 {
            let head = [(":method", "POST"), (":scheme", "https"), (":authority", "h"), (":path", "/dns-query")]
            _ = try? engine.send(HTTP2Fields(head), body: [UInt8](repeating: 1, count: 20 * number))
        }
        feed(bytes, to: engine) { _, message in promise(message.body.count <= limits.bodyBytes, "a body is within bounds") }
    }

    private static var limits: HTTP2Limits {
        var limits = HTTP2Limits()
        limits.bodyBytes = 2048
        return limits
    }

    private static func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: 48).map { Array(bytes[$0..<min(bytes.count, $0 + 48)]) }
    }

    private static func feed(_ bytes: [UInt8], to engine: HTTP2Engine, _ take: (HTTP2Engine, HTTP2Message) -> Void) {
        for piece in pieces(bytes) {
            let isGood = (try? engine.receive(piece)) != nil
            var output: [UInt8] = []
            engine.output(to: &output)
            promise(output.count < 1 << 20, "what is said at once is bounded")
            while let event = engine.next() {
                if case .message(let message) = event { take(engine, message) }
            }
            if !isGood { return }
        }
    }

    /// A responder that answers everything.
    private final class Responder: HTTP2Responder {
        override func headCame(_ stream: Int32, _ head: HTTP2Head, isLast: Bool) -> Verdict {
            guard isLast else { return .body(0) }
            answer(stream, HTTP2AnswerHead("200"), bodyLength: nil)
            return .taken
        }

        override func bodyCame(_ stream: Int32, _ tag: Int, _ body: [UInt8]) {
            answer(stream, HTTP2AnswerHead("204"), bodyLength: nil)
        }

        override func bodyIsTooLong(_ stream: Int32, _ tag: Int) {
            answer(stream, HTTP2AnswerHead("413"), bodyLength: nil)
        }
    }

    /// What a proxy says before its client's bytes: whole or in part it comes to the same, and ends within the bytes.
    static func proxy(_ bytes: [UInt8]) {
        for isDatagram in [false, true] {
            let whole = ProxyHeader.read(bytes.span, isDatagram: isDatagram)
            switch whole {
            case .header(let length, let client):
                promise(length > 0 && length <= min(bytes.count, ProxyHeader.longest), "a header ends within its bounds")
                promise(client?.asClient == client, "a client has an address of its own")
                let exact = ProxyHeader.read(bytes.span.extracting(first: length), isDatagram: isDatagram)
                promise(exact == whole, "what follows a header changes nothing")
                for count in 1..<length {
                    let part = ProxyHeader.read(bytes.span.extracting(first: count), isDatagram: isDatagram)
                    promise(part == .incomplete, "a part of a header is no other")
                }
            case .incomplete: promise(bytes.count < ProxyHeader.longest, "a header that does not end is wrong")
            case .wrong, .absent: break
            }
        }
    }
}
