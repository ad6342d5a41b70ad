/// Random numbers that are the same in every run.
package struct SeededGenerator: RandomNumberGenerator {
    /// The state.
    package var state: UInt64

    /// Numbers from a state on.
    package init(state: UInt64) {
        self.state = state
    }

    /// The next number (SplitMix64).
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number below a bound.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
