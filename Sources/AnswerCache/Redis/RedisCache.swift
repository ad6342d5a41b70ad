// The cache that machines share.
//
// Each worker has a `RedisCache` of its own, with one connection on its hub; what they have in common stands in
// `RedisTier`. A flight asks it after the memory and before the upstreams:
//
//     RedisCache.begin       the breaker lets it pass; GETRANGE vireo:1:example.com.:A:IN goes out with others of this turn
//     RedisLookup.wait       waits, no longer than `redis-timeout`
//     RedisValue.read        checks version, lengths, checksum, clocks; `Belief` reads the message as any upstream's
//     the flight             keeps the answer in memory, its TTLs counted down, and lands with it
//
// An upstream's answer goes the other way: `RedisCache.store` sends SET with the time after which Redis drops it, and
// waits for nothing.
//
// Invariants:
// - Nobody waits for Redis longer than the budget says; a Redis that fails is left out by the `CircuitBreaker`.
// - What Redis says is as untrusted as what a stranger says: what does not check out is a miss, and counted.
// - Every key expires. Keys can be read by people, and begin with `vireo:1:`.
// - A flush is published, and raises an epoch as well, for who misses the message (`RedisFleet`).

package import Belief
internal import DNSWire
package import Green
internal import GreenRedis

/// The shared cache as one hub uses it. Belongs to its hub's thread.
package final class RedisCache {
    /// What all workers' caches have in common.
    package let tier: RedisTier
    private let hub: Hub
    private let route: RedisRoute
    private var breaker = CircuitBreaker()
    private var isReportedOut = false
    private var lastUpstream: (name: ArraySlice<UInt8>, number: UInt16) = ([], .max)

    /// A cache of `hub`, which begins to connect.
    package init(_ tier: RedisTier, hub: Hub = .current) {
        self.tier = tier
        self.hub = hub
        route = RedisRoute(tier.options, hub: hub) { [tier] reply in tier.stored(reply) }
    }

    /// Commands that wait for their replies, and bytes that wait to be sent, each with how much there may be of them.
    package var waiting: (commands: Int, mostCommands: Int, bytes: Int, mostBytes: Int) { route.waiting }

    /// How long an answer is waited for.
    package var budget: Duration { tier.budget }

    /// Begins to look for an answer; nil where Redis is left out. Does not wait.
    package func begin(_ key: borrowing CacheKey) -> RedisLookup? {
        guard breaker.admits(at: hub.now) else {
            tier.count(.leftOut)
            return nil
        }
        tier.count(.lookups)
        do throws(RedisError) {
            let text = RedisKey.text(for: key)
            return RedisLookup(try route.connection(for: text).begin(RedisValue.command(for: text)))
        } catch {
            failed(error)
            return nil
        }
    }

    /// What a look-up came to: the answer, or nil. `key` is what was asked for, `rules` are those for a new answer to it.
    package func finish(_ lookup: RedisLookup, _ key: borrowing CacheKey, _ rules: Belief.Rules) -> RedisAnswer? {
        switch lookup.outcome {
        case nil:
            tier.count(.timeouts)
            failed(.timedOut)
            return nil
        case .failure(let error):
            failed(error)
            return nil
        case .success(.error(let words)) where !words.hasPrefix("WRONGTYPE "):
            failed(.refused(words))
            return nil
        case .success(let reply):
            // An answer that comes late says that Redis is slow, which was counted.
            if !lookup.isLate { succeeded() }
            // A list or its like under a key of ours (WRONGTYPE) says nothing against Redis.
            guard case .bytes(let bytes) = reply, !bytes.isEmpty else {
                tier.count(reply == .bytes([]) ? .misses : .invalid)
                return nil
            }
            switch RedisValue.read(bytes, key, rules, at: wallMilliseconds) {
            case .answer(let answer, let head):
                tier.count(.hits)
                if answer.isNegative { tier.count(.negativeHits) }
                return RedisAnswer(
                    answer: answer, upstream: number(ofUpstream: bytes[head.upstream]), expiresAt: head.expiresAt)
            case .expired:
                tier.count(.expired)
                return nil
            case .invalid:
                tier.count(.invalid)
                return nil
            }
        }
    }

    /// Gives an answer to all, where it is one to keep, for as long as it may be given out. Does not wait. Stale answers are the
    /// memory's: nobody reads from Redis what is over.
    package func store(_ key: borrowing CacheKey, _ answer: Answer, origin: RedisValue.Origin) {
        guard !breaker.isOpen, let value = RedisValue(key, answer, origin: origin, at: wallMilliseconds) else { return }
        let text = RedisKey.text(for: key)
        let life = value.expiresAt - value.storedAt
        do throws(RedisError) {
            let connection = route.connection(for: text)
            if key.viewNumber != .general, tier.isViewMarkDue(at: hub.now) {
                try connection.post(["SET", RedisArgument(RedisKey.views), "1", "PX", RedisTier.viewMarkLife])
            }
            try connection.post(["SET", RedisArgument(text), RedisArgument(value.bytes), "PX", RedisArgument(Int(life))])
        } catch {
            tier.count(.errors)
        }
    }

    /// Ends the connection.
    package func close() {
        if isReportedOut { tier.isBack() }
        isReportedOut = false
        route.close()
    }

    // MARK: - Parts

    /// The number of an upstream's name; most often the same as the time before.
    private func number(ofUpstream name: ArraySlice<UInt8>) -> UInt16 {
        if lastUpstream.name != name { lastUpstream = (name, tier.upstreams.number(of: String(decoding: name, as: UTF8.self))) }
        return lastUpstream.number
    }

    private var wallMilliseconds: Int64 { hub.loop.wallTime() / 1_000_000 }

    private func succeeded() {
        breaker.succeeded()
        guard isReportedOut else { return }
        isReportedOut = false
        tier.isBack()
    }

    private func failed(_ error: RedisError) {
        if error != .timedOut { tier.count(.errors) }
        breaker.failed(at: hub.loop.now())
        guard breaker.isOpen, !isReportedOut else { return }
        isReportedOut = true
        tier.isOut(because: route.failure ?? error)
    }
}

