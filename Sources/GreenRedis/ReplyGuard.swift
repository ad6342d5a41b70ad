/// Follows the bytes of replies (RESP2) far enough to know lengths and nesting, and refuses what is beyond the limits,
/// before anybody takes memory for it.
struct ReplyGuard {
    private let limits: ReplyLimits
    /// The line that is being read: its first byte, its number's text, and its length.
    private var head: [UInt8] = []
    private var lineLength = 0
    /// Bytes of a value that are still to come, CR and LF included.
    private var bulkLeft = 0
    /// For each array that is not at its end, how many replies are still to come.
    private var open: [Int] = []
    /// Bytes of the present reply so far.
    private var size = 0

    /// The most digits, sign and CR included, that a length can have.
    private static let headLimit = 24
    /// The longest line: hiredis' own errors and statuses are far shorter.
    private static let lineLimit = 65_536

    init(_ limits: ReplyLimits) {
        self.limits = limits
        head.reserveCapacity(Self.headLimit)
    }

    /// Looks at the next bytes.
    mutating func check(_ bytes: Span<UInt8>) throws(RedisError) {
        var position = 0
        while position < bytes.count {
            if bulkLeft > 0 {
                let taken = min(bulkLeft, bytes.count - position)
                position += taken
                bulkLeft -= taken
                try grow(by: taken)
                if bulkLeft == 0 { endElement() }
                continue
            }
            let byte = bytes[position]
            position += 1
            try grow(by: 1)
            guard byte == UInt8(ascii: "\n") else {
                if head.count < Self.headLimit { head.append(byte) }
                lineLength += 1
                guard lineLength < Self.lineLimit else { throw .protocolViolation("a line without an end") }
                continue
            }
            try endLine()
        }
    }

    private mutating func grow(by count: Int) throws(RedisError) {
        size += count
        guard size <= limits.totalBytes else { throw .protocolViolation("a reply of more than \(limits.totalBytes) bytes") }
    }

    private mutating func endLine() throws(RedisError) {
        defer {
            head.removeAll(keepingCapacity: true)
            lineLength = 0
        }
        guard let kind = head.first else { throw .protocolViolation("an empty line") }
        switch kind {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"):
            endElement()
        case UInt8(ascii: "$"):
            let length = try readLength(atMost: limits.bulkBytes, "a value")
            if length < 0 { endElement() } else { bulkLeft = length + 2 }
        case UInt8(ascii: "*"):
            let count = try readLength(atMost: limits.elements, "an array")
            guard open.count < limits.depth else { throw .protocolViolation("arrays nested too deep") }
            if count > 0 { open.append(count) } else { endElement() }
        default:
            throw .protocolViolation("it begins with byte \(kind)")
        }
    }

    /// The number after the first byte; -1 for nothing.
    private func readLength(atMost limit: Int, _ what: String) throws(RedisError) -> Int {
        var digits = head.dropFirst()
        guard lineLength < Self.headLimit, digits.popLast() == UInt8(ascii: "\r") else {
            throw .protocolViolation("\(what) without a length")
        }
        if digits.elementsEqual("-1".utf8) { return -1 }
        var number = 0
        for digit in digits {
            guard (48...57).contains(digit) else { throw .protocolViolation("\(what) without a length") }
            number = number * 10 + Int(digit - 48)
            guard number <= limit else { throw .protocolViolation("\(what) of more than \(limit)") }
        }
        guard !digits.isEmpty else { throw .protocolViolation("\(what) without a length") }
        return number
    }

    /// One reply is complete: perhaps the last of an array, and that the last of another.
    private mutating func endElement() {
        while let left = open.popLast() {
            if left > 1 {
                open.append(left - 1)
                return
            }
        }
        size = 0
    }
}
