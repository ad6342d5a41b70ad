/// Whom a client expects on the other side.
public struct TLSPeer: Hashable, Sendable {
    /// The name, or the address, that the server's certificate must be for; the server is told a name (SNI).
    public var host: String
    /// Of which one must fit: a certificate of the chain, or, where pins are trusted alone, the server's own. Empty: any.
    public var pins: [TLSPin] = []
    /// Whether a pin that fits is enough, whoever vouches for the certificate, and whatever its name and times are. Means
    /// nothing without pins.
    public var trustsPinsAlone = false
    /// Tells servers of the same name apart, whose sessions are not to be mixed.
    public var place = ""

    /// Whoever has a certificate for `host`.
    public init(_ host: String) {
        self.host = host
    }
}

/// What a certificate is known by, whoever signed it.
public enum TLSPin: Hashable, Sendable {
    /// SHA-256 of its public key with the key's kind (SubjectPublicKeyInfo; RFC 7858 4.2).
    case key([UInt8])
    /// SHA-256 of the part of it that is signed (TBSCertificate), as DNS stamps have it.
    case certificate([UInt8])
}
