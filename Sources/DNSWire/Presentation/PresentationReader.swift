/// Reads a record's line field by field (RFC 1035 5.1): quotes, escapes, parentheses over line ends, comments.
struct PresentationReader {
    /// A field as it stands there, escapes and all, without its quotes.
    struct Field {
        /// Its bytes.
        var bytes: [UInt8] = []
        /// Whether it stood in quotes.
        var isQuoted = false
    }

    /// All fields of the line.
    private var fields: [Field] = []
    /// The next field.
    private var index = 0
    /// What relative names are relative to.
    let origin: Name
    /// Whether the line started with white space: the owner is left out then.
    let startsWithSpace: Bool

    /// Splits a line into fields. Each byte is looked at once; each turn of the loop takes at least one.
    init(_ text: String, origin: Name = .root) throws(WireError) {
        self.origin = origin
        let bytes = Array(text.utf8)
        startsWithSpace = bytes.first == 0x20 || bytes.first == 0x09
        var position = 0
        var depth = 0
        var isOver = false
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "\n"):
                position += 1
                // One record only: outside parentheses nothing but space and comments may follow a line's end.
                if depth == 0, !fields.isEmpty { isOver = true }
            case UInt8(ascii: ";"): while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            default:
                // What else cannot be seen has no place in a line, and no field begins with it.
                guard byte > 0x20, !isOver else { throw .badText }
                if byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") {
                    depth += byte == UInt8(ascii: "(") ? 1 : -1
                    guard depth >= 0 else { throw .badText }
                    position += 1
                } else {
                    fields.append(try Self.field(bytes, at: &position))
                }
            }
        }
        guard depth == 0 else { throw .badText }
    }

    /// Takes one field, quoted or not. At `position` stands what a field can begin with, so that at least a byte is taken.
    private static func field(_ bytes: [UInt8], at position: inout Int) throws(WireError) -> Field {
        var field = Field()
        if bytes[position] == UInt8(ascii: "\"") {
            field.isQuoted = true
            position += 1
        }
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\\") {
                guard position + 1 < bytes.count else { throw .badText }
                field.bytes += [byte, bytes[position + 1]]
                position += 2
                continue
            }
            if field.isQuoted {
                if byte == UInt8(ascii: "\"") {
                    position += 1
                    return field
                }
            } else if byte <= 0x20 || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") {
                return field
            } else if byte == UInt8(ascii: "\"") {
                // Quotes inside a field (SVCB's key="a b") belong to it; white space in them does not end it.
                field.bytes += try quotedPart(bytes, at: &position)
                continue
            }
            field.bytes.append(byte)
            position += 1
        }
        guard !field.isQuoted else { throw .badText }
        return field
    }

    /// Takes a quoted part of a field, without its quotes.
    private static func quotedPart(_ bytes: [UInt8], at position: inout Int) throws(WireError) -> [UInt8] {
        var part: [UInt8] = []
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\") {
                guard position + 1 < bytes.count else { throw .badText }
                part.append(bytes[position])
                position += 1
            }
            part.append(bytes[position])
            position += 1
        }
        guard position < bytes.count else { throw .badText }
        position += 1
        return part
    }

    /// Whether all fields are read.
    var isAtEnd: Bool { index == fields.count }

    /// The next field, not taken.
    var nextField: Field? { isAtEnd ? nil : fields[index] }

    /// Takes the next field.
    mutating func field() throws(WireError) -> Field {
        guard !isAtEnd else { throw .badText }
        index += 1
        return fields[index - 1]
    }

    /// Reads a byte at a position of a field: plain, `\X` or `\DDD`.
    static func unescape(_ bytes: [UInt8], at position: inout Int) throws(WireError) -> UInt8 {
        let byte = bytes[position]
        position += 1
        guard byte == UInt8(ascii: "\\") else { return byte }
        guard position < bytes.count else { throw .badText }
        let isDigit = { (byte: UInt8) in byte >= 0x30 && byte <= 0x39 }
        guard isDigit(bytes[position]) else {
            position += 1
            return bytes[position - 1]
        }
        guard position + 3 <= bytes.count, isDigit(bytes[position + 1]), isDigit(bytes[position + 2]) else { throw .badText }
        let value = bytes[position..<position + 3].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value <= 255 else { throw .badText }
        position += 3
        return UInt8(truncatingIfNeeded: value)
    }
}
