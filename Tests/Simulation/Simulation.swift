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
    private let log: Chronicle
    private var upstreams: [SimulatedUpstream] = []
    private var redis: SimulatedRedis?
    private var clients: [SimulatedClient] = []
    private var partitions: [Int: Int] = [:]
    private var reloads = 0
    /// Counts ends of the daemon.
    private var round = 0
    private var isCalm = false
    private var isEnding = false
    private var probe: Probe?
    private var lists: SimulatedLists?
    private var flood: SimulatedFlood?
    /// What an idle daemon has, by which leftovers are found.
    private var idle: Leftovers?

    private init(_ plan: Plan, _ log: Chronicle) {
        self.plan = plan
        self.log = log
        world = VirtualWorld(seed: plan.seed)
        judge = Judge(plan, log)
    }

    /// Runs a plan. The trace tells of all questions and answers where details are wanted.
    package static func run(_ plan: Plan, isDetailed: Bool = false) -> Outcome {
        let simulation = Simulation(plan, Chronicle(isDetailed: isDetailed))
        do {
            try simulation.world.run { hub in try simulation.run(hub) }
        } catch {
            simulation.judge.fail("the daemon runs", "\(error)")
        }
        defer { simulation.letGo() }
        return Outcome(
            violation: simulation.judge.violation, hash: simulation.world.trace.hash, judged: simulation.judge.judged,
            trace: simulation.log.lines(about: simulation.judge.violation?.name))
    }

    /// Lets go of what holds the world, which holds it: there are thousands of runs in a process.
    private func letGo() {
        world.onEvent = nil
        (judge.now, log.now) = ({ 0 }, { 0 })
        (upstreams, clients, redis, probe, idle, lists, flood) = ([], [], nil, nil, nil, nil, nil)
    }

    private func hear(_ line: String) {
        log.say("daemon: \(line)")
        if line.contains("a flush may have been missed") { judge.noteMissedFlush() }
    }

    private func run(_ hub: Hub) throws {
        judge.now = { Double(hub.loop.bootTime()) / 1_000_000_000 }
        log.now = judge.now
        for number in plan.upstreams.indices { upstreams.append(SimulatedUpstream(world, number, judge)) }
        noteStandings()
        // Redis is well until all connections to it stand.
        redis = plan.redis.map { _ in SimulatedRedis(world, .well, log) }
        let probe = Probe(world, judge)
        self.probe = probe
        let daemon = SimulatedDaemon(in: world, settings: plan.settings(round: 0))
        if plan.encryption.isServed || plan.upstreams.contains(where: \.transport.isEncrypted) { giveFiles(daemon) }
        daemon.onLine = { [unowned self] in hear($0) }
        watch(daemon)
        if plan.cookies?.hasSecret == true { daemon.host.files.write(CookiePlan.path, CookiePlan.secret) }
        lists = judge.lists.map { SimulatedLists(world, $0.plan, $0, judge, of: daemon) }
        try daemon.start()
        try hub.sleep(until: hub.now.advanced(by: .seconds(2)))
        idle = try Leftovers(of: daemon, in: world)
        if let behaviour = plan.redis { setRedis(behaviour) }
        for client in plan.clients {
            clients.append(
                SimulatedClient(
                    world, client, judge, round: { [unowned self] in round }, isEnding: { [unowned self] in isEnding }))
        }
        flood = plan.limits.map { SimulatedFlood(world, $0, judge, round: { [unowned self] in round }) }
        setNetwork(daemon)
        let began = hub.now
        for event in plan.events {
            try hub.sleep(until: began.advanced(by: .seconds(event.at)))
            if judge.violation != nil { return }
            log.say("event \(event.number): \(event.what)")
            judge.judgeMemory(daemon)
            try happen(event.what, daemon, hub)
        }
        try hub.sleep(until: began.advanced(by: .seconds(plan.seconds)))
        if judge.violation != nil { return }
        try calm(daemon, hub)
        if judge.violation == nil { try end(daemon, hub) }
    }

    /// Gives the daemon's host what has to do with TLS; what OpenSSL opens is seen there by its stamps alone.
    private func giveFiles(_ daemon: SimulatedDaemon) {
        for (path, text) in SimulatedCertificates.files { daemon.host.files.write(path, text) }
        daemon.host.files.write(Plan.secretFile, [UInt8](repeating: 7, count: 32))
    }

    private func setRedis(_ behaviour: RedisBehaviour) {
        redis?.behaviour = behaviour
        if behaviour != .well { judge.lastRedisTrouble = judge.now() }
    }

    /// Looks at what happens: that no limit of the daemon is exceeded at any moment, and whether the last datagram is lost.
    private func watch(_ daemon: SimulatedDaemon) {
        world.onEvent = { [judge, unowned daemon] _, event, _, _ in
            event.withUTF8Buffer { name in
                // "datagram lost"
                if name.count == 13, name[9] == UInt8(ascii: "l"), name[0] == UInt8(ascii: "d") { judge.hasLost = true }
                // "datagram arrived", "stream arrived"
                let hasArrived = name.count >= 14 && name[name.count - 7] == UInt8(ascii: "a")
                if hasArrived { judge.judgeLimits(daemon) }
            }
        }
    }

    /// Tells the judge how upstreams are.
    private func noteStandings() {
        let standings = upstreams.enumerated().map { number, upstream in
            Conditions.Standing(behaviour: upstream.behaviour, isCut: partitions[number, default: 0] > 0)
        }
        judge.conditions.note(standings, at: judge.now())
    }

    private func setNetwork(_ daemon: SimulatedDaemon) {
        var lossy = LinkConditions(latency: .microseconds(200)...(.milliseconds(40)))
        (lossy.loss, lossy.duplication, lossy.reordering, lossy.resets) = (0.1, 0.05, 0.1, 0.002)
        (lossy.shortCalls, lossy.segment, lossy.streamWindow) = (0.3, 700, 3_000)
        var narrow = LinkConditions.network
        (narrow.shortCalls, narrow.segment, narrow.streamWindow) = (0.3, 700, 1_000)
        let usual = plan.isNarrow ? narrow : .network
        for each in upstreams {
            world.setConditions(plan.isUpstreamLossy ? lossy : usual, between: daemon.host, and: each.host)
        }
        for each in clients {
            world.setConditions(plan.isClientLossy ? lossy : usual, between: daemon.host, and: each.host)
        }
    }

    private func happen(_ what: Occurrence, _ daemon: SimulatedDaemon, _ hub: Hub) throws {
        switch what {
        case .newEra: judge.beginEra()
        case .upstream(let number, let behaviour):
            upstreams[number].behaviour = behaviour
            noteStandings()
        case .redis(let behaviour): setRedis(behaviour)
        case .partition(let number, let seconds): partition(number, seconds, daemon)
        case .flushAll: try flush(nil, daemon)
        case .flush(let number): try flush(Plan.name(number), daemon)
        case .reload:
            reloads += 1
            judge.lists?.noteRound(reloads, isOver: false, at: judge.now())
            try daemon.reload(plan.settings(round: reloads))
            judge.lists?.noteRound(reloads, isOver: true, at: judge.now())
        case .restart, .crash:
            try end(isCrash: what == .crash, daemon, hub)
        case .wallClock(let seconds):
            world.wallTime += Int64(seconds) * 1_000_000_000
            judge.noteClockChange()
        case .suspend(let seconds):
            world.suspend(for: .seconds(seconds))
            judge.noteSleep(Double(seconds))
        case .deny(let number): try deny(Plan.name(number), daemon)
        case .allow(let number): try allow(Plan.name(number), daemon)
        case .list(let what): lists?.happen(what)
        }
    }

    private func partition(_ number: Int, _ seconds: Int, _ daemon: SimulatedDaemon) {
        let other = upstreams[number].host
        world.cut(daemon.host, other)
        partitions[number, default: 0] += 1
        noteStandings()
        world.schedule(after: .seconds(seconds)) { [self] in
            partitions[number]! -= 1
            if partitions[number] == 0 { world.mend(daemon.host, other) }
            noteStandings()
        }
    }

    /// Ends the daemon and starts it again; what must still be known is asked for.
    private func end(isCrash: Bool, _ daemon: SimulatedDaemon, _ hub: Hub) throws {
        round += 1
        judge.isStopping = true
        let promised = judge.keepPromised(at: judge.now() + 2, afterCrash: isCrash)
        if isCrash { judge.lastKill = judge.now() }
        if isCrash { try daemon.kill() } else { try daemon.stop() }
        judge.noteEnd(isCrash: isCrash)
        try hub.sleep(until: hub.now.advanced(by: .seconds(1)))
        try daemon.start()
        lists?.begin()
        judge.isStopping = false
        round += 1
        try hub.sleep(until: hub.now.advanced(by: .milliseconds(300)))
        try probe?.askAgain(promised)
    }

    private func flush(_ name: String?, _ daemon: SimulatedDaemon) throws {
        let before = judge.now()
        let response = try daemon.flush(name.map { "name=\($0)" } ?? "all=yes")
        guard response.status == 200 else { return judge.fail("a flush works", response.body) }
        log.say("flushed: \(response.body)")
        judge.noteFlush(name, begun: before, includesRedis: !response.body.contains("may not be flushed"))
    }

    private func deny(_ name: String, _ daemon: SimulatedDaemon) throws {
        // Until it is taken, either holds.
        judge.allowed[name] = .infinity
        let response = try daemon.request("POST", "/v1/rules?name=\(name)&action=deny")
        guard response.status == 200 else { return judge.fail("a rule is taken", response.body) }
        judge.denied[name] = judge.now()
    }

    /// Takes a rule back: of the name or, where it has none, of another that has one.
    private func allow(_ wanted: String, _ daemon: SimulatedDaemon) throws {
        let names = judge.denied.keys.sorted()
        guard let name = judge.denied[wanted] == nil ? names.first : wanted else { return }
        (judge.denied[name], judge.allowed[name]) = (nil, .infinity)
        let response = try daemon.request("DELETE", "/v1/rules?name=\(name)")
        guard response.status == 200 else { return judge.fail("a rule is taken back", response.body) }
        judge.allowed[name] = judge.now()
    }

    /// All is well again: after a while each answer is the present truth.
    private func calm(_ daemon: SimulatedDaemon, _ hub: Hub) throws {
        log.say("calm")
        isEnding = true
        for each in upstreams {
            each.behaviour = .honest
            world.setConditions(.network, between: daemon.host, and: each.host)
        }
        noteStandings()
        setRedis(.well)
        for name in judge.denied.keys.sorted() { try allow(name, daemon) }
        judge.beginEra()
        lists?.calm()
        // No partition is longer.
        try hub.sleep(until: hub.now.advanced(by: .seconds(70)))
        if flood?.isDone == false { judge.fail("nobody waits for ever", "the flood") }
        let last = clients.filter { !$0.isDone }
        if !last.isEmpty { return judge.fail("nobody waits for ever", last.map(\.name).joined(separator: ", ")) }
        try probe?.askAll(isFresh: false)
        // Longer than any failure is remembered, and any answer.
        try hub.sleep(until: hub.now.advanced(by: .seconds(330)))
        let isStaleFirst = plan.staleSeconds > 0 && plan.staleTimeout == "0ms"
        if isStaleFirst {
            try probe?.askAll(isFresh: false)
            try hub.sleep(until: hub.now.advanced(by: .milliseconds(500)))
        }
        try probe?.askAll(isFresh: true)
    }

    /// Nothing is left over.
    private func end(_ daemon: SimulatedDaemon, _ hub: Hub) throws {
        try hub.sleep(until: hub.now.advanced(by: .seconds(130)))
        if let count = daemon.shared?.flightCount, count > 0 { judge.fail("no flight is left", "\(count)") }
        if let idle, let more = try Leftovers(of: daemon, in: world).more(than: idle, hasRedis: plan.redis != nil) {
            judge.fail("nothing is left of what was asked", more)
        }
        lists?.judgeEnd()
        let began = hub.now
        try daemon.stop()
        let took = Double(began.nanoseconds(to: hub.now)) / 1_000_000_000
        if took > 1 { judge.fail("an idle daemon ends at once", "\(took) s") }
        if let failure = daemon.failure { judge.fail("the daemon ends in good order", "\(failure)") }
        if daemon.leftSockets > 0 { judge.fail("no socket is left", "\(daemon.leftSockets)") }
    }
}
