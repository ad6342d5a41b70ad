/// How DNS cookies (RFC 7873) are made and looked at: by keys that servers share, or by one of this process that changes each day.
/// What was made with a former key is still good.
package struct ServerCookies: Sendable {
    /// What is done with cookies.
    package enum Mode: String, Sendable, CaseIterable {
        /// Nothing: they are passed over.
        case off
        /// Who sends one gets one.
        case answer
        /// So, and who asks over UDP without a good one gets nothing but that: one of ours, or the advice to ask over TCP.
        case require
    }

    /// What is done.
    package var mode = Mode.off
    /// Keys that are good, the one that is used first; without any, those of the day.
    package var keys: [CookieKey] = []
    /// What the keys of a day follow from.
    private var origin = CookieKey(0, 0)
    /// The keys of one day and of the day before, once they were derived: that costs four hashes each time.
    private var derived: (day: UInt64, keys: (CookieKey, CookieKey))?

    /// None are looked at.
    package init() {}

    /// Cookies by keys, or by those that follow from a secret of this process.
    package init(_ mode: Mode, keys: [CookieKey], origin: CookieKey) {
        (self.mode, self.keys, self.origin) = (mode, keys, origin)
    }

    /// For so many seconds a cookie is good, and so far may a clock be ahead that made it (RFC 9018 4.3).
    private static let lifetime: Int32 = 3_600, ahead: Int32 = 300
    /// A key of this process is used for so many seconds.
    private static let keySeconds: UInt64 = 86_400

    /// The key at a place of those that are good; nil behind the last.
    private func key(_ number: Int, at seconds: UInt64) -> CookieKey? {
        if !keys.isEmpty { return number < keys.count ? keys[number] : nil }
        guard number < 2 else { return nil }
        let day = seconds / Self.keySeconds
        if let derived, derived.day == day { return number == 0 ? derived.keys.0 : derived.keys.1 }
        return origin.derived(day &- UInt64(number))
    }

    /// Derives the keys of the day, unless that was done.
    mutating func prepare(at seconds: UInt64) {
        guard keys.isEmpty, !isPrepared(at: seconds) else { return }
        let day = seconds / Self.keySeconds
        derived = (day, (origin.derived(day), origin.derived(day &- 1)))
    }

    /// Whether the keys of the day are there.
    func isPrepared(at seconds: UInt64) -> Bool { derived?.day == seconds / Self.keySeconds }

    /// The stamp of cookies that are made now, as its bytes stand: version 1, three reserved ones, the time.
    private static func stamp(_ seconds: UInt64) -> UInt64 {
        1 | UInt64(UInt32(truncatingIfNeeded: seconds).byteSwapped) << 32
    }

    /// The hash of a cookie that is made now.
    func make(_ client: UInt64, for address: UInt128, at seconds: UInt64) -> (stamp: UInt64, hash: UInt64) {
        let stamp = Self.stamp(seconds)
        return (stamp, key(0, at: seconds)?.hash(client, stamp, address: address) ?? 0)
    }

    /// Whether a cookie is one of ours, for this client, and not too old.
    func accepts(_ client: UInt64, _ stamp: UInt64, _ hash: UInt64, of address: UInt128, at seconds: UInt64) -> Bool {
        // RFC 9018 4.1: other versions are not ours; reserved bytes are part of what is hashed.
        guard stamp & 0xFF == 1 else { return false }
        let made = UInt32(truncatingIfNeeded: stamp >> 32).byteSwapped
        // By serial numbers (RFC 1982).
        let age = Int32(bitPattern: UInt32(truncatingIfNeeded: seconds) &- made)
        guard age <= Self.lifetime, age >= -Self.ahead else { return false }
        var (number, isGood) = (0, false)
        while let key = key(number, at: seconds) {
            // All of them, whichever fits.
            if key.hash(client, stamp, address: address) == hash { isGood = true }
            number += 1
        }
        return isGood
    }
}
