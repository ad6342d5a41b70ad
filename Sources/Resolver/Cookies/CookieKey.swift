/// A secret that server cookies are made with: SipHash-2-4 by it (RFC 9018 4.4).
package struct CookieKey: Sendable, Hashable {
    private let low: UInt64
    private let high: UInt64

    /// A key from its halves.
    init(_ low: UInt64, _ high: UInt64) { (self.low, self.high) = (low, high) }

    /// Sixteen bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        func word(_ part: some Sequence<UInt8>) -> UInt64 { part.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(word(bytes.prefix(8)), word(bytes.dropFirst(8)))
    }

    /// A key that nobody knows.
    package static func random() -> CookieKey { CookieKey(.random(in: 0...UInt64.max), .random(in: 0...UInt64.max)) }

    /// Another key, which follows from this one and a number.
    func derived(_ number: UInt64) -> CookieKey {
        CookieKey(hash(number, 0, nil, count: 16), hash(number, 1, nil, count: 16))
    }

    /// The hash of a client's cookie, the stamp of the server's, and the client's address (`IPAddress.number`).
    package func hash(_ client: UInt64, _ stamp: UInt64, address: UInt128) -> UInt64 {
        let (high, low) = (UInt64(truncatingIfNeeded: address >> 64), UInt64(truncatingIfNeeded: address))
        // IPv4, four bytes in network order.
        if high == .max { return hash(client, stamp, nil, rest: UInt64(UInt32(truncatingIfNeeded: low).byteSwapped), count: 20) }
        return hash(client, stamp, (high.byteSwapped, low.byteSwapped), count: 32)
    }

    /// SipHash-2-4 of two words, two more where they are given, and what does not fill one.
    private func hash(
        _ first: UInt64, _ second: UInt64, _ more: (UInt64, UInt64)?, rest: UInt64 = 0, count: UInt64
    ) -> UInt64 {
        var state = SipState(low, high)
        state.add(first)
        state.add(second)
        if let more {
            state.add(more.0)
            state.add(more.1)
        }
        state.add(rest | count << 56)
        return state.end()
    }
}

/// SipHash-2-4 under way, word by word.
private struct SipState {
    private var v0, v1, v2, v3: UInt64

    init(_ low: UInt64, _ high: UInt64) {
        v0 = low ^ 0x736F_6D65_7073_6575
        v1 = high ^ 0x646F_7261_6E64_6F6D
        v2 = low ^ 0x6C79_6765_6E65_7261
        v3 = high ^ 0x7465_6462_7974_6573
    }

    mutating func add(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    mutating func end() -> UInt64 {
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotated(v1, 13) ^ v0
        v0 = Self.rotated(v0, 32)
        v2 &+= v3
        v3 = Self.rotated(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotated(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotated(v1, 17) ^ v2
        v2 = Self.rotated(v2, 32)
    }

    private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 - bits) }
}
