/// The OPT record of an ordinary answer: sizes, flags and perhaps an extended error. A plain value, so that the path of a
/// hit can write it without allocating; `EDNS` is the general form.
public struct OPTReply: Sendable {
    /// The largest UDP payload that the sender of the answer takes.
    public var udpPayloadSize: UInt16
    /// DO, copied from the query (RFC 3225 3).
    public var dnssecOK: Bool
    /// The whole rcode; its high eight bits stand in OPT, the low four in the header.
    public var responseCode: ResponseCode
    /// Why the answer is as it is, where there is something to say (RFC 8914).
    public var extendedError: ExtendedErrorCode?
    /// A few words for people beside the extended error; more than 255 bytes are cut off. Words known beforehand, so that
    /// the value is plain memory.
    public var extraText: StaticString

    /// Puts the values together.
    public init(
        udpPayloadSize: UInt16, dnssecOK: Bool = false, responseCode: ResponseCode = .noError,
        extendedError: ExtendedErrorCode? = nil, extraText: StaticString = ""
    ) {
        self.udpPayloadSize = udpPayloadSize
        self.dnssecOK = dnssecOK
        self.responseCode = responseCode
        self.extendedError = extendedError
        self.extraText = extraText
    }

    /// How many bytes the record takes.
    public var length: Int { 11 + (extendedError == nil ? 0 : 6 + textLength) }
    /// The bytes of text that are written.
    private var textLength: Int { min(255, extraText.utf8CodeUnitCount) }

    /// Writes the record at the end of a message and counts it in the header; the header's low rcode is set too.
    /// Returns the message's new end, or nil when `limit` leaves no room; then nothing is changed.
    public func append(to message: inout MutableSpan<UInt8>, at end: Int, limit: Int) -> Int? {
        guard end >= MessageView.headerLength, end + length <= min(limit, message.count) else { return nil }
        write(to: &message, at: end)
        let additional = message.span.loadUInt16(at: Section.additional.countOffset)
        message.storeUInt16(additional &+ 1, at: Section.additional.countOffset)
        var flags = HeaderFlags(rawValue: message.span.loadUInt16(at: 2))
        flags.responseCode = responseCode
        message.storeUInt16(flags.rawValue, at: 2)
        return end + length
    }

    /// Writes the record at an offset from which on there is room for it.
    package func write(to message: inout MutableSpan<UInt8>, at offset: Int) {
        message[offset] = 0
        message.storeUInt16(RecordType.opt.rawValue, at: offset + 1)
        message.storeUInt16(udpPayloadSize, at: offset + 3)
        message[offset + 5] = responseCode.extendedHigh
        message[offset + 6] = 0
        message.storeUInt16(dnssecOK ? 0x8000 : 0, at: offset + 7)
        message.storeUInt16(UInt16(truncatingIfNeeded: length - 11), at: offset + 9)
        if let extendedError { write(extendedError, to: &message, at: offset + 11) }
    }

    /// Writes the extended error's option.
    private func write(_ code: ExtendedErrorCode, to message: inout MutableSpan<UInt8>, at offset: Int) {
        message.storeUInt16(EDNSOptionCode.extendedError.rawValue, at: offset)
        message.storeUInt16(UInt16(truncatingIfNeeded: 2 + textLength), at: offset + 2)
        message.storeUInt16(code.rawValue, at: offset + 4)
        var position = offset + 6
        for byte in extraText.description.utf8.prefix(textLength) {
            message[position] = byte
            position += 1
        }
    }
}
