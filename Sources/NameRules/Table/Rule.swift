package import DNSWire

/// Which names a rule is about.
package enum RuleScope: UInt8, Hashable, Sendable {
    /// The name alone.
    case exact
    /// The name and all below it.
    case suffix
    /// All below the name, not the name itself.
    case below
}

/// What a rule does with what it denies.
package enum RuleAction: Hashable, Sendable {
    /// It is answered as the group's `BlockAnswer` says.
    case block
    /// There is no such name.
    case nxdomain
    /// The name has no data.
    case nodata
    /// There is no answer at all.
    case drop
    /// Over UDP the answer is truncated, so that the client comes back over TCP.
    case tcpOnly
    /// The answer is REFUSED.
    case refuse
    /// The answer is this record; the rules of one name make up its data.
    case data(RecordData, ttl: UInt32)
    /// The answer is an alias to the denied name below this domain (`CNAME *.garden.example.` of policy zones).
    case aliasBelow(Name, ttl: UInt32)

    /// Whether the answer is an alias.
    package var isAlias: Bool {
        switch self {
        case .data(.cname, _), .aliasBelow: true
        default: false
        }
    }

    /// Whether it is an answer of the rule's own.
    var hasData: Bool {
        switch self {
        case .data, .aliasBelow: true
        default: false
        }
    }

    /// What it does with a name: an alias below another leads from there. Where that would be too long for a name, there is none.
    package func applied(to name: Name) -> RuleAction {
        guard case .aliasBelow(let parent, let ttl) = self else { return self }
        guard let target = try? name.appending(parent) else { return .nxdomain }
        return .data(.cname(RecordData.CNAME(target: target)), ttl: ttl)
    }
}

/// A rule about a name, the name itself left out.
package struct Rule: Hashable, Sendable {
    /// Which names it is about.
    package var scope: RuleScope
    /// Whether it lets them pass.
    package var isAllow: Bool
    /// Whether it goes before rules that are not (`$important`).
    package var isImportant: Bool
    /// What it does with what it denies.
    package var action: RuleAction
    /// Names that it is not about, and all below them (`$denyallow`).
    package var exceptions: [Name]

    /// Puts a rule together.
    package init(
        _ scope: RuleScope, isAllow: Bool = false, isImportant: Bool = false, action: RuleAction = .block,
        exceptions: [Name] = []
    ) {
        self.scope = scope
        self.isAllow = isAllow
        self.isImportant = isImportant
        self.action = action
        self.exceptions = exceptions
    }

    /// Whether a table whose plain rules have that action keeps it in four bits.
    func isPlain(_ usual: RuleAction) -> Bool { exceptions.isEmpty && (isAllow || action == usual) }

    /// The four bits.
    var plainKind: UInt8 { scope.rawValue + (isAllow ? 3 : 0) + (isImportant ? 6 : 0) }

    /// The rule of four bits.
    init(plainKind kind: UInt8, action: RuleAction) {
        let kind = min(kind, Self.detailedKind - 1)
        let isAllow = kind / 3 % 2 == 1
        self.init(
            RuleScope(rawValue: kind % 3) ?? .exact, isAllow: isAllow, isImportant: kind >= 6,
            action: isAllow ? .block : action)
    }

    /// The four bits of a rule that the table keeps beside.
    static var detailedKind: UInt8 { 12 }

    /// Whether it is about a name that has the rule's name as a suffix, or is the rule's name.
    @inline(__always) func applies(toWhole isWhole: Bool) -> Bool { scope == .suffix || isWhole == (scope == .exact) }
}
