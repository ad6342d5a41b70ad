package import AnswerCache
package import Green
package import Observation
internal import Synchronization
package import Upstream

/// What the resolvers of all workers have in common.
package final class SharedState: Sendable {
    /// What is known.
    package let cache: MemoryCache
    /// What is being asked.
    let flights: FlightTable
    /// The slowest questions of late.
    let slow = SlowQuestions()
    /// What other instances know, where there is a Redis.
    package let redis: RedisTier?
    /// Which upstreams answer, and whom to tell when one stops or is back.
    package let upstreams: UpstreamWatch
    /// What all workers count of queries.
    package let figures = WorkerCopies { QueryFigures() }
    /// The workers, by what they hold for clients.
    package let holders = AccountHolders()
    /// Where those who watch are told of queries.
    package var tap: QueryTap { upstreams.tap }

    /// State around a cache; at most `flightLimit` questions are asked at once, further ones are turned away.
    package init(
        cache: MemoryCache, redis: RedisTier? = nil, upstreams: UpstreamWatch = UpstreamWatch(), flightLimit: Int = 20_000
    ) {
        self.cache = cache
        self.redis = redis
        self.upstreams = upstreams
        flights = FlightTable(limit: flightLimit)
    }

    /// Names of so many domains in a row that failed are an outage rather than names that fail.
    private static var outageLength: Int { 3 }
    /// What rests is forgotten no more often than once in so many seconds: who has names of his own that fail could have that
    /// done whenever he likes.
    private static var forgettingDistance: UInt32 { 30 }
    /// The domains of the questions in a row that failed, and when what rests was last forgotten.
    private let outage = Locked((domains: [UInt32](), forgottenAt: UInt32?.none))
    private let hasFailures = Atomic<Bool>(false)

    /// Notes that a question of a domain (`DomainIndex.domainNumber`) failed upstream.
    func noteFailure(_ domain: UInt32) {
        outage.withLock { outage in
            guard outage.domains.count < Self.outageLength, !outage.domains.contains(domain) else { return }
            outage.domains.append(domain)
            hasFailures.store(true, ordering: .relaxed)
        }
    }

    /// Notes a good answer. The first after an outage ends whatever rests because of that, however upstreams told it: what
    /// failed may work now.
    func noteAnswer(at now: BootSeconds) {
        cache.noteAnswer(at: now)
        guard hasFailures.load(ordering: .relaxed) else { return }
        let isOver = outage.withLock { outage in
            let wasOutage = outage.domains.count >= Self.outageLength
            let isDue = outage.forgottenAt.map { now.rawValue &- $0 >= Self.forgettingDistance } ?? true
            // One that ends too early for that is remembered until its time has come.
            if wasOutage, !isDue { return false }
            outage.domains = []
            hasFailures.store(false, ordering: .relaxed)
            if wasOutage { outage.forgottenAt = now.rawValue }
            return wasOutage
        }
        if isOver { cache.forgetFailures() }
    }

    /// Questions that are being asked at a moment, at most so many, the oldest first.
    package func questionsInFlight(limit: Int, at now: Instant) -> [AskedQuestion] { flights.list(limit: limit, at: now) }

    /// The slowest questions of the last hour, the slowest first.
    package func slowQuestions(at now: Instant) -> [AskedQuestion] { slow.all(at: now) }

    /// How many questions are being asked.
    package var flightCount: Int { flights.flightCount }

    /// The memory of the cache, which is kept when nobody asks.
    package var memory: Account {
        let figures = cache.statistics
        return Account("bytes of the cache", figures.bytesUsed, of: figures.byteBudget)
    }

    /// Reads what is held for clients, by all workers together and by each. Only where all workers are on the thread that calls.
    package func readAccounts(_ read: Account.Reader) {
        flights.readAccounts(read)
        holders.forEach(read)
    }
}
