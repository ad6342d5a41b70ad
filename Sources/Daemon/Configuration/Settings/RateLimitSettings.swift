/// How much clients may ask and be answered.
package struct RateLimitSettings: Sendable, Equatable {
    /// Queries of one client in a second; 0 for any number.
    package var queries = 1_000
    /// So many of them at once.
    package var burst = 5_000
    /// What becomes of those over UDP that are too many.
    package var excess = Excess.drop
    /// The same answer over UDP to one network in a second; 0 for any number.
    package var responses = 50
    /// All answers over UDP to one network in a second; 0 for any number.
    package var allResponses = 5_000
    /// One of so many of those that are too many goes out with TC; 0 for none.
    package var slip = 2
    /// Refusals over UDP to one network in a second; 0 for any number.
    package var refusals = 100
    /// Who asks as much as he likes; nil for private networks and those that `allow` names.
    package var exempt: [AccessRule]?
    /// Questions of one domain that are asked at once; 0 for any number.
    package var domain = 2_000

    /// What becomes of queries that are too many.
    package enum Excess: String, Sendable, CaseIterable {
        /// Nothing is said.
        case drop
        /// They are refused.
        case refuse
    }

    /// The defaults.
    package init() {}

    /// Who asks as much as he likes, by whom `allow` lets in: of those whose prefix is too short to be anybody's network the
    /// operator knows nothing.
    func exempt(allowing allow: [AccessRule]) -> [AccessRule] { exempt ?? [.local] + allow.filter { !$0.isNearlyEverybody } }

    /// As they are counted.
    var limits: RateLimits {
        var limits = RateLimits()
        if queries > 0 { limits.queries = Rate(perSecond: queries, atOnce: max(burst, 1)) }
        // A second's worth at once.
        if responses > 0 { limits.responses = Rate(perSecond: responses, atOnce: responses) }
        if allResponses > 0 { limits.allResponses = Rate(perSecond: allResponses, atOnce: allResponses) }
        if refusals > 0 { limits.refusals = Rate(perSecond: refusals, atOnce: refusals) }
        limits.slip = slip
        limits.refuses = excess == .refuse
        return limits
    }

    /// The keys below `rate-limit`.
    static let table = SettingsTable<RateLimitSettings>([
        .value(
            "queries", \.queries, .integer(0...Rate.most),
            SettingFacts(
                "Queries of one client (an IPv4 address, a /56 of IPv6) in a second: over UDP, and as many proven ones (streams, cookies)."
            )),
        .value("burst", \.burst, .integer(1...Rate.mostAtOnce), SettingFacts("So many of them at once.")),
        .value(
            "excess", \.excess, .excess,
            SettingFacts(
                "What becomes of further ones over UDP: drop or refuse. Over TCP and TLS they wait, over HTTP they are refused.")),
        .value(
            "responses", \.responses, .integer(0...Rate.mostAtOnce),
            SettingFacts(
                "The same answer over UDP to one network (/24, /56) in a second, but for clients with a good DNS cookie.")),
        .value(
            "all-responses", \.allResponses, .integer(0...Rate.mostAtOnce),
            SettingFacts("All answers over UDP to one network in a second, but for clients with a good DNS cookie.")),
        .value(
            "slip", \.slip, .integer(0...10),
            SettingFacts(
                "One in so many of further queries and answers is answered with TC alone, so that honest clients ask over TCP; 0: none."
            )),
        .value(
            "refusals", \.refusals, .integer(0...Rate.mostAtOnce),
            SettingFacts("Refusals over UDP to one network in a second; further ones are not sent.")),
        .value(
            "exempt", \.exempt, .optional(.accessRules),
            SettingFacts(
                "Clients without these limits. Without this key: private networks, and those that `allow` names (not any).",
                example: "[\"127.0.0.0/8\", \"::1\"]")),
        .value(
            "domain", \.domain, .integer(0...20_000),
            SettingFacts(
                "Questions below one domain (such as example.com) asked upstream at once; most further ones get SERVFAIL.")),
    ])
}

extension SettingKind where Value == RateLimitSettings.Excess {
    /// What becomes of queries that are too many.
    static var excess: SettingKind {
        word("drop or refuse", words: ["drop", "refuse"], print: { $0.rawValue }) { RateLimitSettings.Excess(rawValue: $0) }
    }
}
