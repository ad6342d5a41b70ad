/// From a type to its case, and back.
extension RecordData {
    /// The record's type.
    public var type: RecordType {
        switch self {
        case .a: .a
        case .aaaa: .aaaa
        case .ns: .ns
        case .cname: .cname
        case .ptr: .ptr
        case .dname: .dname
        case .soa: .soa
        case .mx: .mx
        case .srv: .srv
        case .naptr: .naptr
        case .ds: .ds
        case .dnskey: .dnskey
        case .rrsig: .rrsig
        case .nsec: .nsec
        case .nsec3: .nsec3
        case .nsec3param: .nsec3param
        case .tlsa: .tlsa
        case .sshfp: .sshfp
        case .txt: .txt
        case .caa: .caa
        case .svcb: .svcb
        case .https: .https
        case .unknown(let unknown): unknown.type
        }
    }

    /// The fields, whatever their type.
    var fields: any RecordDataFields {
        switch self {
        case .a(let fields): fields
        case .aaaa(let fields): fields
        case .ns(let fields): fields
        case .cname(let fields): fields
        case .ptr(let fields): fields
        case .dname(let fields): fields
        case .soa(let fields): fields
        case .mx(let fields): fields
        case .srv(let fields): fields
        case .naptr(let fields): fields
        case .ds(let fields): fields
        case .dnskey(let fields): fields
        case .rrsig(let fields): fields
        case .nsec(let fields): fields
        case .nsec3(let fields): fields
        case .nsec3param(let fields): fields
        case .tlsa(let fields): fields
        case .sshfp(let fields): fields
        case .txt(let fields): fields
        case .caa(let fields): fields
        case .svcb(let fields): fields
        case .https(let fields): fields
        case .unknown(let unknown): unknown
        }
    }

    /// Reads the rdata of a type that has a case of its own; nil for others.
    static func typed(_ type: RecordType, _ reader: inout RDataReader) throws(WireError) -> RecordData? {
        switch type {
        case .a: .a(try A(&reader))
        case .aaaa: .aaaa(try AAAA(&reader))
        case .ns: .ns(try NS(&reader))
        case .cname: .cname(try CNAME(&reader))
        case .ptr: .ptr(try PTR(&reader))
        case .dname: .dname(try DNAME(&reader))
        case .soa: .soa(try SOA(&reader))
        case .mx: .mx(try MX(&reader))
        case .srv: .srv(try SRV(&reader))
        case .naptr: .naptr(try NAPTR(&reader))
        case .ds: .ds(try DS(&reader))
        case .dnskey: .dnskey(try DNSKEY(&reader))
        case .rrsig: .rrsig(try RRSIG(&reader))
        case .nsec: .nsec(try NSEC(&reader))
        case .nsec3: .nsec3(try NSEC3(&reader))
        case .nsec3param: .nsec3param(try NSEC3PARAM(&reader))
        case .tlsa: .tlsa(try TLSA(&reader))
        case .sshfp: .sshfp(try SSHFP(&reader))
        case .txt: .txt(try TXT(&reader))
        case .caa: .caa(try CAA(&reader))
        case .svcb: .svcb(try SVCB(&reader))
        case .https: .https(try SVCB(&reader))
        default: nil
        }
    }

    /// Reads the text of a type that has a case of its own; nil for others.
    static func typed(_ type: RecordType, _ text: inout PresentationReader) throws(WireError) -> RecordData? {
        switch type {
        case .a: .a(try A(&text))
        case .aaaa: .aaaa(try AAAA(&text))
        case .ns: .ns(try NS(&text))
        case .cname: .cname(try CNAME(&text))
        case .ptr: .ptr(try PTR(&text))
        case .dname: .dname(try DNAME(&text))
        case .soa: .soa(try SOA(&text))
        case .mx: .mx(try MX(&text))
        case .srv: .srv(try SRV(&text))
        case .naptr: .naptr(try NAPTR(&text))
        case .ds: .ds(try DS(&text))
        case .dnskey: .dnskey(try DNSKEY(&text))
        case .rrsig: .rrsig(try RRSIG(&text))
        case .nsec: .nsec(try NSEC(&text))
        case .nsec3: .nsec3(try NSEC3(&text))
        case .nsec3param: .nsec3param(try NSEC3PARAM(&text))
        case .tlsa: .tlsa(try TLSA(&text))
        case .sshfp: .sshfp(try SSHFP(&text))
        case .txt: .txt(try TXT(&text))
        case .caa: .caa(try CAA(&text))
        case .svcb: .svcb(try SVCB(&text))
        case .https: .https(try SVCB(&text))
        default: nil
        }
    }
}
