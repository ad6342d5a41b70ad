internal import DNSWire

/// What a policy says of a domain and all below it.
struct DomainFacts: Sendable {
    /// The number of the route of those whose domain is not the root, in the policy's order.
    var route: Int?
    /// The number of the rule for how answers are kept.
    var rule: Int?
    /// The locally served zone, unless a route of the same domain or one below it takes its names elsewhere.
    var zone: LocalZone?

    /// Nothing.
    init() {}
}

/// The domains of a policy, found by name: for a name, what is said of the longest domain that it is in. Routes, rules
/// and local zones stand in one table, each domain with what it inherits from those around it, so that one look says all.
///
/// The names above each domain stand in the table as well, with nothing said of them alone. So a look hashes the name's last
/// labels, from the root down, and ends at the first that leads to no domain: nearly always the first of all. It
/// allocates nothing. The hash is keyed by the process, and what it finds is compared byte by byte.
struct DomainIndex: Sendable {
    /// A domain.
    private struct Entry: Sendable {
        /// Where its wire form starts in `bytes`.
        var offset: Int
        /// The length of the wire form.
        var length: Int
        /// What is said of it.
        var facts: DomainFacts
        /// Whether it has a route, or a domain below it has one.
        var leadsToRoute: Bool
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// Open addressing by hash: 0 for a free slot, else the number of an entry plus one. A power of two long, half of it
    /// free at least.
    private var slots: [UInt32] = [0, 0]

    /// The keys of the hash.
    private static let seed = UInt64.random(in: .min ... .max)
    private static let multiplier = UInt64.random(in: .min ... .max) | 1

    /// The most labels that a name has.
    private static var mostLabels: Int { 128 }

    /// The index of a policy's domains.
    init(_ policy: Policy) {
        var domains: [[UInt8]: DomainFacts] = [:]
        for (domain, zone) in policy.localZones.zones { domains[domain, default: DomainFacts()].zone = zone }
        for (number, rule) in policy.domains.enumerated() where domains[rule.domain]?.rule == nil {
            domains[rule.domain, default: DomainFacts()].rule = number
        }
        for (number, route) in policy.routes.enumerated() where route.domain != [0] {
            domains[route.domain, default: DomainFacts()].route = number
        }
        let above = Set(policy.routes.flatMap { Self.upwards($0.domain) })
        for name in domains.keys.flatMap(Self.upwards) where domains[name] == nil { domains[name] = DomainFacts() }
        var slotCount = 2
        while slotCount < 2 * domains.count { slotCount *= 2 }
        slots = [UInt32](repeating: 0, count: slotCount)
        // A domain after those that it is in, whose facts it inherits.
        for (domain, facts) in domains.sorted(by: { $0.key.count < $1.key.count }) {
            insert(domain, facts, leadsToRoute: above.contains(domain))
        }
    }

    /// A name and those above it, the root left out.
    private static func upwards(_ name: [UInt8]) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var rest = name[...]
        while let length = rest.first, length > 0 {
            names.append(Array(rest))
            rest = rest.dropFirst(1 + Int(length))
        }
        return names
    }

    /// Takes a domain in that is not here yet.
    private mutating func insert(_ domain: [UInt8], _ own: DomainFacts, leadsToRoute: Bool) {
        var facts = find(domain.span) ?? DomainFacts()
        if own.route != nil { (facts.route, facts.zone) = (own.route, nil) } else if own.zone != nil { facts.zone = own.zone }
        if own.rule != nil { facts.rule = own.rule }
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = Self.split(domain.span, &starts)
        var hash = Self.seed
        for depth in 0..<labels {
            hash = Self.hash(hash, domain.span, from: Int(starts[labels - depth - 1]))
        }
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(entries.count + 1)
        entries.append(Entry(offset: bytes.count, length: domain.count, facts: facts, leadsToRoute: leadsToRoute))
        bytes += domain
    }

    /// What is said of the longest domain that `name`, lower-cased in wire form, is in; nil where it is in none.
    func find(_ name: Span<UInt8>) -> DomainFacts? { longest(name).map { $0.facts } }

    /// Whether `name`, lower-cased in wire form, is a domain with a route, or such a domain is below it.
    func leadsToRoute(_ name: Span<UInt8>) -> Bool {
        longest(name).map { $0.length == name.count && $0.leadsToRoute } ?? false
    }

    /// The longest entry that a name is in.
    private func longest(_ name: Span<UInt8>) -> Entry? {
        guard !entries.isEmpty else { return nil }
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = Self.split(name, &starts)
        var hash = Self.seed
        // The root's own, where something is said of it.
        var found = entryNumber(hash, name, from: name.count - 1)
        for depth in 0..<labels {
            let start = Int(starts[labels - depth - 1])
            hash = Self.hash(hash, name, from: start)
            guard let longer = entryNumber(hash, name, from: start) else { break }
            found = longer
        }
        return found.map { entries[$0] }
    }

    /// The number of the entry for what stands in a name from `start` on.
    private func entryNumber(_ hash: UInt64, _ name: Span<UInt8>, from start: Int) -> Int? {
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.length == name.count - start,
                name.extracting(start...).hasSameBytes(as: bytes.span.extracting(entry.offset..<entry.offset + entry.length))
            {
                return Int(slots[slot]) - 1
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The number of the domain that somebody registered and the name is in, as far as that can be told from the name alone:
    /// its last two labels, or three where they look like `co.uk`. Keyed.
    static func domainNumber(_ wireName: [UInt8]) -> UInt32 {
        let name = wireName.span
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = split(name, &starts)
        var depth = min(labels, 2)
        if labels >= 3, name[Int(starts[labels - 1])] == 2, name[Int(starts[labels - 2])] <= 3 { depth = 3 }
        var hash = seed
        for label in 0..<depth { hash = Self.hash(hash, name, from: Int(starts[labels - label - 1])) }
        return UInt32(truncatingIfNeeded: hash)
    }

    /// The keyed hash of two numbers.
    static func keyed(_ first: UInt64, _ second: UInt64) -> UInt32 {
        let product = (seed ^ first).multipliedFullWidth(by: multiplier ^ second << 1)
        return UInt32(truncatingIfNeeded: product.high ^ product.low)
    }

    /// Notes where a name's labels start: how many there are, the root not counted.
    private static func split(_ name: Span<UInt8>, _ starts: inout InlineArray<128, UInt8>) -> Int {
        var position = 0
        var count = 0
        while position < name.count, name[position] != 0, count < mostLabels {
            starts[count] = UInt8(truncatingIfNeeded: position)
            count += 1
            position += 1 + Int(name[position])
        }
        return count
    }

    /// Goes on with the hash of what follows a label, eight bytes at a time: the label that starts there, with its length.
    private static func hash(_ state: UInt64, _ name: Span<UInt8>, from start: Int) -> UInt64 {
        var state = state
        let end = start + 1 + Int(name[start])
        var position = start
        while position < end {
            let product = (state ^ name.loadWord(at: position, count: end - position)).multipliedFullWidth(by: multiplier)
            state = product.high ^ product.low
            position += 8
        }
        return state
    }
}
