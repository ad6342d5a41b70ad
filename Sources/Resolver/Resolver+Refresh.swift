internal import AnswerCache
internal import DNSWire
internal import Green
internal import Upstream

/// Stale answers (RFC 8767) and refreshes that no client waits for.
///
/// An answer whose time is over goes out only where no better one is to be had soon: the client waits for a flight as for
/// any miss, but no longer than `staleClientTimeout`. The flight goes on behind it. When a flight has failed, the cache
/// remembers that for 30 s; until then the stale answer goes out at once and nobody is asked.
extension Resolver {
    /// Waits for a better answer than the stale one that there is, as long as the policy says.
    func resolveStale(_ pending: PendingQuery) -> Resolution {
        guard policy.staleClientTimeout > .zero else {
            refresh(pending.key)
            return .stale
        }
        let deadline = hub.loop.now().advanced(by: policy.staleClientTimeout)
        let resolution = board(pending.key, until: deadline)
        guard case .landed(let flight) = resolution.content, flight.hasGoodAnswer else { return .stale }
        return resolution
    }

    /// Asks anew before an answer's time is over, within the budget. Called for a hit that says it is due.
    @inline(never)
    func prefetch(_ query: borrowing QueryView) {
        guard policy.prefetches else { return }
        let key = CacheKey(query)
        guard !shared.flights.isFlying(key), !cache.isFailing(key, at: BootSeconds(rawValue: hub.bootSeconds)) else { return }
        guard prefetchBudget.take(at: hub.now) else { return }
        refresh(key)
    }

    /// Opens a flight that nobody waits for, unless the question is being asked already.
    private func refresh(_ key: CacheKey) {
        if let flight = shared.flights.open(key) { start(flight) }
    }
}

extension Flight {
    /// Whether it has landed with an answer, and not with somebody's failure.
    var hasGoodAnswer: Bool {
        if case .success(let reply) = result { return reply.isGood }
        return false
    }
}

extension UpstreamReply {
    /// Whether it is an answer rather than a failure that is handed on.
    var isGood: Bool {
        guard let view = try? MessageView(bytes.span) else { return false }
        return view.flags.responseCode == .noError || view.flags.responseCode == .nxDomain
    }
}
