package import DNSWire

/// All groups: whose a client is, and what each of them does with a name. A group's number is its place, up to 64. A class: handed
/// on without copies of what is in it.
package final class GroupTable: Sendable {
    /// What is wrong with groups.
    package enum Fault: Error, Hashable, Sendable {
        /// There are more than 64.
        case tooManyGroups
        /// Two groups have the same name.
        case sameName(String)
        /// A client belongs to two groups.
        case sameClient(String)
    }

    /// The groups.
    package let groups: [Group]
    /// The group of clients that belong to no other: the one named `default`.
    package let defaultGroup: Int?
    /// Prefixes with their groups, by length and address.
    private let prefixes: [(prefix: AddressPrefix, group: Int)]
    /// The lengths of prefixes that there are, the longest first.
    private let lengths: [Int]
    /// Groups of names of clients.
    private let names: [ClientName: Int]

    /// No groups.
    package static let none = GroupTable()
    /// The most groups: a verdict has a bit for each.
    package static var maximumCount: Int { 64 }

    /// No groups.
    private init() {
        (groups, prefixes, names, lengths, defaultGroup) = ([], [], [:], [], nil)
    }

    /// Takes the groups.
    package init(_ groups: [Group]) throws(Fault) {
        guard groups.count <= Self.maximumCount else { throw .tooManyGroups }
        var names: [ClientName: Int] = [:]
        var prefixes: [(prefix: AddressPrefix, group: Int)] = []
        var seen: Set<String> = []
        for (number, group) in groups.enumerated() {
            guard seen.insert(group.name).inserted else { throw .sameName(group.name) }
            for name in group.clientNames {
                guard names.updateValue(number, forKey: ClientName(name)) == nil else { throw .sameClient(name) }
            }
            prefixes += group.prefixes.map { ($0, number) }
        }
        prefixes.sort { $0.prefix < $1.prefix }
        for index in prefixes.indices.dropFirst() where prefixes[index].prefix == prefixes[index - 1].prefix {
            throw .sameClient(groups[prefixes[index].group].name)
        }
        self.groups = groups
        self.names = names
        self.prefixes = prefixes
        lengths = Set(prefixes.map(\.prefix.length)).sorted(by: >)
        defaultGroup = groups.firstIndex { $0.name == "default" }
    }

    /// The group of a client: by a name that its certificate proves, else by the longest prefix that its address is in, else by a
    /// name that it calls itself, else the default one. So nobody leaves the group of his address by a name of his choice.
    package func group(of address: IPAddress?, named name: ClientName = .none) -> Int? {
        let named = name == .none ? nil : names[name.claimed]
        if let named, name.isProven { return named }
        return address.flatMap(group(at:)) ?? named ?? defaultGroup
    }

    /// The group of the longest prefix that an address is in.
    private func group(at address: IPAddress) -> Int? {
        // From the longest on.
        for length in lengths {
            let wanted = AddressPrefix(address, length: length)
            var (low, high) = (0, prefixes.count)
            while low < high {
                let middle = (low + high) / 2
                if prefixes[middle].prefix < wanted { low = middle + 1 } else { high = middle }
            }
            if low < prefixes.count, prefixes[low].prefix == wanted { return prefixes[low].group }
        }
        return nil
    }

    /// The prefix by which a client belongs to its group; nil where it belongs to the default one.
    package func prefix(of address: IPAddress) -> AddressPrefix? {
        prefixes.last { $0.prefix.contains(address) }?.prefix
    }

    /// The lists that hold now, for each group; `zones` says which lists are policy zones, a bit for each.
    package func active(at seconds: Int64, zones: UInt64 = 0, offset: (Int64) -> Int) -> [ActiveLists] {
        groups.map { $0.active(at: seconds, zones: zones, offset: offset) }
    }

    /// Which groups deny a name, a bit for each: what a cache entry keeps. Computed once for each answer and rule set.
    package static func denials(_ verdicts: ListVerdicts, _ active: borrowing [ActiveLists]) -> UInt64 {
        guard !verdicts.isEmpty else { return 0 }
        var bits: UInt64 = 0
        let lists = active.span
        for index in 0..<min(lists.count, maximumCount) where lists[index].denies(verdicts) {
            bits |= 1 &<< UInt64(truncatingIfNeeded: index)
        }
        return bits
    }
}
