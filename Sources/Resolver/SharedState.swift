package import AnswerCache
internal import Green
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

    /// How many questions are being asked.
    package var flightCount: Int { flights.flightCount }
}
