/// Bytes in base64, as URLs and DNS stamps have them.
enum Base64Text {
    /// Reads either alphabet (RFC 4648 4 and 5), with or without what fills it up; nil for anything else, and where bits are
    /// left over that mean something.
    static func read(_ text: some StringProtocol) -> [UInt8]? {
        var digits = Array(text.utf8)
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard digits.count % 4 != 1, text.utf8.count - digits.count <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= 1 << UInt32(count) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }

    /// Reads the alphabet for URLs without anything that fills it up, into a buffer: how many bytes; nil for anything else, and
    /// for more than there is room for.
    static func readURL(_ digits: Span<UInt8>, into buffer: inout MutableSpan<UInt8>) -> Int? {
        guard digits.count % 4 != 1, digits.count / 4 * 3 + 2 <= buffer.count else { return nil }
        var bits: UInt32 = 0
        var (held, count) = (0, 0)
        for index in 0..<digits.count {
            let digit = digits[index]
            guard digit != UInt8(ascii: "+"), digit != UInt8(ascii: "/"), let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            held += 6
            if held >= 8 {
                held -= 8
                buffer[count] = UInt8(truncatingIfNeeded: bits >> UInt32(held))
                count += 1
                bits &= 1 << UInt32(held) - 1
            }
        }
        return bits == 0 ? count : nil
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit) + 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