/// An answer that Redis had.
package struct RedisAnswer {
    /// The answer, its TTLs counted down.
    package let answer: Answer
    /// The upstream that it came from, as the cache knows it.
    package let upstream: UInt16
    /// When its time is over, milliseconds since 1970.
    package let expiresAt: Int64
}

/// One look-up on its way.
package final class RedisLookup {
    private let request: RedisRequest
    /// Whether the budget was over before the answer came.
    package private(set) var isLate = false

    init(_ request: RedisRequest) {
        self.request = request
    }

    /// Waits until the answer is there (true) or `deadline` passes (false).
    package func wait(until deadline: Instant) throws(Interruption) -> Bool {
        let came = try request.wait(until: deadline)
        if !came { isLate = true }
        return came
    }

    /// Has `call` called once when the answer comes. It must not wait.
    package func whenDone(_ call: @escaping () -> Void) { request.whenDone(call) }

    /// What came; nil while nothing has.
    var outcome: Result<RedisReply, RedisError>? { request.outcome }
    /// What is said of a look-up that found no answer.
    package var nothingFound: String {
        switch outcome {
        case nil, .failure(.timedOut): "no answer in time"
        case .failure(let error): "cannot be asked: \(error)"
        case .success(.error(let words)): "cannot be asked: \(words)"
        case .success(.bytes([])): "has nothing"
        case .success: "has nothing that may be used: its time is over, or it cannot be read"
        }
    }

    /// Whether something came.
    package var isDone: Bool { request.outcome != nil }

    /// Nobody is interested any more.
    package func abandon() { request.abandon() }
}

/// Which connection a key is asked over. There is one server now; a cluster's slots, or a master that Sentinel names, are
/// chosen here and by `RedisOptions.locate`.
final class RedisRoute {
    private let only: RedisConnection
    private let options: RedisOptions

    /// `stored` is told of each reply to what was given to Redis.
    init(_ options: RedisOptions, hub: Hub, stored: @escaping (RedisReply) -> Void) {
        self.options = options
        only = RedisConnection(options, hub: hub)
        only.onPostedReply = stored
    }

    /// The connection for a key.
    func connection(for key: [UInt8]) -> RedisConnection { only }

    /// What waits for replies, and to be sent; the last command, a key with a message, may go beyond the bytes.
    var waiting: (commands: Int, mostCommands: Int, bytes: Int, mostBytes: Int) {
        (only.pendingCount, options.pendingLimit, only.unsentBytes, options.unsentLimit + (128 << 10))
    }

    /// Why there is no connection, where that is known.
    var failure: RedisError? {
        if case .broken(let error) = only.state { return error }
        return nil
    }

    /// Closes all connections.
    func close() { only.close() }
}
