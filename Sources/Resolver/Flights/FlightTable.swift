internal import AnswerCache
internal import DNSWire
internal import Green
internal import Observation
internal import Synchronization
internal import Upstream

/// The flights of all workers, found by question. Shards with a lock each; nothing waits inside one, and nobody holds two.
///
/// There may be `limit` flights. Beyond three quarters of it a new one is opened only for a client and a domain that have
/// less than their share, and at the limit the oldest flight that no other client waits for is ended for it. Flights that
/// refresh an answer that is there have an eighth of the places, shared in the same way, and none where places are scarce.
///
/// One domain has no more than `domainLimit` flights at any time, so that random names below it, or a domain whose servers are
/// silent, leave upstreams and the others alone. The last quarter of them is for clients that have few flights: a single client
/// that asks for such names does not shut a domain for all. Where all are taken, one in 16 further ones of such clients has the
/// place of the domain's oldest: nobody shuts a domain for good, and its servers are asked little more.
final class FlightTable: Sendable {
    private let shards: [Locked<FlightShard>]
    private let count = Atomic<Int>(0)
    private let refreshCount = Atomic<Int>(0)
    private let shares = FairShares()
    private let refreshShares = FairShares()
    /// How many flights there may be at once.
    let limit: Int
    /// How many of them of one domain.
    private let domainLimit = Atomic<Int>(.max)
    /// How many found no place of their domain, though their clients have few.
    private let crowdedCount = Atomic<UInt64>(0)
    /// One in so many of them is let in for another.
    private static let replacedPart: UInt64 = 16

    /// What came of joining.
    enum Boarding {
        /// Others ask already; the waiter is woken when they have the answer.
        case joined(Flight)
        /// The waiter is the first of a new flight, which the caller must start.
        case opened(Flight)
        /// There are too many.
        case full
        /// There are too many of the domain.
        case crowded
    }

    /// Whether there is a place for a new flight.
    private enum Place {
        case free
        /// Where another gives up its own.
        case another
        case none
        /// None for its domain.
        case crowded
    }

    init(limit: Int) {
        self.limit = limit
        shards = (0..<16).map { _ in Locked(FlightShard()) }
    }

    /// Bounds the flights of one domain from now on.
    func bound(domain limit: Int) { domainLimit.store(limit, ordering: .relaxed) }

    /// How many flights there are.
    var flightCount: Int { count.load(ordering: .relaxed) }

    /// Reads how many flights there are, on whose account, and how many the domain has that has the most.
    func readAccounts(_ read: Account.Reader) {
        let domainLimit = domainLimit.load(ordering: .relaxed)
        read(Account("questions in flight", flightCount, of: limit))
        read(Account("refreshes in flight", refreshCount.load(ordering: .relaxed), of: max(1, limit / 8)))
        // Where all together are no more than one domain may have, nobody need be looked for.
        let most = flightCount > domainLimit ? shares.mostOfDomain : flightCount
        read(Account("questions of one domain in flight", most, of: domainLimit))
        shares.readAccounts(read)
        refreshShares.readAccounts(read)
    }

    /// Makes `waiter` wait for the flight with this key, which is opened for `owner` when there is none.
    func join(_ key: CacheKey, _ waiter: FlightWaiter, for owner: FlightOwner, on hub: Hub) -> Boarding {
        let place = place(for: owner)
        if let boarding = join(key, waiter, for: owner, on: hub, opens: place == .free) { return boarding }
        if place == .crowded {
            guard mayReplace(owner), endOldest(on: hub, of: owner.domain) else { return .crowded }
            return join(key, waiter, for: owner, on: hub, opens: true) ?? .full
        }
        guard place == .another, endOldest(on: hub) else { return .full }
        return join(key, waiter, for: owner, on: hub, opens: true) ?? .full
    }

    /// The same; nil where there is no flight with this key and none is to be opened.
    private func join(
        _ key: CacheKey, _ waiter: FlightWaiter, for owner: FlightOwner, on hub: Hub, opens: Bool
    ) -> Boarding? {
        shard(key).withLock { flights in
            if let flight = flights.find(key) {
                return flight.join(waiter) ? .joined(flight) : .full
            }
            guard opens else { return nil }
            let flight = Flight(key, owner, on: hub)
            _ = flight.join(waiter)
            enter(flight, in: &flights)
            return .opened(flight)
        }
    }

    /// Opens a flight for who will fly it; nil when the question is being asked already, or too many are.
    func open(_ key: CacheKey, for owner: FlightOwner, on hub: Hub, trace: QuestionTrace? = nil) -> Flight? {
        let place = place(for: owner)
        if place != .free {
            guard place == .another, openedAt(key) == nil, endOldest(on: hub) else { return nil }
        }
        return shard(key).withLock { flights in
            guard flights.find(key) == nil else { return nil }
            let flight = Flight(key, owner, on: hub, trace: trace)
            flight.isFlownByClient = !owner.isRefresh
            enter(flight, in: &flights)
            return flight
        }
    }

    /// When the flight that asks a question was opened; nil where nobody asks it.
    func openedAt(_ key: CacheKey) -> Instant? {
        shard(key).withLock { $0.find(key)?.openedAt }
    }

    /// Flights at a moment, at most so many, the oldest first.
    func list(limit: Int, at now: Instant) -> [AskedQuestion] {
        let found = shards.flatMap { shard in
            shard.withLock { flights in
                flights.oldest(limit).map { AskedQuestion($0, clients: $0.clientCount, at: now) }
            }
        }
        return Array(found.sorted { $0.nanoseconds > $1.nanoseconds }.prefix(limit))
    }

