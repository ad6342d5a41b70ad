internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import Resolver

/// How long answers are kept, as the settings say; what was kept by other rules is forgotten.
final class CachePart: Part {
    let name = "cache"
    private let cache: MemoryCache
    private var settings: Settings
    private let policy: PolicyPart
    /// What was kept until now was kept by it; nil before the start.
    private var former: Policy?

    /// The part for a cache that resolvers of `policy` keep answers in.
    init(_ cache: MemoryCache, _ settings: Settings, policy: PolicyPart) {
        self.cache = cache
        self.settings = settings
        self.policy = policy
        setBounds()
    }

    /// What a snapshot brought was kept as the rules of its time said.
    func start() throws { try forget() }

    /// Goes by another hosts file.
    func hostsChanged() throws { try forget() }

    func adopt(_ settings: Settings) throws {
        self.settings = settings
        setBounds()
        // By the new rules from here on; what was asked for by the old ones and is still on its way is not kept either.
        try forget()
    }

    func status() throws -> [StatusField] {
        let statistics = cache.statistics
        return [
            StatusField("entries", statistics.entries), StatusField("bytes", statistics.bytesUsed),
            StatusField("hits", statistics.hits), StatusField("misses", statistics.misses),
            StatusField("stale-hits", statistics.staleHits),
        ]
    }

    private func setBounds() {
        cache.limits = TTLLimits(settings.cache)
        cache.staleSeconds = settings.cache.staleSeconds
    }

    /// Removes what was kept of names that are now to be kept or answered otherwise.
    private func forget() throws {
        // Without the lists, which nothing here looks at and which are large.
        var present = policy.policy()
        present.rules = nil
        let (cache, former) = (cache, former)
        if present.mayForget(keptBy: former), cache.statistics.entries > 0 {
            try blocking { [present] in _ = cache.remove(.names { present.forgets($0, keptBy: former) }) }
        }
        // Not before: what could not be removed is to be removed the next time.
        self.former = present
    }
}

extension TTLLimits {
    /// The bounds that the settings give.
    init(_ settings: CacheSettings) {
        self.init(
            minimumSeconds: settings.minTTLSeconds, maximumSeconds: settings.maxTTLSeconds,
            negativeSeconds: settings.negativeTTLSeconds)
    }
}
