import DNSWire

/// Random names, records and messages that are legal, from a seed.
struct RandomMessages {
    /// Where the choices come from.
    var random: SeededGenerator
    /// Names used before in this message, so that there is something to compress.
    private var pool: [Name] = []

    /// Starts from a seed.
    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    /// A name: new, below one used before, or one used before in other letters.
    mutating func name() -> Name {
        if !pool.isEmpty, random.below(3) > 0 {
            let known = pool[random.below(pool.count)]
            switch random.below(3) {
            case 0: return known
            case 1: return (try? Name(labels: [random.bytes(1...6)]).appending(known)) ?? known
            default:
                let letters = known.labels.map { $0.map { flipped($0) } }
                return (try? Name(labels: letters)) ?? known
            }
        }
        let labels = (0..<random.below(5)).map { _ in random.bytes(1...(random.below(40) == 0 ? 60 : 8)) }
        let name = (try? Name(labels: labels)) ?? .root
        pool.append(name)
        return name
    }

    /// A letter, perhaps in its other case.
    private mutating func flipped(_ byte: UInt8) -> UInt8 {
        (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A && random.below(2) == 0) ? byte ^ 0x20 : byte
    }

    /// A small or a large number.
    private mutating func number<Value: FixedWidthInteger & UnsignedInteger>() -> Value {
        Value(truncatingIfNeeded: random.below(2) == 0 ? UInt64(random.below(4)) : random.next())
    }

    /// Some types.
    private mutating func types() -> TypeBitmap {
        TypeBitmap((0..<random.below(6)).map { _ in RecordType(rawValue: number()) })
    }

    /// How many kinds of data there are.
    static let kinds = 23

    /// Data of a kind.
    mutating func data(_ kind: Int) -> RecordData {
        switch kind {
        case 0: .a(.init(address: number()))
        case 1: .aaaa(.init(high: number(), low: number()))
        case 2: .ns(.init(nameServer: name()))
        case 3: .cname(.init(target: name()))
        case 4: .dname(.init(target: name()))
        case 5: .ptr(.init(target: name()))
        case 6:
            .soa(
                .init(
                    primary: name(), mailbox: name(), serial: number(), refresh: number(), retry: number(),
                    expire: number(), minimum: number()))
        case 7: .mx(.init(preference: number(), exchange: name()))
        case 8: .txt(.init(strings: (0...random.below(3)).map { _ in random.bytes(0...20) }))
        case 9: .srv(.init(priority: number(), weight: number(), port: number(), target: name()))
        case 10:
            .naptr(
                .init(
                    order: number(), preference: number(), flags: random.bytes(0...2), services: random.bytes(0...9),
                    regexp: random.bytes(0...9), replacement: name()))
        case 11: .caa(.init(flags: number(), tag: ["issue", "iodef", "x1"][random.below(3)], value: random.bytes(0...9)))
        case 12: .ds(.init(keyTag: number(), algorithm: number(), digestType: number(), digest: random.bytes(0...32)))
        case 13: .dnskey(.init(flags: number(), protocolNumber: 3, algorithm: number(), key: random.bytes(0...40)))
        case 14:
            .rrsig(
                .init(
                    typeCovered: .init(rawValue: number()), algorithm: number(), labelCount: number(), originalTTL: number(),
                    expiration: .init(rawValue: number()), inception: .init(rawValue: number()), keyTag: number(),
                    signer: name(), signature: random.bytes(0...40)))
        default: otherData(kind)
        }
    }

    /// Data of one of the later kinds.
    private mutating func otherData(_ kind: Int) -> RecordData {
        switch kind {
        case 15: .nsec(.init(nextName: name(), types: types()))
        case 16:
            .nsec3(
                .init(
                    hashAlgorithm: 1, flags: number(), iterations: number(), salt: random.bytes(0...8),
                    nextHash: random.bytes(1...20), types: types()))
        case 17: .nsec3param(.init(hashAlgorithm: 1, flags: 0, iterations: number(), salt: random.bytes(0...8)))
        case 18: .tlsa(.init(usage: number(), selector: number(), matchingType: number(), association: random.bytes(0...32)))
        case 19: .sshfp(.init(algorithm: number(), fingerprintType: number(), fingerprint: random.bytes(0...32)))
        case 20: .svcb(.init(priority: number(), target: name(), parameters: parameters()))
        case 21: .https(.init(priority: number(), target: name(), parameters: parameters()))
        default: .unknown(.init(type: .init(rawValue: 65_280 + UInt16(random.below(200))), bytes: random.bytes(0...20)))
        }
    }

    /// Parameters of a service, well-formed or not, each key once.
    private mutating func parameters() -> [ServiceParameter] {
        (0..<12).filter { _ in random.below(4) == 0 }.map { key in
            ServiceParameter(key: UInt16(key), value: random.below(4) == 0 ? [] : value(of: key))
        }
    }

    /// A value for a key; sometimes of the key's form.
    private mutating func value(of key: Int) -> [UInt8] {
        switch (key, random.below(2)) {
        case (1, 0): [2] + Array("h2".utf8) + [3] + Array("a,b".utf8)
        case (3, 0): random.bytes(2...2)
        case (4, 0): random.bytes(8...8)
        case (6, 0): random.bytes(16...16)
        default: random.bytes(0...9)
        }
    }

    /// A record of a kind.
    mutating func record(_ kind: Int) -> ResourceRecord {
        ResourceRecord(name(), ttl: number(), data(kind))
    }

    /// Records of random kinds.
    private mutating func records(_ most: Int) -> [ResourceRecord] {
        (0..<random.below(most + 1)).map { _ in record(random.below(Self.kinds)) }
    }

    /// A message.
    mutating func message() -> Message {
        pool = []
        var message = Message(id: number(), flags: HeaderFlags(rawValue: number()))
        if random.below(8) > 0 { message.questions = [Question(name(), .init(rawValue: number()))] }
        message.answers = records(2)
        message.authorities = records(2)
        message.additionals = records(1)
        if random.below(2) == 0 {
            var edns = EDNS(udpPayloadSize: number(), dnssecOK: random.below(2) == 0)
            edns.extendedHigh = number()
            if random.below(2) == 0 { edns.options.append(EDNSOption(.init(rawValue: number()), random.bytes(0...20))) }
            if random.below(3) == 0 { edns.options.append(.extendedError(.staleAnswer, text: "old")) }
            message.edns = edns
        }
        return message
    }
}
