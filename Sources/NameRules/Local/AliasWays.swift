package import DNSWire

/// Measures ways over aliases, and finds those that lead back to themselves, each name looked at once however many lead to it.
package struct AliasWays {
    /// How many aliases are on the way from a name that was looked at; `endless` where it never ends.
    private var lengths: [Name: Int] = [:]

    /// So many aliases one behind the other are followed: rewrites, and records of our own or of lists.
    package static var longest: Int { 8 }
    /// The length of a way that never ends.
    package static var endless: Int { .max }

    /// Nothing was looked at.
    package init() {}

    /// How many aliases are on the way from a name, in lower case; `next` says where each leads, nil where the way ends.
    package mutating func length(from start: Name, next: (Name) -> Name?) -> Int {
        var way: [Name] = []
        var seen: Set<Name> = []
        var name = start
        var length = 0
        while true {
            if let known = lengths[name] {
                length = known
                break
            }
            guard seen.insert(name).inserted else {
                length = Self.endless
                break
            }
            guard let following = next(name)?.lowercased else {
                lengths[name] = 0
                break
            }
            way.append(name)
            name = following
        }
        for name in way.reversed() {
            if length < Self.endless { length += 1 }
            lengths[name] = length
        }
        return length
    }
}

extension LocalZone {
    /// Where a name leads by an alias of our own; nil where it is none.
    package func target(of name: Name) -> Name? {
        guard case .records(let records) = find(name, .a), case .cname(let alias)? = records.first?.data else { return nil }
        return alias.target
    }
}
