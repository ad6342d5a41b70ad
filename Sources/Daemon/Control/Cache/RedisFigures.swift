internal import AnswerCache

/// The figures of Redis, as a tier of the cache.
struct RedisFigures {
    private let tier: RedisTier
    /// What Redis says of itself, each with its key in JSON and its words for people; empty while it cannot be asked.
    private let server: [(key: String, words: String, value: UInt64)]

    /// What is counted here, with its key in JSON and its words for people.
    private static let counts: [(count: RedisCount, key: String, words: String)] = [
        (.lookups, "lookups", "look-ups"),
        (.hits, "hits", "hits"),
        (.negativeHits, "hits-negative", "  of them negative"),
        (.misses, "misses", "misses"),
        (.expired, "expired", "answers found expired"),
        (.invalid, "invalid", "values that were none, or damaged"),
        (.timeouts, "timeouts", "look-ups that took too long"),
        (.errors, "errors", "commands that failed"),
        (.leftOut, "left-out", "questions while it was left out"),
        (.stores, "stored", "answers stored"),
        (.refusedStores, "stores-refused", "answers that it did not take"),
        (.outages, "outages", "times that a worker left it out"),
    ]

    /// What is asked of Redis: the section and field of INFO.
    private static let fields: [(field: String, key: String, words: String)] = [
        ("used_memory", "bytes-used", "bytes used"),
        ("maxmemory", "bytes-budget", "bytes allowed (0: all there are)"),
        ("evicted_keys", "evicted", "evicted for memory"),
        ("expired_keys", "removed-expired", "removed when their time was over"),
    ]

    /// The figures of now. Waits for Redis, but not for long.
    init(_ tier: RedisTier, _ fleet: RedisFleet?) throws {
        self.tier = tier
        guard let facts = try fleet?.serverFacts() else {
            server = []
            return
        }
        server =
            [("entries", "keys", facts.keys)]
            + Self.fields.compactMap { field in
                facts.info[field.field].map { (field.key, field.words, $0) }
            }
    }

    private var figures: [(key: String, words: String, value: UInt64)] {
        server + Self.counts.map { ($0.key, $0.words, tier.figure($0.count)) }
    }

    /// Lines for people.
    var text: String {
        let head = "\(CacheTier.redis.rawValue) \(tier.place)\(tier.isLeftOut ? " (left out)" : "")\n"
        return figures.reduce(head) { text, figure in
            let padding = String(repeating: " ", count: 44 - figure.words.count)
            return text + "  \(figure.words)\(padding)\(figure.value)\n"
        }
    }

    /// A member with an object.
    func write(to writer: inout JSONWriter) {
        writer.key(CacheTier.redis.rawValue)
        writer.object { writer in
            writer.member("place", tier.place)
            writer.member("in-use", !tier.isLeftOut)
            for figure in figures { writer.member(figure.key, figure.value) }
        }
    }
}
