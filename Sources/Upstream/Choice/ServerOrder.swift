/// Puts servers in the order in which a question asks them: a function of plain values.
struct ServerOrder {
    /// What the order depends on, of one server.
    struct Standing: Hashable {
        /// Whether it failed and has not answered since.
        var isFailing: Bool
        /// Its smoothed round trip in nanoseconds; 0 where nothing was measured.
        var roundTrip: UInt64
    }

    /// One question in so many asks any server first where the fastest is wanted, so that what is known of the slow ones
    /// stays fresh.
    static let explorationShare: UInt64 = 32

    /// The places of `servers` in the order in which they are asked, best first; `random` is random.
    static func places(of servers: [Standing], _ policy: ForwardPolicy, random: UInt64) -> [Int] {
        let mainCount = max(1, servers.count - max(0, policy.fallbackCount))
        let main = servers.indices.prefix(mainCount)
        var well = main.filter { !servers[$0].isFailing }
        let failing = main.filter { servers[$0].isFailing }
        if well.isEmpty {
            let fallbacks = servers.indices.dropFirst(mainCount)
            return fallbacks.filter { !servers[$0].isFailing } + failing + fallbacks.filter { servers[$0].isFailing }
        }
        if policy.order == .fastest, well.count > 1 {
            let first = faster(of: well, servers, random)
            well.removeAll { $0 == first }
            well.insert(first, at: 0)
        }
        return well + failing
    }

    /// The faster of two picked at random; at times any of them.
    private static func faster(of well: [Int], _ servers: [Standing], _ random: UInt64) -> Int {
        let count = UInt64(well.count)
        let one = Int((random >> 8) % count)
        if random % explorationShare == 0 { return well[one] }
        let other = (one + 1 + Int((random >> 32) % (count - 1))) % well.count
        return servers[well[one]].roundTrip <= servers[well[other]].roundTrip ? well[one] : well[other]
    }
}
