/// Whose queries and answers are counted, for all workers: 1.1 MiB, whoever asks and however many.
final class RateTables: Sendable {
    /// Queries, by client.
    let queries = RateTable(lines: 8_192)
    /// Answers over UDP, by network and by what is answered.
    let responses = RateTable(lines: 8_192)
    /// Refusals over UDP, by network.
    let refusals = RateTable(lines: 2_048)

    private let keys: InlineArray<4, UInt64> = InlineArray { _ in UInt64.random(in: .min ... .max) | 1 }

    /// Empty tables, with keys of their own.
    init() {}

    /// The keyed hash of two numbers.
    func hash(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let one = (first ^ keys[0]).multipliedFullWidth(by: keys[1])
        let two = (one.high ^ one.low ^ second ^ keys[2]).multipliedFullWidth(by: keys[3])
        return two.high ^ two.low
    }

    /// The network of an address (`IPAddress.number`) that counts as one client: the address itself, of IPv6 a /56, which is one
    /// site's.
    static func client(_ address: UInt128) -> UInt64 { network(address, ofIPv4: 32) }

    /// The network that answers to forged addresses would be too much for: a /24, of IPv6 a /56.
    static func network(_ address: UInt128) -> UInt64 { network(address, ofIPv4: 24) }

    private static func network(_ address: UInt128, ofIPv4 bits: UInt64) -> UInt64 {
        let isIPv4 = address >> 64 == UInt128(UInt64.max)
        // The first byte of an IPv6 network is never 0xFF: those are groups.
        return isIPv4
            ? UInt64(truncatingIfNeeded: address) >> (32 - bits) | 0xFF << 56 : UInt64(truncatingIfNeeded: address >> 72)
    }
}
