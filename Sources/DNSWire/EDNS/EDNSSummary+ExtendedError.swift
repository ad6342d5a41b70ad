extension EDNSSummary {
    /// The first extended error among the options of the message that this was read from (RFC 8914 2), if any.
    public func extendedError(in message: Span<UInt8>) -> ExtendedErrorCode? {
        guard version == 0 else { return nil }
        var position = optionsOffset
        let end = optionsOffset + optionsLength
        while position + 4 <= end {
            let length = Int(message.loadUInt16(at: position + 2))
            if message.loadUInt16(at: position) == EDNSOptionCode.extendedError.rawValue, length >= 2 {
                return ExtendedErrorCode(rawValue: message.loadUInt16(at: position + 4))
            }
            position += 4 + length
        }
        return nil
    }
}
