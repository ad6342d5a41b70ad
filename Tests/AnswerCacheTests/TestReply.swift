import DNSWire

/// A reply as an upstream would send it, put together by hand so that nothing under test writes it.
struct TestReply {
    /// A record of it.
    struct Record {
        var section: Section
        /// The owner; `@` is a pointer to the question.
        var owner: String
        var type: RecordType
        var ttl: UInt32
        var rdata: [UInt8]
    }

    /// The question's name, letters as sent.
    var name: String
    var type = RecordType.a
    var recordClass = RecordClass.internet
    /// QR, RD and RA.
    var flags: UInt16 = 0x8180
    var rcode: UInt16 = 0
    var records: [Record] = []

    /// A positive answer with one address for each TTL.
    static func addresses(_ name: String, ttls: [UInt32], last: UInt8 = 1) -> TestReply {
        var reply = TestReply(name: name)
        for ttl in ttls { reply.add(.answer, "@", .a, ttl, [192, 0, 2, last]) }
        return reply
    }

    /// A negative answer with an SOA.
    static func negative(
        _ name: String, rcode: ResponseCode, zone: String, soaTTL: UInt32, minimum: UInt32
    ) -> TestReply {
        var reply = TestReply(name: name, rcode: rcode.rawValue)
        reply.add(.authority, zone, .soa, soaTTL, soa(minimum: minimum))
        return reply
    }

    /// What NSD sends for a name of the benchmark's zone: an address, the zone's NS, the server's address.
    static func benchmark(_ name: String) -> TestReply {
        var reply = TestReply(name: name, flags: 0x8580)
        reply.add(.answer, "@", .a, 3600, [192, 0, 2, 1])
        reply.add(.authority, "bench.example", .ns, 3600, wire("ns.bench.example"))
        reply.add(.additional, "ns.bench.example", .a, 3600, [127, 0, 0, 1])
        return reply
    }

    /// An SOA's rdata.
    static func soa(minimum: UInt32) -> [UInt8] {
        wire("ns.example") + wire("hostmaster.example") + [1, 3600, 900, 86_400, minimum].flatMap(bytes(of:))
    }

    /// Adds a record.
    mutating func add(_ section: Section, _ owner: String, _ type: RecordType, _ ttl: UInt32, _ rdata: [UInt8]) {
        records.append(Record(section: section, owner: owner, type: type, ttl: ttl, rdata: rdata))
    }

    /// The message.
    var bytes: [UInt8] {
        var message: [UInt8] = [0, 7]
        message += Self.bytes(of16: flags | rcode & 15) + [0, 1]
        for section in Section.allCases {
            message += Self.bytes(of16: UInt16(records.filter { $0.section == section }.count))
        }
        message += Self.wire(name) + Self.bytes(of16: type.rawValue) + Self.bytes(of16: recordClass.rawValue)
        for section in Section.allCases {
            for record in records where record.section == section {
                message += record.owner == "@" ? [0xC0, 12] : Self.wire(record.owner)
                message += Self.bytes(of16: record.type.rawValue)
                message += record.type == .opt ? [4, 208] : Self.bytes(of16: recordClass.rawValue)
                message += Self.bytes(of: record.ttl) + Self.bytes(of16: UInt16(record.rdata.count)) + record.rdata
            }
        }
        return message
    }

    /// A name's wire form; dots part labels, nothing is escaped.
    static func wire(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    /// A name in a fixed buffer, lower-cased.
    static func fixed(_ name: String) -> FixedName {
        let bytes = wire(name)
        return try! FixedName(NameView(bytes.span, at: 0))
    }

    /// Four bytes, big end first.
    static func bytes(of value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    /// Two bytes, big end first.
    static func bytes(of16 value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
}
