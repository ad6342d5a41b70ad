/// The COOKIE option of an answer (RFC 7873): the client's own eight bytes, and sixteen that the server made of them and of the
/// client's address (RFC 9018). Plain words, so that the path of a hit can carry it without allocating.
package struct AnswerCookie: Sendable, Hashable {
    /// The client's bytes.
    package var client: UInt64 = 0
    /// Version, reserved bytes and time of the server's.
    package var stamp: UInt64 = 0
    /// Its hash.
    package var hash: UInt64 = 0
    /// Whether it is to be sent at all.
    package var isGiven = false
    /// The server's part of the one that the client has shown, which may be anybody's; zeros where it is not of our length.
    package var shownStamp: UInt64 = 0
    package var shownHash: UInt64 = 0

    /// The option's bytes, its code and length included.
    package static let length = 28

    /// None.
    package init() {}

    /// Writes the option at an offset from which on there is room for it.
    package func write(to message: inout MutableSpan<UInt8>, at offset: Int) {
        message.storeUInt16(EDNSOptionCode.cookie.rawValue, at: offset)
        message.storeUInt16(UInt16(Self.length - 4), at: offset + 2)
        message.storeWord(client, at: offset + 4)
        message.storeWord(stamp, at: offset + 12)
        message.storeWord(hash, at: offset + 20)
    }
}

extension EDNSSummary {
    /// Where the bytes of the first COOKIE option of the message stand that this was read from; later ones do not count (RFC 7873
    /// 5.2).
    package func cookie(in message: Span<UInt8>) -> Range<Int>? {
        var position = optionsOffset
        let end = min(optionsOffset + optionsLength, message.count)
        while position + 4 <= end {
            let length = Int(message.loadUInt16(at: position + 2))
            if message.loadUInt16(at: position) == EDNSOptionCode.cookie.rawValue {
                return position + 4 + length <= end ? position + 4..<position + 4 + length : nil
            }
            position += 4 + length
        }
        return nil
    }
}
