/// The bounds that TTLs are held to when an answer is stored (`cache: min-ttl, max-ttl, negative-ttl`).
package struct TTLLimits: Hashable, Sendable {
    /// Smaller TTLs of positive answers are raised to this, TTL 0 excepted; 0 leaves them as they are.
    package var minimumSeconds: UInt32
    /// Larger TTLs are lowered to this.
    package var maximumSeconds: UInt32
    /// NXDOMAIN and NODATA are kept no longer than this (RFC 2308 5).
    package var negativeSeconds: UInt32
    /// Whether an answer may be given out after its time, where that is done at all (`domains: no-stale`).
    package var mayBecomeStale = true

    /// The largest TTL there is: 31 bits (RFC 2181 8).
    package static var largest: UInt32 { 0x7FFF_FFFF }

    /// Puts bounds together; the defaults are those of the configuration.
    package init(minimumSeconds: UInt32 = 0, maximumSeconds: UInt32 = 86_400, negativeSeconds: UInt32 = 3600) {
        self.minimumSeconds = min(minimumSeconds, Self.largest)
        self.maximumSeconds = min(maximumSeconds, Self.largest)
        self.negativeSeconds = min(negativeSeconds, Self.largest)
    }

    /// The bounds for what is left of an answer's time when it is so old already: they are for the whole of it.
    package func forAnswer(ageSeconds age: UInt32) -> TTLLimits {
        var limits = self
        limits.minimumSeconds -= min(age, minimumSeconds)
        limits.maximumSeconds -= min(age, maximumSeconds)
        limits.negativeSeconds -= min(age, negativeSeconds)
        return limits
    }

    /// A record's TTL within the bounds. One with the top bit set is a large number like any other (RFC 8767 4). TTL 0 says
    /// that nobody is to keep it, and stays.
    package func clamp(_ ttl: UInt32) -> UInt32 { ttl == 0 ? 0 : min(max(ttl, minimumSeconds), maximumSeconds) }

    /// The TTL of a negative answer from its SOA's TTL and MINIMUM, within the bounds (RFC 2308 5). The smallest TTL is for
    /// positive answers.
    package func clampNegative(ttl: UInt32, minimum: UInt32) -> UInt32 { min(ttl, minimum, maximumSeconds, negativeSeconds) }
}
