/// The time within which nineteen of twenty answers of a server come, followed as it changes. It goes up by nineteen small
/// steps for each answer that took longer, and down by one for each other.
struct LatencyQuantile: Hashable {
    /// Nanoseconds; 0 before anything was measured.
    private var value: UInt64 = 0
    private var samples = 0

    /// Before so many answers nothing can be said.
    static let fewest = 20

    /// The present estimate; nil where too little was measured.
    var nanoseconds: UInt64? { samples >= Self.fewest ? value : nil }

    /// Takes in how long an answer took.
    @inline(__always)
    mutating func record(_ sample: UInt64) {
        let sample = min(sample, RoundTripEstimate.longestSample)
        if samples < Self.fewest {
            samples += 1
            // The longest so far is a fair first guess.
            value = max(value, sample)
            return
        }
        let step = value / 256 + 1_000
        value = sample > value ? value + 19 * step : value - min(value, step)
    }
}
