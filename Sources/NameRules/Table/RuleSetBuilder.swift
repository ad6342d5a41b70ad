/// Puts tables together into a rule set: `step` until it hands it out. Tables that did not change are shared with the rule
/// set before; only the filter is made anew, a step for each segment.
package struct RuleSetBuilder: ~Copyable {
    /// What is wrong with the tables.
    package enum Fault: Error, Hashable, Sendable {
        /// There are more than 64.
        case tooManyLists
        /// They were built with different keys.
        case differentKeys
    }

    /// The tables.
    private let tables: [RuleTable]
    /// The number of the rule set.
    private let number: UInt64
    /// The filter.
    private var filter: SuffixFilter
    /// The next segment.
    private var segment = 0

    /// Starts with the tables of all lists; their order gives the lists their numbers.
    package init(_ tables: [RuleTable], number: UInt64) throws(Fault) {
        guard tables.count <= RuleSet.maximumLists else { throw .tooManyLists }
        guard tables.allSatisfy({ $0.key == tables[0].key }) else { throw .differentKeys }
        self.tables = tables
        self.number = number
        filter = SuffixFilter(rules: tables.reduce(0) { $0 + $1.ruleCount })
    }

    /// Takes in one segment of all tables; the rule set when all are in.
    package mutating func step() -> RuleSet? {
        if segment < SegmentShape.segmentCount {
            for list in tables.indices { filter.insert(segment: segment, of: tables[list], list: list) }
            segment += 1
        }
        guard segment == SegmentShape.segmentCount else { return nil }
        return RuleSet(number: number, tables: tables, filter: filter, key: tables.first?.key ?? RuleKey(seed: 0))
    }

    /// Takes all steps at once: where nobody waits meanwhile.
    package mutating func finish() -> RuleSet {
        while true {
            if let set = step() { return set }
        }
    }
}
