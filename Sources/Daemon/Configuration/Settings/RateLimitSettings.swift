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
    /// One of so many of those that are too many goes out with TC; 0 for none.
    package var slip = 2
    /// Refusals over UDP to one network in a second; 0 for any number.
    package var refusals = 100
    /// Who asks as much as he likes.
    package var exempt: [AccessRule] = [.local]
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

    /// As they are counted.
    var limits: RateLimits {
        var limits = RateLimits()
        if queries > 0 { limits.queries = Rate(perSecond: queries, atOnce: max(burst, 1)) }
        // A second's worth at once.
        if responses > 0 { limits.responses = Rate(perSecond: responses, atOnce: responses) }
        if refusals > 0 { limits.refusals = Rate(perSecond: refusals, atOnce: refusals) }
        limits.slip = slip
        limits.refuses = excess == .refuse
        return limits
    }

    /// The keys below `rate-limit`.
    static let table = SettingsTable<RateLimitSettings>([
        .value(
            "queries", \.queries, .integer(0...Rate.most),
            SettingFacts("Queries of one client (an IPv4 address, a /56 of IPv6) in a second, however they come.")),
        .value("burst", \.burst, .integer(1...Rate.mostAtOnce), SettingFacts("So many of them at once.")),
        .value(
            "excess", \.excess, .excess,
            SettingFacts("What becomes of further ones over UDP: drop or refuse. Over TCP, TLS and HTTP they are refused.")),
        .value(
            "responses", \.responses, .integer(0...Rate.mostAtOnce),
            SettingFacts(
                "The same answer over UDP to one network (/24, /56) in a second, but for clients with a good DNS cookie.")),
        .value(
            "slip", \.slip, .integer(0...10),
            SettingFacts("One in so many of further ones goes out with TC alone, so that honest clients ask over TCP; 0: none.")),
        .value(
            "refusals", \.refusals, .integer(0...Rate.mostAtOnce),
            SettingFacts("Refusals over UDP to one network in a second; further ones are not sent.")),
        .value(
            "exempt", \.exempt, .accessRules,
            SettingFacts("Clients without these limits; 127.0.0.0/8 and ::1 alone: also your own networks have them.")),
        .value(
            "domain", \.domain, .integer(0...20_000),
            SettingFacts(
                "Questions below one domain (such as example.com) asked upstream at once; further ones get SERVFAIL.")),
    ])
}

extension SettingKind where Value == RateLimitSettings.Excess {
    /// What becomes of queries that are too many.
    static var excess: SettingKind {
        word("drop or refuse", words: ["drop", "refuse"], print: { $0.rawValue }) { RateLimitSettings.Excess(rawValue: $0) }
    }
}
