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

    /// The defaults.
    package init() {}
}
