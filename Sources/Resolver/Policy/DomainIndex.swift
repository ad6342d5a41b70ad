internal import DNSWire

/// What a policy says of a domain and all below it.
struct DomainFacts: Sendable {
    /// The number of the route of those whose domain is not the root, in the policy's order.
    var route: Int?
    /// The number of the rule for how answers are kept.
    var rule: Int?
    /// The locally served zone, unless a route of the same domain or one below it takes its names elsewhere.
    var zone: LocalZone?
    /// In which view the question is asked: who is asked about all names without a route. Of no index.
    var view = ViewNumber.general

    /// Nothing.
    init() {}

    /// The same with what is said of the domain above, where nothing is said of it itself.
    func inheriting(_ above: DomainFacts?) -> DomainFacts {
        var facts = self
        if route != nil {
            facts.zone = nil
        } else {
            facts.route = above?.route
            facts.zone = zone ?? above?.zone
        }
        if rule == nil { facts.rule = above?.rule }
        return facts
    }
}

/// The domains of a policy, found by name: for a name, what is said of the longest domain that it is in. Routes, rules
/// and local zones stand in one table, each domain with what it inherits from those around it, so that one look says all.
///
/// The names above each domain stand in the table as well, with nothing said of them alone. So a look hashes the name's last
/// labels, from the root down, and ends at the first that leads to no domain: nearly always the first of all. It
/// allocates nothing. The hash is keyed by the process, and what it finds is compared byte by byte.
package final class DomainIndex: Sendable {
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

    private let bytes: [UInt8]
    private let entries: [Entry]
    /// Open addressing by hash: 0 for a free slot, else the number of an entry plus one. A power of two long, half of it
    /// free at least.
    private let slots: [UInt32]

    /// The keys of the hash.
    private static let seed = UInt64.random(in: .min ... .max)
    private static let multiplier = UInt64.random(in: .min ... .max) | 1

    /// The index of a policy's domains.
    package init(_ policy: Policy) {
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
        var slots = [UInt32](repeating: 0, count: slotCount)
        var entries: [Entry] = []
        var bytes: [UInt8] = []
        // A domain after those that it is in, whose facts it inherits.
        for name in domains.keys.sorted(by: { $0.count < $1.count }) {
            let facts = domains[name, default: DomainFacts()].inheriting(domains[Self.parent(of: name)])
            domains[name] = facts
            var slot = Int(truncatingIfNeeded: Self.hash(of: name.span)) & (slotCount - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slotCount - 1) }
            entries.append(
                Entry(offset: bytes.count, length: name.count, facts: facts, leadsToRoute: above.contains(name)))
            slots[slot] = UInt32(entries.count)
            bytes += name
        }
        (self.slots, self.entries, self.bytes) = (slots, entries, bytes)
    }

    /// The name above one; above the root there is none.
    private static func parent(of name: [UInt8]) -> [UInt8] { Array(name.dropFirst(1 + Int(name[0]))) }

    /// The keyed hash of a whole name.
    private static func hash(of name: Span<UInt8>) -> UInt64 {
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = name.labelStarts(&starts)
        var state = seed
        for depth in 0..<labels { state = hash(state, name, from: Int(starts[labels - depth - 1])) }
        return state
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

    /// What is said of the longest domain that `name`, lower-cased in wire form, is in; nil where it is in none.
    func find(_ name: Span<UInt8>) -> DomainFacts? { longest(name).map { $0.facts } }

    /// Whether `name`, lower-cased in wire form, is a domain with a route, or such a domain is below it.
    package func leadsToRoute(_ name: Span<UInt8>) -> Bool {
        longest(name).map { $0.length == name.count && $0.leadsToRoute } ?? false
    }

    /// The longest entry that a name is in.
    private func longest(_ name: Span<UInt8>) -> Entry? {
        guard !entries.isEmpty else { return nil }
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = name.labelStarts(&starts)
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
            if entry.length == name.count - start, Self.stands(name.extracting(start...), in: bytes, at: entry.offset) {
                return Int(slots[slot]) - 1
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Whether a name stands in some bytes.
    private static func stands(_ name: Span<UInt8>, in bytes: [UInt8], at offset: Int) -> Bool {
        name.hasSameBytes(as: bytes.span.extracting(offset..<offset + name.count))
    }

    /// The number of a whole name, lower-cased in wire form. Keyed.
    static func number(_ name: Span<UInt8>) -> UInt32 { UInt32(truncatingIfNeeded: hash(of: name)) }

    /// The number of the domain that somebody registered and the name is in, as far as that can be told from the name alone:
    /// its last two labels, or three below `co.uk` and its like, or what stands for a /16 of IPv4 or a /32 of IPv6. Keyed.
    static func domainNumber(_ wireName: [UInt8]) -> UInt32 { domainNumber(wireName.span) }

    /// The same of a name that is lent.
    static func domainNumber(_ name: Span<UInt8>) -> UInt32 {
        var starts = InlineArray<128, UInt8>(repeating: 0)
        let labels = name.labelStarts(&starts)
        var depth = min(labels, 2)
        if labels >= 3 {
            let (top, second) = (Int(starts[labels - 1]), Int(starts[labels - 2]))
            depth = min(labels, domainDepth(top: label(name, at: top), second: label(name, at: second)))
        }
        var hash = seed
        for label in 0..<depth { hash = Self.hash(hash, name, from: Int(starts[labels - label - 1])) }
        return UInt32(truncatingIfNeeded: hash)
    }

    /// A label of at most seven bytes as a number, with its length; 0 for a longer one.
    private static func label(_ name: Span<UInt8>, at start: Int) -> UInt64 {
        let length = Int(name[start])
        return length < 8 ? name.loadWord(at: start, count: length + 1) : 0
    }

    /// The same of what is written here.
    private static func label(_ text: String) -> UInt64 {
        text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) } << 8 | UInt64(text.utf8.count)
    }

    private static let (arpa, inAddress, ip6) = (label("arpa"), label("in-addr"), label("ip6"))
    private static let (org, eu) = (label("org"), label("eu"))
    /// Labels below which others register, where they stand below that of a country. Not all that are short: `t.co` is one domain.
    private static let registries: Set<UInt64> = Set(
        [
            label("ac"), label("co"), label("com"), label("edu"), label("gob"), label("gouv"), label("gov"), label("go"),
            label("gv"), label("ltd"), label("mil"), label("ne"), label("net"), label("nhs"), label("nom"), label("or"),
            label("org"), label("plc"), label("sch"),
        ])

    /// How many labels say who holds a name, by its last two.
    private static func domainDepth(top: UInt64, second: UInt64) -> Int {
        if top == arpa { return second == inAddress ? 4 : second == ip6 ? 10 : 2 }
        if top == org { return second == eu ? 3 : 2 }
        return top & 0xFF == 2 && registries.contains(second) ? 3 : 2
    }

    /// The keyed hash of two numbers.
    static func keyed(_ first: UInt64, _ second: UInt64) -> UInt32 {
        let product = (seed ^ first).multipliedFullWidth(by: multiplier ^ second << 1)
        return UInt32(truncatingIfNeeded: product.high ^ product.low)
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
