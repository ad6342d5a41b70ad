internal import Belief
internal import DNSWire
internal import Green
internal import Upstream

/// What upstreams cost in time on networks that are simulated, so that each run gives the same figures: a line of JSON each.
struct NetworkFigures {
    /// What can be measured.
    enum Name: String, CaseIterable {
        case loss, outage, hedging, ports, blind, verify
    }

    /// How many questions are asked.
    let questions: Int

    /// Measures one of them.
    func measure(_ name: Name) throws {
        switch name {
        case .loss: for upstreams in 1...2 { try loss(upstreams) }
        case .outage: try outage()
        case .hedging: for permille in [0, 50] { try hedging(permille) }
        case .ports: for rate in [10, 1_000, 50_000] { try ports(rate) }
        case .blind: try BlindForger(datagrams: questions).measure()
        case .verify: for suspects in ["none", "early", "twice"] { try verify(suspects) }
        }
    }

    /// Runs in a world whose links take 10 to 15 ms, so that a round trip takes 20 to 30.
    static func run(loss: Double = 0, _ body: @escaping (Hub) throws -> Void) throws {
        let world = VirtualWorld(seed: 7)
        world.loopback = LinkConditions(latency: .milliseconds(10)...(.milliseconds(15)))
        world.loopback.loss = loss
        try world.run { try body($0) }
    }

