/// An EDNS option: a code and bytes whose form the code decides (RFC 6891 6.1.2).
public struct EDNSOption: Hashable, Sendable {
    /// The option's kind.
    public var code: EDNSOptionCode
    /// Its data.
    public var data: [UInt8]

    /// Puts both together.
    public init(_ code: EDNSOptionCode, _ data: [UInt8]) {
        self.code = code
        self.data = data
    }

    /// An extended error with a few words for people (RFC 8914 2).
    public static func extendedError(_ code: ExtendedErrorCode, text: String = "") -> EDNSOption {
        let number = [UInt8(truncatingIfNeeded: code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)]
        return EDNSOption(.extendedError, number + Array(text.utf8))
    }

    /// Zeroes that make a message's size say less (RFC 7830 3).
    public static func padding(_ length: Int) -> EDNSOption { EDNSOption(.padding, [UInt8](repeating: 0, count: length)) }

    /// Client cookie and, once known, the server's (RFC 7873 4).
    public static func cookie(client: [UInt8], server: [UInt8] = []) -> EDNSOption { EDNSOption(.cookie, client + server) }

    /// The extended error, if this is one.
    public var extendedError: (code: ExtendedErrorCode, text: String)? {
        guard code == .extendedError, data.count >= 2 else { return nil }
        let code = ExtendedErrorCode(rawValue: UInt16(data[0]) << 8 | UInt16(data[1]))
        // A trailing zero byte is to be tolerated (RFC 8914 2).
        let text = data.last == 0 && data.count > 2 ? data[2..<data.count - 1] : data[2...]
        return (code, String(decoding: text, as: UTF8.self))
    }

    /// The cookies, if this is a well-formed COOKIE: the client's of 8 bytes, the server's of none or 8 to 32.
    public var cookies: (client: [UInt8], server: [UInt8])? {
        guard code == .cookie, data.count == 8 || (16...40).contains(data.count) else { return nil }
        return (Array(data[..<8]), Array(data[8...]))
    }
}

extension EDNSOption: CustomStringConvertible {
    /// The option as dig prints it, more or less.
    public var description: String {
        if let (code, text) = extendedError {
            return "EDE: \(code.rawValue) (\(code))" + (text.isEmpty ? "" : ": (\(text))")
        }
        return data.isEmpty ? "\(code)" : "\(code): \(PresentationText.hex(data))"
    }
}
