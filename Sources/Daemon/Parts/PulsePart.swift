internal import Green
internal import Logging
internal import Observation
internal import Resolver

/// Looks each second how the workers are: feeds the service manager's watchdog while every loop turns, tells it figures, and
/// the operator what troubles them.
final class PulsePart: Part {
    let name = "pulse"
    private let hub = Hub.current
    private let service: ServiceNotifier
    private let logger: Logger
    private let shared: SharedState
    private let workers: WorkersPart
    private var looking: Greenlet<Void>?
    private var troubles = WorkerFigures.troubles.map { _ in RepeatedTrouble() }
    private var told: QueryTotals
    private var round: UInt64 = 0

    /// From one look to the next.
    private static let interval = Duration.seconds(1)
    /// So many looks apart are the figures that the service manager is told.
    private static let roundsForStatus: UInt64 = 10

    /// The part that looks at `workers`.
    init(_ shared: SharedState, _ workers: WorkersPart, _ service: ServiceNotifier, _ logger: Logger) {
        self.shared = shared
        told = QueryTotals(shared)
        self.workers = workers
        self.service = service
        self.logger = logger
    }

    func start() throws {
        looking = hub.spawn(name: "pulse") { [weak self, hub] in
            while true {
                try hub.sleep(until: hub.loop.now().advanced(by: Self.interval))
                guard let self else { return }
                look()
            }
        }
    }

    func stop() throws {
        looking?.kill()
        looking = nil
    }

    private func look() {
        let figures = workers.figures()
        // A worker that has not answered the look before hangs, or is held.
        if figures.isComplete { service.alive() }
        for (index, trouble) in WorkerFigures.troubles.enumerated() {
            let total = trouble.count(figures.total)
            switch troubles[index].observe(total, at: hub.loop.now()) {
            case nil: break
            case .begun: logger.warning("\(trouble.begun)")
            case .over(let count): logger.notice("\(trouble.over)", metadata: ["count": "\(count)"])
            }
        }
        round += 1
        if round % Self.roundsForStatus == 1 { tellFigures() }
    }

    /// Queries a second and the hit ratio, as `systemctl status` shows them.
    private func tellFigures() {
        let now = QueryTotals(shared)
        let (since, seconds) = (now.since(told), round == 1 ? 1 : Self.roundsForStatus)
        told = now
        let kept = [AnswerSource.memory, .redis, .stale].reduce(UInt64(0)) { $0 &+ since.sources[$1.rawValue] }
        let share = since.answers == 0 ? "none" : "\(kept * 100 / since.answers) %"
        service.status(
            "\(since.queries / seconds) queries a second, \(share) of them from the cache, \(now.entries) answers kept")
    }
}
