internal import DNSWire
internal import Resolver

extension DomainRule {
    /// The keys of an element of `domains`.
    static let table = SettingsTable<DomainRule>(
        [
            .value("domain", \.domain, .domainWire, SettingFacts("The domain, with all below it.")),
            .value("no-cache", \.noCache, .flag, SettingFacts("Keep none of its answers.")),
            .value("no-stale", \.noStale, .flag, SettingFacts("Give out none of its answers after their time.")),
            .value(
                "min-ttl", \.minimumSeconds, .optional(.seconds(0...86_400)),
                SettingFacts("Keep none of its answers for less than this.")),
            .value(
                "max-ttl", \.maximumSeconds, .optional(.seconds(1...604_800)),
                SettingFacts("Keep none of its answers for longer than this.")),
        ],
        check: { rule, node throws(ConfigurationError) in
            if node.value(of: "domain") == nil {
                throw node.failure("domain is missing", expected: "{domain: dyn.example, no-cache: true}")
            }
            if let least = rule.minimumSeconds, let most = rule.maximumSeconds, least > most {
                throw (node.value(of: "min-ttl") ?? node).failure("\(least) is above max-ttl", expected: "at most \(most)")
            }
        })
}

extension SettingKind where Value == [UInt8] {
    /// A domain name, kept in lower-cased wire form.
    fileprivate static var domainWire: SettingKind {
        let name = SettingKind<Name>.domain
        return SettingKind(
            expected: name.expected,
            read: { node throws(ConfigurationError) in try name.read(node).lowercased.wire },
            print: { _ in nil })
    }
}

extension SettingKind where Value == [DomainRule] {
    /// A list of rules, each for a domain of its own.
    static var domainRules: SettingKind {
        elements("a list of {domain: …, no-cache: true}", of: DomainRule.table, { DomainRule(domain: [0]) }) {
            rule, others, item throws(ConfigurationError) in
            guard others.contains(where: { $0.domain == rule.domain }) else { return }
            let domain = item.value(of: "domain") ?? item
            throw domain.failure("\(domain.content) stands there twice", expected: "each domain once")
        }
    }
}
