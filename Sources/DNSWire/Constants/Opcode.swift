/// The kind of request, four bits of the header (RFC 1035 4.1.1 and the IANA registry).
public struct Opcode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire, 0 to 15.
    public let rawValue: UInt8

    /// Wraps a number read from a header.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A standard query (RFC 1035).
    public static let query = Opcode(rawValue: 0)
    /// An inverse query, obsolete (RFC 3425).
    public static let inverseQuery = Opcode(rawValue: 1)
    /// A server status request (RFC 1035).
    public static let status = Opcode(rawValue: 2)
    /// A zone has changed (RFC 1996).
    public static let notify = Opcode(rawValue: 4)
    /// A dynamic update (RFC 2136).
    public static let update = Opcode(rawValue: 5)
    /// Stateful operations (RFC 8490).
    public static let statefulOperations = Opcode(rawValue: 6)
}

extension Opcode: CustomStringConvertible {
    /// The mnemonic, or `OPCODE9` for a number without one.
    public var description: String {
        switch self {
        case .query: "QUERY"
        case .inverseQuery: "IQUERY"
        case .status: "STATUS"
        case .notify: "NOTIFY"
        case .update: "UPDATE"
        case .statefulOperations: "DSO"
        default: "OPCODE\(rawValue)"
        }
    }
}
