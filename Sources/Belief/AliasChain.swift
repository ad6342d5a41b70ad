internal import DNSWire

/// Goes from the name asked for through its aliases to their end (RFC 1034 3.6.2), and keeps what it meets.
struct AliasChain {
    /// More aliases than this are not followed.
    static var mostAliases: Int { 16 }
    /// So many DNAMEs of a reply are looked at.
    private static var mostDNAMEs: Int { 8 }

    /// The reply's records.
    var index: ReplyIndex
    /// What belongs to the answer so far.
    var kept: KeptRecords
    /// What was asked.
    let asked: Asked
    /// By what it is judged.
    let rules: Belief.Rules
    /// How many aliases were met.
    private(set) var aliasCount = 0
    /// Where the last alias's target stands in the reply; that of the question's name at first.
    private(set) var target: (offset: Int, limit: Int)
    /// The hashes of the names met, the question's first.
    private var met: [UInt64]

    /// The chain of a question, at its beginning.
    init(_ index: consuming ReplyIndex, _ asked: Asked, _ rules: Belief.Rules) {
        kept = KeptRecords(limits: rules.limits, budget: index.budget)
        met = [index.question]
        self.index = index
        self.asked = asked
        self.rules = rules
        target = (MessageView.headerLength, asked.recordsStart)
    }

    /// Follows it to its end: whether there is data of the type asked for.
    mutating func follow(_ reply: Span<UInt8>) throws(BrokenReply) -> Bool {
        // Whether the name where it is was made by a DNAME.
        var isMade = false
        while true {
            let name = try nameView(reply)
            let step = look(for: name, in: reply)
            // An alias that a DNAME made is signed by that alone (RFC 6672 5.3.1), also where it is what was asked for.
            let isAlias = step.wanted.allSatisfy { $0.type == .cname }
            let dname = isAlias ? findDNAME(above: name, in: reply) : []
            if !dname.isEmpty { try kept.add(dname, to: .answer, in: reply) }
            if !step.wanted.isEmpty {
                try kept.add(step.wanted, to: .answer, in: reply, hasMadeOwner: isMade, hasMadeData: !dname.isEmpty)
                return true
            }
            guard let alias = step.alias.first else { return false }
            let makes = !dname.isEmpty
            try kept.add(step.alias, to: .answer, in: reply, hasMadeOwner: isMade, hasMadeData: makes)
            isMade = makes
            aliasCount += 1
            target = (alias.rdataOffset, alias.endOffset)
            let next = try nameView(reply)
            try kept.budget.spend(next.wireLength)
            let hash = next.hash(seed: rules.seed)
            guard aliasCount <= Self.mostAliases, !met.contains(hash) else { throw .aliasLoop }
            met.append(hash)
        }
    }

    /// The name where the chain is.
    @_lifetime(copy reply)
    func nameView(_ reply: Span<UInt8>) throws(BrokenReply) -> NameView {
        do throws(WireError) {
            return try NameView(reply, at: target.offset, limit: target.limit)
        } catch {
            throw .unreadable
        }
    }

    /// The name where the chain is: lower-cased wire form.
    func targetName(_ reply: Span<UInt8>) -> [UInt8] {
        guard let name = try? nameView(reply) else { return [0] }
        return [UInt8](copying: FixedName(name).span)
    }

    /// The records of a name that the question wants, or its alias, each with their signatures.
    private func look(for name: NameView, in reply: Span<UInt8>) -> (wanted: [RecordPlace], alias: [RecordPlace]) {
        var wanted: [RecordPlace] = []
        var alias: [RecordPlace] = []
        var signatures: [RecordPlace] = []
        for entry in index.answers where entry.owner == met[met.count - 1] {
            guard RecordView(reply, entry.place).owner.isEqual(to: name) else { continue }
            if entry.place.type == asked.type || asked.type == .any {
                wanted.append(entry.place)
            } else if entry.place.type == .cname {
                // A name has one alias (RFC 2181 10.1).
                if alias.isEmpty { alias.append(entry.place) }
            } else if entry.place.type == .rrsig, asked.flags.dnssecOK {
                signatures.append(entry.place)
            }
        }
        for signature in signatures {
            let covered = signature.coveredType(in: reply)
            if covered == asked.type, !wanted.isEmpty { wanted.append(signature) }
            if covered == .cname, !alias.isEmpty { alias.append(signature) }
        }
        return (wanted, alias)
    }

    /// The DNAME from which a name's alias is made, with its signatures; none where there is none.
    private func findDNAME(above name: NameView, in reply: Span<UInt8>) -> [RecordPlace] {
        var seen = 0
        for entry in index.answers where entry.place.type == .dname {
            seen += 1
            guard seen <= Self.mostDNAMEs else { return [] }
            let owner = RecordView(reply, entry.place).owner
            guard name.isSubdomain(of: owner), name.labelCount > owner.labelCount else { continue }
            var set = [entry.place]
            for other in index.answers where asked.flags.dnssecOK && other.owner == entry.owner {
                if other.place.type == .rrsig, other.place.coveredType(in: reply) == .dname { set.append(other.place) }
            }
            return set
        }
        return []
    }
}

extension RecordPlace {
    /// The type that a signature covers (RFC 4034 3.1.1); none for one that is too short to say.
    func coveredType(in message: Span<UInt8>) -> RecordType? {
        rdataLength >= 2 ? RecordType(rawValue: message.loadUInt16(at: rdataOffset)) : nil
    }
}
