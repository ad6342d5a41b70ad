package import DNSWire

/// What the names of the simulated internet hold: a pure function of the name and of the era, so that every answer can be judged.
///
/// Names are `n7.z2.org.`; each era gives each name another content. Addresses tell the era: 11.ERA.x.y.
package enum ZoneTruth: Hashable {
    /// An address, in so many records.
    case address(UInt32, count: Int)
    /// The name is not there.
    case nxdomain
    /// An alias, and the address that the name it leads to has.
    case alias(String, UInt32)

    /// What the forger answers with.
    package static let forged: UInt32 = 0x4242_4242

    /// What `name` holds in an era.
    package static func of(_ name: String, era: Int) -> ZoneTruth {
        let mix = hash(name, UInt64(era))
        switch mix % 16 {
        case 0...2: return .nxdomain
        case 3: return .alias("t" + name, address("t" + name, era))
        case 4: return .address(address(name, era), count: 60)
        default: return .address(address(name, era), count: 1)
        }
    }

    /// How long each of its records lives, in seconds: the same in all eras.
    package static func ttl(_ name: String) -> UInt32 { [5, 10, 20, 40][Int(hash(name, 77) % 4)] }

    /// The first address of a name.
    static func address(_ name: String, _ era: Int) -> UInt32 {
        0x0B00_0000 | UInt32(era & 0xFF) << 16 | UInt32(truncatingIfNeeded: hash(name, UInt64(era) &+ 1_000) & 0xFF3F)
    }

    /// A hash that is the same in each run (FNV-1a).
    private static func hash(_ name: String, _ salt: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt &* 0x9E37_79B9_7F4A_7C15
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash ^ hash >> 29
    }

    /// The records and rcode of an honest reply for an address.
    package static func reply(to query: Message, era: Int) -> Message {
        let question = query.questions[0]
        let name = question.name.description.lowercased().dropLast().description
        var reply = Message(id: query.id, flags: query.flags)
        reply.flags.isResponse = true
        reply.flags.recursionAvailable = true
        reply.questions = query.questions
        if query.edns != nil { reply.edns = EDNS() }
        let (owner, ttl) = (question.name, ttl(name))
        func record(_ text: String) -> ResourceRecord { try! ResourceRecord(text: text) }
        func soa() { reply.authorities = [record("org. \(ttl) IN SOA ns.org. h.org. 1 3600 600 86400 \(ttl)")] }
        switch of(name, era: era) {
        case .nxdomain:
            reply.responseCode = .nxDomain
            soa()
        case _ where question.type != .a: soa()
        case .address(let first, let count):
            reply.answers = (0..<count).map { record("\(owner) \(ttl) IN A \(text(first &+ UInt32($0)))") }
        case .alias(let target, let address):
            reply.answers = [record("\(owner) \(ttl) IN CNAME \(target)."), record("\(target). \(ttl) IN A \(text(address))")]
        }
        return reply
    }

    /// An address as text.
    package static func text(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
    }

    /// Whether an answer for an address is this.
    package func fits(_ answer: Message) -> Bool {
        let addresses = Set(answer.answers.filter { $0.type == .a }.map(\.data.description))
        switch self {
        case .nxdomain: return answer.responseCode == .nxDomain && addresses.isEmpty
        case .address(let first, let count):
            return answer.responseCode == .noError
                && addresses == Set((0..<count).map { Self.text(first &+ UInt32($0)) })
        case .alias(_, let address): return answer.responseCode == .noError && addresses == [Self.text(address)]
        }
    }
}
