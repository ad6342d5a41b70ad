/// All groups: whose a client is, and what each of them does with a name. A group's number is its place, up to 64.
package struct GroupTable: Sendable {
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
    /// Groups of names of clients.
    private let names: [String: Int]

    /// The most groups: a cache entry has a bit for each.
    package static var maximumCount: Int { 64 }

    /// Takes the groups.
    package init(_ groups: [Group]) throws(Fault) {
        guard groups.count <= Self.maximumCount else { throw .tooManyGroups }
        var names: [String: Int] = [:]
        var prefixes: [(prefix: AddressPrefix, group: Int)] = []
        var seen: Set<String> = []
        for (number, group) in groups.enumerated() {
            guard seen.insert(group.name).inserted else { throw .sameName(group.name) }
            for name in group.clientNames {
                guard names.updateValue(number, forKey: name) == nil else { throw .sameClient(name) }
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
        defaultGroup = groups.firstIndex { $0.name == "default" }
    }

    /// The group of a client: by its name, else by the longest prefix that its address is in, else the default one.
    package func group(of address: IPAddress?, named name: String? = nil) -> Int? {
        if let name, let group = names[name] { return group }
        guard let address else { return defaultGroup }
        // From the longest on; there are few.
        for entry in prefixes.reversed() where entry.prefix.contains(address) { return entry.group }
        return defaultGroup
    }

    /// The lists that hold now, for each group.
    package func active(at seconds: Int64, offset: (Int64) -> Int) -> [ActiveLists] {
        groups.map { $0.active(at: seconds, offset: offset) }
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
