internal import DNSWire
internal import Green
internal import SimulatedDaemon

/// One run of a scenario: the daemon, its clients and upstreams, and the step that is the current one.
///
/// Steps are taken by a greenlet of the world's root hub. Clients and upstreams have hubs of their own; all of it is on one
/// thread, and what they note here they note between the root hub's turns.
final class ScenarioRun: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    let scenario: Scenario
    let hub: Hub
    let world: VirtualWorld
    let daemon: SimulatedDaemon
    private let machines: ScenarioMachines
    private let progress: Event
    /// Questions of the daemon that nobody has answered, the oldest first.
    private(set) var pending: [PendingQuery] = []
    /// The questions that steps have dealt with.
    private var taken: [[Question]] = []
    /// Answers that no step has checked, the oldest first.
    var answers: [ClientAnswer] = []
    /// The steps whose query is to be answered and was not, by their numbers.
    private(set) var unanswered: Set<Int> = []
    /// The step that is taken, or that is next.
    private var current = 0
    private var macros = Macros()
    private var history: [String] = []
    private let start: Instant
    /// The moment that the steps have come to, without what traffic took.
    private var moment: Instant
    /// Upstreams of the daemon, by address.
    private var upstreams: Set<IPAddress> = []

    /// So long a step waits for what it checks.
    private static let patience = Duration.seconds(10)
    /// So long traffic takes at most, where everybody answers at once.
    private static let traffic = Duration.milliseconds(10)
    /// What traffic took is taken off the time that passes up to here: it is no time of the script's.
    private static let overhead = Duration.milliseconds(500)

    init(_ scenario: Scenario, _ world: VirtualWorld, _ hub: Hub) {
        self.scenario = scenario
        self.world = world
        self.hub = hub
        let addresses = [ScenarioMachines.daemon.v4, ScenarioMachines.daemon.v6]
        daemon = SimulatedDaemon(in: world, addresses: addresses, settings: Self.settings(of: scenario))
        machines = ScenarioMachines(world, daemon: daemon.host)
        progress = Event(hub: hub)
        start = hub.loop.now()
        moment = start
    }

    /// The daemon's YAML.
    private static func settings(of scenario: Scenario) -> String {
        let (v4, v6) = ScenarioMachines.daemon
        let place = ["listen: [\"\(v4):53\", \"[\(v6)]:53\"]", "workers: 1"]
        let control = scenario.settings.yaml.contains("control:") ? [] : ["control: \"off\""]
        return (place + control).joined(separator: "\n") + "\n" + scenario.settings.yaml
    }

    /// Runs it.
    func outcome() throws -> ScenarioOutcome {
        if let seconds = scenario.settings.startTime { world.wallTime = seconds * 1_000_000_000 }
        for (path, text) in scenario.settings.files { daemon.host.files.write(path, text) }
        do {
            try daemon.start()
        } catch let error as Interruption {
            throw error
        } catch {
            let line = scenario.settings.ownLine
            return .refused(
                ScenarioError(file: scenario.file, line: line, reason: "settings that the daemon refuses", detail: "\(error)"))
        }
        do {
            try startUpstreams()
            moment = hub.loop.now()
            for step in scenario.steps { try take(step) }
            try finish()
            try daemon.stop()
            return .passed
        } catch let failure as StepFailure {
            return .failed(
                ScenarioFailure(file: scenario.file, line: failure.line, details: failure.details, history: history))
        }
    }

    /// Starts a server at each address of the settings, and at the usual one.
    private func startUpstreams() throws {
        for (text, port) in scenario.settings.hosts {
            guard let ip = IPAddress(text), upstreams.insert(ip).inserted || port != 53 else { continue }
            let places = port == 53 ? [53] : [53, port]
            for port in places {
                world.run(on: machines.host(ip), name: "upstream \(ip)") { [self] hub in
                    let upstream = try ScenarioUpstream(SocketAddress(ip, port: port)) { [self] in ask($0) }
                    try withExtendedLifetime(upstream) { try hub.sleep(until: .never) }
                }
            }
        }
        try pass(.milliseconds(1))
    }

    // MARK: - Steps

    /// Takes a step. One that asks is over when it has asked, so that the next one sees what comes of it.
    private func take(_ step: ScenarioStep) throws {
        switch step.action {
        case .query, .timePasses, .nothing, .traffic: try pass(Self.traffic)
        default: break
        }
        dispatch()
        do throws(Macros.Failure) {
            macros.time = Double(start.duration(to: hub.loop.now()).components.seconds)
            if case .assign(let name, let text) = step.action { try macros.assign(name, text) }
            if case .timePasses(let text) = step.action { seconds = try macros.number(text) }
        } catch {
            throw StepFailure(line: step.line, details: [error.detail])
        }
        switch step.action {
        case .query(let entry): try query(entry, from: step)
        case .checkAnswer(let entry): try checkAnswer(entry, step)
        case .checkUpstreamQuery(let entry): try checkUpstreamQuery(entry, step)
        case .reply(let entry): try takeNewest(step).answer(entry)
        case .timeout: _ = try takeNewest(step)
        case .timePasses: try elapse(step)
        case .nothing, .traffic, .assign: break
        }
        current += 1
        dispatch()
    }

    /// The value of the current step's expression.
    private var seconds = 0.0

    /// Lets time pass, on the script's clock.
    private func elapse(_ step: ScenarioStep) throws {
        guard (0...100_000_000).contains(seconds) else {
            throw StepFailure(line: step.line, details: ["\(seconds) seconds: expected between 0 and 100000000"])
        }
        let now = hub.loop.now()
        if moment.duration(to: now) > Self.overhead { moment = now }
        moment = moment.advanced(by: .seconds(seconds))
        if moment > now { try hub.sleep(until: moment) }
        note("\(seconds) s pass")
    }

    private func query(_ entry: ScenarioEntry, from step: ScenarioStep) throws {
        guard let address = ScenarioMachines.address(of: step.address) else {
            throw StepFailure(line: step.line, details: ["ADDRESS \(step.address ?? ""): expected an address"])
        }
        let bytes: [UInt8]
        do {
            bytes = try entry.packets[0].bytes ?? entry.message.encoded()
        } catch {
            throw StepFailure(line: step.line, details: ["the query cannot be written: \(error)"])
        }
        let client = ScenarioClient(address: address, query: bytes, transport: entry.transport ?? .udp)
        if !entry.adjustments.contains(.doNotAnswer) { unanswered.insert(step.number) }
        world.run(on: machines.host(address), name: "client \(address)") { [self] _ in
            try client.ask { answer in
                unanswered.remove(step.number)
                answers.append(answer)
                note("client \(address) was answered")
                wake()
            }
        }
    }

    // MARK: - Upstreams

    /// The daemon asks; called on an upstream's hub.
    private func ask(_ query: PendingQuery) {
        note(query.summary)
        pending.append(query)
        dispatch()
        wake()
    }

    /// Answers what ranges have an answer to, but for what the current step waits for.
    private func dispatch() {
        pending.removeAll { query in
            if let step = currentStep, case .checkUpstreamQuery(let entry) = step.action, matches(query, entry, step) {
                return false
            }
            guard let entry = entry(for: query) else { return false }
            note("... and answered by the entry in line \(entry.line)")
            query.answer(entry)
            return true
        }
    }

    /// The step that is taken or next.
    private var currentStep: ScenarioStep? { current < scenario.steps.count ? scenario.steps[current] : nil }

    /// The entry that answers a question: of the ranges that count now, the last one's that has one. A referral counts only
    /// where no range has an answer: for a forwarder the tree of a recursor's script is one server, which knows all of it.
    private func entry(for query: PendingQuery) -> ScenarioEntry? {
        guard let number = (currentStep ?? scenario.steps.last)?.number else { return nil }
        let ranges = scenario.ranges.filter { $0.steps.contains(number) && isServed($0, at: query.address) }
        let found = ranges.compactMap { range in
            range.entries.first { $0.accepts(query.message, over: query.transport) }
        }
        return found.last { !$0.isReferral } ?? found.last
    }

    /// Whether a range is what an upstream answers. Addresses that are no upstream's do not count: scripts for recursors have
    /// those of all the servers of the tree.
    private func isServed(_ range: ScenarioRange, at address: IPAddress) -> Bool {
        let known = range.addresses.compactMap { IPAddress(String($0.split(separator: "@")[0])) }.filter(upstreams.contains)
        return known.isEmpty || known.contains(address)
    }

    /// Whether a question is what a step waits for.
    func matches(_ query: PendingQuery, _ entry: ScenarioEntry, _ step: ScenarioStep) -> Bool {
        if let text = step.address, let wanted = IPAddress(text), upstreams.contains(wanted), wanted != query.address {
            return false
        }
        return entry.accepts(query.message, over: query.transport)
    }

    /// Takes a question out of those that wait.
    func remove(_ query: PendingQuery) {
        pending.removeAll { $0 === query }
        taken.append(query.message.questions)
    }

    /// What is left of the daemon's questions at the end: its probes of an upstream, and what it asks again after a step had a
    /// reply to it lost, may go without an answer.
    var leftOver: PendingQuery? { pending.first { !$0.isProbe && !taken.contains($0.message.questions) } }

    // MARK: - Time

    /// Lets a little time pass.
    func pass(_ time: Duration) throws { try hub.sleep(until: hub.loop.now().advanced(by: time)) }

    /// Waits until a condition holds; false where it does not come to it in time.
    func wait(until condition: () -> Bool) throws -> Bool {
        let deadline = hub.loop.now().advanced(by: Self.patience)
        while !condition() {
            progress.clear()
            guard try progress.wait(until: deadline) else { return false }
        }
        return true
    }

    /// Wakes the greenlet that takes the steps, from any hub.
    private func wake() {
        hub.mailbox.post { [self] in progress.set() }
    }

    /// Adds a line to the history.
    func note(_ what: String) {
        let milliseconds = start.duration(to: world.now) / .milliseconds(1)
        let (seconds, rest) = (Int(milliseconds) / 1000, Int(milliseconds) % 1000)
        history.append("\(seconds).\(String(repeating: "0", count: 3 - String(rest).count))\(rest) \(what)")
    }
}
