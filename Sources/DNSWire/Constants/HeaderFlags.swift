/// The second 16-bit word of a message's header (RFC 1035 4.1.1, RFC 4035 3.1.6): QR, opcode, flags and the low rcode.
public struct HeaderFlags: RawRepresentable, Hashable, Sendable {
    /// The word as it stands on the wire.
    public var rawValue: UInt16

    /// Wraps a word read from a header.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A query with opcode QUERY and nothing else set.
    @inlinable public init() { self.rawValue = 0 }

    /// QR: this message is a response.
    @inlinable public var isResponse: Bool {
        get { bit(0x8000) }
        set { set(0x8000, newValue) }
    }

    /// AA: the responder has authority over the name asked.
    @inlinable public var isAuthoritative: Bool {
        get { bit(0x0400) }
        set { set(0x0400, newValue) }
    }

    /// TC: the message was cut short by its transport.
    @inlinable public var isTruncated: Bool {
        get { bit(0x0200) }
        set { set(0x0200, newValue) }
    }

    /// RD: the client wants the server to find the answer elsewhere if need be.
    @inlinable public var recursionDesired: Bool {
        get { bit(0x0100) }
        set { set(0x0100, newValue) }
    }

    /// RA: the server does recursion for this client.
    @inlinable public var recursionAvailable: Bool {
        get { bit(0x0080) }
        set { set(0x0080, newValue) }
    }

    /// AD: in a response, all data was validated; in a query, the client understands the bit (RFC 6840 5.7).
    @inlinable public var authenticData: Bool {
        get { bit(0x0020) }
        set { set(0x0020, newValue) }
    }

    /// CD: the client does not want validation done for it (RFC 4035 3.2.2).
    @inlinable public var checkingDisabled: Bool {
        get { bit(0x0010) }
        set { set(0x0010, newValue) }
    }

    /// The kind of request.
    @inlinable public var opcode: Opcode {
        get { Opcode(rawValue: UInt8(truncatingIfNeeded: rawValue >> 11) & 0x0F) }
        set { rawValue = rawValue & ~0x7800 | UInt16(newValue.rawValue & 0x0F) << 11 }
    }

    /// The low four bits of the rcode; an OPT record may hold eight more.
    @inlinable public var responseCode: ResponseCode {
        get { ResponseCode(rawValue: rawValue & 0x0F) }
        set { rawValue = rawValue & ~0x0F | newValue.rawValue & 0x0F }
    }

    /// Whether a bit of the word is set.
    @inlinable func bit(_ mask: UInt16) -> Bool { rawValue & mask != 0 }

    /// Sets or clears a bit of the word.
    @inlinable mutating func set(_ mask: UInt16, _ on: Bool) { rawValue = on ? rawValue | mask : rawValue & ~mask }
}

extension HeaderFlags: CustomStringConvertible {
    /// The flags that are set, as dig prints them: "qr rd ra".
    public var description: String {
        var words: [String] = []
        if isResponse { words.append("qr") }
        if isAuthoritative { words.append("aa") }
        if isTruncated { words.append("tc") }
        if recursionDesired { words.append("rd") }
        if recursionAvailable { words.append("ra") }
        if authenticData { words.append("ad") }
        if checkingDisabled { words.append("cd") }
        return words.joined(separator: " ")
    }
}
