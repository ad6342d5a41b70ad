internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// Flights with a Redis on their way: it is asked first, within its budget. When that is spent, upstreams are asked as well,
/// and the first good answer wins.
extension Resolver {
    /// Finds the answer to a flight's question.
    func find(_ flight: Flight) -> Result<UpstreamReply, UpstreamFailure> {
        let key = flight.key
        let mark = cache.flushMark
        let begun = hub.loop.now()
        let deadline = begun.advanced(by: Forwarder.questionLimit)
        guard let redis else { return ask(flight, since: mark, until: deadline) }
        let isLeftOut = rule(for: key)?.noCache == true
        guard !isLeftOut, let lookup = redis.begin(key) else {
            note(isLeftOut ? "not asked: its domain has no-cache" : "not asked: it has not answered lately", of: flight)
            return ask(flight, since: mark, until: deadline)
        }
        defer { lookup.abandon() }
        flight.waitsFor = .redis
        do {
            if try lookup.wait(until: begun.advanced(by: redis.budget)) {
                return take(lookup, from: redis, flight, since: mark) ?? ask(flight, since: mark, until: deadline)
            }
        } catch {
            return .failure(.stopping)
        }
        // Counts as a failure of Redis, whatever comes later.
        _ = redis.finish(lookup, key, rules(in: rule(for: key)))
        note("no answer within \(redis.budget); upstreams are asked beside it", of: flight)
        return race(lookup, from: redis, flight, since: mark, until: deadline)
    }

    /// Asks upstreams while a look-up is still under way.
    private func race(
        _ lookup: RedisLookup, from redis: RedisCache, _ flight: Flight, since mark: FlushMark, until deadline: Instant
    ) -> Result<UpstreamReply, UpstreamFailure> {
        let asking = hub.spawn(name: "upstream beside redis") { self.ask(flight, since: mark, until: deadline) }
        let happened = Event(hub: hub)
        lookup.whenDone { happened.set() }
        asking.link { happened.set() }
        var isOpen = true
        while true {
            if let value = asking.value { return value }
            if asking.isDone { return .failure(.overloaded) }
            if isOpen, lookup.isDone {
                isOpen = false
                if let found = take(lookup, from: redis, flight, since: mark) { return found }
            }
            happened.clear()
            do {
                _ = try happened.wait(until: deadline.advanced(by: .seconds(1)))
            } catch {
                asking.kill()
                return .failure(.stopping)
            }
        }
    }

    /// The answer that Redis had, kept in memory; nil when it had none, or none that is news.
    private func take(
        _ lookup: RedisLookup, from redis: RedisCache, _ flight: Flight, since mark: FlushMark
    ) -> Result<UpstreamReply, UpstreamFailure>? {
        let key = flight.key
        let rule = rule(for: key)
        guard let found = redis.finish(lookup, key, rules(in: rule)) else {
            note(lookup.nothingFound, of: flight)
            return nil
        }
        // Whoever kept it trusted that upstream. We do as far as it is one of ours, and as our settings say.
        let answer = trustedUpstreams.contains(found.upstream) ? found.answer : found.answer.withoutAD()
        let reply = withoutDenialOfHosts(
            UpstreamReply(answer, upstream: .max, transport: .udp), of: key.wireName.span, key.class)
        let now = BootSeconds(rawValue: hub.bootSeconds)
        let wall = hub.loop.wallTime() / 1_000_000
        // Whatever stands in memory is asked for anew because its time is over, or nearly. What ends no later is the same
        // answer: the memory counts whole seconds, so that the ends differ by less than one.
        if let left = cache.secondsLeft(key, at: now), found.expiresAt - wall <= (left + 1) * 1_000 {
            note("has an answer that is no newer than the one in memory", of: flight)
            return nil
        }
        let mayBecomeStale = rule?.noStale != true
        let origin = Provenance(upstream: found.upstream, transport: .redis)
        cache.keep(key, since: mark) {
            cache.store(key, reply.answer, from: origin, at: now, mayBecomeStale: mayBecomeStale)
        }
        flight.source = .redis
        note("has an answer, for \(max(0, found.expiresAt - wall) / 1_000) s more; it is kept in memory", of: flight)
        return .success(reply)
    }

    /// Tells who watches a flight of Redis.
    private func note(_ text: @autoclosure () -> String, of flight: Flight) {
        flight.trace(at: hub.loop.now())?.note("redis", at: hub.loop.now(), text())
    }

    /// Gives an upstream's answer to the other instances too.
    func share(_ key: CacheKey, _ reply: UpstreamReply) {
        guard let redis else { return }
        let upstream = policy.upstream(numbered: reply.upstream)
        let origin = RedisValue.Origin(
            upstream: upstream?.address.description ?? "", transport: reply.provenance.transport)
        redis.store(key, reply.answer, origin: origin)
    }
}
