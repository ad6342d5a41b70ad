/// What became of a request: the rcode, twelve bits wide when an OPT record is there (RFC 6895 2.3, RFC 6891 6.1.3).
public struct ResponseCode: RawRepresentable, Hashable, Sendable {
    /// The number, 0 to 4095; the header holds its low four bits, OPT the rest.
    public let rawValue: UInt16

    /// Wraps a number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Puts together the header's four bits and OPT's eight.
    @inlinable public init(low: ResponseCode, extendedHigh: UInt8) {
        self.rawValue = low.rawValue & 0x0F | UInt16(extendedHigh) << 4
    }

    /// The eight bits that stand in an OPT record.
    @inlinable public var extendedHigh: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 4) }

    /// No error (RFC 1035).
    public static let noError = ResponseCode(rawValue: 0)
    /// The request could not be understood (RFC 1035).
    public static let formErr = ResponseCode(rawValue: 1)
    /// The server failed (RFC 1035).
    public static let servFail = ResponseCode(rawValue: 2)
    /// The name does not exist (RFC 1035).
    public static let nxDomain = ResponseCode(rawValue: 3)
    /// The server does not do this kind of request (RFC 1035).
    public static let notImp = ResponseCode(rawValue: 4)
    /// The server does not want to answer (RFC 1035).
    public static let refused = ResponseCode(rawValue: 5)
    /// A name exists that should not (RFC 2136).
    public static let yxDomain = ResponseCode(rawValue: 6)
    /// An RRset exists that should not (RFC 2136).
    public static let yxRRSet = ResponseCode(rawValue: 7)
    /// An RRset that should exist does not (RFC 2136).
    public static let nxRRSet = ResponseCode(rawValue: 8)
    /// Not authoritative, or not authorized (RFC 2136, RFC 8945).
    public static let notAuth = ResponseCode(rawValue: 9)
    /// A name is not in the zone (RFC 2136).
    public static let notZone = ResponseCode(rawValue: 10)
    /// A DSO type is not implemented (RFC 8490).
    public static let dsoTypeNotImplemented = ResponseCode(rawValue: 11)
    /// The EDNS version is not known here (RFC 6891 9).
    public static let badVers = ResponseCode(rawValue: 16)
    /// The server cookie is missing or wrong (RFC 7873).
    public static let badCookie = ResponseCode(rawValue: 23)
}

extension ResponseCode: CustomStringConvertible {
    /// The mnemonic, or `RCODE99` for a number without one.
    public var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formErr: "FORMERR"
        case .servFail: "SERVFAIL"
        case .nxDomain: "NXDOMAIN"
        case .notImp: "NOTIMP"
        case .refused: "REFUSED"
        case .yxDomain: "YXDOMAIN"
        case .yxRRSet: "YXRRSET"
        case .nxRRSet: "NXRRSET"
        case .notAuth: "NOTAUTH"
        case .notZone: "NOTZONE"
        case .dsoTypeNotImplemented: "DSOTYPENI"
        case .badVers: "BADVERS"
        case .badCookie: "BADCOOKIE"
        default: "RCODE\(rawValue)"
        }
    }
}
