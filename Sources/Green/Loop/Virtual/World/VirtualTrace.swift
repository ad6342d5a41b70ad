/// What happened in a simulated world, as one number: two runs that did the same, event by event, have the same.
public struct VirtualTrace: Sendable, Hashable {
    /// How many events there were.
    public private(set) var count = 0
    /// A hash over all of them (FNV-1a, 64 bits), with the moments at which they happened.
    public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Adds an event.
    mutating func note(_ event: StaticString, at moment: UInt64, _ first: Int, _ second: Int) {
        count += 1
        event.withUTF8Buffer { text in
            for index in 0..<text.count { mix(unsafe UInt64(text[index])) }
        }
        mix(moment)
        mix(UInt64(bitPattern: Int64(first)))
        mix(UInt64(bitPattern: Int64(second)))
    }

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 32
    }
}
