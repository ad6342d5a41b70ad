/// Names as public block lists have them, any number of them, from a seed: domains that were registered for it, hosts of
/// known domains, labels made by machines, and what algorithms generate. About 20 bytes long on average.
struct ListedNames {
    /// Random numbers (SplitMix64).
    struct Generator: RandomNumberGenerator {
        /// The state.
        var state: UInt64

        /// The next number.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }

        /// A number below a bound.
        mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % bound }
    }

    /// Names of real sites.
    let sites: [[UInt8]]
    /// Their first labels.
    private let labels: [[UInt8]]
    /// What follows those.
    private let rests: [[UInt8]]
    /// Random numbers.
    var random: Generator

    /// Labels that hosts of lists begin with.
    private static let words = [
        "www", "ads", "ad", "adserver", "track", "tracking", "analytics", "metrics", "smetrics", "stats", "cdn", "static",
        "pixel", "api", "m", "click", "log", "events", "telemetry", "beacon", "img", "promo", "email", "go", "s1", "data",
    ].map { Array($0.utf8) }

    /// Starts from real names, one a line.
    init(_ text: [UInt8], seed: UInt64) {
        sites = text.split(separator: 0x0A).map(Array.init)
        // Two of them and a hyphen are to make a label.
        labels = sites.map { Array($0.prefix { $0 != 0x2E }.prefix(30)) }
        rests = sites.map { Array($0.drop { $0 != 0x2E }) }
        random = Generator(state: seed)
    }

    /// Appends a name.
    mutating func append(to line: inout [UInt8]) {
        let kind = random.below(100)
        let first = random.below(sites.count)
        switch kind {
        case 0..<45:
            line += labels[first]
            if kind < 15 { line.append(0x2D) }
            line += labels[random.below(sites.count)]
            line += rests[first]
        case 45..<60:
            line += Self.words[random.below(Self.words.count)]
            line += Array(String(random.below(1000)).utf8)
            line.append(0x2E)
            line += sites[first]
        case 60..<75:
            for _ in 0..<(7 + random.below(6)) { line.append(Array("0123456789abcdef".utf8)[random.below(16)]) }
            line.append(0x2E)
            line += sites[first]
        case 75..<90:
            line += Self.words[random.below(Self.words.count)]
            line.append(0x2E)
            line += labels[random.below(sites.count)]
            line.append(0x2E)
            line += sites[first]
        default:
            for _ in 0..<(9 + random.below(8)) { line.append(0x61 + UInt8(random.below(26))) }
            line += rests[first]
        }
    }

    /// The wire form of a name's text.
    static func wire(_ text: some Sequence<UInt8>) -> [UInt8] {
        var wire: [UInt8] = [0]
        var length = 0
        for byte in text {
            if byte == 0x2E {
                wire[length] = UInt8(wire.count - length - 1)
                length = wire.count
                wire.append(0)
            } else {
                wire.append(byte)
            }
        }
        wire[length] = UInt8(wire.count - length - 1)
        return wire + [0]
    }
}
