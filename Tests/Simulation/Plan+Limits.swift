internal import TestSupport

/// Limits of clients, and one who asks more than they allow.
package struct LimitPlan: Sendable {
    /// What the flooding client does.
    package enum Flood: String, CaseIterable, Sendable {
        /// It asks over UDP, again and again, for what others ask for too.
        case queries
        /// It asks for names below one domain that nobody else asks for.
        case names
        /// It opens connections.
        case connections
    }

    /// What becomes of queries that are too many.
    package enum Excess: String, CaseIterable, Sendable {
        case drop, refuse
    }

    let flood: Flood
    /// Queries of one client in a second, and at once.
    let queries: Int
    let burst: Int
    let excess: Excess
    /// One in so many that are too many is answered with TC; 0 for none.
    let slip: Int
    /// Refusals over UDP to a network in a second.
    let refusals: Int
    /// Questions of one domain at once.
    let domain: Int
    /// Connections at once, for each worker.
    let connections: Int
    /// How often it floods.
    let times: Int

    /// The shortest pause of other clients, in milliseconds at most: they stay below the limits.
    static let pause = 500

    /// What a seed says.
    init(_ numbers: inout SeededNumbers) {
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        flood = Flood.allCases[draw(0..<Flood.allCases.count)]
        queries = draw(40..<80)
        let burst = draw(80..<120)
        excess = Excess.allCases[draw(0..<2)]
        slip = draw(0..<4)
        refusals = draw(0..<2) == 0 ? draw(5..<30) : 10_000
        domain = draw(60..<100)
        connections = draw(24..<60)
        times = draw(1..<4)
        self.burst = flood == .names ? 2 * domain + 20 : burst
    }

    /// How many queries, or connections, it sends at once.
    var count: Int {
        switch flood {
        case .queries: burst * 5 / 2
        case .names: 2 * domain + 10
        case .connections: connections + 10
        }
    }

    /// The settings in YAML. Clients of private networks are exempt where nothing is said of that.
    var settings: String {
        """
        connections: \(connections)
        rate-limit:
          queries: \(queries)
          burst: \(burst)
          excess: \(excess.rawValue)
          slip: \(slip)
          responses: 0
          all-responses: 0
          refusals: \(refusals)
          domain: \(domain)
          exempt: ["192.0.2.1"]

        """
    }
}

extension Plan {
    /// Draws what only some worlds have, from numbers of its own: what was drawn before stays as it is.
    mutating func drawTraits() {
        var numbers = SeededNumbers(seed: seed &* 0x9FB2_1C65_1E98_DF25 ^ 0x7124)
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        if draw(0..<100) < 25 {
            lists = ListPlan(seed, &numbers)
            events += ListPlan.events(&numbers, seconds: seconds)
            events.sort { ($0.at, $0.number) < ($1.at, $1.number) }
        }
        if draw(0..<100) < 12 {
            limits = LimitPlan(&numbers)
            for index in clients.indices { clients[index].pause = max(clients[index].pause, LimitPlan.pause) }
        }
        if draw(0..<100) < 20 { cookies = CookiePlan(&numbers) }
    }

    /// The settings of what only some worlds have, in YAML.
    func traits(round: Int) -> String {
        let secret = cookies?.hasSecret == true ? "cookie-secret: \(CookiePlan.path)\n" : ""
        return (lists?.settings(round: round) ?? "") + (limits?.settings ?? "") + secret
    }
}
