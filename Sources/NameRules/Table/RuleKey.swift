/// The key of all hashing in tables: random, the same for all tables of a rule set, and told to nobody. Without it nobody
/// can write a list whose names meet in one bucket.
package struct RuleKey: Hashable, Sendable {
    /// What hashing starts from.
    let seed: UInt64
    /// What is multiplied by: odd.
    let multiplier: UInt64
    /// What the last step multiplies by: odd.
    let finisher: UInt64

    /// Makes a key from random bits.
    package init(seed: UInt64) {
        self.seed = Self.mix(seed)
        multiplier = Self.mix(seed &+ 1) | 1
        finisher = Self.mix(seed &+ 2) | 1
    }

    /// SplitMix64's step.
    private static func mix(_ seed: UInt64) -> UInt64 {
        var mixed = seed &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Takes one more word in.
    @inline(__always) func fold(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word).multipliedFullWidth(by: multiplier)
        return product.high ^ product.low
    }

    /// The last step.
    @inline(__always) func finish(_ state: UInt64) -> UInt64 {
        let product = (state ^ seed).multipliedFullWidth(by: finisher)
        return product.high ^ product.low
    }
}
