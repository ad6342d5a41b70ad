internal import AnswerCache
internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// Stale answers (RFC 8767) and refreshes that no client waits for.
///
/// An answer whose time is over goes out only where no better one is to be had soon: the client waits for a flight as for
/// any miss, but no longer than until `staleClientTimeout` after the flight began. The flight goes on behind it. When a flight has failed, the cache
/// remembers that for 30 s; until then the stale answer goes out at once and nobody is asked.
extension Resolver {
    /// Waits for a better answer than the stale one that there is, as long as the policy says.
    func resolveStale(_ pending: PendingQuery) -> Resolution {
        guard policy.staleClientTimeout > .zero else {
            refresh(pending.key, for: owner(of: pending))
            return .stale
        }
        let now = hub.loop.now()
        // Whoever comes when others have waited already, or when a refresh began before the answer's time was over, waits
        // for no more than the rest of that time.
        let deadline = (shared.flights.openedAt(pending.key) ?? now).advanced(by: policy.staleClientTimeout)
        guard deadline > now else { return .stale }
        var owner = owner(of: pending)
        owner.isRefresh = true
        let resolution = board(pending.key, for: owner, until: deadline)
        return resolution.hasGoodAnswer ? resolution : .stale
    }

    /// Asks anew before an answer's time is over, within the budget. Called for a hit that says it is due.
    @inline(never)
    func prefetch(_ query: inout QueryView) {
        let seconds = hub.bootSeconds
        guard policy.prefetches, !refreshGaps.isResting(query.hash, at: seconds), !hub.isCrowded else { return }
        let key = CacheKey(&query)
        guard shared.flights.openedAt(key) == nil, !cache.isResting(key, at: BootSeconds(rawValue: seconds)) else { return }
        guard prefetchBudget.take(at: hub.now) else { return }
        refreshGaps.note(query.hash, at: seconds)
        figures.prefetched.add()
        refresh(key, for: FlightOwner(client: 0, domain: DomainIndex.domainNumber(key.wireName)))
    }

    /// Opens a flight that nobody waits for, unless the question is being asked already or refreshes have their share of
    /// flights.
    private func refresh(_ key: CacheKey, for owner: FlightOwner) {
        var owner = owner
        owner.isRefresh = true
        if let flight = shared.flights.open(key, for: owner, on: hub) { start(flight) }
    }
}

extension Resolution {
    /// Whether a flight has landed with an answer.
    var hasGoodAnswer: Bool {
        if case .landed(let flight) = content, case .success = flight.result { return true }
        return false
    }
}
