internal import AnswerCache
internal import DNSWire

/// How often the cache has the answer, for several sizes: the daemon's own cache, and LRU with room for as many entries
/// as that cache came to hold. The first half of the trace fills them, the second is counted. Nothing expires.
struct HitRatio {
    private let names: [String]
    private let requests: Int

    private static let sizes = [256 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20]
    private static let seed: UInt64 = 2017

    init(names: [String], requests: Int) {
        self.names = names
        self.requests = requests
    }

    /// Measures all sizes and prints a line of JSON for each, then one for a cache without bounds.
    func measure() throws(CacheError) {
        for size in Self.sizes {
            let (sieve, entries) = try own(sizeBytes: size)
            let other = leastRecentlyUsed(entries).share
            print(#"{"bytes": \#(size), "entries": \#(entries), "sieve": \#(sieve), "lru": \#(other)}"#)
        }
        let everything = leastRecentlyUsed(numberCount)
        print(#"{"requests": \#(requests), "distinct": \#(everything.misses), "unlimited": \#(everything.share)}"#)
    }

    /// How many different questions there can be.
    private var numberCount: Int { names.count * ZipfTrace.types.count }

    /// The share of hits of the daemon's cache, and how many entries it held at the end.
    private func own(sizeBytes: Int) throws(CacheError) -> (share: Double, entries: Int) {
        let cache = try MemoryCache(sizeBytes: sizeBytes, seed: Self.seed)
        let provenance = Provenance(upstream: 1, transport: .udp)
        let now = BootSeconds(rawValue: 1000)
        var buffer = [UInt8](repeating: 0, count: 1232)
        let (share, _) = self.share { request in
            let exchange = Exchange(names[request.rank], ZipfTrace.types[request.type])
            let key = exchange.key(in: cache)
            var span = buffer.mutableSpan
            if case .hit = cache.answer(key, at: now, into: &span, at: 12 + key.name.count + 4) { return true }
            guard cache.keep(key, reply: exchange.reply, from: provenance, at: now) else {
                Measure.leave("Measure: a reply that was not kept")
            }
            return false
        }
        return (share, cache.statistics.entries)
    }

    /// The share of hits of LRU, and its misses in all.
    private func leastRecentlyUsed(_ capacity: Int) -> (share: Double, misses: Int) {
        var order = LeastRecentlyUsed(capacity: capacity, numbers: numberCount)
        return share { order.request($0.number) }
    }

    /// Goes through the trace with something that says what it had: the share of the second half, and the misses in all.
    private func share(_ had: (ZipfTrace.Request) -> Bool) -> (share: Double, misses: Int) {
        var trace = ZipfTrace(names: names.count, seed: Self.seed)
        var hits = 0
        var misses = 0
        for number in 0..<requests {
            let isHit = had(trace.next())
            if !isHit { misses += 1 }
            if isHit, number >= requests / 2 { hits += 1 }
        }
        return (Double(hits) / Double(requests - requests / 2), misses)
    }
}
