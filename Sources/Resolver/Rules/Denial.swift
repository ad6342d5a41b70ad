package import DNSWire
package import NameRules

/// Why and how a question is answered without what the world says.
package struct Denial: Sendable {
    /// What a client is told.
    package enum Action: Sendable {
        /// What its group is told.
        case answer(BlockAnswer)
        /// There is no such name.
        case nxdomain
        /// The name has no data.
        case nodata
        /// Nothing at all.
        case drop
        /// Over UDP to come back over TCP, where it gets what it asked for.
        case tcpOnly
        /// REFUSED.
        case refuse
        /// These records.
        case data([(RecordData, ttl: UInt32)])

        /// The actions of a name's rules in a list, applied to it; nil where they have none of their own.
        init?(_ actions: [RuleAction]) {
            let records = actions.compactMap { action -> (RecordData, ttl: UInt32)? in
                if case .data(let data, let ttl) = action { (data, ttl) } else { nil }
            }
            guard records.isEmpty else {
                self = .data(records)
                return
            }
            switch actions.last {
            case .nxdomain: self = .nxdomain
            case .nodata: self = .nodata
            case .drop: self = .drop
            case .tcpOnly: self = .tcpOnly
            case .refuse: self = .refuse
            case .block, .data, .aliasBelow, nil: return nil
            }
        }
    }

    /// What the client is told.
    package var action: Action
    /// The number of the list that says so, where it is one.
    package var list: Int?
    /// The extended error, where there is one to tell.
    package var code: ExtendedErrorCode?
    /// A few words beside it: list and rule.
    package var text = ""

    /// A denial that needs no reason.
    init(_ action: Action) { self.action = action }

    /// What an action of our own records does.
    init(ofRecords action: RuleAction) { self.action = Action([action]) ?? .nxdomain }

    /// For a search that is to be without what is not for children.
    static var safeSearch: Denial {
        var denial = Denial(.nodata)
        denial.code = .forgedAnswer
        denial.text = "safe search"
        return denial
    }

    /// Whether it is a search that is to be without what is not for children.
    package var isSafeSearch: Bool { list == nil && code == .forgedAnswer }

    /// The name whose answer stands in place of the one for a type: where the list has an alias, and not it is asked for.
    func alias(for type: RecordType) -> RuleBook.Alias? {
        guard case .data(let records) = action, type != .cname, type != .any,
            let first = records.first(where: { $0.0.type == .cname }), !records.contains(where: { $0.0.type == type }),
            case .cname(let alias) = first.0
        else { return nil }
        return RuleBook.Alias(target: alias.target, ttl: first.ttl, cause: self)
    }

    /// Whether it has an alias to a name, which is in wire form and lower case.
    func leads(to name: Span<UInt8>) -> Bool {
        guard case .data(let records) = action else { return false }
        return records.contains {
            guard case .cname(let alias) = $0.0 else { return false }
            return alias.target.lowercased.wire.span.hasSameBytes(as: name)
        }
    }

    /// The records that answer a question about a name in wire form.
    func records(of name: Span<UInt8>, _ type: RecordType) -> [ResourceRecord] {
        guard case .data(let records) = action else { return [] }
        let owner = RuleBook.name(name) ?? .root
        return records.filter { $0.0.type == type || type == .any }.map { ResourceRecord(owner, ttl: $0.ttl, $0.0) }
    }

    /// For an answer with a private address from outside.
    static var privateAddress: Denial {
        var denial = Denial(.refuse)
        denial.code = .blocked
        denial.text = "a private address in an answer from outside"
        return denial
    }
}
