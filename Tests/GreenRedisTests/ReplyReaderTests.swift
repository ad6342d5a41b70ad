import CHiredis
import Green
import Testing

@testable import GreenRedis

/// The reader of replies against hiredis, which reads the same language less strictly: what the reader takes, both take
/// for the same, however it is cut into pieces; and whatever comes, its work and memory stay within its bounds.
@Suite struct ReplyReaderTests {
    @Test func `a reply is told as people read it`() {
        let long = RedisReply.bytes([UInt8](repeating: 65, count: 300))
        let all = RedisReply.array([.status("OK"), .integer(-7), .bytes(Array("a b".utf8)), .null, .array([.error("ERR no")])])
        #expect("\(all)" == "[OK, -7, \"a b\", (nil), [ERR no]]")
        #expect("\(long)".count == 203)
    }

    @Test func `an error that a server replied can be thrown, and a number read`() throws {
        #expect(throws: RedisError.refused("WRONGTYPE no")) { try RedisReply.error("WRONGTYPE no").get() }
        #expect(try RedisReply.null.get() == .null)
        let numbers: [RedisReply] = [.integer(-3), .bytes(Array("42".utf8)), .bytes(Array("4 2".utf8)), .null, .error("7")]
        #expect(numbers.map(\.number) == [-3, 42, nil, nil, nil])
    }

    @Test func `what a reply prints is one short line of printable ASCII, whatever is in it`() {
        let bytes = RedisReply.bytes(Array("\u{1B}[2J\"\\é\r\n\t\0".utf8))
        #expect("\(bytes)" == #""\x1b[2J\"\\\xc3\xa9\r\n\t\x00""#)
        #expect("\(RedisReply.error("ERR \u{1B}]0;x\u{7}\nfake line"))" == #"ERR \x1b]0;x\x07\nfake line"#)
        var deep = RedisReply.array([])
        for _ in 0..<100 { deep = .array([deep, deep]) }
        let wide = RedisReply.array((0..<100_000).map { .integer($0) })
        let long = RedisReply.status(String(repeating: "\u{1}", count: 100_000))
        for each in [deep, wide, long, .array([RedisReply](repeating: wide, count: 1_000))] {
            let text = "\(each)"
            #expect(text.utf8.count < 3_000 && text.contains("…"))
            #expect(text.replacing("…", with: "").utf8.allSatisfy { (32...126).contains($0) })
        }
    }

    /// What comes of bytes: the replies before the first error, and whether there was one.
    struct Outcome: Equatable {
        var replies: [RedisReply] = []
        var isRefused = false
    }

    static func read(_ bytes: [UInt8], limits: ReplyLimits = ReplyLimits(), pieces: () -> Int) -> Outcome {
        var reader = ReplyReader(limits)
        var outcome = Outcome()
        var start = 0
        while start < bytes.count, !outcome.isRefused {
            let end = min(bytes.count, start + max(1, pieces()))
            do {
                try Array(bytes[start..<end]).withUnsafeBytes { try reader.feed($0) }
            } catch {
                outcome.isRefused = true
            }
            while let reply = reader.next() { outcome.replies.append(reply) }
            start = end
        }
        return outcome
    }

