internal import Green
internal import Logging
internal import Resolver

/// The threads that serve: started last, stopped first.
final class WorkersPart: Part {
    let name = "workers"
    private let hub = Hub.current
    private let logger: Logger
    private let shared: SharedState
    private let listeners: ListenerPart
    private let policy: PolicyPart
    private let access: AccessPart
    private let certificates: CertificatePart
    private let group: WorkerGroup
    private var servingCount = 0
    private var endedCount = 0
    private var failure: DaemonError?
    private var isStopping = false
    private let progress: Event
    /// What each worker said when it was last asked; nil for those that have not answered since.
    private let answers = Locked<[Int: WorkerFigures]>([:])
    /// What they have said before.
    private var known: [Int: WorkerFigures] = [:]
    /// Called where a worker ends that was not told to, once all have served.
    var failed: (DaemonError) -> Void = { _ in }

    /// The part that serves on `listeners` by `policy` whom `access` allows.
    init(
        _ shared: SharedState, listeners: ListenerPart, policy: PolicyPart,
        admitting: (access: AccessPart, certificates: CertificatePart), on starter: any HubStarter = ThreadStarter(),
        _ logger: Logger
    ) {
        group = WorkerGroup(starter)
        self.shared = shared
        self.listeners = listeners
        self.policy = policy
        (access, certificates) = admitting
        self.logger = logger
        progress = Event(hub: hub)
    }

    /// Waits until all serve.
    func start() throws {
        policy.changed = { [group] policy in group.tellAll { $0.adopt(policy) } }
        access.changed = { [group] rules in group.tellAll { $0.adopt(rules) } }
        certificates.changed = { [group] certificates in group.tellAll { $0.adopt(certificates) } }
        let box = WorkersBox(self)
        let mailbox = hub.mailbox
        let start = WorkerGroup.Start(
            policy: policy.policy(), rules: access.rules, certificates: certificates.certificates)
        group.start(listeners.shares, shared: shared, start) { event in
            mailbox.post { box.part?.note(event) }
        }
        while servingCount < listeners.shares.count {
            try waitForEvent(until: .never)
            if let failure { throw failure }
        }
        for address in listeners.addresses { logger.info("listening", metadata: ["address": "\(address)"]) }
    }

    func status() throws -> [StatusField] {
        let total = lastFigures
        return [
            StatusField("serving", servingCount - endedCount), StatusField("tcp-refused", total.refusedConnections),
            StatusField("tcp-closed", total.closedConnections), StatusField("dropped", total.shedDatagrams),
            StatusField("refused", total.refusedQueries), StatusField("turned-away", total.turnedAwayQueries),
            StatusField("handshakes-failed", total.failedHandshakes),
        ]
    }

    /// What the workers count, as they said when they were last asked, and whether all of them have said it since; asks them
    /// anew.
    func figures() -> (total: WorkerFigures, isComplete: Bool) {
        let answers = answers
        let new = answers.withLock { current in
            defer { current = [:] }
            return current
        }
        known.merge(new) { _, new in new }
        let asked = hub.loop.now()
        group.tellEach { worker, number in
            var figures = worker.figures
            figures.lag = asked.nanoseconds(to: worker.resolver.hub.loop.now())
            answers.withLock { $0[number] = figures }
        }
        return (lastFigures, new.count >= servingCount - endedCount)
    }

    /// What all workers counted, as they said when they were last asked.
    var lastFigures: WorkerFigures {
        var total = WorkerFigures()
        for figures in known.values { total.add(figures) }
        return total
    }

    /// How many serve.
    var serving: Int { servingCount - endedCount }

    /// How long each worker took to come to what it was asked, by number.
    var lags: [(worker: Int, nanoseconds: UInt64)] { known.sorted { $0.key < $1.key }.map { ($0.key, $0.value.lag) } }

    /// Has a worker do something that may wait, in a greenlet there, and waits for it; nil where it does not come to it in time.
    func ask<Result: Sendable>(within limit: Duration, _ job: @escaping @Sendable (Worker) -> Result) throws -> Result? {
        let result = Locked<Result?>(nil)
        let done = DoneBox(Event(hub: hub))
        let mailbox = hub.mailbox
        group.tellFirst { worker in
            worker.resolver.hub.spawn(name: "control request") {
                let found = job(worker)
                result.withLock { $0 = found }
                mailbox.post { done.event.set() }
            }
        }
        _ = try done.event.wait(until: hub.loop.now().advanced(by: limit))
        return result.withLock { $0 }
    }

    /// Takes no more queries and waits until those in flight are answered.
    func stop() throws {
        isStopping = true
        group.stop()
        let deadline = hub.loop.now().advanced(by: Worker.farewell + .seconds(1))
        while endedCount < servingCount, hub.loop.now() < deadline { try waitForEvent(until: deadline) }
    }

    private func waitForEvent(until deadline: Instant) throws {
        progress.clear()
        _ = try progress.wait(until: deadline)
    }

    /// A worker has said something.
    fileprivate func note(_ event: WorkerGroup.Event) {
        switch event {
        case .serving: servingCount += 1
        case .ended(let error):
            endedCount += 1
            if !isStopping, failure == nil {
                let failure = DaemonError.worker(error.map { "\($0)" } ?? "without a reason")
                self.failure = failure
                failed(failure)
            }
        }
        progress.set()
    }
}

/// Carries the part through closures that its own hub's mailbox runs.
private final class WorkersBox: @unchecked Sendable {
    // SAFETY: touched only by what the main hub's mailbox runs on its thread.
    weak let part: WorkersPart?

    init(_ part: WorkersPart) {
        self.part = part
    }
}

/// Carries an event to where its own hub's mailbox sets it.
private final class DoneBox: @unchecked Sendable {
    // SAFETY: made, waited for and set on the main hub's thread.
    let event: Event

    init(_ event: Event) {
        self.event = event
    }
}
