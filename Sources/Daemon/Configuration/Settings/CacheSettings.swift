package import GreenRedis

/// What the cache may hold, and for how long.
package struct CacheSettings: Sendable, Equatable {
    /// The budget in bytes, index and headers included.
    package var size = 64 << 20
    /// No answer is kept for less than this.
    package var minTTLSeconds: UInt32 = 0
    /// No answer is kept for longer than this.
    package var maxTTLSeconds: UInt32 = 86_400
    /// No NXDOMAIN or NODATA is kept for longer than this.
    package var negativeTTLSeconds: UInt32 = 3_600
    /// For how long after its time an answer may be given out where no better one is to be had; 0 for not at all.
    package var staleSeconds: UInt32 = 0
    /// How long a client waits for a better answer than a stale one.
    package var staleClientTimeout = Duration.milliseconds(1800)
    /// Whether answers that are asked for often are asked for anew before their time is over.
    package var prefetches = false
    /// The Redis whose answers are shared with other instances, if any.
    package var redis: RedisURL?
    /// The file with its password, where that does not stand in the URL.
    package var redisPasswordFile: String?
    /// How long a look-up in Redis may take before upstreams are asked as well.
    package var redisTimeout = Duration.milliseconds(20)
    /// The file that the cache is kept in over restarts, if any.
    package var snapshot: String?
    /// From one writing of it to the next.
    package var snapshotInterval = Duration.seconds(600)

    /// The defaults.
    package init() {}
}
