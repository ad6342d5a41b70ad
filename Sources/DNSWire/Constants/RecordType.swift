/// The type of a record or question (RFC 1035 3.2.2 and the IANA registry).
public struct RecordType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Wraps a number read from a message.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// An IPv4 address (RFC 1035).
    public static let a = RecordType(rawValue: 1)
    /// A name server of a zone (RFC 1035).
    public static let ns = RecordType(rawValue: 2)
    /// A mail destination, obsolete (RFC 1035).
    public static let md = RecordType(rawValue: 3)
    /// A mail forwarder, obsolete (RFC 1035).
    public static let mf = RecordType(rawValue: 4)
    /// The canonical name of an alias (RFC 1035).
    public static let cname = RecordType(rawValue: 5)
    /// The start of a zone of authority (RFC 1035).
    public static let soa = RecordType(rawValue: 6)
    /// A mailbox's host (RFC 1035).
    public static let mb = RecordType(rawValue: 7)
    /// A member of a mail group (RFC 1035).
    public static let mg = RecordType(rawValue: 8)
    /// A mailbox's new name (RFC 1035).
    public static let mr = RecordType(rawValue: 9)
    /// Anything at all (RFC 1035).
    public static let null = RecordType(rawValue: 10)
    /// Well-known services (RFC 1035).
    public static let wks = RecordType(rawValue: 11)
    /// A pointer to a name (RFC 1035).
    public static let ptr = RecordType(rawValue: 12)
    /// A host's hardware and system; also the answer to refused ANY questions (RFC 8482).
    public static let hinfo = RecordType(rawValue: 13)
    /// Who keeps a mailbox (RFC 1035).
    public static let minfo = RecordType(rawValue: 14)
    /// A mail exchanger (RFC 1035).
    public static let mx = RecordType(rawValue: 15)
    /// Text strings (RFC 1035).
    public static let txt = RecordType(rawValue: 16)
    /// A responsible person (RFC 1183).
    public static let rp = RecordType(rawValue: 17)
    /// An AFS cell's server (RFC 1183).
    public static let afsdb = RecordType(rawValue: 18)
    /// A route through another host (RFC 1183).
    public static let rt = RecordType(rawValue: 21)
    /// A signature, today only SIG(0) (RFC 2931).
    public static let sig = RecordType(rawValue: 24)
    /// A key, before DNSKEY (RFC 2535).
    public static let key = RecordType(rawValue: 25)
    /// X.400 mail mapping (RFC 2163).
    public static let px = RecordType(rawValue: 26)
    /// An IPv6 address (RFC 3596).
    public static let aaaa = RecordType(rawValue: 28)
    /// A place on the Earth (RFC 1876).
    public static let loc = RecordType(rawValue: 29)
    /// The next name, before NSEC (RFC 2535).
    public static let nxt = RecordType(rawValue: 30)
    /// The place of a service (RFC 2782).
    public static let srv = RecordType(rawValue: 33)
    /// A naming authority pointer (RFC 3403).
    public static let naptr = RecordType(rawValue: 35)
    /// A key exchanger (RFC 2230).
    public static let kx = RecordType(rawValue: 36)
    /// A certificate (RFC 4398).
    public static let cert = RecordType(rawValue: 37)
    /// The new name of a whole subtree (RFC 6672).
    public static let dname = RecordType(rawValue: 39)
    /// EDNS's pseudo-record (RFC 6891).
    public static let opt = RecordType(rawValue: 41)
    /// A list of address prefixes (RFC 3123).
    public static let apl = RecordType(rawValue: 42)
    /// A delegation's signer (RFC 4034).
    public static let ds = RecordType(rawValue: 43)
    /// A fingerprint of an SSH key (RFC 4255).
    public static let sshfp = RecordType(rawValue: 44)
    /// An IPsec key (RFC 4025).
    public static let ipseckey = RecordType(rawValue: 45)
    /// An RRset's signature (RFC 4034).
    public static let rrsig = RecordType(rawValue: 46)
    /// The next name that exists (RFC 4034).
    public static let nsec = RecordType(rawValue: 47)
    /// A zone's key (RFC 4034).
    public static let dnskey = RecordType(rawValue: 48)
    /// A DHCP client's identity (RFC 4701).
    public static let dhcid = RecordType(rawValue: 49)
    /// The next hashed name that exists (RFC 5155).
    public static let nsec3 = RecordType(rawValue: 50)
    /// How a zone's names are hashed (RFC 5155).
    public static let nsec3param = RecordType(rawValue: 51)
    /// A TLS certificate's association (RFC 6698).
    public static let tlsa = RecordType(rawValue: 52)
    /// An S/MIME certificate's association (RFC 8162).
    public static let smimea = RecordType(rawValue: 53)
    /// A host identity (RFC 8005).
    public static let hip = RecordType(rawValue: 55)
    /// A DS the child wishes for (RFC 7344).
    public static let cds = RecordType(rawValue: 59)
    /// A DNSKEY the child wishes for (RFC 7344).
    public static let cdnskey = RecordType(rawValue: 60)
    /// An OpenPGP key (RFC 7929).
    public static let openpgpkey = RecordType(rawValue: 61)
    /// What a parent should copy from its child (RFC 7477).
    public static let csync = RecordType(rawValue: 62)
    /// A zone's digest (RFC 8976).
    public static let zonemd = RecordType(rawValue: 63)
    /// How to reach a service (RFC 9460).
    public static let svcb = RecordType(rawValue: 64)
    /// How to reach an HTTP origin (RFC 9460).
    public static let https = RecordType(rawValue: 65)
    /// Mail sender policy, obsolete (RFC 7208).
    public static let spf = RecordType(rawValue: 99)
    /// A key exchange (RFC 2930).
    public static let tkey = RecordType(rawValue: 249)
    /// A transaction's signature (RFC 8945).
    public static let tsig = RecordType(rawValue: 250)
    /// An incremental zone transfer, as a question (RFC 1995).
    public static let ixfr = RecordType(rawValue: 251)
    /// A zone transfer, as a question (RFC 5936).
    public static let axfr = RecordType(rawValue: 252)
    /// Mailbox records, as a question (RFC 1035).
    public static let mailb = RecordType(rawValue: 253)
    /// All types, as a question (RFC 1035).
    public static let any = RecordType(rawValue: 255)
    /// A service's URI (RFC 7553).
    public static let uri = RecordType(rawValue: 256)
    /// Who may issue certificates (RFC 8659).
    public static let caa = RecordType(rawValue: 257)
}
