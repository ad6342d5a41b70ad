/// The kind of an EDNS option (RFC 6891 6.1.2 and the IANA registry).
public struct EDNSOptionCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Wraps a number read from an OPT record.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The name server's identity (RFC 5001).
    public static let nsid = EDNSOptionCode(rawValue: 3)
    /// The client's subnet (RFC 7871).
    public static let clientSubnet = EDNSOptionCode(rawValue: 8)
    /// A zone's expiry (RFC 7314).
    public static let expire = EDNSOptionCode(rawValue: 9)
    /// Client and server cookies (RFC 7873).
    public static let cookie = EDNSOptionCode(rawValue: 10)
    /// How long a TCP connection may idle (RFC 7828).
    public static let tcpKeepalive = EDNSOptionCode(rawValue: 11)
    /// Padding for encrypted transports (RFC 7830).
    public static let padding = EDNSOptionCode(rawValue: 12)
    /// Chain queries (RFC 7901).
    public static let chain = EDNSOptionCode(rawValue: 13)
    /// Trust anchors in use (RFC 8145).
    public static let keyTag = EDNSOptionCode(rawValue: 14)
    /// An extended DNS error (RFC 8914).
    public static let extendedError = EDNSOptionCode(rawValue: 15)
    /// Where to report errors (RFC 9567).
    public static let reportChannel = EDNSOptionCode(rawValue: 18)
    /// A zone's version (RFC 9660).
    public static let zoneVersion = EDNSOptionCode(rawValue: 19)
}

extension EDNSOptionCode: CustomStringConvertible {
    /// The name, or `OPT99` for a number without one.
    public var description: String {
        switch self {
        case .nsid: "NSID"
        case .clientSubnet: "ECS"
        case .expire: "EXPIRE"
        case .cookie: "COOKIE"
        case .tcpKeepalive: "KEEPALIVE"
        case .padding: "PADDING"
        case .chain: "CHAIN"
        case .keyTag: "KEYTAG"
        case .extendedError: "EDE"
        case .reportChannel: "REPORTCHANNEL"
        case .zoneVersion: "ZONEVERSION"
        default: "OPT\(rawValue)"
        }
    }
}