    static func hiredis(_ bytes: [UInt8]) -> Outcome {
        let reader = redisReaderCreate()!
        defer { redisReaderFree(reader) }
        var outcome = Outcome()
        _ = bytes.withUnsafeBytes { redisReaderFeed(reader, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count) }
        while true {
            var raw: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &raw) == REDIS_OK else {
                outcome.isRefused = true
                return outcome
            }
            guard let raw else { return outcome }
            outcome.replies.append(convert(raw.assumingMemoryBound(to: redisReply.self)))
            freeReplyObject(raw)
        }
    }

    private static func convert(_ reply: UnsafePointer<redisReply>) -> RedisReply {
        func bytes() -> [UInt8] { Array(UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len)) }
        switch reply.pointee.type {
        case REDIS_REPLY_STRING: return .bytes(bytes())
        case REDIS_REPLY_STATUS: return .status(String(decoding: bytes(), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: bytes(), as: UTF8.self))
        case REDIS_REPLY_INTEGER: return .integer(reply.pointee.integer)
        case REDIS_REPLY_ARRAY: return .array((0..<reply.pointee.elements).map { convert(reply.pointee.element[$0]!) })
        default: return .null
        }
    }

    /// A reply of random shape, as a server writes it.
    private func random(_ generator: inout SeededGenerator, depth: Int = 0) -> [UInt8] {
        func text(_ count: Int, _ alphabet: String) -> [UInt8] {
            let letters = Array(alphabet.utf8)
            return (0..<count).map { _ in letters.randomElement(using: &generator)! }
        }
        switch Int.random(in: 0..<(depth < 4 ? 9 : 7), using: &generator) {
        case 0: return Array("+".utf8) + text(Int.random(in: 0...9, using: &generator), "OKab $*:") + Array("\r\n".utf8)
        case 1: return Array("-ERR ".utf8) + text(3, "xyz") + Array("\r\n".utf8)
        case 2: return Array(":\(Int64.random(in: .min ... .max, using: &generator))\r\n".utf8)
        case 3: return Array(":\(Int64.random(in: -20...20, using: &generator))\r\n".utf8)
        case 4: return Array("$-1\r\n".utf8)
        case 5: return Array("*-1\r\n".utf8)
        case 6:
            let bytes = text(Int.random(in: 0...40, using: &generator), "\r\n$*:+-0123\u{0}a")
            return Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
        default:
            let count = Int.random(in: 0...5, using: &generator)
            return (0..<count).reduce(Array("*\(count)\r\n".utf8)) { whole, _ in whole + random(&generator, depth: depth + 1) }
        }
    }

    @Test func `what the reader takes hiredis takes for the same, and pieces change nothing`() {
        var generator = SeededGenerator(seed: 2026)
        var (refused, taken) = (0, 0)
        for round in 0..<6000 {
            var bytes = (0..<Int.random(in: 1...4, using: &generator)).flatMap { _ in random(&generator) }
            if round % 2 == 1 {
                for _ in 0...Int.random(in: 0..<3, using: &generator) where !bytes.isEmpty {
                    let place = Int.random(in: bytes.indices, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes[place] = Array("\r\n$*:+-019%\u{0}".utf8).randomElement(using: &generator)!
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(Array("\r\n0123456789".utf8).randomElement(using: &generator)!, at: place)
                    default: bytes.removeSubrange(place...)
                    }
                }
            }
            let whole = Self.read(bytes) { bytes.count }
            #expect(Self.read(bytes) { 1 } == whole, "\(bytes)")
            #expect(Self.read(bytes) { Int.random(in: 1...7, using: &generator) } == whole, "\(bytes)")
            let other = Self.hiredis(bytes)
            if whole.isRefused {
                refused += 1
                #expect(other.replies.starts(with: whole.replies), "\(bytes)")
            } else {
                taken += 1
                #expect(other == whole, "\(bytes)")
            }
        }
        #expect(refused > 1000 && taken > 3000)
    }

    @Test(arguments: [
        "*1\n*2147483648\r\n", "+a\n*2147483648\r\n", "*1\n", "$3\n", "+OK\n", "+a\nb\r\n", "+a\rb\r\n", "+\r\r\n", ":+1\r\n",
        ":01\r\n", ":-0\r\n", ":9223372036854775808\r\n", "$01\r\na\r\n", "$1\r\nab\r\n", "$1\r\na\n", "*2147483648\r\n",
        "*4294967296\r\n", "*-2\r\n", "$-0\r\n", "\r\n", "_\r\n", "=5\r\nabcde\r\n", "%1\r\n",
    ])
    func `what two readers could read in two ways is refused`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Self.read(bytes) { bytes.count } == Outcome(isRefused: true))
        #expect(Self.read(bytes) { 1 } == Outcome(isRefused: true))
    }

    @Test func `no more is kept than came, and no more came than the limit`() {
        // What announces much and sends little takes little: an array of all that it may have, seven deep.
        var reader = ReplyReader(ReplyLimits())
        let heads = Array(String(repeating: "*65536\r\n", count: 7).utf8)
        #expect(throws: Never.self) { try heads.withUnsafeBytes { try reader.feed($0) } }
        // Elements count with what they take: 8 MiB of the smallest ones is far beyond the limit.
        let element = Array(":1\r\n".utf8)
        var count = 0
        while count < 1_000_000, (try? element.withUnsafeBytes { try reader.feed($0) }) != nil { count += 1 }
        #expect(count > 60_000 && count <= (8 << 20) / 48)
        // A value that is announced and does not come.
        var other = ReplyReader(ReplyLimits())
        for _ in 0..<7 { try? heads.prefix(8).withUnsafeBytes { try other.feed($0) } }
        #expect(throws: RedisError.self) { try Array("*1\r\n".utf8).withUnsafeBytes { try other.feed($0) } }
    }
}
