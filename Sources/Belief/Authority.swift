internal import DNSWire

/// What the authority and additional sections say of an answer: which kind it is, and what of them belongs to it.
struct Authority {
    /// What the answer says.
    private(set) var kind = Answer.Kind.positive
    /// Why it is not to be kept, where that does not follow from its TTLs.
    private(set) var notKept: Answer.NotKept?

    /// Judges the end of a chain, and adds what belongs there to what is kept.
    init(_ chain: inout AliasChain, _ reply: Span<UInt8>, _ code: ResponseCode, isFound: Bool) throws(BrokenReply) {
        if isFound {
            guard code != .nxDomain else { throw .contradiction }
            try addProofsAndRest(&chain, reply)
            return
        }
        // The name is another by a DNAME, and would be too long (RFC 6672 2.2).
        if code == .yxDomain { return }
        let zone = try Self.zone(of: chain, reply)
        if code == .noError {
            if chain.aliasCount == 0, chain.index.answerCount > 0 { throw .unrelated }
            if zone == nil {
                try judgeOpenEnd(&chain, reply)
                return
            }
        }
        kind = code == .nxDomain ? .nxDomain : .noData
        guard let zone else {
            notKept = .noSOA
            return
        }
        try Self.add(zone, to: &chain, reply)
        if chain.asked.flags.dnssecOK { try Self.addProofs(&chain, reply) }
    }

    /// The SOA of a zone that holds the name where the chain ends.
    private static func zone(of chain: AliasChain, _ reply: Span<UInt8>) throws(BrokenReply) -> RecordPlace? {
        let name = try chain.nameView(reply)
        return chain.index.authorities.first { place in
            place.type == .soa && name.isSubdomain(of: RecordView(reply, place).owner)
        }
    }

    /// Adds the SOA, with the TTL that says how long the answer lives (RFC 2308 5).
    private static func add(_ zone: RecordPlace, to chain: inout AliasChain, _ reply: Span<UInt8>) throws(BrokenReply) {
        let owner = RecordView(reply, zone).owner
        var set = [zone]
        if chain.asked.flags.dnssecOK {
            set += chain.index.authorities.filter {
                $0.type == .rrsig && $0.coveredType(in: reply) == .soa && RecordView(reply, $0).owner.isEqual(to: owner)
            }
        }
        try chain.kept.add(set, to: .authority, in: reply)
        // MINIMUM is the last of its numbers (RFC 1035 3.3.13).
        let minimum = reply.loadUInt32(at: zone.endOffset - 4)
        let ttl = set.reduce(UInt32.max) { min($0, reply.loadUInt32(at: $1.ttlOffset)) }
        chain.kept.set(lastTo: chain.rules.limits.clampNegative(ttl: ttl, minimum: minimum))
    }

    /// Adds NSEC and NSEC3 with their signatures, in the order in which they stand. They are one proof, and have one TTL.
    private static func addProofs(_ chain: inout AliasChain, _ reply: Span<UInt8>) throws(BrokenReply) {
        let proofs = chain.index.authorities.filter { place in
            guard place.type == .rrsig else { return place.type == .nsec || place.type == .nsec3 }
            let covered = place.coveredType(in: reply)
            return covered == .nsec || covered == .nsec3
        }
        let smallest = proofs.reduce(UInt32.max) { min($0, reply.loadUInt32(at: $1.ttlOffset)) }
        for place in proofs {
            try chain.kept.add([place], to: .authority, in: reply)
            chain.kept.set(lastTo: chain.rules.limits.clamp(smallest))
        }
    }

    /// What goes with a positive answer: a DO client's proofs, and all that can be read where that is asked for and lives as
    /// long as the answer.
    private func addProofsAndRest(_ chain: inout AliasChain, _ reply: Span<UInt8>) throws(BrokenReply) {
        guard !chain.rules.isMinimal else {
            if chain.asked.flags.dnssecOK { try Self.addProofs(&chain, reply) }
            return
        }
        let lifetime = chain.kept.smallestTTL
        let sections = [(chain.index.authorities, Section.authority), (chain.index.additionals, Section.additional)]
        for (places, section) in sections {
            for place in places {
                let isProof = place.type == .rrsig || place.type == .nsec || place.type == .nsec3
                guard !isProof || chain.asked.flags.dnssecOK,
                    chain.rules.limits.clamp(reply.loadUInt32(at: place.ttlOffset)) >= lifetime,
                    (try? RDataForm.check(place, in: reply)) != nil
                else { continue }
                try chain.kept.add([place], to: section, in: reply)
                chain.kept.set(lastTo: lifetime)
            }
        }
    }

    /// A chain without data at its end and without a word about it: a referral, an alias that the upstream did not follow, or
    /// nothing at all.
    private mutating func judgeOpenEnd(_ chain: inout AliasChain, _ reply: Span<UInt8>) throws(BrokenReply) {
        guard chain.aliasCount == 0 else {
            kind = .alias
            notKept = .openAlias
            return
        }
        let name = try chain.nameView(reply)
        let servers = chain.index.authorities.filter {
            $0.type == .ns && name.isSubdomain(of: RecordView(reply, $0).owner)
        }
        guard let first = servers.first else {
            kind = .noData
            notKept = .noSOA
            return
        }
        kind = .referral
        notKept = .referral
        let zone = RecordView(reply, first).owner
        let set = servers.filter { RecordView(reply, $0).owner.isEqual(to: zone) }
        try chain.kept.add(set, to: .authority, in: reply)
        guard chain.asked.flags.dnssecOK else { return }
        // The DS of the zone with its signatures, or the proof that there is none (RFC 4035 3.1.4).
        let signers = chain.index.authorities.filter { place in
            guard place.type == .ds || place.coveredType(in: reply) == .ds && place.type == .rrsig else { return false }
            return RecordView(reply, place).owner.isEqual(to: zone)
        }
        try chain.kept.add(signers, to: .authority, in: reply)
        try Self.addProofs(&chain, reply)
    }
}
