package import Belief

/// How the answers of a domain and all below it are kept.
package struct DomainRule: Sendable, Equatable {
    /// The domain's wire form, lower-cased.
    package var domain: [UInt8]
    /// Its answers are not kept: each question is asked anew. Failures are remembered for a while all the same, as for every
    /// name (RFC 9520).
    package var noCache = false
    /// Its answers are not given out after their time.
    package var noStale = false
    /// Its own bounds of TTLs, where it has any.
    package var minimumSeconds, maximumSeconds: UInt32?

    /// A rule for a domain that changes nothing yet.
    package init(domain: [UInt8]) { self.domain = domain }

    /// The bounds for answers of the domain. Where its own and the general ones leave no room, its own hold.
    package func limits(within general: TTLLimits) -> TTLLimits {
        var limits = general
        if let minimumSeconds {
            limits.minimumSeconds = minimumSeconds
            limits.maximumSeconds = max(limits.maximumSeconds, minimumSeconds)
        }
        if let maximumSeconds {
            limits.maximumSeconds = maximumSeconds
            limits.minimumSeconds = min(limits.minimumSeconds, maximumSeconds)
        }
        limits.mayBecomeStale = !noStale
        return limits
    }
}
