/// The algorithms of DNSSEC keys by the mnemonics that text may have for their numbers (RFC 4034 A.1; IANA, DNS Security Algorithm
/// Numbers).
enum AlgorithmMnemonics {
    private static let numbers: [String: UInt8] = [
        "RSAMD5": 1, "DH": 2, "DSA": 3, "ECC": 4, "RSASHA1": 5, "DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7, "RSASHA256": 8,
        "RSASHA512": 10, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15, "ED448": 16,
        "INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254,
    ]

    /// The number that a text names, in any case; nil for another.
    static func number(_ text: String) -> UInt8? { numbers[text.uppercased()] }
}

extension PresentationReader {
    /// The algorithm of a DNSSEC key: its number, or its mnemonic.
    mutating func algorithm() throws(WireError) -> UInt8 {
        let text = try word()
        if let number = AlgorithmMnemonics.number(text) { return number }
        return try Self.number(text)
    }
}
