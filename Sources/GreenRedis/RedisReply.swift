/// What a server says to a command.
public enum RedisReply: Hashable, Sendable {
    /// A short text such as `OK`.
    case status(String)
    /// An error, in the server's words: `ERR …`, `WRONGTYPE …`.
    case error(String)
    /// A number.
    case integer(Int64)
    /// A value.
    case bytes([UInt8])
    /// Nothing: no such key.
    case null
    /// Several replies.
    case array([RedisReply])

    /// The value, or the status, as text; nil for anything else.
    public var text: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// The number, where it is one or a text of nothing but one; nil for anything else.
    public var number: Int64? {
        if case .integer(let number) = self { number } else { text.flatMap { Int64($0) } }
    }

    /// The reply itself; an error that the server replied is thrown as `RedisError.refused`.
    public func get() throws(RedisError) -> RedisReply {
        if case .error(let words) = self { throw .refused(words) }
        return self
    }
}

extension RedisReply: CustomStringConvertible {
    /// Of one text so many bytes are shown, of one array so many replies, so many arrays within each other, and so many texts in all.
    private static let (byteLimit, elementLimit, depthLimit, totalLimit) = (200, 50, 8, 200)

    /// The reply for people, on one line, as redis-cli has it in short: values in quotes, and what is no printable ASCII escaped
    /// (`\n`, `\x1b`), so that a terminal shows it and a log keeps its lines. Cut where it is long: `…`.
    public var description: String {
        var (text, left) = ("", Self.totalLimit)
        write(to: &text, depth: 0, &left)
        return text
    }

    private func write(to text: inout String, depth: Int, _ left: inout Int) {
        guard left > 0 else {
            text += "…"
            return
        }
        left -= 1
        switch self {
        case .status(let words), .error(let words): text += Self.escaped(words.utf8)
        case .integer(let number): text += "\(number)"
        case .bytes(let bytes): text += "\"" + Self.escaped(bytes, quote: UInt8(ascii: "\"")) + "\""
        case .null: text += "(nil)"
        case .array(let replies) where depth >= Self.depthLimit: text += replies.isEmpty ? "[]" : "[…]"
        case .array(let replies):
            text += "["
            for (index, reply) in replies.enumerated() {
                if index > 0 { text += ", " }
                guard index < Self.elementLimit, left > 0 else {
                    text += "…"
                    break
                }
                reply.write(to: &text, depth: depth + 1, &left)
            }
            text += "]"
        }
    }

    private static func escaped(_ bytes: some Collection<UInt8>, quote: UInt8? = nil) -> String {
        var text = ""
        for byte in bytes.prefix(byteLimit) {
            switch byte {
            case 10: text += "\\n"
            case 13: text += "\\r"
            case 9: text += "\\t"
            case UInt8(ascii: "\\"): text += "\\\\"
            case quote: text += "\\\""
            case 32...126: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
            }
        }
        return bytes.count > byteLimit ? text + "…" : text
    }
}

/// A part of a command: any bytes, most often written as text.
public struct RedisArgument: ExpressibleByStringLiteral, Sendable {
    /// The bytes.
    public let bytes: [UInt8]

    /// Any bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A text in UTF-8.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// A number in decimal digits.
    public init(_ number: Int) { self.init(String(number)) }

    /// A text that stands in the program.
    public init(stringLiteral text: String) { self.init(text) }
}
