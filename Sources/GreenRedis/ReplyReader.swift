/// Takes a server's bytes apart into replies (RESP2), and is the only one to read them: what it refuses ends the connection.
///
/// The grammar is strict. A line ends with CR LF, and neither stands anywhere else in it; a number has no sign but `-`, no
/// leading zero, and fits 64 bits; a value is followed by CR LF. Memory is taken for what has come, never for what a length
/// announces, and each reply counts with its overhead against the limit.
package struct ReplyReader {
    /// An array that is not at its end.
    private struct OpenArray {
        var left: Int
        var items: [RedisReply] = []
    }

    private let limits: ReplyLimits
    /// The line that is being read, without its end.
    private var line: [UInt8] = []
    /// The last byte was CR.
    private var isAtEnd = false
    /// The value that is being read, and how many bytes of it are still to come; -2 once only LF of its end is, -1 for both.
    private var bulk: [UInt8] = []
    private var bulkLeft: Int?
    private var open: [OpenArray] = []
    /// Bytes of the present reply so far, overhead included.
    private var size = 0
    /// Replies that are whole, the next one last.
    private var replies: [RedisReply] = []
    private var read = 0

    /// What a reply begins with.
    private static let kinds: [UInt8] = Array("+-:$*".utf8)
    /// The longest line: statuses and errors are far shorter.
    private static let lineLimit = 65_536
    /// The longest number, sign included.
    private static let numberLimit = 20
    /// What a reply takes besides its own bytes, at most.
    private static let overhead = 48

    /// A reader with bounds.
    package init(_ limits: ReplyLimits) {
        self.limits = limits
    }

    /// Takes in bytes that came. Once it has thrown, nothing more may come.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        var position = 0
        while position < bytes.count {
            if let left = bulkLeft, left > 0 {
                let taken = min(left, bytes.count - position)
                // SAFETY: `position + taken` is at most the count.
                unsafe bulk.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<position + taken]))
                position += taken
                try grow(by: taken)
                bulkLeft = left == taken ? -1 : left - taken
                continue
            }
            // SAFETY: `position` is below the count.
            let byte = unsafe bytes[position]
            position += 1
            try grow(by: 1)
            if let left = bulkLeft {
                try endBulk(byte, after: left)
            } else {
                try takeLineByte(byte)
            }
        }
    }

    /// The next whole reply; nil when more bytes are needed.
    package mutating func next() -> RedisReply? {
        guard read < replies.count else { return nil }
        defer {
            read += 1
            if read == replies.count {
                replies.removeAll(keepingCapacity: read < 256)
                read = 0
            }
        }
        return replies[read]
    }

    private mutating func grow(by count: Int) throws(RedisError) {
        size += count
        guard size <= limits.totalBytes else { throw .protocolViolation("a reply of more than \(limits.totalBytes) bytes") }
    }

    /// CR, then LF, follow a value.
    private mutating func endBulk(_ byte: UInt8, after left: Int) throws(RedisError) {
        guard byte == (left == -1 ? UInt8(ascii: "\r") : UInt8(ascii: "\n")) else {
            throw .protocolViolation("a value that is longer than its length")
        }
        if left == -1 {
            bulkLeft = -2
        } else {
            bulkLeft = nil
            let value = bulk
            bulk = []
            try end(.bytes(value))
        }
    }

    private mutating func takeLineByte(_ byte: UInt8) throws(RedisError) {
        if line.isEmpty {
            guard Self.kinds.contains(byte) else { throw .protocolViolation("it begins with byte \(byte)") }
            return line.append(byte)
        }
        if isAtEnd {
            guard byte == UInt8(ascii: "\n") else { throw .protocolViolation("CR without LF") }
            isAtEnd = false
            defer { line.removeAll(keepingCapacity: true) }
            return try endLine()
        }
        if byte == UInt8(ascii: "\r") {
            isAtEnd = true
            return
        }
        guard byte != UInt8(ascii: "\n") else { throw .protocolViolation("LF without CR") }
        guard line.count < Self.lineLimit else { throw .protocolViolation("a line without an end") }
        line.append(byte)
    }

    private mutating func endLine() throws(RedisError) {
        switch line[0] {
        case UInt8(ascii: "+"): try end(.status(String(decoding: line.dropFirst(), as: UTF8.self)))
        case UInt8(ascii: "-"): try end(.error(String(decoding: line.dropFirst(), as: UTF8.self)))
        case UInt8(ascii: ":"):
            guard let number = number() else { throw .protocolViolation("a number that is none") }
            try end(.integer(number))
        case UInt8(ascii: "$"):
            let length = try length(atMost: limits.bulkBytes, "a value")
            guard length >= 0 else { return try end(.null) }
            bulkLeft = length == 0 ? -1 : length
        default:
            let count = try length(atMost: limits.elements, "an array")
            guard open.count < limits.depth else { throw .protocolViolation("arrays nested too deep") }
            guard count > 0 else { return try end(count == 0 ? .array([]) : .null) }
            try grow(by: Self.overhead)
            open.append(OpenArray(left: count))
        }
    }

    /// The number after the first byte; nil where there is none.
    private func number() -> Int64? {
        var digits = line.dropFirst()
        guard digits.count <= Self.numberLimit else { return nil }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        guard let first = digits.first, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        guard first != UInt8(ascii: "0") || (digits.count == 1 && !isNegative) else { return nil }
        return Int64(String(decoding: line.dropFirst(), as: UTF8.self))
    }

    /// The length after the first byte; -1 for nothing.
    private func length(atMost limit: Int, _ what: String) throws(RedisError) -> Int {
        guard let number = number(), number >= -1 else { throw .protocolViolation("\(what) without a length") }
        guard number <= limit else { throw .protocolViolation("\(what) of more than \(limit)") }
        return Int(number)
    }

    /// One reply is whole: perhaps the last of an array, and that the last of another.
    private mutating func end(_ reply: RedisReply) throws(RedisError) {
        try grow(by: Self.overhead)
        var whole = reply
        while !open.isEmpty {
            let last = open.count - 1
            open[last].items.append(whole)
            open[last].left -= 1
            guard open[last].left == 0 else { return }
            whole = .array(open.removeLast().items)
        }
        replies.append(whole)
        size = 0
    }
}
