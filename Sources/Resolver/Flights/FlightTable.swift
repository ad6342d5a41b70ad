internal import AnswerCache
internal import DNSWire
internal import Green
internal import Synchronization
internal import Upstream

/// The flights of all workers, found by question. Shards with a lock each; nothing waits inside one.
final class FlightTable: Sendable {
    private let shards: [Locked<FlightShard>]
    private let count = Atomic<Int>(0)
    /// How many flights there may be at once.
    let limit: Int

    /// What came of joining.
    enum Boarding {
        /// Others ask already; the waiter is woken when they have the answer.
        case joined(Flight)
        /// The waiter is the first of a new flight, which the caller must start.
        case opened(Flight)
        /// There are too many.
        case full
    }

    init(limit: Int) {
        self.limit = limit
        shards = (0..<16).map { _ in Locked(FlightShard()) }
    }

    /// How many flights there are.
    var flightCount: Int { count.load(ordering: .relaxed) }

    /// Makes `waiter` wait for the flight with this key, which is opened when there is none.
    func join(_ key: CacheKey, _ waiter: FlightWaiter) -> Boarding {
        shard(key).withLock { flights in
            if let flight = flights.find(key) {
                return flight.join(waiter) ? .joined(flight) : .full
            }
            guard let flight = open(key, in: &flights) else { return .full }
            _ = flight.join(waiter)
            return .opened(flight)
        }
    }

    /// Opens a flight for who will fly it; nil when the question is being asked already, or too many are.
    func open(_ key: CacheKey) -> Flight? {
        shard(key).withLock { flights in flights.find(key) == nil ? open(key, in: &flights) : nil }
    }

    /// Counts a new flight and enters it, under the shard's lock; nil when there are too many.
    private func open(_ key: CacheKey, in flights: inout FlightShard) -> Flight? {
        guard count.load(ordering: .relaxed) < limit else { return nil }
        count.add(1, ordering: .relaxed)
        let flight = Flight(key)
        flights.insert(flight)
        return flight
    }

    /// Whether a question is being asked.
    func isFlying(_ key: CacheKey) -> Bool {
        shard(key).withLock { $0.find(key) != nil }
    }

    /// Ends a flight and wakes all who wait for it.
    func land(_ flight: Flight, _ result: Result<UpstreamReply, UpstreamFailure>, on hub: Hub) {
        let waiters = shard(flight.key).withLock { flights in
            flights.remove(flight)
            return flight.land(result)
        }
        count.subtract(1, ordering: .relaxed)
        for waiter in waiters { waiter.wake(from: hub) }
    }

    private func shard(_ key: CacheKey) -> Locked<FlightShard> {
        shards[Int(truncatingIfNeeded: key.hash >> 48) & 15]
    }
}

/// Some of the flights, chained in buckets by the low bits of their keys' hash, which is keyed already.
private struct FlightShard: Sendable {
    private var buckets = [Flight?](repeating: nil, count: 256)

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
    }

    private func bucket(_ key: CacheKey) -> Int { Int(truncatingIfNeeded: key.hash) & (buckets.count - 1) }
}

extension CacheKey {
    /// Whether both ask the same.
    static func == (left: borrowing CacheKey, right: borrowing CacheKey) -> Bool {
        guard left.hash == right.hash, left.type == right.type, left.class == right.class, left.flags == right.flags else {
            return false
        }
        return left.wireName == right.wireName
    }
}
