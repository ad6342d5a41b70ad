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

    /// The part for a cache.
    init(_ cache: MemoryCache, _ settings: Settings) {
        self.cache = cache
        self.settings = settings
        setBounds()
    }

    /// What a snapshot brought was kept as the rules of its time said.
    func start() throws {
        try forget(settings.domains.filter(\.keepsLess))
    }

    func adopt(_ settings: Settings) throws {
        let former = self.settings
        self.settings = settings
        setBounds()
        // By the new rules from here on; what was asked for by the old ones and is still on its way is not kept either.
        try forget(settings.domains.filter { $0.keepsLess && !former.domains.contains($0) })
    }

    func status() throws -> [StatusField] {
        let statistics = cache.statistics
        return [StatusField("entries", statistics.entries), StatusField("bytes", statistics.bytesUsed)]
    }

    private func setBounds() {
        cache.limits = TTLLimits(settings.cache)
        cache.staleSeconds = settings.cache.staleSeconds
    }

    /// Removes what was kept of domains that are now to be kept otherwise.
    private func forget(_ rules: [DomainRule]) throws {
        let cache = cache
        for rule in rules {
            guard let name = try? NameView(rule.domain.span, at: 0) else { continue }
            let top = FixedName(name)
            try blocking { _ = cache.remove(.subtree(top)) }
        }
    }
}

extension DomainRule {
    /// Whether something that was kept before it might not be kept by it.
    fileprivate var keepsLess: Bool { noCache || noStale }
}

extension TTLLimits {
    /// The bounds that the settings give.
    init(_ settings: CacheSettings) {
        self.init(
            minimumSeconds: settings.minTTLSeconds, maximumSeconds: settings.maxTTLSeconds,
            negativeSeconds: settings.negativeTTLSeconds)
    }
}
