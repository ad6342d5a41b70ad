internal import DNSWire

/// What the names of the simulated internet hold: a pure function of name, type and era, so that every answer can be judged.
///
/// Names that clients ask for are `n7.z2.org`; each era gives each of them another content. An alias of era 3 leads to
/// `k2-3.n7.z2.org`, that to `k1-3.…` and so on to `k0-3.…`, whose content is the same in all eras.
struct ZoneTruth {
    /// NOERROR, or that the name is not there.
    let code: ResponseCode
    /// The answer's records, the alias first.
    let answers: [ResourceRecord]
    /// Where there is no record at the end: the name that has none.
    let missing: String?
    /// The SOA of its zone, for how long that is so.
    private let authorities: [ResourceRecord]

    private init(code: ResponseCode, answers: [ResourceRecord], missing: String?) {
        (self.code, self.answers, self.missing) = (code, answers, missing)
        authorities =
            missing.map { name in
                let ttl = Self.ttl(name)
                return [try! ResourceRecord(text: "org. \(ttl) IN SOA ns.org. h.org. 1 3600 600 86400 \(ttl)")]
            } ?? []
    }

    /// The types that are asked for.
    static let types: [RecordType] = [.a, .aaaa, .txt, .mx]

    /// What the forger answers with: no honest address begins so.
    static let forged: UInt32 = 0x4242_4242

    /// All that there is to say of a name, through its aliases.
    fileprivate static func whole(_ name: String, _ type: RecordType, era: Int) -> ZoneTruth {
        let first = own(name, type, era)
        guard case .cname(let alias)? = first.answers.first?.data else { return first }
        let rest = whole(text(alias.target), type, era: era)
        return ZoneTruth(code: rest.code, answers: first.answers + rest.answers, missing: rest.missing)
    }

    /// What an upstream tells: some names' upstreams do not follow aliases.
    fileprivate static func told(_ name: String, _ type: RecordType, era: Int) -> ZoneTruth {
        hash(name, 5) % 3 == 0 ? own(name, type, era) : whole(name, type, era: era)
    }

    /// Where this leads, and the answer says no more.
    fileprivate func open(_ type: RecordType) -> String? {
        guard missing == nil, case .cname(let alias)? = answers.last?.data else { return nil }
        return Self.text(alias.target)
    }

    /// What a name holds itself: records, an alias, or nothing.
    private static func own(_ name: String, _ type: RecordType, _ era: Int) -> ZoneTruth {
        let owner = Name(name)!
        if name.first == "k" {
            let level = Int(name.dropFirst().prefix(1))!
            if level > 0 { return alias(owner, "k\(level - 1)" + name.dropFirst(2), name) }
            return holding(owner, name, type, hash(name, 9) % 8, 0)
        }
        let mix = hash(name, UInt64(era))
        let kind = mix % 16
        if kind < 4 { return alias(owner, "k\(kind % 3)-\(era).\(name)", name) }
        return holding(owner, name, type, kind - 4, UInt64(era))
    }

    private static func alias(_ owner: Name, _ target: String, _ name: String) -> ZoneTruth {
        ZoneTruth(
            code: .noError,
            answers: [ResourceRecord(owner, ttl: ttl(name), RecordData.cname(RecordData.CNAME(target: Name(target)!)))],
            missing: nil)
    }

    /// The records of a name: none of any type, none of some types, sixty, or one.
    private static func holding(_ owner: Name, _ name: String, _ type: RecordType, _ kind: UInt64, _ era: UInt64) -> ZoneTruth {
        if kind < 2 { return ZoneTruth(code: .nxDomain, answers: [], missing: name) }
        let number = UInt32(truncatingIfNeeded: hash(name, era &+ 1_000))
        let isHere = kind > 4 || (kind == 3 && type == .a) || (kind == 4 && type != .a) || kind == 2
        guard isHere else { return ZoneTruth(code: .noError, answers: [], missing: name) }
        let count = kind == 2 && (type == .a || type == .aaaa) ? 60 : 1
        let answers = (0..<UInt32(count)).map { index -> ResourceRecord in
            let text =
                switch type {
                case .a: address(0x0B00_0000 | number & 0xFF_FF00 | index)
                case .aaaa: "2001:db8:\(String(number & 0xFFFF, radix: 16))::\(String(index + 1, radix: 16))"
                case .txt: "\"\(number)\""
                default: "10 m\(number).example."
                }
            return try! ResourceRecord(text: "\(owner) \(ttl(name)) IN \(type) \(text)")
        }
        return ZoneTruth(code: .noError, answers: answers, missing: nil)
    }

    /// How long each record of a name lives, in seconds: the same in all eras.
    static func ttl(_ name: String) -> UInt32 { [5, 10, 20, 40, 1, 90][Int(hash(name, 77) % 6)] }

    /// A hash that is the same in each run (FNV-1a).
    private static func hash(_ name: String, _ salt: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt &* 0x9E37_79B9_7F4A_7C15
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
        return hash ^ hash >> 29
    }

    /// The honest reply of an upstream to a query, the owner in the query's letters.
    func reply(to query: Message) -> Message {
        var reply = Message(id: query.id, flags: query.flags)
        reply.flags.isResponse = true
        reply.flags.recursionAvailable = true
        reply.questions = query.questions
        reply.responseCode = code
        if query.edns != nil { reply.edns = EDNS() }
        reply.answers = answers
        let asked = query.questions[0].name
        for index in reply.answers.indices where reply.answers[index].owner == asked { reply.answers[index].owner = asked }
        reply.authorities = authorities
        return reply
    }

    /// A name as it is written here: lower case, no dot at its end.
    static func text(_ name: Name) -> String { name.description.lowercased().dropLast().description }

    /// An address as text.
    static func address(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
    }
}

/// What names hold, kept once it was found.
final class Zone {
    private struct Key: Hashable {
        let name: String
        let type: RecordType
        let era: Int
    }

    private var told: [Key: ZoneTruth] = [:]
    private var wholes: [Key: ZoneTruth] = [:]

    /// What an upstream tells of a name in an era.
    func told(_ name: String, _ type: RecordType, era: Int) -> ZoneTruth {
        Self.find(Key(name: name, type: type, era: era), in: &told, ZoneTruth.told)
    }

    /// All that there is to say of a name in an era, through its aliases.
    func whole(_ name: String, _ type: RecordType, era: Int) -> ZoneTruth {
        Self.find(Key(name: name, type: type, era: era), in: &wholes, ZoneTruth.whole)
    }

    private static func find(
        _ key: Key, in known: inout [Key: ZoneTruth], _ make: (String, RecordType, Int) -> ZoneTruth
    ) -> ZoneTruth {
        if let truth = known[key] { return truth }
        let truth = make(key.name, key.type, key.era)
        known[key] = truth
        return truth
    }

    /// How many questions an upstream must be asked at most for all that there is to say of a name, up to an era.
    func steps(_ name: String, _ type: RecordType, eras last: Int) -> Int {
        (0...last).map { era in
            var (steps, next) = (1, told(name, type, era: era).open(type))
            while let name = next {
                steps += 1
                next = told(name, type, era: era).open(type)
            }
            return steps
        }.max() ?? 1
    }
}
