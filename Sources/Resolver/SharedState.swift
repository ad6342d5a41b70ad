package import AnswerCache
internal import Green
internal import Upstream

/// What the resolvers of all workers have in common.
package final class SharedState: Sendable {
    /// What is known.
    package let cache: MemoryCache
    /// What is being asked.
    let flights: FlightTable

    /// State around a cache; at most `flightLimit` questions are asked at once, further ones are turned away.
    package init(cache: MemoryCache, flightLimit: Int = 20_000) {
        self.cache = cache
        flights = FlightTable(limit: flightLimit)
    }

    /// How many questions are being asked.
    package var flightCount: Int { flights.flightCount }
}
