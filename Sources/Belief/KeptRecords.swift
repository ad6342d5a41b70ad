internal import DNSWire

/// The records that belong to an answer, in the order in which they go out, with the TTLs of their RRsets.
struct KeptRecords {
    /// A record.
    struct Record {
        /// Where it stands in the reply.
        let place: RecordPlace
        /// The section it goes to.
        let section: Section
        /// The number of its RRset.
        let set: Int
        /// Whether its owner, or its data, is a name made from the question's labels by a DNAME (RFC 6672 3.4), and so in the
        /// letters in which the question was sent.
        var hasMadeOwner = false
        var hasMadeData = false
    }

    /// The records.
    private(set) var records: [Record] = []
    /// The TTL of each RRset.
    private(set) var ttls: [UInt32] = []
    /// The bounds of TTLs.
    let limits: TTLLimits

    /// What the reply may still cost.
    var budget: WorkBudget

    /// None so far.
    init(limits: TTLLimits, budget: WorkBudget) {
        self.limits = limits
        self.budget = budget
    }

    /// How many there are.
    var count: Int { records.count }
    /// The smallest TTL of all; the largest possible where there are none.
    var smallestTTL: UInt32 { ttls.min() ?? TTLLimits.largest }

    /// Adds an RRset with its signatures: their smallest TTL, within the bounds, is that of all. Throws where a record breaks
    /// the form of its type.
    mutating func add(
        _ places: [RecordPlace], to section: Section, in reply: Span<UInt8>, hasMadeOwner: Bool = false,
        hasMadeData: Bool = false
    ) throws(BrokenReply) {
        var smallest = UInt32.max
        for place in places {
            guard let work = try? RDataForm.check(place, in: reply) else { throw .unreadable }
            try budget.spend(work)
            smallest = min(smallest, reply.loadUInt32(at: place.ttlOffset))
            records.append(
                Record(
                    place: place, section: section, set: ttls.count, hasMadeOwner: hasMadeOwner,
                    hasMadeData: hasMadeData && place.type == .cname))
        }
        if !places.isEmpty { ttls.append(limits.clamp(smallest)) }
    }

    /// Sets the TTL of the RRset that was added last.
    mutating func set(lastTo ttl: UInt32) { ttls[ttls.count - 1] = ttl }
}
