internal import DNSWire
internal import Green

/// What a proxy says of its client before the client's own bytes: the PROXY protocol of HAProxy, version 1 as a line, version 2
/// as bytes. Reads nothing behind it, and of version 2 nothing but the addresses: what else is told (TLVs) is skipped.
enum ProxyHeader {
    /// What some bytes begin with.
    enum Reading: Equatable {
        /// They may become a header when more come.
        case incomplete
        /// They are none.
        case absent
        /// They begin as a header does, and are wrong.
        case wrong
        /// A header of so many bytes, and whom its proxy asks for; nil where that is itself (LOCAL, UNKNOWN), or nobody with an
        /// address.
        case header(length: Int, client: IPAddress?)
    }

    /// No header is longer, TLVs included.
    static let longest = 1_024
    /// No line of version 1 is longer, its end included.
    private static let longestLine = 107
    private static let line = Array("PROXY ".utf8)
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// Reads the header that some bytes begin with. Version 2 alone is for datagrams, which bring it whole.
    static func read(_ bytes: Span<UInt8>, isDatagram: Bool = false) -> Reading {
        if begins(bytes, with: signature) { return readBinary(bytes) }
        if !isDatagram, begins(bytes, with: line) { return readLine(bytes) }
        return .absent
    }

    /// Whether bytes begin with others, as far as they have come; none do not.
    private static func begins(_ bytes: Span<UInt8>, with start: [UInt8]) -> Bool {
        let count = min(bytes.count, start.count)
        return count > 0 && bytes.extracting(first: count).hasSameBytes(as: start.span.extracting(first: count))
    }

    // MARK: - Version 2

    private static func readBinary(_ bytes: Span<UInt8>) -> Reading {
        guard bytes.count >= 16 else { return .incomplete }
        let (command, family) = (bytes[12], bytes[13])
        let length = 16 + Int(bytes.loadUInt16(at: 14))
        // Version 2; LOCAL, whose family means nothing, or PROXY; no transport, a stream's or datagrams'.
        guard command == 0x20 || command == 0x21, length <= longest else { return .wrong }
        if command == 0x21 {
            guard family & 0x0F <= 2, family >> 4 <= 3 else { return .wrong }
            // Nobody is asked for by a path of a Unix socket.
            guard length >= 16 + [0, 12, 36, 216][Int(family >> 4)] else { return .wrong }
        }
        guard bytes.count >= length else { return .incomplete }
        guard command == 0x21 else { return .header(length: length, client: nil) }
        let client: IPAddress
        switch family >> 4 {
        case 1: client = IPAddress(v4: bytes.loadUInt32(at: 16))
        case 2: client = IPAddress(v6High: word(bytes, at: 16), low: word(bytes, at: 24))
        default: return .header(length: length, client: nil)
        }
        guard let client = client.asClient else { return .wrong }
        return .header(length: length, client: client)
    }

    private static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        UInt64(bytes.loadUInt32(at: offset)) << 32 | UInt64(bytes.loadUInt32(at: offset + 4))
    }

    // MARK: - Version 1

    private static func readLine(_ bytes: Span<UInt8>) -> Reading {
        var end = 0
        while end < min(bytes.count, longestLine), bytes[end] != 0x0A { end += 1 }
        guard end < min(bytes.count, longestLine) else { return bytes.count < longestLine ? .incomplete : .wrong }
        guard end > line.count, bytes[end - 1] == 0x0D else { return .wrong }
        let text = String(decoding: [UInt8](copying: bytes.extracting(first: end - 1)), as: UTF8.self)
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let length = end + 1
        // What stands behind UNKNOWN is to be passed over.
        if words.count > 1, words[1] == "UNKNOWN" { return .header(length: length, client: nil) }
        guard words.count == 6, words[4...].allSatisfy(isPort), let family = family(words[1]),
            let client = IPAddress(words[2]), let server = IPAddress(words[3]), client.family == family,
            server.family == family, !text.utf8.contains(UInt8(ascii: "%")), let known = client.asClient
        else { return .wrong }
        return .header(length: length, client: known)
    }

    private static func family(_ word: Substring) -> IPAddress.Family? {
        word == "TCP4" ? .v4 : word == "TCP6" ? .v6 : nil
    }

    private static func isPort(_ word: Substring) -> Bool {
        word.utf8.allSatisfy { $0 &- 0x30 < 10 } && word.utf8.count <= 5 && Int(word).map { $0 <= 65_535 } == true
    }
}

extension IPAddress {
    /// The same as the address of somebody who asks: what IPv4 looks like on a socket for IPv6 is IPv4. Nil for what nobody has:
    /// the unspecified address, and groups.
    var asClient: IPAddress? {
        let plain = unmapped
        guard !plain.isWildcard, plain.family == .v4 ? plain.low >> 28 != 0xE : plain.high >> 56 != 0xFF else { return nil }
        return plain
    }
}
