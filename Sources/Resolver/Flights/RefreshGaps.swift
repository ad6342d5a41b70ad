/// Which answers were refreshed lately, so that none is asked for again each time that its refresh brings nothing better:
/// where the upstream gives what is left of its own TTL, or nothing that may be kept. A table of fixed size; what falls on
/// another's place takes it.
struct RefreshGaps {
    /// From one refresh of an answer to the next.
    static let seconds: UInt32 = 5

    private var places = [(tag: UInt32, at: UInt32)](repeating: (0, 0), count: 1024)

    /// Whether the question with this keyed hash was refreshed lately.
    func isResting(_ hash: UInt64, at now: UInt32) -> Bool {
        let place = places[Int(truncatingIfNeeded: hash) & 1023]
        return place.tag == Self.tag(hash) && now &- place.at < Self.seconds
    }

    /// Notes that it is refreshed now.
    mutating func note(_ hash: UInt64, at now: UInt32) {
        places[Int(truncatingIfNeeded: hash) & 1023] = (Self.tag(hash), now)
    }

    private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 }
}
