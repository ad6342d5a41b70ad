internal import Belief
internal import Green
package import GreenRedis
internal import Synchronization

/// What the Redis caches of all workers have in common: where Redis is, what was counted, and whether it is in use. Any
/// thread.
package final class RedisTier: Sendable {
    /// Where Redis is.
    package let options: RedisOptions
    /// Where it is, for people.
    package let place: String
    /// The most that a look-up may take before upstreams are asked as well, in nanoseconds.
    private let budgetNanoseconds: Atomic<UInt64>
    /// The upstreams that Redis names.
    package let upstreams = ForeignUpstreams()
    private let counters: [Counter]
    /// How many workers leave Redis out now.
    private let out = Locked(0)
    /// Whether it took nothing the last time.
    private let refuses = Atomic(false)
    /// When it is to be said next that there are answers of views, in seconds.
    private let viewMarkSeconds = Atomic<UInt64>(0)
    private let report: @Sendable (RedisNews) -> Void

    /// Something to count; an atomic that can stand in an array.
    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    /// A tier at `url`; `report` is told when Redis goes out of use and comes back, on any thread.
    package init(_ url: RedisURL, budget: Duration, report: @escaping @Sendable (RedisNews) -> Void) {
        options = RedisOptions(url)
        place = "\(url)"
        budgetNanoseconds = Atomic(budget.clampedNanoseconds)
        counters = RedisCount.allCases.map { _ in Counter() }
        self.report = report
    }

    /// The most that a look-up may take before upstreams are asked as well.
    package var budget: Duration {
        get { .nanoseconds(Int64(clamping: budgetNanoseconds.load(ordering: .relaxed))) }
        set { budgetNanoseconds.store(newValue.clampedNanoseconds, ordering: .relaxed) }
    }

    /// No answer lives longer than the mark that says that there are answers of views.
    static let viewMarkLife: RedisArgument = {
        let seconds = Int(TTLLimits.largest) + 2 * 3_600
        return RedisArgument(1_000 * seconds)
    }()

    /// Whether it is to be said now that there are answers of views: with the first, and once an hour.
    func isViewMarkDue(at now: Instant) -> Bool {
        let seconds = now.nanoseconds / 1_000_000_000
        let next = viewMarkSeconds.load(ordering: .relaxed)
        return seconds >= next
            && viewMarkSeconds.compareExchange(expected: next, desired: seconds + 3_600, ordering: .relaxed).exchanged
    }

    /// How often something has happened.
    package func figure(_ what: RedisCount) -> UInt64 { counters[what.rawValue].value.load(ordering: .relaxed) }

    /// Whether any worker leaves Redis out at present.
    package var isLeftOut: Bool { out.withLock { $0 > 0 } }

    func count(_ what: RedisCount) { counters[what.rawValue].value.wrappingAdd(1, ordering: .relaxed) }

    /// A worker leaves Redis out from now on. Said once, however many workers do.
    package func isOut(because reason: RedisError) {
        count(.outages)
        let isFirst = out.withLock { count in
            count += 1
            return count == 1
        }
        if isFirst { report(.leftOut("\(reason)")) }
    }

    /// Redis has said what came of an answer that it was given. That it takes none (OOM, READONLY, MISCONF) is said once, and
    /// when it takes one again.
    func stored(_ reply: RedisReply) {
        guard case .error(let words) = reply else {
            count(.stores)
            if refuses.exchange(false, ordering: .relaxed) { report(.takesAgain(figure(.refusedStores))) }
            return
        }
        count(.refusedStores)
        if !refuses.exchange(true, ordering: .relaxed) { report(.refusesStores(words)) }
    }

    /// A worker uses it again; said when the last one does.
    package func isBack() {
        let isLast = out.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { report(.back) }
    }
}

/// What is counted about Redis. The order is that of reports.
package enum RedisCount: Int, CaseIterable, Sendable {
    /// Look-ups that were sent.
    case lookups
    /// Answers found.
    case hits
    /// Answers found that say what does not exist.
    case negativeHits
    /// Look-ups that found no key.
    case misses
    /// Answers whose time was over.
    case expired
    /// Values that are none of ours, or damaged.
    case invalid
    /// Look-ups whose time was over first.
    case timeouts
    /// Commands that failed.
    case errors
    /// Questions for which Redis was not asked, because it had failed too often.
    case leftOut
    /// Answers that Redis took.
    case stores
    /// Answers that it did not take.
    case refusedStores
    /// Times that a worker began to leave Redis out.
    case outages
}

/// What an operator should know of Redis.
package enum RedisNews: Sendable, Hashable {
    /// It is left out from now on: why.
    case leftOut(String)
    /// It is used again.
    case back
    /// All of the memory was flushed, because flushes may have been missed while there was no connection.
    case flushedLate
    /// It takes no answers any more, in its words.
    case refusesStores(String)
    /// It takes answers again; how many it has not taken in all.
    case takesAgain(UInt64)
}
