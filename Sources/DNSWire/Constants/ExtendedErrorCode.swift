/// Why a response is as it is: an INFO-CODE of an extended DNS error (RFC 8914 and the IANA registry).
public struct ExtendedErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Wraps a number read from an option.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Other Error.
    public static let other = ExtendedErrorCode(rawValue: 0)
    /// Unsupported DNSKEY Algorithm.
    public static let unsupportedDNSKEYAlgorithm = ExtendedErrorCode(rawValue: 1)
    /// Unsupported DS Digest Type.
    public static let unsupportedDSDigestType = ExtendedErrorCode(rawValue: 2)
    /// Stale Answer.
    public static let staleAnswer = ExtendedErrorCode(rawValue: 3)
    /// Forged Answer.
    public static let forgedAnswer = ExtendedErrorCode(rawValue: 4)
    /// DNSSEC Indeterminate.
    public static let dnssecIndeterminate = ExtendedErrorCode(rawValue: 5)
    /// DNSSEC Bogus.
    public static let dnssecBogus = ExtendedErrorCode(rawValue: 6)
    /// Signature Expired.
    public static let signatureExpired = ExtendedErrorCode(rawValue: 7)
    /// Signature Not Yet Valid.
    public static let signatureNotYetValid = ExtendedErrorCode(rawValue: 8)
    /// DNSKEY Missing.
    public static let dnskeyMissing = ExtendedErrorCode(rawValue: 9)
    /// RRSIGs Missing.
    public static let rrsigsMissing = ExtendedErrorCode(rawValue: 10)
    /// No Zone Key Bit Set.
    public static let noZoneKeyBitSet = ExtendedErrorCode(rawValue: 11)
    /// NSEC Missing.
    public static let nsecMissing = ExtendedErrorCode(rawValue: 12)
    /// Cached Error.
    public static let cachedError = ExtendedErrorCode(rawValue: 13)
    /// Not Ready.
    public static let notReady = ExtendedErrorCode(rawValue: 14)
    /// Blocked.
    public static let blocked = ExtendedErrorCode(rawValue: 15)
    /// Censored.
    public static let censored = ExtendedErrorCode(rawValue: 16)
    /// Filtered.
    public static let filtered = ExtendedErrorCode(rawValue: 17)
    /// Prohibited.
    public static let prohibited = ExtendedErrorCode(rawValue: 18)
    /// Stale NXDOMAIN Answer.
    public static let staleNXDomainAnswer = ExtendedErrorCode(rawValue: 19)
    /// Not Authoritative.
    public static let notAuthoritative = ExtendedErrorCode(rawValue: 20)
    /// Not Supported.
    public static let notSupported = ExtendedErrorCode(rawValue: 21)
    /// No Reachable Authority.
    public static let noReachableAuthority = ExtendedErrorCode(rawValue: 22)
    /// Network Error.
    public static let networkError = ExtendedErrorCode(rawValue: 23)
    /// Invalid Data.
    public static let invalidData = ExtendedErrorCode(rawValue: 24)
    /// Signature Expired before Valid.
    public static let signatureExpiredBeforeValid = ExtendedErrorCode(rawValue: 25)
    /// Too Early.
    public static let tooEarly = ExtendedErrorCode(rawValue: 26)
    /// Unsupported NSEC3 Iterations Value.
    public static let unsupportedNSEC3IterationsValue = ExtendedErrorCode(rawValue: 27)
    /// Unable to conform to policy.
    public static let unableToConformToPolicy = ExtendedErrorCode(rawValue: 28)
    /// Synthesized.
    public static let synthesized = ExtendedErrorCode(rawValue: 29)

    /// Whether the code says that DNSSEC validation failed (6 to 12): another server would find the same.
    public var saysBogus: Bool { rawValue >= 6 && rawValue <= 12 }

    /// Purposes in the registry's words, indexed by code.
    private static let purposes: [String] = [
        "Other Error",
        "Unsupported DNSKEY Algorithm",
        "Unsupported DS Digest Type",
        "Stale Answer",
        "Forged Answer",
        "DNSSEC Indeterminate",
        "DNSSEC Bogus",
        "Signature Expired",
        "Signature Not Yet Valid",
        "DNSKEY Missing",
        "RRSIGs Missing",
        "No Zone Key Bit Set",
        "NSEC Missing",
        "Cached Error",
        "Not Ready",
        "Blocked",
        "Censored",
        "Filtered",
        "Prohibited",
        "Stale NXDOMAIN Answer",
        "Not Authoritative",
        "Not Supported",
        "No Reachable Authority",
        "Network Error",
        "Invalid Data",
        "Signature Expired before Valid",
        "Too Early",
        "Unsupported NSEC3 Iterations Value",
        "Unable to conform to policy",
        "Synthesized",
    ]
}

extension ExtendedErrorCode: CustomStringConvertible {
    /// The registry's words, or `EDE99` for a number without any.
    public var description: String {
        rawValue < Self.purposes.count ? Self.purposes[Int(rawValue)] : "EDE\(rawValue)"
    }
}
