/// Rules about addresses in answers (RPZ-IP): the longest prefix that holds an address decides.
package struct AddressRules: Sendable {
    /// A prefix and its rule.
    private struct Entry {
        var prefix: AddressPrefix
        var rule: Rule
        /// The number of the longest prefix around it; below 0 for none.
        var outer = Int32(-1)
    }

    /// Once finished by their first address, the longer of two with the same one behind the other, none twice.
    private var entries: [Entry] = []

    /// The most prefixes of one list.
    package static var maximumCount: Int { 1 << 20 }

    /// No rules.
    package init() {}

    /// How many prefixes there are.
    package var count: Int { entries.count }

    /// Adds a rule; false where there are as many as may be.
    mutating func add(_ prefix: AddressPrefix, _ rule: Rule) -> Bool {
        guard entries.count < Self.maximumCount else { return false }
        entries.append(Entry(prefix: prefix, rule: rule))
        return true
    }

    /// Puts the prefixes in order, so that they are found. The first rule of a prefix is kept.
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
        for index in order where kept.last?.prefix != entries[index].prefix {
            var entry = entries[index]
            while let last = open.last, !kept[Int(last)].prefix.contains(entry.prefix.address) { open.removeLast() }
            entry.outer = open.last ?? -1
            open.append(Int32(kept.count))
            kept.append(entry)
        }
        entries = kept
    }

    /// The rule of the longest prefix that an address is in: the last one that begins before it, or one around that.
    package func find(_ address: IPAddress) -> (prefix: AddressPrefix, rule: Rule)? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].prefix.address <= address { low = middle + 1 } else { high = middle }
        }
        var index = Int32(truncatingIfNeeded: low) - 1
        while index >= 0 {
            if entries[Int(index)].prefix.contains(address) { return (entries[Int(index)].prefix, entries[Int(index)].rule) }
            index = entries[Int(index)].outer
        }
        return nil
    }
}
