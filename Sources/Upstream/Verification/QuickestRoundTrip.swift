/// How soon an upstream can answer at all: the time that one answer in twenty comes within. Only answers that are believed
/// count, so that a forger who is nearer does not teach it.
struct QuickestRoundTrip: Hashable {
    /// Nanoseconds.
    private var value: UInt64 = 0
    private var samples = 0
    /// Answers in a row that came too soon and were true, and the longest that one of them took.
    private var trueEarly = 0
    private var longestEarly: UInt64 = 0

    /// Before so many answers nothing can be said.
    static let fewest = 8
    /// After so many true answers in a row that came too soon the way has become shorter.
    static let trueEarlyBelieved = 8
    /// An answer within a part of this of the usual is suspicious.
    static let earlyPart: UInt64 = 2
    /// Differences of fewer nanoseconds say nothing: they are this machine's.
    static let leastDifference: UInt64 = 1_000_000

    /// Whether enough was measured.
    var isMeasured: Bool { samples >= Self.fewest }

    /// Nanoseconds; 0 where too little was measured.
    var nanoseconds: UInt64 { isMeasured ? value : 0 }

    /// Whether an answer that took so long came too soon to be the upstream's.
    func isEarly(_ age: UInt64) -> Bool {
        isMeasured && age < value / Self.earlyPart && value - age >= Self.leastDifference
    }

    /// Takes in how long an answer took that is believed.
    mutating func record(_ age: UInt64) {
        let age = min(age, RoundTripEstimate.longestSample)
        trueEarly = 0
        guard isMeasured else {
            value = samples == 0 ? age : min(value, age)
            samples += 1
            return
        }
        let step = value / 256 + 1_000
        value = age < value ? value - min(value, 19 * step) : value + step
    }

    /// An answer that came too soon was true, or was not.
    mutating func recordEarly(_ age: UInt64, isTrue: Bool) {
        guard isTrue else {
            trueEarly = 0
            return
        }
        longestEarly = trueEarly == 0 ? age : max(longestEarly, age)
        trueEarly += 1
        guard trueEarly >= Self.trueEarlyBelieved else { return }
        value = longestEarly
        trueEarly = 0
    }
}
