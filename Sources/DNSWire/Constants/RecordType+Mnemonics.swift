extension RecordType: LosslessStringConvertible {
    /// Numbers and their mnemonics, from the IANA registry.
    private static let table: [(number: UInt16, mnemonic: String)] = [
        (1, "A"), (2, "NS"), (3, "MD"), (4, "MF"), (5, "CNAME"), (6, "SOA"), (7, "MB"), (8, "MG"), (9, "MR"),
        (10, "NULL"), (11, "WKS"), (12, "PTR"), (13, "HINFO"), (14, "MINFO"), (15, "MX"), (16, "TXT"), (17, "RP"),
        (18, "AFSDB"), (21, "RT"), (24, "SIG"), (25, "KEY"), (26, "PX"), (28, "AAAA"), (29, "LOC"), (30, "NXT"),
        (33, "SRV"), (35, "NAPTR"), (36, "KX"), (37, "CERT"), (39, "DNAME"), (41, "OPT"), (42, "APL"), (43, "DS"),
        (44, "SSHFP"), (45, "IPSECKEY"), (46, "RRSIG"), (47, "NSEC"), (48, "DNSKEY"), (49, "DHCID"), (50, "NSEC3"),
        (51, "NSEC3PARAM"), (52, "TLSA"), (53, "SMIMEA"), (55, "HIP"), (59, "CDS"), (60, "CDNSKEY"),
        (61, "OPENPGPKEY"), (62, "CSYNC"), (63, "ZONEMD"), (64, "SVCB"), (65, "HTTPS"), (99, "SPF"), (249, "TKEY"),
        (250, "TSIG"), (251, "IXFR"), (252, "AXFR"), (253, "MAILB"), (255, "ANY"), (256, "URI"), (257, "CAA"),
    ]

    /// Mnemonics by number.
    private static let mnemonics = [UInt16: String](uniqueKeysWithValues: table.map { ($0.number, $0.mnemonic) })

    /// Numbers by mnemonic.
    private static let numbers = [String: UInt16](uniqueKeysWithValues: table.map { ($0.mnemonic, $0.number) })

    /// The mnemonic, or `TYPE123` (RFC 3597 5) for a number without one.
    public var description: String { Self.mnemonics[rawValue] ?? "TYPE\(rawValue)" }

    /// Reads a mnemonic or `TYPE123`, in any case.
    public init?(_ text: String) {
        let upper = text.uppercased()
        guard let number = Self.numbers[upper] ?? genericNumber(upper, prefix: "TYPE") else { return nil }
        self.init(rawValue: number)
    }
}

/// The number in `TYPE123` or `CLASS123` (RFC 3597 5): decimal digits only, at most 65535.
func genericNumber(_ text: String, prefix: String) -> UInt16? {
    guard text.hasPrefix(prefix) else { return nil }
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    guard !digits.isEmpty, digits.count <= 5, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt16(String(Substring(digits)))
}
