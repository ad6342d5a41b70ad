package import DNSWire
internal import Green
internal import GreenRedis

/// How far a walk over the keys in Redis has come. Every key that is there from its beginning to its end is met, now and then
/// one twice; one that comes or goes may be met or not.
package struct RedisWalk {
    /// What Redis compares keys with.
    fileprivate let pattern: [UInt8]
    /// Where Redis is to go on; nil at the end.
    fileprivate var cursor: String? = "0"
    /// How many steps it may still take.
    fileprivate var stepsLeft = RedisWalk.mostSteps

    /// A walk takes no more steps: it would be one over 250 million keys. Only what is none of Redis has more.
    static let mostSteps = 1_000_000

    /// The beginning, for keys that fit a pattern.
    package init(_ pattern: [UInt8]) {
        self.pattern = pattern
    }
}

/// Looking at what is in Redis, in steps that keep nobody waiting there.
extension RedisFleet {
    /// A key that was found.
    struct FoundKey {
        /// The key.
        let bytes: [UInt8]
        /// What it says.
        let parts: RedisKey.Parts
    }

    /// About so many keys are looked at in a step: for a fraction of a millisecond Redis does nothing else.
    private static let stepSize = "250"

    /// The answers among the next few hundred keys; nil at the end. A step may find none. Waits; throws `RedisError`, and the
    /// wait's interruption.
    package func step(_ walk: inout RedisWalk, where isWanted: (RedisKey.Parts) -> Bool) throws -> [RedisEntry]? {
        guard let found = try keys(&walk, where: isWanted) else { return nil }
        return try values(of: found).map(\.entry)
    }

    /// The answers for a name: of one type, with and without DO and CD, or of all types, which takes a walk. Waits, and
    /// throws like `step`.
    package func entries(_ name: Name, _ type: RecordType?) throws -> [RedisEntry] {
        guard let type else {
            var walk = RedisWalk(RedisKey.pattern(.name(name)))
            var entries: [RedisKey.Parts: RedisEntry] = [:]
            while let more = try step(&walk, where: { $0.name == name }) {
                for entry in more { entries[entry.parts] = entry }
            }
            return entries.values.sorted {
                ($0.parts.type.rawValue, $0.parts.view, $0.parts.flags.bits)
                    < ($1.parts.type.rawValue, $1.parts.view, $1.parts.flags.bits)
            }
        }
        return try values(of: keys(name, type)).map(\.entry)
    }

    /// The keys that there may be for a name and a type: with and without DO and CD, in each of this instance's views.
    func keys(_ name: Name, _ type: RecordType) -> [FoundKey] {
        let fixed = FixedName(name)
        return ViewDirectory.shared.numbers.flatMap { view in
            (0..<4).map { bits in
                let flags = KeyFlags(dnssecOK: bits & 1 != 0, checkingDisabled: bits & 2 != 0)
                let id = ViewDirectory.shared.identity(of: view)?.id ?? 0
                let parts = RedisKey.Parts(name: name, type: type, class: .internet, flags: flags, view: id)
                let key = CacheKey(fixed, type, .internet, flags: flags, seed: 0).inView(view, seed: 0)
                return FoundKey(bytes: RedisKey.text(for: key), parts: parts)
            }
        }
    }

    /// The keys that are wanted among the next few hundred; nil at the end.
    func keys(_ walk: inout RedisWalk, where isWanted: (RedisKey.Parts) -> Bool) throws -> [FoundKey]? {
        guard let cursor = walk.cursor else { return nil }
        let step: [RedisArgument] = ["SCAN", RedisArgument(cursor), "MATCH", RedisArgument(walk.pattern), "COUNT"]
        let reply = try ask(step + [RedisArgument(Self.stepSize)])
        guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text, case .array(let keys) = parts[1]
        else { throw RedisError.protocolViolation("SCAN") }
        walk.stepsLeft -= 1
        guard next != cursor || next == "0", walk.stepsLeft > 0 else { throw RedisError.protocolViolation("SCAN does not end") }
        walk.cursor = next == "0" ? nil : next
        return keys.enumerated().compactMap { number, key -> FoundKey? in
            giveWay(before: number, every: 32)
            guard case .bytes(let key) = key, let parts = RedisKey.parse(key), isWanted(parts) else { return nil }
            return FoundKey(bytes: key, parts: parts)
        }
    }

    /// The answers under some keys, as far as there are any.
    func values(of keys: [FoundKey]) throws -> [(key: FoundKey, entry: RedisEntry)] {
        let replies = try askAll(keys.map { RedisValue.command(for: $0.bytes) })
        let now = hub.loop.wallTime() / 1_000_000
        return zip(keys, replies).enumerated().compactMap { number, pair in
            giveWay(before: number, every: 16)
            let (key, reply) = pair
            guard case .bytes(let bytes) = reply, let entry = RedisValue.inspect(bytes, key.parts, at: now) else { return nil }
            return (key, entry)
        }
    }
}

extension KeyFlags {
    /// The flags as a number, for an order.
    fileprivate var bits: Int { (dnssecOK ? 1 : 0) | (checkingDisabled ? 2 : 0) }
}
