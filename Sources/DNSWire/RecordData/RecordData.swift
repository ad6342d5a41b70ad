/// A record's data, typed. Types without a case of their own are kept as they are (RFC 3597).
public enum RecordData: Hashable, Sendable {
    /// An IPv4 address.
    case a(A)
    /// An IPv6 address.
    case aaaa(AAAA)
    /// A name server of a zone.
    case ns(NS)
    /// The name an alias stands for.
    case cname(CNAME)
    /// A pointer to a name.
    case ptr(PTR)
    /// The name a whole subtree stands for.
    case dname(DNAME)
    /// The start of a zone of authority.
    case soa(SOA)
    /// A mail exchanger.
    case mx(MX)
    /// The place of a service.
    case srv(SRV)
    /// A naming authority pointer.
    case naptr(NAPTR)
    /// A delegation's signer.
    case ds(DS)
    /// A zone's key.
    case dnskey(DNSKEY)
    /// An RRset's signature.
    case rrsig(RRSIG)
    /// The next name that exists, and what exists here.
    case nsec(NSEC)
    /// The next hashed name that exists, and what exists here.
    case nsec3(NSEC3)
    /// How a zone's names are hashed.
    case nsec3param(NSEC3PARAM)
    /// A TLS certificate's association.
    case tlsa(TLSA)
    /// A fingerprint of an SSH key.
    case sshfp(SSHFP)
    /// Text strings.
    case txt(TXT)
    /// Who may issue certificates.
    case caa(CAA)
    /// How to reach a service.
    case svcb(SVCB)
    /// How to reach an HTTP origin.
    case https(SVCB)
    /// Anything else, and what has another form because of its class, or no data at all.
    case unknown(Unknown)
}

/// What each type's fields can do.
protocol RecordDataFields: Hashable, Sendable, CustomStringConvertible {
    /// Reads rdata; the caller checks that nothing is left.
    init(_ reader: inout RDataReader) throws(WireError)
    /// Reads the fields from text; the caller checks that nothing is left.
    init(_ text: inout PresentationReader) throws(WireError)
    /// Writes rdata.
    func write(to builder: inout MessageBuilder) throws(WireError)
}
