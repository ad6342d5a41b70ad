internal import DNSWire
internal import NameRules

/// The compiled tables beside dictionaries of strings, for as many random names and rules as are wanted: what a test does for
/// some thousands. Both must say the same of every name.
enum NaiveComparison {
    /// A list as a dictionary from names in wire form to their rules.
    typealias List = [[UInt8]: Set<Rule>]

    /// Names of few different labels, so that many are in lists, or of any bytes.
    private static let labels = ["a", "b", "ab", "www", "x-1", "ads", "example", "com", "net", "longer-label-of-a-name", "0"]
        .map { Array($0.utf8) }

    /// So many names are listed and looked up in one set of lists.
    private static let namesOfRound = 20_000

    /// Compares, and says what was found.
    static func run(_ count: Int) throws {
        var random = ListedNames.Generator(state: 2026)
        var (looked, listed, denied, wrong) = (0, 0, 0, 0)
        for round in 0..<max(1, count / namesOfRound) {
            var lists: [List] = []
            var tables: [RuleTable] = []
            var known: [[UInt8]] = []
            for _ in 0..<random.below(4) + 1 {
                let (list, table) = try list(&random, key: UInt64(round), &known)
                if table.ruleCount != list.values.reduce(0, { $0 + $1.count }) { wrong += 1 }
                lists.append(list)
                tables.append(table)
            }
            listed += known.count
            var builder = try RuleSetBuilder(tables, number: 1)
            let set = builder.finish()
            for index in 0..<namesOfRound {
                var wire = wire(&random)
                if index % 3 == 0, known.count > 0 {
                    let name = known[random.below(known.count)]
                    if name.count < 240 { wire = index % 2 == 0 ? name : [1, 0x7A] + name }
                }
                var expected = ListVerdicts()
                for (number, list) in lists.enumerated() { add(list, number, to: &expected, of: wire) }
                let found = set.verdicts(of: wire.span)
                looked += 1
                if !found.isEmpty { denied += 1 }
                if found != expected {
                    wrong += 1
                    print("round", round, wire, found, "not", expected)
                }
            }
        }
        print("names looked up", looked, "rules", listed, "names with a verdict", denied, "differences", wrong)
    }

    /// A random list, as a dictionary and as a table.
    private static func list(
        _ random: inout ListedNames.Generator, key: UInt64, _ known: inout [[UInt8]]
    ) throws -> (List, RuleTable) {
        var list: List = [:]
        var builder = RuleTableBuilder(key: RuleKey(seed: key))
        for _ in 0..<random.below(2) * 40 + random.below(namesOfRound) {
            let wire = wire(&random)
            let rule = rule(&random)
            known.append(wire)
            list[wire, default: []].insert(rule)
            _ = builder.add(try Name(wire: wire), rule)
        }
        return (list, builder.finish())
    }

    /// A name.
    private static func wire(_ random: inout ListedNames.Generator) -> [UInt8] {
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
    private static func rule(_ random: inout ListedNames.Generator) -> Rule {
        let scopes: [RuleScope] = [.exact, .suffix, .below]
        let actions: [RuleAction] = [.block, .block, .block, .nxdomain, .drop]
        let isAllow = random.below(4) == 0
        return Rule(
            scopes[random.below(3)], isAllow: isAllow, isImportant: random.below(6) == 0,
            action: isAllow ? .block : actions[random.below(actions.count)])
    }

    /// Takes in what a list says of a name: a look at each of its suffixes.
    private static func add(_ list: List, _ number: Int, to verdicts: inout ListVerdicts, of wire: [UInt8]) {
        let bit: UInt64 = 1 << UInt64(number)
        var start = 0
        while true {
            for rule in list[Array(wire[start...])] ?? [] where rule.scope == .suffix || (start == 0) == (rule.scope == .exact) {
                switch (rule.isAllow, rule.isImportant) {
                case (false, false): verdicts.denied |= bit
                case (true, false): verdicts.allowed |= bit
                case (false, true): verdicts.deniedImportantly |= bit
                case (true, true): verdicts.allowedImportantly |= bit
                }
                if !rule.isAllow, rule.action != .block { verdicts.special |= bit }
            }
            guard wire[start] > 0 else { return }
            start += Int(wire[start]) + 1
        }
    }
}
