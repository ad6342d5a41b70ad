internal import AnswerCache
internal import Green
internal import Logging

/// Looks each second how the workers are: feeds the service manager's watchdog while every loop turns, tells it figures, and
/// the operator what troubles them.
final class PulsePart: Part {
    let name = "pulse"
    private let hub = Hub.current
    private let service: ServiceNotifier
    private let logger: Logger
    private let cache: MemoryCache
    private let workers: WorkersPart
    private var looking: Greenlet<Void>?
    private var troubles = WorkerFigures.troubles.map { _ in RepeatedTrouble() }
    private var queryCount: UInt64 = 0
    private var round: UInt64 = 0

    /// From one look to the next.
    private static let interval = Duration.seconds(1)
    /// So many looks apart are the figures that the service manager is told.
    private static let roundsForStatus: UInt64 = 10

    /// The part that looks at `workers`.
    init(_ cache: MemoryCache, _ workers: WorkersPart, _ service: ServiceNotifier, _ logger: Logger) {
        self.cache = cache
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
        let statistics = cache.statistics
        let queries = statistics.hits &+ statistics.misses
        let seconds = round == 1 ? 1 : Self.roundsForStatus
        let rate = (queries - min(queryCount, queries)) / seconds
        queryCount = queries
        let share = queries == 0 ? 0 : Double(statistics.hits) / Double(queries) * 100
        service.status("\(rate) queries a second, \(UInt64(share)) % of all from the cache, \(statistics.entries) answers kept")
    }
}
