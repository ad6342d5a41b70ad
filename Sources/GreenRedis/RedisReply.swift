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
}

extension RedisReply: CustomStringConvertible {
    /// The reply for people, as redis-cli has it in short: values in quotes, cut at 200 bytes.
    public var description: String {
        switch self {
        case .status(let text), .error(let text): text
        case .integer(let number): "\(number)"
        case .bytes(let bytes): "\"" + String(decoding: bytes.prefix(200), as: UTF8.self) + (bytes.count > 200 ? "…\"" : "\"")
        case .null: "(nil)"
        case .array(let replies): "[" + replies.map(\.description).joined(separator: ", ") + "]"
        }
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