    /// The question for a name of its own.
    static func question(_ number: Int) -> UpstreamQuestion {
        let name = Array("\u{9}n\(10_000_000 + number % 90_000_000)\u{7}example\u{3}com\u{0}".utf8)
        return UpstreamQuestion(name, .a, .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false))
    }

    /// Asks one question: whose answer it was, and how long it took.
    static func ask(_ forwarder: Forwarder, _ question: UpstreamQuestion) -> (upstream: UInt16?, milliseconds: Double) {
        let hub = Hub.current
        let begun = hub.loop.now()
        let reply = try? forwarder.ask(question, Belief.Rules(seed: 7), until: begun.advanced(by: Forwarder.questionLimit))
        return (reply?.upstream, Double(begun.nanoseconds(to: hub.loop.now())) / 1e6)
    }

    /// Asks all questions from `askers` greenlets.
    private func ask(_ forwarder: Forwarder, askers: Int = 50) throws -> [(upstream: UInt16?, milliseconds: Double)] {
        let greenlets = (0..<askers).map { number in
            Hub.current.spawn {
                stride(from: number, to: questions, by: askers).map { Self.ask(forwarder, Self.question($0)) }
            }
        }
        return try greenlets.flatMap { try $0.get() }
    }

    /// The value below which so many of a hundred are.
    static func percentile(_ values: [Double], _ percent: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        return values.sorted()[min(values.count - 1, Int(Double(values.count) * percent / 100))]
    }

    private static func times(_ found: [(upstream: UInt16?, milliseconds: Double)]) -> String {
        let times = found.filter { $0.upstream != nil }.map(\.milliseconds)
        let shares = [50.0, 95, 99].map { "\"p\(Int($0))_ms\": \(percentile(times, $0))" }
        return "\"answered\": \(times.count), " + shares.joined(separator: ", ") + ", \"max_ms\": \(times.max() ?? 0)"
    }

    // MARK: - The figures

    /// Questions on a network that loses three of ten datagrams.
    private func loss(_ upstreams: Int) throws {
        try Self.run(loss: 0.3) { hub in
            let servers = try (0..<upstreams).map { _ in try SimulatedServer { _ in .zero } }
            let forwarder = Forwarder(
                hub: hub, servers: servers.enumerated().map { $1.upstream(UInt16($0)) }, tryLimit: .seconds(2))
            let found = try ask(forwarder)
            print(#"{"figure": "loss of 30 %", "upstreams": \#(upstreams), "questions": \#(questions), \#(Self.times(found))}"#)
        }
    }

    /// 1,000 questions a second to the first of two, which says nothing for ten seconds.
    private func outage() throws {
        try Self.run { hub in
            var isDown = false
            let first = try SimulatedServer { _ in isDown ? nil : .zero }
            let second = try SimulatedServer { _ in .zero }
            let forwarder = Forwarder(hub: hub, servers: [first.upstream(1), second.upstream(2)], tryLimit: .seconds(2))
            let begun = hub.loop.now()
            let (dies, returns) = (begun.advanced(by: .seconds(5)), begun.advanced(by: .seconds(15)))
            var found: [(upstream: UInt16?, milliseconds: Double)] = []
            var backAfter: Double?
            let group = Group()
            for number in 0..<25_000 {
                let due = begun.advanced(byNanoseconds: UInt64(number) * 1_000_000)
                try hub.sleep(until: due)
                isDown = due >= dies && due < returns
                try group.spawn {
                    let answer = Self.ask(forwarder, Self.question(number))
                    if due >= dies, due < returns { found.append(answer) }
                    let now = hub.loop.now()
                    if now > returns, answer.upstream == 1, backAfter == nil {
                        backAfter = Double(returns.nanoseconds(to: now)) / 1e6
                    }
                }
            }
            try group.join()
            let late = found.count { $0.milliseconds > 100 }
            print(
                #"{"figure": "the first of two dies, 1,000 questions a second", "questions": \#(found.count), "#
                    + #"\#(Self.times(found)), "later_than_100_ms": \#(late), "back_after_ms": \#(backAfter ?? -1)}"#)
        }
    }

    /// Two upstreams, two of a hundred answers of the first 500 ms late.
    private func hedging(_ permille: Int) throws {
        try Self.run { hub in
            let first = try SimulatedServer { _ in .zero }
            // The names, not the questions: sent again, it takes as long.
            first.isLate = { query in (query[20] - 0x30) % 5 == 0 && query[21] == 0x30 }
            let second = try SimulatedServer { _ in .zero }
            var policy = ForwardPolicy()
            policy.hedgePermille = permille
            let forwarder = Forwarder(
                hub: hub, servers: [first.upstream(1), second.upstream(2)], tryLimit: .seconds(2), policy: policy)
            // So many that the late names are not all one asker's.
            let found = try ask(forwarder, askers: 47)
            let share = Double(second.count) / Double(questions)
            print(
                #"{"figure": "2 % of answers 500 ms late", "hedge_permille": \#(permille), "questions": \#(questions), "#
                    + #"\#(Self.times(found)), "asked_twice": \#(share)}"#)
        }
    }

    /// The ports of 1,000 questions that are asked at a rate, after a second of that.
    private func ports(_ rate: Int) throws {
        try Self.run { hub in
            let server = try SimulatedServer { _ in .zero }
            server.keeps = 1000
            let forwarder = Forwarder(hub: hub, servers: [server.upstream(1)], tryLimit: .seconds(2))
            let group = Group()
            let begun = hub.loop.now()
            for number in 0..<rate + 1000 {
                try hub.sleep(until: begun.advanced(byNanoseconds: UInt64(number) * 1_000_000_000 / UInt64(rate)))
                try group.spawn { _ = Self.ask(forwarder, Self.question(number)) }
            }
            try group.join()
            let ports = Set(server.questions.map { $0.path.address?.port ?? 0 })
            print(#"{"figure": "ports of 1,000 questions", "rate": \#(rate), "distinct": \#(ports.count)}"#)
        }
    }

    /// What looking for forged answers costs those that are not forged.
    private func verify(_ suspects: String) throws {
        try Self.run { hub in
            let server = try SimulatedServer { _ in .zero }
            var policy = ForwardPolicy()
            policy.suspicions.early = suspects == "early"
            policy.suspicions.twice = suspects == "twice"
            let forwarder = Forwarder(hub: hub, servers: [server.upstream(1)], tryLimit: .seconds(2), policy: policy)
            let verifier = try SimulatedServer { _ in .zero }
            if suspects != "none" {
                forwarder.verify(by: Forwarder(hub: hub, servers: [verifier.upstream(2)], tryLimit: .seconds(2)))
            }
            // The first ones are asked of both.
            for number in 0..<20 { _ = Self.ask(forwarder, Self.question(number)) }
            let before = verifier.count
            let found = try ask(forwarder)
            print(
                #"{"figure": "what verifying costs", "suspect": "\#(suspects)", "questions": \#(questions), "#
                    + #"\#(Self.times(found)), "verified": \#(verifier.count - before)}"#)
        }
    }
}
