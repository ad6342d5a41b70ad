internal import AnswerCache
internal import Resolver
package import Upstream

/// Who of a group of upstreams is asked, and when another.
package struct ChoiceSettings: Sendable, Equatable {
    /// Who is asked first.
    package var order = ForwardPolicy.Order.ordered
    /// So many of a hundred questions may be asked of a second upstream because the first is late.
    package var hedgePercent = 5
    /// Who is asked where all others are down.
    package var fallback: [UpstreamAddress] = []
    /// How plain ones are verified.
    package var verify = VerifySettings()
    /// Addresses that stand for names that do not exist.
    var bogus: [AddressPrefix] = []

    /// Who is asked besides the group itself.
    var others: [UpstreamAddress] { fallback + verify.with }

    /// The defaults.
    package init() {}

    /// The same as the forwarder of such a group takes it; `lists` are the addresses of the files that it names.
    func policy(_ lists: [String: AddressRanges] = [:]) -> ForwardPolicy {
        var policy = ForwardPolicy()
        policy.order = order
        policy.hedgePermille = 10 * hedgePercent
        policy.fallbackCount = fallback.count
        policy.suspicions = verify.suspicions(lists)
        policy.bogus = AddressRanges(bogus.map(\.numbers))
        return policy
    }
}

/// Settings that say how a group of upstreams is asked.
protocol ChoosingSettings: Sendable {
    /// Who of the group is asked, and when another.
    var choice: ChoiceSettings { get set }
}

extension Settings: ChoosingSettings {}
extension ForwardRule: ChoosingSettings {}

extension SettingsTable where Root: ChoosingSettings {
    /// The keys of a choice.
    static var choiceKeys: [SettingKey<Root>] {
        [
            .value(
                "policy", \.choice.order, .order,
                SettingFacts(
                    "Whom to ask: ordered (the first that is well), fastest (by round trip), or parallel (all, first good answer)."
                )
            ),
            .value(
                "hedge", \.choice.hedgePercent, .integer(0...100),
                SettingFacts(
                    "Of a hundred questions so many may be asked of a second upstream because the first is late; 0: none.")),
            .value(
                "fallback", \.choice.fallback,
                .list(of: .upstream, "addresses such as 192.0.2.1 or tls://192.0.2.3#dns.example"),
                SettingFacts("Resolvers to ask only while all of `upstreams` are down.", example: #"["192.0.2.9"]"#)),
            .section(
                "verify", \.choice.verify, VerifySettings.table,
                SettingFacts(
                    "Where the network forges answers of plain DNS: what is suspicious is asked of others, who are believed.")),
            .value(
                "bogus", \.choice.bogus, .list(of: .addressPrefix, "addresses or prefixes such as 192.0.2.1 or 192.0.2.0/24"),
                SettingFacts(
                    "Addresses that upstreams give for names that do not exist: NXDOMAIN, or the next answer if one follows.",
                    example: #"["192.0.2.80"]"#)),
        ]
    }
}

extension SettingKind where Value == AddressPrefix {
    /// An address, or all that share a prefix.
    fileprivate static var addressPrefix: SettingKind {
        word("an address or a prefix such as 192.0.2.1 or 192.0.2.0/24", print: { quoted("\($0)") }) { AddressPrefix($0) }
    }
}

extension SettingKind where Value == ForwardPolicy.Order {
    /// Who of a group is asked first.
    static var order: SettingKind {
        let names = ForwardPolicy.Order.allCases.map(\.rawValue)
        return word("one of " + names.joined(separator: ", "), words: names, print: { $0.rawValue }) {
            ForwardPolicy.Order(rawValue: $0)
        }
    }
}
