/// The class of a record or question (RFC 1035 3.2.4, RFC 6895 3.2).
public struct RecordClass: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Wraps a number read from a message.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The Internet (RFC 1035).
    public static let `internet` = RecordClass(rawValue: 1)
    /// Chaos, today home of `version.bind` (RFC 1035, RFC 4892).
    public static let chaos = RecordClass(rawValue: 3)
    /// Hesiod (RFC 1035).
    public static let hesiod = RecordClass(rawValue: 4)
    /// No class, in updates (RFC 2136).
    public static let none = RecordClass(rawValue: 254)
    /// Any class, in questions and updates (RFC 1035).
    public static let any = RecordClass(rawValue: 255)
}

extension RecordClass: LosslessStringConvertible {
    /// The mnemonic, or `CLASS123` (RFC 3597 5) for a number without one.
    public var description: String {
        switch self {
        case .internet: "IN"
        case .chaos: "CH"
        case .hesiod: "HS"
        case .none: "NONE"
        case .any: "ANY"
        default: "CLASS\(rawValue)"
        }
    }

    /// Reads a mnemonic or `CLASS123`, in any case.
    public init?(_ text: String) {
        switch text.uppercased() {
        case "IN": self = .internet
        case "CH": self = .chaos
        case "HS": self = .hesiod
        case "NONE": self = .none
        case "ANY": self = .any
        case let other:
            guard let number = genericNumber(other, prefix: "CLASS") else { return nil }
            self.init(rawValue: number)
        }
    }
}
