internal import DNSWire

/// Why an answer is as it is, as an extended error whose words are not known beforehand (RFC 8914 2), made ready once.
struct ToldReason: Sendable {
    /// The extended error.
    let code: ExtendedErrorCode
    /// It and its words as an option of OPT; empty where there are no words.
    private let option: [UInt8]

    private static let longestText = 200

    /// The reason of a denial; nil where it has none. Of its words, whole characters within 200 bytes are told.
    init?(_ denial: Denial) {
        guard let code = denial.code else { return nil }
        self.code = code
        let bytes = Array(denial.text.utf8.prefix(Self.longestText + 1))
        var end = min(bytes.count, Self.longestText)
        while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        let head = [EDNSOptionCode.extendedError.rawValue, UInt16(truncatingIfNeeded: 2 + end), code.rawValue]
        option =
            end == 0 ? [] : head.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] } + bytes[..<end]
    }

    /// Whether it has words.
    var hasText: Bool { !option.isEmpty }

    /// Whether words fit behind an OPT record that ends there.
    func fits(_ buffer: borrowing MutableSpan<UInt8>, end: Int, limit: Int) -> Bool {
        hasText && end + option.count <= min(limit, buffer.count)
    }

    /// Puts it behind an OPT record without options at the end of a message: the message's new end, the old one where there are
    /// no words, or no room.
    func append(to buffer: inout MutableSpan<UInt8>, end: Int, limit: Int) -> Int {
        guard fits(buffer, end: end, limit: limit) else { return end }
        buffer.storeUInt16(UInt16(truncatingIfNeeded: option.count), at: end - 2)
        buffer.copy(option.span, to: end)
        return end + option.count
    }
}
