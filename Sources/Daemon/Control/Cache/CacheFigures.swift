internal import AnswerCache

/// The figures of a tier of the cache, each with its key in JSON and its words for people.
enum CacheFigures {
    private typealias Figure = (key: String, words: String, value: @Sendable (CacheStatistics) -> UInt64)

    /// The memory's figures in the order in which they are shown.
    private static let memory: [Figure] = [
        ("entries", "entries", { UInt64($0.entries) }),
        ("bytes-used", "bytes used", { UInt64($0.bytesUsed) }),
        ("bytes-resident", "bytes resident", { UInt64($0.bytesResident) }),
        ("bytes-budget", "bytes allowed", { UInt64($0.byteBudget) }),
        ("hits", "hits", { $0.hits }),
        ("hits-negative", "  of them negative", { $0.negativeHits }),
        ("hits-failure", "  of them remembered failures", { $0.failureHits }),
        ("misses", "misses", { $0.misses }),
        ("misses-expired", "  of them known but expired", { $0.expiredMisses }),
        ("stale", "  of them answered with a stale answer", { $0.staleHits }),
        ("stored", "answers stored", { $0.stores }),
        ("replaced", "  of them in place of older ones", { $0.replaced }),
        ("evicted", "evicted for memory, not asked for lately", { $0.evicted }),
        ("evicted-expired", "evicted for memory, expired", { $0.evictedExpired }),
        ("evicted-stale", "evicted for memory, stale", { $0.evictedStale }),
        ("evicted-in-use", "evicted for memory, in use", { $0.evictedInUse }),
        ("removed", "flushed", { $0.removed }),
    ]

    /// Lines for people.
    static func text(_ statistics: CacheStatistics) -> String {
        memory.reduce("\(CacheTier.memory.rawValue)\n") { text, figure in
            let padding = String(repeating: " ", count: 44 - figure.words.count)
            return text + "  \(figure.words)\(padding)\(figure.value(statistics))\n"
        }
    }

    /// A member with an object for each tier.
    static func write(_ statistics: CacheStatistics, to writer: inout JSONWriter) {
        writer.key(CacheTier.memory.rawValue)
        writer.object { writer in
            for figure in memory { writer.member(figure.key, figure.value(statistics)) }
        }
    }
}
