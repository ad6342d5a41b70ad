import DNSWire
import NameRules

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    /// The state.
    var state: UInt64

    /// The next number (SplitMix64).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number below a bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

extension RuleSet {
    /// What the lists say of a name.
    func verdicts(_ name: String) -> ListVerdicts { verdicts(of: FixedName(Name(name)!).span) }
    /// The rules that apply to a name.
    func matches(_ name: String) -> [RuleMatch] { matches(of: FixedName(Name(name)!).span) }

    /// A rule set of lists that are given as names and rules.
    static func of(_ lists: [(String, Rule)]..., seed: UInt64 = 1) throws -> RuleSet {
        var tables: [RuleTable] = []
        for list in lists {
            var builder = RuleTableBuilder(key: RuleKey(seed: seed))
            for (name, rule) in list { _ = builder.add(Name(name)!, rule) }
            tables.append(builder.finish())
        }
        var builder = try RuleSetBuilder(tables, number: 7)
        return builder.finish()
    }
}
