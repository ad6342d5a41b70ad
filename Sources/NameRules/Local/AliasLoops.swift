package import DNSWire

/// Finds aliases that lead back to themselves, each name looked at once however many lead to it.
package struct AliasLoops {
    /// Whether the way from a name that was looked at never ends.
    private var isEndless: [Name: Bool] = [:]

    /// Nothing was looked at.
    package init() {}

    /// Whether the way from a name, in lower case, never ends; `next` says where each leads, nil where the way ends.
    package mutating func isEndless(_ start: Name, next: (Name) -> Name?) -> Bool {
        var way: Set<Name> = []
        var name = start
        var result = false
        while true {
            if let known = isEndless[name] {
                result = known
                break
            }
            guard way.insert(name).inserted else {
                result = true
                break
            }
            guard let following = next(name)?.lowercased else { break }
            name = following
        }
        for name in way { isEndless[name] = result }
        return result
    }
}

extension LocalZone {
    /// Where a name leads by an alias of our own; nil where it is none.
    package func target(of name: Name) -> Name? {
        guard case .records(let records) = find(name, .a), case .cname(let alias)? = records.first?.data else { return nil }
        return alias.target
    }
}
