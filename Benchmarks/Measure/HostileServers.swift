internal import GreenRedis

/// What a hostile Redis says, and how it cuts that into pieces.
enum HostileServers {
    /// As many of the smallest elements as one reply may have, again and again.
    static var manyElements: [UInt8] {
        text("*65536\r\n" + repeated(":1\r\n", 65_536) + "*65536\r\n" + repeated("$0\r\n\r\n", 65_536))
    }

    /// Arrays in arrays, as deep as they may be, each with one element.
    static var nested: [UInt8] { text(repeated(repeated("*1\r\n", 7) + ":1\r\n", 4_000)) }

    /// Empty arrays, and arrays that announce all that they may and are followed by more of them.
    static var announced: [UInt8] { text(repeated("*0\r\n", 20_000) + repeated("*65536\r\n", 7)) }

    /// Lines as long as they may be: statuses, errors, and one that is longer.
    static var longLines: [UInt8] {
        let line = repeated("a", 65_000)
        return text("+\(line)\r\n-\(line)\r\n+" + repeated(line, 2))
    }

    /// Values up to the limit of one, and elements between them.
    static var values: [UInt8] { text(repeated("$100000\r\n" + repeated("v", 100_000) + "\r\n:-9223372036854775808\r\n", 5)) }

    /// Reads what came in pieces of some bytes, until it is refused, and takes each reply.
    static func read(_ bytes: [UInt8], piece: Int) {
        var reader = ReplyReader(ReplyLimits())
        var start = 0
        while start < bytes.count {
            let end = min(start + piece, bytes.count)
            // SAFETY: the bytes outlive the call.
            let isGood = unsafe bytes.withUnsafeBytes { all in
                unsafe (try? reader.feed(UnsafeRawBufferPointer(rebasing: all[start..<end]))) != nil
            }
            while reader.next() != nil {}
            guard isGood else { return }
            start = end
        }
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
}
