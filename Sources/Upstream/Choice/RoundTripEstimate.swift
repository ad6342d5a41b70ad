/// What is known of an upstream's round trips, as TCP reckons it (RFC 6298), in nanoseconds.
struct RoundTripEstimate: Hashable, Sendable {
    private var smoothed: UInt64 = 0
    private var variation: UInt64 = 0

    /// Before anything is measured a datagram is sent again after this long.
    static let initialWait: UInt64 = 400_000_000
    /// A datagram is never sent again sooner than this.
    static let shortestWait: UInt64 = 50_000_000
    /// A connection is never taken for silent sooner than this.
    static let shortestStreamWait: UInt64 = 250_000_000
    /// Nor is more waited than this.
    static let longestWait: UInt64 = 2_000_000_000

    /// A longer measurement tells of a pause of this machine.
    static let longestSample: UInt64 = 10_000_000_000

    /// Whether anything was measured.
    var isMeasured: Bool { smoothed != 0 }

    /// The smoothed round trip.
    var roundTrip: Duration { .nanoseconds(Int64(smoothed)) }

    /// Takes in that an answer came so long after a question was first sent. When it was `resent`, nobody knows which
    /// one was answered: then the measurement is not taken at its word, but a link that has become slow is learnt.
    mutating func record(_ measured: UInt64, wasResent: Bool = false) {
        let sample = min(measured, wasResent ? 2 * resendWait : Self.longestSample)
        guard isMeasured else {
            smoothed = max(1, sample)
            variation = sample / 2
            return
        }
        let difference = smoothed > sample ? smoothed - sample : sample - smoothed
        variation = (3 * variation + difference) / 4
        smoothed = max(1, (7 * smoothed + sample) / 8)
    }

    /// How long to wait for an answer before a datagram is sent again.
    var resendWait: UInt64 {
        guard isMeasured else { return Self.initialWait }
        return min(Self.longestWait, max(Self.shortestWait, 2 * smoothed + 4 * variation))
    }
}
