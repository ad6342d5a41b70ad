import DNSWire
import NameRules

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
