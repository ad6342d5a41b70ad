/// Rules about addresses in answers (RPZ-IP): the longest prefix that holds an address decides.
package struct AddressRules: Sendable {
    /// A prefix and its rule.
    private struct Entry {
        var prefix: AddressPrefix
        var rule: Rule
    }

    /// In order of prefixes once finished, none twice.
    private var entries: [Entry] = []
    /// A bit for each length of prefix that there is.
    private var lengths: [Bool] = [Bool](repeating: false, count: 129)

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
        order.sort { (entries[$0].prefix, $0) < (entries[$1].prefix, $1) }
        var kept: [Entry] = []
        for index in order where kept.last?.prefix != entries[index].prefix { kept.append(entries[index]) }
        entries = kept
        for entry in entries { lengths[entry.prefix.length] = true }
    }

    /// The rule of the longest prefix that an address is in.
    package func find(_ address: IPAddress) -> (prefix: AddressPrefix, rule: Rule)? {
        guard !entries.isEmpty else { return nil }
        for length in stride(from: 128, through: 0, by: -1) where lengths[length] {
            let wanted = AddressPrefix(address, length: length)
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].prefix < wanted { low = middle + 1 } else { high = middle }
            }
            if low < entries.count, entries[low].prefix == wanted { return (wanted, entries[low].rule) }
        }
        return nil
    }
}
