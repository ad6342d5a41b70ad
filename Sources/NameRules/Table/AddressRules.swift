/// Rules about addresses in answers (RPZ-IP): the rules of the longest prefix that holds an address decide.
package struct AddressRules: Sendable {
    /// A prefix and its rule.
    private struct Entry {
        var prefix: AddressPrefix
        var rule: Rule
        /// The number of an entry of the longest prefix around it; below 0 for none.
        var outer = Int32(-1)
    }

    /// Once finished by their first address, the longer of two with the same one behind the other; the rules of a prefix stand
    /// together, none twice.
    private var entries: [Entry] = []

    /// The most rules of one list.
    package static var maximumCount: Int { 1 << 20 }

    /// No rules.
    package init() {}

    /// How many rules there are.
    package var count: Int { entries.count }

    /// Whether a rule's own answer is an alias.
    var hasAliases: Bool { entries.contains { $0.rule.action.isAlias } }

    /// Adds a rule; false where there are as many as may be.
    mutating func add(_ prefix: AddressPrefix, _ rule: Rule) -> Bool {
        guard entries.count < Self.maximumCount else { return false }
        entries.append(Entry(prefix: prefix, rule: rule))
        return true
    }

    /// Puts the prefixes in order, so that they are found. So many rules of a prefix are kept as of a name.
    mutating func finish() {
        var order = Array(entries.indices)
        order.sort {
            let (left, right) = (entries[$0].prefix, entries[$1].prefix)
            return (left.address, left.length, $0) < (right.address, right.length, $1)
        }
        var kept: [Entry] = []
        kept.reserveCapacity(order.count)
        // The prefixes around the present place, the shortest first.
        var open: [Int32] = []
        // Where the rules of the present prefix begin.
        var first = 0
        for index in order {
            var entry = entries[index]
            if let last = kept.last, last.prefix == entry.prefix {
                // No slice of what is appended to below outlives the question.
                guard kept.count - first < SegmentSorter.maximumRulesOfOneName,
                    !kept[first...].contains(where: { $0.rule == entry.rule })
                else { continue }
                entry.outer = last.outer
            } else {
                while let last = open.last, !kept[Int(last)].prefix.contains(entry.prefix.address) { open.removeLast() }
                entry.outer = open.last ?? -1
                first = kept.count
                open.append(Int32(first))
            }
            kept.append(entry)
        }
        entries = kept
    }

    /// Shows the rules of the longest prefix that an address is in, in the order in which they came: the last one that begins
    /// before it, or one around that.
    package func eachRule(of address: IPAddress, _ body: (AddressPrefix, Rule) -> Void) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].prefix.address <= address { low = middle + 1 } else { high = middle }
        }
        var index = low - 1
        while index >= 0, !entries[index].prefix.contains(address) { index = Int(entries[index].outer) }
        guard index >= 0 else { return }
        let prefix = entries[index].prefix
        while index > 0, entries[index - 1].prefix == prefix { index -= 1 }
        while index < entries.count, entries[index].prefix == prefix {
            body(prefix, entries[index].rule)
            index += 1
        }
    }
}
