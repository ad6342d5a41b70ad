internal import DNSWire

/// Why an answer is as it is, as an extended error whose words are not known beforehand (RFC 8914 2), made ready once.
struct ToldReason: Sendable {
    /// The extended error.
    let code: ExtendedErrorCode
    /// It and its words as an option of OPT; empty where there are no words.
    private let option: [UInt8]

    private static let longestText = 200

    /// Before the words stand the option's code, its length, and the error's (RFC 6891 6.1.2, RFC 8914 2).
    private static let headLength = 6

    /// An OPT record without options takes so many bytes (RFC 6891 6.1.2).
    private static let optLength = 11

    /// The reason of a denial; nil where it has none. Of its words, whole characters within 200 bytes are told.
    init?(_ denial: Denial) {
        guard let code = denial.code else { return nil }
        self.code = code
        let bytes = Array(denial.text.utf8.prefix(Self.longestText + 1))
        var end = min(bytes.count, Self.longestText)
        while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        guard end > 0 else {
            option = []
            return
        }
        var option = [UInt8](repeating: 0, count: Self.headLength + end)
        var span = option.mutableSpan
        span.storeUInt16(EDNSOptionCode.extendedError.rawValue, at: 0)
        span.storeUInt16(UInt16(truncatingIfNeeded: 2 + end), at: 2)
        span.storeUInt16(code.rawValue, at: 4)
        span.copy(bytes.span.extracting(first: end), to: Self.headLength)
        self.option = option
    }

    /// Whether there are words, and they fit behind the OPT record of a message that ends there without it: then OPT is written
    /// without options, and they are appended. Else OPT says the code alone.
    func fits(behind end: Int, limit: Int) -> Bool { !option.isEmpty && end + Self.optLength + option.count <= limit }

    /// Puts it behind an OPT record without options at the end of a message, where it `fits`: the message's new end.
    func append(to buffer: inout MutableSpan<UInt8>, end: Int) -> Int {
        buffer.storeUInt16(UInt16(truncatingIfNeeded: option.count), at: end - 2)
        buffer.copy(option.span, to: end)
        return end + option.count
    }
}
