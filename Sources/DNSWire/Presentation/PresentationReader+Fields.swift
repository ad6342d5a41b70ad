/// Fields read as what they mean.
extension PresentationReader {
    /// A field without escapes and quotes, as text.
    mutating func word() throws(WireError) -> String {
        let field = try field()
        guard !field.isQuoted, field.bytes.allSatisfy({ $0 < 0x80 }) else { throw .badText }
        return String(decoding: field.bytes, as: UTF8.self)
    }

    /// A decimal number.
    mutating func number<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Self.number(try word())
    }

    /// The number that decimal digits stand for.
    static func number<Value: FixedWidthInteger>(_ text: String) throws(WireError) -> Value {
        guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = Value(text) else { throw .badText }
        return value
    }

    /// A name, perhaps relative to the origin.
    mutating func name() throws(WireError) -> Name {
        let field = try field()
        guard !field.isQuoted else { throw .badText }
        return try Name(text: field.bytes, origin: origin)
    }

    /// A string of any length, quoted or not.
    mutating func string() throws(WireError) -> [UInt8] {
        let field = try field().bytes
        var bytes: [UInt8] = []
        var position = 0
        while position < field.count { bytes.append(try Self.unescape(field, at: &position)) }
        return bytes
    }

    /// A character string: at most 255 bytes.
    mutating func characterString() throws(WireError) -> [UInt8] {
        let bytes = try string()
        guard bytes.count <= 255 else { throw .badText }
        return bytes
    }

    /// The type of a record, by mnemonic or as `TYPE123`.
    mutating func type() throws(WireError) -> RecordType {
        guard let type = RecordType(try word()) else { throw .badText }
        return type
    }

    /// A signature's time.
    mutating func time() throws(WireError) -> SignatureTime {
        guard let time = SignatureTime(try word()) else { throw .badText }
        return time
    }

    /// Types up to the line's end.
    mutating func types() throws(WireError) -> TypeBitmap {
        var types: [RecordType] = []
        while !isAtEnd { types.append(try type()) }
        return TypeBitmap(types)
    }

    /// Hexadecimal up to the line's end; white space between digits is allowed.
    mutating func hexRest() throws(WireError) -> [UInt8] {
        var digits = ""
        while !isAtEnd { digits += try word() }
        return try Self.hex(digits)
    }

    /// Base64 up to the line's end; white space between digits is allowed.
    mutating func base64Rest() throws(WireError) -> [UInt8] {
        var digits: [UInt8] = []
        while !isAtEnd { digits += Array(try word().utf8) }
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard digits.count % 4 == 0, padding <= 2 else { throw .badText }
        return try Self.decode(digits.dropLast(padding), bitsPerDigit: 6, alphabet: PresentationText.base64Alphabet)
    }

    /// A field of base32 with extended hex, in any case, not padded.
    mutating func base32() throws(WireError) -> [UInt8] {
        let digits = Array(try word().uppercased().utf8)
        guard !digits.isEmpty else { throw .badText }
        return try Self.decode(digits[...], bitsPerDigit: 5, alphabet: PresentationText.base32Alphabet)
    }

    /// A salt (RFC 5155 3.3): hexadecimal, or `-` for none.
    mutating func salt() throws(WireError) -> [UInt8] {
        let text = try word()
        return text == "-" ? [] : try Self.hex(text)
    }

    /// Bytes from hexadecimal digits.
    static func hex(_ text: String) throws(WireError) -> [UInt8] {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { throw .badText }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = hexDigit(digits[index]), let low = hexDigit(digits[index + 1]) else { throw .badText }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// The value of a hexadecimal digit.
    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Joins digits of some bits each into bytes; what is left over must be zero and less than a digit.
    private static func decode(
        _ digits: ArraySlice<UInt8>, bitsPerDigit: Int, alphabet: [UInt8]
    ) throws(WireError) -> [UInt8] {
        var bytes: [UInt8] = []
        var pending = 0
        var bits = 0
        for digit in digits {
            guard let value = alphabet.firstIndex(of: digit) else { throw .badText }
            pending = pending << bitsPerDigit | value
            bits += bitsPerDigit
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> bits))
                pending &= 1 << bits - 1
            }
        }
        guard bits < bitsPerDigit, pending == 0 else { throw .badText }
        return bytes
    }
}
