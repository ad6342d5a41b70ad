internal import AnswerCache

/// The figures of Redis, as a tier of the cache.
enum RedisFigures {
    /// Its name among the tiers.
    static let tier = "redis"

    /// What is counted, with its key in JSON and its words for people.
    private static let figures: [(count: RedisCount, key: String, words: String)] = [
        (.lookups, "lookups", "look-ups"),
        (.hits, "hits", "hits"),
        (.misses, "misses", "misses"),
        (.expired, "expired", "answers found expired"),
        (.invalid, "invalid", "values that were none, or damaged"),
        (.timeouts, "timeouts", "look-ups that took too long"),
        (.errors, "errors", "commands that failed"),
        (.leftOut, "left-out", "questions while it was left out"),
        (.stores, "stored", "answers stored"),
        (.outages, "outages", "times that a worker left it out"),
    ]

    /// Lines for people.
    static func text(_ redis: RedisTier) -> String {
        let head = "\(tier) \(redis.place)\(redis.isLeftOut ? " (left out)" : "")\n"
        return figures.reduce(head) { text, figure in
            let padding = String(repeating: " ", count: 44 - figure.words.count)
            return text + "  \(figure.words)\(padding)\(redis.figure(figure.count))\n"
        }
    }

    /// A member with an object.
    static func write(_ redis: RedisTier, to writer: inout JSONWriter) {
        writer.key(tier)
        writer.object { writer in
            for figure in figures { writer.member(figure.key, redis.figure(figure.count)) }
        }
    }
}
