import DNSWire
import NameRules

/// The compiled tables beside dictionaries of strings, for as many random names and rules as are wanted. Both must say the same
/// of every name, and nothing of names in no list.
package enum NaiveComparison {
    /// A list as a dictionary from names in wire form to their rules.
    private struct List {
        var rules: [[UInt8]: Set<Rule>] = [:]
        /// Whether the rules of the longest suffix of a name decide alone.
        let isPolicyZone: Bool
    }

    /// Names of few different labels, so that many are in lists, or of any bytes.
    private static let labels = ["a", "b", "ab", "www", "x-1", "ads", "example", "com", "net", "longer-label-of-a-name", "0"]
        .map { Array($0.utf8) }

    /// What came of it.
    package struct Outcome {
        /// Names that were looked up, and those of them with a verdict.
        package var (looked, judged) = (0, 0)
        /// Rules in all lists.
        package var rules = 0
        /// Tables that count other rules than there are.
        package var miscounted = 0
        /// Names of which both do not say the same.
        package var differences: [String] = []
    }

    /// Looks `names` names up in each of some rounds, whose lists have up to `largest` rules, and forty more, each.
    package static func run(rounds: Int, names: Int, largest: Int) throws -> Outcome {
        var random = SeededGenerator(state: 2026)
        var outcome = Outcome()
        for round in 0..<rounds {
            var lists: [List] = []
            var tables: [RuleTable] = []
            var known: [[UInt8]] = []
            for _ in 0..<random.below(4) + 1 {
                let (list, table) = try list(&random, key: UInt64(round), largest, &known)
                if table.ruleCount != list.rules.values.reduce(0, { $0 + $1.count }) { outcome.miscounted += 1 }
                lists.append(list)
                tables.append(table)
            }
            outcome.rules += known.count
            var builder = try RuleSetBuilder(tables, number: 1)
            let set = builder.finish()
            for index in 0..<names {
                var wire = wire(&random)
                if index % 3 == 0, let name = known.randomElement(using: &random), name.count < 240 {
                    wire = index % 2 == 0 ? name : [1, 0x7A] + name
                }
                var expected = ListVerdicts()
                for (number, list) in lists.enumerated() { add(list, number, to: &expected, of: wire) }
                let found = set.verdicts(of: wire.span)
                outcome.looked += 1
                if !found.isEmpty { outcome.judged += 1 }
                if found != expected { outcome.differences.append("round \(round): \(wire) has \(found), not \(expected)") }
                let zones = set.policyZones
                let active = ActiveLists(blocks: random.next() & 15, allows: random.next() & random.next() & 15, zones: zones)
                let decision = decision(found, active, lists)
                if active.decide(found) != decision || active.denies(found) != isDenial(decision) {
                    outcome.differences.append(
                        "round \(round): \(active) of \(found) is \(active.decide(found)), not \(decision)")
                }
            }
        }
        return outcome
    }

    /// A random list, as a dictionary and as a table.
    private static func list(
        _ random: inout SeededGenerator, key: UInt64, _ largest: Int, _ known: inout [[UInt8]]
    ) throws -> (List, RuleTable) {
        var list = List(isPolicyZone: random.below(2) == 0)
        var builder = RuleTableBuilder(key: RuleKey(seed: key), isPolicyZone: list.isPolicyZone)
        for _ in 0..<random.below(2) * 40 + random.below(largest) {
            let wire = wire(&random)
            let rule = rule(&random)
            known.append(wire)
            list.rules[wire, default: []].insert(rule)
            _ = builder.add(try Name(wire: wire), rule)
        }
        return (list, builder.finish())
    }

    /// A name.
    private static func wire(_ random: inout SeededGenerator) -> [UInt8] {
        var wire: [UInt8] = []
        // The root and top-level names hardly ever: their rules are about all others, and nothing else would be seen.
        for _ in 0..<(random.below(20_000) == 0 ? random.below(2) : 2 + random.below(5)) {
            var label = labels[random.below(labels.count)]
            if random.below(2) == 0 { label += Array(String(random.below(100)).utf8) }
            if random.below(12) == 0 {
                label = (0..<random.below(62) + 1).map { _ in
                    let byte = UInt8(truncatingIfNeeded: random.next())
                    return byte &- 0x41 < 26 ? byte | 0x20 : byte
                }
            }
            guard wire.count + label.count + 2 <= 255 else { break }
            wire += [UInt8(label.count)] + label
        }
        return wire + [0]
    }

    /// A rule of any kind.
    private static func rule(_ random: inout SeededGenerator) -> Rule {
        let scopes: [RuleScope] = [.exact, .suffix, .below]
        let actions: [RuleAction] = [.block, .block, .block, .nxdomain, .drop]
        let isAllow = random.below(4) == 0
        return Rule(
            scopes[random.below(3)], isAllow: isAllow, isImportant: random.below(6) == 0,
            action: isAllow ? .block : actions[random.below(actions.count)])
    }

    /// What a group does with a name of which the lists say something: one list after the other.
    private static func decision(_ verdicts: ListVerdicts, _ active: ActiveLists, _ lists: [List]) -> GroupDecision {
        let says = { (bits: UInt64, list: Int) in bits >> UInt64(list) & 1 == 1 }
        var hasZone = false
        var passes: [Int: GroupDecision] = [:]
        for (number, list) in lists.enumerated() where says(active.blocks | active.allows, number) && says(verdicts.any, number) {
            let isAllowing = says(active.allows, number)
            if list.isPolicyZone, !isAllowing {
                if hasZone { continue }
                hasZone = true
            }
            // The smaller the rank, the sooner it decides.
            let found: [(Int, Bool, GroupDecision)] = [
                (0, says(verdicts.allowedImportantly, number), .allow(list: number)),
                (1, says(verdicts.deniedImportantly, number) && !isAllowing, .deny(list: number)),
                (2, says(verdicts.allowed, number) || isAllowing, .allow(list: number)),
                (3, says(verdicts.denied, number), .deny(list: number)),
            ]
            for (rank, holds, decision) in found where holds && passes[rank] == nil { passes[rank] = decision }
        }
        return (0..<4).compactMap { passes[$0] }.first ?? .none
    }

    /// Whether a group denies a name by what it decided.
    private static func isDenial(_ decision: GroupDecision) -> Bool {
        if case .deny = decision { true } else { false }
    }

    /// Takes in what a list says of a name: a look at each of its suffixes.
    private static func add(_ list: List, _ number: Int, to verdicts: inout ListVerdicts, of wire: [UInt8]) {
        let bit: UInt64 = 1 << UInt64(number)
        var start = 0
        while true {
            var applies = false
            for rule in list.rules[Array(wire[start...])] ?? []
            where rule.scope == .suffix || (start == 0) == (rule.scope == .exact) {
                applies = true
                switch (rule.isAllow, rule.isImportant) {
                case (false, false): verdicts.denied |= bit
                case (true, false): verdicts.allowed |= bit
                case (false, true): verdicts.deniedImportantly |= bit
                case (true, true): verdicts.allowedImportantly |= bit
                }
                if !rule.isAllow, rule.action != .block { verdicts.special |= bit }
            }
            if applies, list.isPolicyZone { return }
            guard wire[start] > 0 else { return }
            start += Int(wire[start]) + 1
        }
    }
}
