/// Pieces of presentation format going out.
package enum PresentationText {
    /// `\007`: a byte in three decimal digits (RFC 1035 5.1).
    static func decimalEscape(_ byte: UInt8) -> String {
        let digits = String(byte)
        return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// Bytes as a quoted string.
    static func quoted(_ bytes: [UInt8]) -> String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text += "\\"
                text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += decimalEscape(byte)
            }
        }
        return text + "\""
    }

    /// Bytes in hexadecimal, upper case as dig prints it.
    static func hex(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes { text += [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Hexadecimal digits, upper case.
    private static let hexDigits = Array("0123456789ABCDEF".utf8)
    /// The alphabet of base64 (RFC 4648 4).
    static let base64Alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// That of base64 in URLs (RFC 4648 5).
    private static let base64URLAlphabet = Array(base64Alphabet.dropLast(2)) + Array("-_".utf8)
    /// The alphabet of base32 with extended hex (RFC 4648 7).
    static let base32Alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUV".utf8)

    /// Bytes in base64, padded.
    static func base64(_ bytes: [UInt8]) -> String {
        var text = digits(bytes, bitsPerDigit: 6, alphabet: base64Alphabet)
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Bytes in the base64 of URLs, not padded (RFC 4648 5).
    package static func base64URL(_ bytes: [UInt8]) -> String {
        String(decoding: digits(bytes, bitsPerDigit: 6, alphabet: base64URLAlphabet), as: UTF8.self)
    }

    /// Bytes in base32 with extended hex, not padded (RFC 5155 3.3).
    static func base32(_ bytes: [UInt8]) -> String {
        String(decoding: digits(bytes, bitsPerDigit: 5, alphabet: base32Alphabet), as: UTF8.self)
    }

    /// Cuts bytes into digits of some bits each, the last filled up with zeroes.
    private static func digits(_ bytes: [UInt8], bitsPerDigit: Int, alphabet: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var pending = 0
        var bits = 0
        for byte in bytes {
            pending = (pending << 8 | Int(byte)) & 0xFFFF
            bits += 8
            while bits >= bitsPerDigit {
                bits -= bitsPerDigit
                text.append(alphabet[pending >> bits & (1 << bitsPerDigit - 1)])
            }
        }
        if bits > 0 { text.append(alphabet[pending << (bitsPerDigit - bits) & (1 << bitsPerDigit - 1)]) }
        return text
    }
}
