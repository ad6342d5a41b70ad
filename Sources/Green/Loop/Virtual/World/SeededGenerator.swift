/// Random numbers that a seed determines (xoshiro256**, seeded by SplitMix64): the same seed, the same numbers.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// The generator of that seed; any number will do.
    public init(seed: UInt64) {
        var mix = seed
        func next() -> UInt64 {
            mix &+= 0x9E37_79B9_7F4A_7C15
            var word = mix
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
        state = (next(), next(), next(), next())
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = (state.3 << 45) | (state.3 >> 19)
        return result
    }

    /// Whether an event of that probability (0 to 1) happens. Draws no number where the answer is certain.
    public mutating func chance(_ probability: Double) -> Bool {
        guard probability > 0 else { return false }
        return probability >= 1 || Double(next() >> 11) * 0x1p-53 < probability
    }

    /// A uniformly random number of nanoseconds in a range of durations.
    mutating func nanoseconds(in range: ClosedRange<Duration>) -> UInt64 {
        let (low, high) = (range.lowerBound.clampedNanoseconds, range.upperBound.clampedNanoseconds)
        return low == high ? low : UInt64.random(in: low...high, using: &self)
    }
}
