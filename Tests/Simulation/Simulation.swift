// A run of the whole daemon from one seed: settings, clients, upstreams, Redis, network and events are drawn from it (`Plan`), all
// of it happens in a `VirtualWorld`, and each answer is judged (`Judge`). In the end all is well again: then answers must be fresh,
// and nothing may be left over.

internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// What came of a run.
package struct Outcome: Sendable {
    /// The check that failed; nil where all held.
    package let violation: Violation?
    /// What happened, event by event, as one number.
    package let hash: UInt64
    /// How many answers were judged.
    package let judged: Int
    /// What happened, in lines.
    package let trace: [String]
}

/// One run.
package final class Simulation {
    private let plan: Plan
    private let world: VirtualWorld
    private let judge: Judge
    private var trace: [String] = []
    private var upstreams: [SimulatedUpstream] = []
    private var redis: SimulatedRedis?
    private var clients: [SimulatedClient] = []
    private var partitions = 0
    private var reloads = 0
    /// Counts ends of the daemon.
    private var round = 0
    private var isCalm = false
    private var isEnding = false

    private init(_ plan: Plan) {
        self.plan = plan
        world = VirtualWorld(seed: plan.seed)
        judge = Judge(plan)
    }

    /// Runs a plan.
    package static func run(_ plan: Plan) -> Outcome {
        let simulation = Simulation(plan)
        do {
            try simulation.world.run { hub in try simulation.run(hub) }
        } catch {
            simulation.judge.fail("the daemon runs", "\(error)")
        }
        return Outcome(
            violation: simulation.judge.violation, hash: simulation.world.trace.hash, judged: simulation.judge.judged,
            trace: simulation.trace)
    }

    private func say(_ line: String) {
        trace.append("\(String(Double(world.now.nanoseconds / 1_000_000) / 1_000)) s  \(line)")
        if trace.count > 4_000 { trace.removeFirst(2_000) }
    }

    private func run(_ hub: Hub) throws {
        judge.now = { Double(hub.loop.bootTime()) / 1_000_000_000 }
        judge.isTroubled = { [unowned self] in
            plan.isUpstreamLossy || partitions > 0 || upstreams.contains { !$0.behaviour.isGood }
        }
        for (number, upstream) in plan.upstreams.enumerated() {
            upstreams.append(SimulatedUpstream(world, number, upstream.behaviour, judge))
        }
        redis = plan.redis.map { SimulatedRedis(world, $0) }
        let daemon = SimulatedDaemon(in: world, settings: plan.settings(round: 0))
        daemon.onLine = { [unowned self] in say("daemon: \($0)") }
        try daemon.start()
        for client in plan.clients {
            clients.append(
                SimulatedClient(
                    world, client, judge, round: { [unowned self] in round }, isEnding: { [unowned self] in isEnding }))
        }
        setNetwork(daemon)
        let began = hub.now
        for event in plan.events {
            try hub.sleep(until: began.advanced(by: .seconds(event.at)))
            if judge.violation != nil { return }
            say("event \(event.number): \(event.what)")
            try happen(event.what, daemon, hub)
        }
        try hub.sleep(until: began.advanced(by: .seconds(plan.seconds)))
        if judge.violation != nil { return }
        try calm(daemon, hub)
        if judge.violation == nil { try end(daemon, hub) }
    }

    private func setNetwork(_ daemon: SimulatedDaemon) {
        var lossy = LinkConditions(latency: .microseconds(200)...(.milliseconds(40)))
        (lossy.loss, lossy.duplication, lossy.reordering, lossy.resets) = (0.1, 0.05, 0.1, 0.002)
        (lossy.shortCalls, lossy.segment, lossy.streamWindow) = (0.3, 700, 3_000)
        if plan.isUpstreamLossy { for each in upstreams { world.setConditions(lossy, between: daemon.host, and: each.host) } }
        if plan.isClientLossy { for each in clients { world.setConditions(lossy, between: daemon.host, and: each.host) } }
    }

    private func happen(_ what: Occurrence, _ daemon: SimulatedDaemon, _ hub: Hub) throws {
        switch what {
        case .newEra: judge.beginEra()
        case .upstream(let number, let behaviour):
            judge.noteTrouble(if: !behaviour.isGood || !upstreams[number].behaviour.isGood)
            upstreams[number].behaviour = behaviour
        case .redis(let behaviour): redis?.behaviour = behaviour
        case .partition(let number, let seconds): partition(number, seconds, daemon)
        case .flushAll: try flush(nil, daemon)
        case .flush(let number): try flush(Plan.name(number), daemon)
        case .reload:
            reloads += 1
            try daemon.reload(plan.settings(round: reloads))
        case .restart, .crash:
            round += 1
            judge.noteTrouble()
            if what == .crash { try daemon.kill() } else { try daemon.stop() }
            try hub.sleep(until: hub.now.advanced(by: .seconds(1)))
            try daemon.start()
            round += 1
        case .wallClock(let seconds): world.wallTime += Int64(seconds) * 1_000_000_000
        case .suspend(let seconds): world.suspend(for: .seconds(seconds))
        case .deny(let number): try deny(Plan.name(number), daemon)
        case .allow(let number): try allow(Plan.name(number), daemon)
        }
    }

    private func partition(_ number: Int, _ seconds: Int, _ daemon: SimulatedDaemon) {
        let other = upstreams[number].host
        world.cut(daemon.host, other)
        partitions += 1
        judge.noteTrouble()
        world.schedule(after: .seconds(seconds)) { [self] in
            world.mend(daemon.host, other)
            partitions -= 1
            judge.noteTrouble()
        }
    }

    private func flush(_ name: String?, _ daemon: SimulatedDaemon) throws {
        let before = judge.now()
        let response = try daemon.flush(name.map { "name=\($0)" } ?? "all=yes")
        guard response.status == 200 else { return judge.fail("a flush works", response.body) }
        if redis == nil { judge.noteFlush(name, before: before - 10) }
    }

    private func deny(_ name: String, _ daemon: SimulatedDaemon) throws {
        let response = try daemon.request("POST", "/v1/rules?name=\(name)&action=deny")
        guard response.status == 200 else { return judge.fail("a rule is taken", response.body) }
        judge.denied[name] = judge.now()
    }

    private func allow(_ name: String, _ daemon: SimulatedDaemon) throws {
        guard judge.denied[name] != nil else { return }
        let response = try daemon.request("DELETE", "/v1/rules?name=\(name)")
        guard response.status == 200 else { return judge.fail("a rule is taken back", response.body) }
        judge.denied[name] = nil
        judge.allowed[name] = judge.now()
    }

    /// All is well again: after a while each answer is the present truth.
    private func calm(_ daemon: SimulatedDaemon, _ hub: Hub) throws {
        say("calm")
        judge.noteTrouble()
        isEnding = true
        for each in upstreams {
            each.behaviour = .honest
            world.setConditions(.network, between: daemon.host, and: each.host)
        }
        redis?.behaviour = .well
        for name in judge.denied.keys.sorted() { try allow(name, daemon) }
        judge.beginEra()
        try hub.sleep(until: hub.now.advanced(by: .seconds(120)))
        let last = clients.filter { !$0.isDone }
        if !last.isEmpty { return judge.fail("nobody waits for ever", last.map(\.name).joined(separator: ", ")) }
        let probe = Probe(world, judge)
        for turn in 0..<2 {
            try probe.askAll(mustBeFresh: turn > 0)
            try hub.sleep(until: hub.now.advanced(by: .seconds(6)))
        }
    }

    /// Nothing is left over.
    private func end(_ daemon: SimulatedDaemon, _ hub: Hub) throws {
        try hub.sleep(until: hub.now.advanced(by: .seconds(60)))
        if let count = daemon.shared?.flightCount, count > 0 { judge.fail("no flight is left", "\(count)") }
        let began = hub.now
        try daemon.stop()
        let took = Double(began.nanoseconds(to: hub.now)) / 1_000_000_000
        if took > 1 { judge.fail("an idle daemon ends at once", "\(took) s") }
        if let failure = daemon.failure { judge.fail("the daemon ends in good order", "\(failure)") }
        let sockets = world.socketCount(of: daemon.host)
        if sockets > 0 { judge.fail("no socket is left", "\(sockets)") }
    }
}

extension Judge {
    /// Notes trouble where there is any.
    func noteTrouble(if isTrouble: Bool) { if isTrouble { noteTrouble() } }
}
