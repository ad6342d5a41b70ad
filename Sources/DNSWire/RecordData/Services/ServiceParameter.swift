/// A parameter of SVCB and HTTPS records (RFC 9460 2.1, 7): a key and a value whose form the key decides.
public struct ServiceParameter: Hashable, Sendable {
    /// The key's number.
    public var key: UInt16
    /// The value as it stands on the wire.
    public var value: [UInt8]

    /// Puts both together.
    public init(key: UInt16, value: [UInt8]) {
        self.key = key
        self.value = value
    }

    /// The names of keys 0 to 8 (RFC 9460 14.3.2, RFC 9461).
    private static let keyNames = [
        "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp",
    ]

    /// A key's number, by its name or as `key123`.
    private static func number(_ name: String) -> UInt16? {
        if let index = keyNames.firstIndex(of: name) { return UInt16(index) }
        return genericNumber(name, prefix: "key")
    }

    /// A key's name.
    private static func name(_ key: UInt16) -> String { key < keyNames.count ? keyNames[Int(key)] : "key\(key)" }

    /// Reads `key=value` or `key`, quotes already taken away, escapes still there.
    init(_ field: [UInt8]) throws(WireError) {
        let equals = field.firstIndex(of: UInt8(ascii: "="))
        let name = String(decoding: field[..<(equals ?? field.count)], as: UTF8.self)
        guard let key = Self.number(name) else { throw .badText }
        var raw: [UInt8] = []
        var position = equals.map { $0 + 1 } ?? field.count
        while position < field.count { raw.append(try PresentationReader.unescape(field, at: &position)) }
        let isGeneric = name.hasPrefix("key")
        self.init(key: key, value: isGeneric ? raw : try Self.value(of: key, from: raw))
        guard value.count <= 65_535 else { throw .badText }
    }

    /// A value's wire form from its text.
    private static func value(of key: UInt16, from raw: [UInt8]) throws(WireError) -> [UInt8] {
        let text = String(decoding: raw, as: UTF8.self)
        switch key {
        case 0:
            var keys: [UInt16] = []
            for name in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let key = number(String(name)) else { throw .badText }
                keys.append(key)
            }
            return keys.sorted().flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        case 1: return try protocols(raw)
        case 2, 8:
            guard raw.isEmpty else { throw .badText }
            return []
        case 3:
            guard raw.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(text) else { throw .badText }
            return [UInt8(port >> 8), UInt8(port & 0xFF)]
        case 4:
            return try addresses(text) { text in
                AddressText.ipv4(text).map { address in (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * $0)) } }
            }
        case 5:
            var reader = try PresentationReader(text)
            return try reader.base64Rest()
        case 6:
            return try addresses(text) { text in
                AddressText.ipv6(text).map { address in
                    (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? address.high : address.low) >> UInt64(56 - 8 * ($0 % 8))) }
                }
            }
        default: return raw
        }
    }

    /// Addresses between commas, each by a function that gives its bytes.
    private static func addresses(_ text: String, _ parse: (Substring) -> [UInt8]?) throws(WireError) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let address = parse(part) else { throw .badText }
            bytes += address
        }
        return bytes
    }

    /// Protocol identifiers between commas; `\,` and `\\` stand for themselves (RFC 9460 A.1).
    private static func protocols(_ raw: [UInt8]) throws(WireError) -> [UInt8] {
        var items: [[UInt8]] = [[]]
        var position = 0
        while position < raw.count {
            if raw[position] == UInt8(ascii: ",") {
                items.append([])
            } else {
                if raw[position] == UInt8(ascii: "\\"), position + 1 < raw.count { position += 1 }
                items[items.count - 1].append(raw[position])
            }
            position += 1
        }
        guard items.allSatisfy({ (1...255).contains($0.count) }) else { throw .badText }
        return items.flatMap { [UInt8(truncatingIfNeeded: $0.count)] + $0 }
    }
}

extension ServiceParameter: CustomStringConvertible {
    /// `key=value` in the key's own form, or in the generic one when the value does not have its key's form.
    public var description: String {
        if value.isEmpty, key == 2 || key >= 7 { return Self.name(key) }
        if let text = friendlyValue { return "\(Self.name(key))=\(text)" }
        return "key\(key)=\(PresentationText.quoted(value))"
    }

    /// The value in its key's own form, if it has that.
    private var friendlyValue: String? {
        guard !value.isEmpty else { return nil }
        switch key {
        case 0 where value.count % 2 == 0:
            let keys = stride(from: 0, to: value.count, by: 2).map { UInt16(truncatingIfNeeded: integer($0, 2)) }
            guard keys == keys.sorted() else { return nil }
            return keys.map(Self.name).joined(separator: ",")
        case 1: return protocolList
        case 3 where value.count == 2: return String(integer(0, 2))
        case 4 where value.count % 4 == 0:
            return stride(from: 0, to: value.count, by: 4).map { start in
                AddressText.ipv4(UInt32(truncatingIfNeeded: integer(start, 4)))
            }.joined(separator: ",")
        case 5: return PresentationText.base64(value)
        case 6 where value.count % 16 == 0:
            return stride(from: 0, to: value.count, by: 16).map { start in
                AddressText.ipv6(high: integer(start, 8), low: integer(start + 8, 8))
            }.joined(separator: ",")
        case 7, 9...: return PresentationText.quoted(value)
        default: return nil
        }
    }

    /// The big-endian integer in some bytes of the value.
    private func integer(_ start: Int, _ length: Int) -> UInt64 {
        var result: UInt64 = 0
        for byte in value[start..<start + length] { result = result << 8 | UInt64(byte) }
        return result
    }

    /// Whether a byte of a protocol identifier needs no escape: letters, digits and `-./_`.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F: true
        default: false
        }
    }

    /// Protocol identifiers between commas, if all are plain enough to need no escapes.
    private var protocolList: String? {
        var items: [String] = []
        var position = 0
        while position < value.count {
            let length = Int(value[position])
            guard length > 0, position + 1 + length <= value.count else { return nil }
            let item = value[position + 1..<position + 1 + length]
            guard item.allSatisfy(Self.isPlain) else { return nil }
            items.append(String(decoding: item, as: UTF8.self))
            position += 1 + length
        }
        return items.joined(separator: ",")
    }
}