    /// Ends a flight and wakes all who wait for it. One that was ended before stays as it is.
    func land(_ flight: Flight, _ result: Result<UpstreamReply, UpstreamFailure>, on hub: Hub) {
        let waiters = shard(flight.key).withLock { flights -> [FlightWaiter] in
            guard flight.result == nil else { return [] }
            flights.remove(flight)
            leave(flight)
            return flight.land(result)
        }
        for waiter in waiters { waiter.wake(from: hub) }
    }

    // MARK: - Places

    /// Whether there is a place for a flight of `owner`.
    private func place(for owner: FlightOwner) -> Place {
        guard shares.hasRoom(for: owner, of: domainLimit.load(ordering: .relaxed)) else { return .crowded }
        let taken = count.load(ordering: .relaxed)
        let isScarce = taken >= limit - limit / 4
        if owner.isRefresh {
            let limit = max(1, limit / 8)
            let taken = refreshCount.load(ordering: .relaxed)
            guard !isScarce, taken < limit else { return .none }
            return taken < limit - limit / 4 || refreshShares.isBelow(owner, of: limit) ? .free : .none
        }
        guard isScarce else { return .free }
        guard shares.isBelow(owner, of: limit) else { return .none }
        return taken < limit ? .free : .another
    }

    /// Whether a flight whose domain has all its places may have that of another one of it; counts it.
    private func mayReplace(_ owner: FlightOwner) -> Bool {
        guard !owner.isRefresh, shares.hasFew(owner, of: domainLimit.load(ordering: .relaxed)) else { return false }
        return crowdedCount.add(1, ordering: .relaxed).newValue % Self.replacedPart == 0
    }

    /// Counts a new flight and enters it, under the shard's lock.
    private func enter(_ flight: Flight, in flights: inout FlightShard) {
        count.add(1, ordering: .relaxed)
        if flight.owner.isRefresh {
            refreshCount.add(1, ordering: .relaxed)
            refreshShares.add(flight.owner)
        }
        shares.add(flight.owner)
        flights.insert(flight)
    }

    /// Counts a flight that is over.
    private func leave(_ flight: Flight) {
        count.subtract(1, ordering: .relaxed)
        if flight.owner.isRefresh {
            refreshCount.subtract(1, ordering: .relaxed)
            refreshShares.remove(flight.owner)
        }
        shares.remove(flight.owner)
    }

    /// Ends the oldest flight that nobody waits for but the client that opened it, of a domain where one is given; false where
    /// none of the oldest is such a one.
    private func endOldest(on hub: Hub, of domain: UInt32? = nil) -> Bool {
        var oldest: Flight?
        for shard in shards {
            guard let flight = shard.withLock({ $0.oldestLone(of: domain) }) else { continue }
            if oldest.map({ flight.openedAt < $0.openedAt }) ?? true { oldest = flight }
        }
        guard let oldest else { return false }
        land(oldest, .failure(.overloaded), on: hub)
        oldest.end(from: hub)
        return true
    }

    private func shard(_ key: CacheKey) -> Locked<FlightShard> {
        shards[Int(truncatingIfNeeded: key.hash >> 48) & 15]
    }
}

/// Some of the flights, chained in buckets by the low bits of their keys' hash, which is keyed already.
private struct FlightShard: Sendable {
    private var buckets = [Flight?](repeating: nil, count: 256)
    /// The ends of the list in the order of opening.
    private var oldest = FlightLink()
    private var newest = FlightLink()

    /// So many of the oldest are looked at for one that no other client waits for.
    private static var searchLimit: Int { 16 }

    /// The oldest flight that nobody waits for but the client that opened it, of a domain where one is given.
    func oldestLone(of domain: UInt32?) -> Flight? {
        var flight = oldest.flight
        for _ in 0..<Self.searchLimit {
            guard let each = flight, !each.isLone || domain.map({ $0 != each.owner.domain }) ?? false else { return flight }
            flight = each.newer.flight
        }
        return nil
    }

    /// The oldest, so many at most.
    func oldest(_ limit: Int) -> [Flight] {
        var found: [Flight] = []
        var flight = oldest.flight
        while let each = flight, found.count < limit {
            found.append(each)
            flight = each.newer.flight
        }
        return found
    }

    /// The flight with a key.
    func find(_ key: CacheKey) -> Flight? {
        var flight = buckets[bucket(key)]
        while let each = flight, !(each.key == key) { flight = each.next }
        return flight
    }

    /// Takes a flight in whose key is not here yet.
    mutating func insert(_ flight: Flight) {
        let bucket = bucket(flight.key)
        flight.next = buckets[bucket]
        buckets[bucket] = flight
        flight.older = newest
        if let last = newest.flight { last.newer.flight = flight } else { oldest.flight = flight }
        newest.flight = flight
    }

    /// Takes a flight out that is here.
    mutating func remove(_ flight: Flight) {
        let bucket = bucket(flight.key)
        if buckets[bucket] === flight {
            buckets[bucket] = flight.next
        } else {
            var before = buckets[bucket]
            while let each = before, each.next !== flight { before = each.next }
            before?.next = flight.next
        }
        flight.next = nil
        if let older = flight.older.flight { older.newer = flight.newer } else { oldest = flight.newer }
        if let newer = flight.newer.flight { newer.older = flight.older } else { newest = flight.older }
        (flight.older, flight.newer) = (FlightLink(), FlightLink())
    }

    private func bucket(_ key: CacheKey) -> Int { Int(truncatingIfNeeded: key.hash) & (buckets.count - 1) }
}

extension CacheKey {
    /// Whether both ask the same.
    static func == (left: borrowing CacheKey, right: borrowing CacheKey) -> Bool {
        guard left.hash == right.hash, left.type == right.type, left.class == right.class, left.flags == right.flags,
            left.viewNumber == right.viewNumber
        else { return false }
        return left.wireName == right.wireName
    }
}
