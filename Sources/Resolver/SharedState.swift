package import AnswerCache
internal import Green
internal import Synchronization
package import Upstream

/// What the resolvers of all workers have in common.
package final class SharedState: Sendable {
    /// What is known.
    package let cache: MemoryCache
    /// What is being asked.
    let flights: FlightTable
    /// What other instances know, where there is a Redis.
    package let redis: RedisTier?
    /// Which upstreams answer, and whom to tell when one stops or is back.
    let upstreams: UpstreamWatch

    /// State around a cache; at most `flightLimit` questions are asked at once, further ones are turned away.
    package init(
        cache: MemoryCache, redis: RedisTier? = nil, upstreams: UpstreamWatch = UpstreamWatch(), flightLimit: Int = 20_000
    ) {
        self.cache = cache
        self.redis = redis
        self.upstreams = upstreams
        flights = FlightTable(limit: flightLimit)
    }

    /// So many questions in a row that failed are an outage rather than names that fail.
    private static var outageLength: Int { 3 }
    private let failuresInRow = Atomic<Int>(0)

    /// Notes that a question failed upstream.
    func noteFailure() { failuresInRow.wrappingAdd(1, ordering: .relaxed) }

    /// Notes a good answer. The first after an outage ends whatever rests because of that, however upstreams told it: what
    /// failed may work now.
    func noteAnswer(at now: BootSeconds) {
        cache.noteAnswer(at: now)
        guard failuresInRow.load(ordering: .relaxed) > 0 else { return }
        if failuresInRow.exchange(0, ordering: .relaxed) >= Self.outageLength { cache.forgetFailures() }
    }

    /// How many questions are being asked.
    package var flightCount: Int { flights.flightCount }
}
