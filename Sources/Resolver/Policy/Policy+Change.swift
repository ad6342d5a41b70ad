/// What a policy makes of answers that were kept before it.
extension Policy {
    /// Whether what is kept for `name`, lower-cased in wire form, is to be forgotten, because this policy answers it by itself,
    /// asks others about it, or wants less of it kept than `former` did. Without a former one, what is kept is of unknown
    /// origin: then whom it asks does not matter. Where the upstreams for all names have changed, answers stay.
    package func forgets(_ name: Span<UInt8>, keptBy former: Policy?) -> Bool {
        let present = index?.find(name) ?? DomainFacts()
        let past = former?.index?.find(name) ?? DomainFacts()
        if answersItself(name, present), former.map({ !$0.answersItself(name, past) }) ?? true { return true }
        if let rule = present.rule.map({ domains[$0] }), rule.keepsLess, past.rule.flatMap({ former?.domains[$0] }) != rule {
            return true
        }
        if hosts?.isEmptyNonTerminal(name) == true, former?.hosts?.isEmptyNonTerminal(name) != true { return true }
        guard let former else { return false }
        return upstreams(of: present) != former.upstreams(of: past)
    }

    /// Whether names may have to be forgotten that `former` let be kept, before each of them is looked at.
    package func mayForget(keptBy former: Policy?) -> Bool {
        guard let former else { return true }
        return hosts?.seed != former.hosts?.seed || localZones != former.localZones || domains != former.domains
            || routes.dropFirst() != former.routes.dropFirst()
    }

    /// Whether a name is in a locally served zone.
    private func answersItself(_ name: Span<UInt8>, _ facts: DomainFacts) -> Bool {
        if facts.zone != nil { return true }
        return localZones.singleLabels && facts.route == nil && name[0] > 0 && name.count == Int(name[0]) + 2
    }

    /// Who is asked about a domain with a route of its own.
    private func upstreams(of facts: DomainFacts) -> [Upstream]? { facts.route.map { routes[$0].upstreams } }
}

extension DomainRule {
    /// Whether something that was kept before it might not be kept by it.
    fileprivate var keepsLess: Bool { noCache || noStale }
}
