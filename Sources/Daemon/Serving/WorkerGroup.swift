internal import Green
internal import Resolver

/// The workers of the daemon, on threads of their own, as the control thread sees them.
final class WorkerGroup: Sendable {
    /// What the control thread is told.
    enum Event: Sendable {
        /// A worker serves.
        case serving
        /// A worker is done: by order, or with an error.
        case ended((any Error)?)
    }

    /// One worker: how it is reached. The box is used on the worker's own thread alone.
    private struct Member: Sendable {
        let mailbox: HubMailbox
        let worker: WorkerBox
    }

    /// What workers begin with.
    struct Start: Sendable {
        let policy: Policy
        let rules: ClientRules
        let certificates: ServerCertificates?
    }

    private let members = Locked<[Member]>([])
    private let starter: any HubStarter
    /// So many clients may wait for a worker at least, however many workers there are.
    private static let leastWaiting = 10_000

    /// A group without workers, whose hubs `starter` will run.
    init(_ starter: any HubStarter) {
        self.starter = starter
    }

    /// Starts a worker for each share; `tell` is called on their threads.
    func start(
        _ shares: [ListenerSet.Share], shared: SharedState, _ start: Start,
        tell: @escaping @Sendable (Event) -> Void
    ) {
        let group = HubGroup(starter: starter)
        var options = HubOptions()
        options.report = TaskFailures.report()
        for (number, share) in shares.enumerated() {
            group.start(name: "worker-\(number)", options: options) {
                let hub = Hub.current
                let worker = try Worker(
                    share, shared: shared, policy: start.policy, rules: start.rules, certificates: start.certificates)
                worker.resolver.waitingLimit = max(Self.leastWaiting, Resolver.mostWaiting / shares.count)
                let box = WorkerBox(worker, stop: Green.Event(hub: hub))
                self.members.withLock { $0.append(Member(mailbox: hub.mailbox, worker: box)) }
                tell(.serving)
                try box.stop.wait()
                try worker.finish()
            } ended: { error in
                tell(.ended(error))
            }
        }
    }

    /// Has every worker do something, each on its own thread, soon.
    func tellAll(_ job: @escaping @Sendable (Worker) -> Void) {
        tellEach { worker, _ in job(worker) }
    }

    /// The same, with each worker's number.
    func tellEach(_ job: @escaping @Sendable (Worker, Int) -> Void) {
        for (number, member) in members.withLock({ $0 }).enumerated() {
            member.mailbox.post { job(member.worker.worker, number) }
        }
    }

    /// Has the first worker do something on its thread, soon; nothing where there is none.
    func tellFirst(_ job: @escaping @Sendable (Worker) -> Void) {
        guard let member = members.withLock({ $0.first }) else { return }
        member.mailbox.post { job(member.worker.worker) }
    }

    /// Makes all workers finish.
    func stop() {
        for member in members.withLock({ $0 }) {
            member.mailbox.post { member.worker.stop.set() }
        }
    }
}

/// Carries a worker through closures that its own mailbox runs.
private final class WorkerBox: @unchecked Sendable {
    // SAFETY: made on the worker's thread, and touched only by what its mailbox runs there.
    let worker: Worker
    let stop: Green.Event

    init(_ worker: Worker, stop: Green.Event) {
        self.worker = worker
        self.stop = stop
    }
}
