/// All lists as they are now: immutable, one for all workers. A new one shares the tables that did not change.
package final class RuleSet: Sendable {
    /// Which rule set this is: a cache entry that carries another number is judged anew.
    package let number: UInt64
    /// The tables, and how names are found in them.
    private let index: RuleIndex

    /// The lists that have rules about addresses.
    private let addressLists: [Int]

    /// The most lists.
    package static var maximumLists: Int { 64 }

    /// Takes what a builder has made.
    init(number: UInt64, tables: [RuleTable], filter: SuffixFilter, key: RuleKey) {
        self.number = number
        index = RuleIndex(tables: tables, filter: filter, key: key)
        addressLists = tables.indices.filter { tables[$0].addresses.count > 0 }
    }

    /// No lists.
    package convenience init(number: UInt64 = 0) {
        self.init(number: number, tables: [], filter: SuffixFilter(rules: 0), key: RuleKey(seed: 0))
    }

    /// The lists' tables.
    package var tables: [RuleTable] { index.tables }

    /// The lists that are policy zones, a bit for each.
    package var policyZones: UInt64 { index.policyZones }

    /// The memory that tables and filter take.
    package var byteCount: Int { index.byteCount }

    /// What the lists say of a name in wire form, lower case, without pointers (`FixedName.span`).
    package func verdicts(of name: Span<UInt8>) -> ListVerdicts { index.verdicts(of: name) }

    /// The rules that apply to a name, the most special names last: for `explain`, logs, and actions of rules' own.
    package func matches(of name: Span<UInt8>) -> [RuleMatch] { index.matches(of: name) }

    /// The rules of one list that apply to a name, the most special names last: for one who knows which list decides.
    package func matches(of name: Span<UInt8>, in list: Int) -> [RuleMatch] {
        index.tables.indices.contains(list) ? index.matches(of: name, in: list) : []
    }

    /// What the lists say of an address in an answer (RPZ-IP). An answer may have thousands.
    package func verdicts(of address: IPAddress) -> ListVerdicts {
        var verdicts = ListVerdicts()
        for list in addressLists {
            index.tables[list].addresses.eachRule(of: address) { verdicts.add($1, list: list) }
        }
        return verdicts
    }

    /// The longest prefix with rules of a list that an address is in.
    package func prefix(of address: IPAddress, in list: Int) -> AddressPrefix? {
        var found: AddressPrefix?
        index.tables[list].addresses.eachRule(of: address) { prefix, _ in found = prefix }
        return found
    }

    /// The rules that apply to an address in an answer: those of the longest prefix of each list.
    package func matches(of address: IPAddress) -> [AddressMatch] {
        var matches: [AddressMatch] = []
        for list in addressLists {
            index.tables[list].addresses.eachRule(of: address) {
                matches.append(AddressMatch(list: list, prefix: $0, rule: $1))
            }
        }
        return matches
    }
}

/// A rule that applies to a name.
package struct RuleMatch: Hashable, Sendable {
    /// The number of its list.
    package let list: Int
    /// The rule.
    package let rule: Rule
    /// How many labels the rule's name has: the last so many of the name that was looked up.
    package let labelCount: Int
}

/// A rule that applies to an address.
package struct AddressMatch: Hashable, Sendable {
    /// The number of its list.
    package let list: Int
    /// The prefix that the rule is about.
    package let prefix: AddressPrefix
    /// The rule.
    package let rule: Rule
}
