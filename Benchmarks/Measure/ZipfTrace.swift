internal import DNSWire

/// Questions as many clients together ask them: the name of rank r with probability proportional to 1/r, of the type
/// A (60 %), AAAA (25 %), HTTPS (10 %), or one of three others (5 %). The same trace for the same seed.
struct ZipfTrace {
    /// A question of the trace.
    struct Request {
        /// The name's place among the most asked for, from 0.
        var rank: Int
        /// The type's place in `types`.
        var type: Int

        /// A number for each question.
        var number: Int { rank * ZipfTrace.types.count + type }
    }

    /// The types there are.
    static let types: [RecordType] = [.a, .aaaa, .https, .mx, .ns, .txt]
    private let cumulative: [Double]
    private var numbers: SeededNumbers

    /// A trace over so many names.
    init(names: Int, seed: UInt64) {
        var sum = 0.0
        cumulative = (1...names).map { rank in
            sum += 1 / Double(rank)
            return sum
        }
        numbers = SeededNumbers(state: seed)
    }

    /// The next question.
    mutating func next() -> Request {
        let point = Double.random(in: 0..<cumulative[cumulative.count - 1], using: &numbers)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > point { high = middle } else { low = middle + 1 }
        }
        return Request(rank: low, type: nextType())
    }

    private mutating func nextType() -> Int {
        switch Int.random(in: 0..<100, using: &numbers) {
        case ..<60: 0
        case ..<85: 1
        case ..<95: 2
        default: Int.random(in: 3..<6, using: &numbers)
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededNumbers: RandomNumberGenerator {
    /// Where it stands.
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
