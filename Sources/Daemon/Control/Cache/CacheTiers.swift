internal import AnswerCache
internal import Green
internal import GreenRedis

/// The tiers of the running daemon's cache, as the control socket looks at them.
struct CacheTiers {
    /// The memory.
    let memory: MemoryCache
    /// What is counted about Redis; nil where there is none.
    let redis: RedisTier?
    /// The other instances at that Redis; nil before this one listens.
    let fleet: () -> RedisFleet?
    /// The upstreams as they are known at the time.
    let upstreams: () -> UpstreamDirectory
    /// Removes from the memory, and from what outlives it; returns how many entries went.
    let remove: (FleetFilter) throws -> Int

    /// The tiers that there are.
    var all: [CacheTier] { redis == nil ? [.memory] : [.memory, .redis] }

    /// The way into Redis, where there is one.
    func listeningFleet() throws(RedisError) -> RedisFleet {
        guard let fleet = fleet() else { throw .notConnected("the daemon is starting") }
        return fleet
    }
}
