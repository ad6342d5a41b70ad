internal import AnswerCache
internal import Belief
package import DNSWire
internal import Green
internal import NameRules
package import Observation
internal import Upstream

/// What a query's walk came to that somebody watched.
package struct Explanation: Sendable {
    /// What happened, in order.
    package let steps: [QuestionTrace.Step]
    /// The answer; empty where none is due.
    package let answer: [UInt8]
    /// How long it took.
    package let nanoseconds: UInt64
}

/// Who watches the walk of one query.
struct Watch {
    /// Told of each step.
    let trace: QuestionTrace
    /// Whether the cache is not looked at, so that the question is asked anew.
    let skipsCache: Bool
}

/// `vireo explain`: the walk of any query, watched. It counts nothing, for no client asked.
extension Resolver {
    /// `look`, off the path of a hit, for who watches.
    @inline(never)
    func look(
        _ query: inout QueryView, length: Int, in buffer: inout MutableSpan<UInt8>, from client: UInt128, streams: Bool,
        watchedBy watch: Watch
    ) -> Sight {
        watched = watch.trace
        defer { watched = nil }
        return look(&query, length: length, in: &buffer, from: client, streams: streams, watch: watch)
    }

    /// Answers a client's query as it would be answered now, and tells how that came about. Waits. Where the client has a name, it is
    /// taken to have proven it.
    package func explain(
        _ message: [UInt8], from client: UInt128, named name: ClientName = .none, skipsCache: Bool
    ) -> Explanation {
        let begun = hub.loop.now()
        let trace = QuestionTrace(at: begun)
        var buffer = [UInt8](repeating: 0, count: 65_535)
        guard message.count <= buffer.count else { return Explanation(steps: [], answer: [], nanoseconds: 0) }
        buffer.replaceSubrange(0..<message.count, with: message)
        let name = name == .none ? name : name.proven
        noteGroup(of: client, named: name, trace)
        let count: Int
        switch beginExplained(message, &buffer, from: client, named: name, Watch(trace: trace, skipsCache: skipsCache)) {
        case .over(let length, let source):
            count = length ?? 0
            trace.note("answer", at: hub.loop.now(), source.map { "from \($0.name)" } ?? "none is given")
        case .waits(let pending, let isCached):
            let resolution = isCached ? .cached : resolveQuietly(pending)
            // The answer's own source, as it is counted for a client.
            answeredBy = resolution.source
            watched = trace
            var span = buffer.mutableSpan
            count = writeQuietly(pending, resolution, into: &span, limit: span.count)
            trace.note("answer", at: hub.loop.now(), count > 0 ? "from \(answeredBy.name)" : "none is given")
            (answeredBy, watched) = (.local, nil)
        }
        return Explanation(
            steps: trace.all, answer: Array(buffer[..<max(0, count)]), nanoseconds: begun.nanoseconds(to: hub.loop.now()))
    }

    /// What came of an explained query at first sight.
    private enum Begun {
        /// Nothing needs waiting: the answer's length and where it is from, nil where none is given.
        case over(Int?, AnswerSource?)
        /// Something must be waited for, or the cache's answer is only too long for this.
        case waits(PendingQuery, isCached: Bool)
    }

    private func beginExplained(
        _ message: [UInt8], _ buffer: inout [UInt8], from client: UInt128, named name: ClientName, _ watch: Watch
    ) -> Begun {
        var query = QueryView()
        query.clientName = name
        var span = buffer.mutableSpan
        let sight = look(&query, length: message.count, in: &span, from: client, streams: true, watchedBy: watch)
        defer { answeredBy = .local }
        switch sight {
        case .hit(let length, _): return .over(length, .memory)
        case .other(.answered(let length)): return .over(length, answeredBy)
        case .other(.drop): return .over(nil, nil)
        case .other(let step):
            return .waits(PendingQuery(&query, message.span, from: client, trace: watch.trace), isCached: step == .tooLong)
        }
    }

    /// Tells of the client's group.
    func noteGroup(of client: UInt128, named name: ClientName, _ trace: QuestionTrace) {
        guard let book = policy.rules else { return }
        let groups = book.content.groups.groups
        let name = book.group(of: client, named: name).flatMap { groups.indices.contains($0) ? groups[$0].name : nil }
        trace.note("group", at: hub.loop.now(), name ?? "none")
    }

    /// Tells who watches that a question is answered here, and from what.
    func noteLocal(_ text: @autoclosure () -> String) {
        guard let watched else { return }
        watched.note("local", at: hub.loop.now(), text())
    }

    /// Tells what the cache had.
    @inline(never)
    func note(_ outcome: CacheOutcome, _ query: inout QueryView, _ watch: Watch) {
        let now = hub.loop.now()
        if watch.skipsCache { return watch.trace.note("memory", at: now, "not looked at") }
        switch outcome {
        case .miss: watch.trace.note("memory", at: now, "nothing is known")
        case .stale:
            watch.trace.note("memory", at: now, "an answer whose time is over, which may be given out if there is no other")
        case .tooLarge(let count): watch.trace.note("memory", at: now, "an answer of \(count) bytes")
        case .hit(let stored):
            let origin = origin(of: stored, CacheKey(&query))
            let kind = stored.isFailure ? "a failure that is remembered" : stored.isNegative ? "a negative answer" : "an answer"
            watch.trace.note(
                "memory", at: now,
                "\(kind)\(origin), \(stored.ageSeconds) s old, for \(stored.secondsLeft) s more; given out \(stored.uses) times")
        }
    }

    /// Where an answer of the cache came from.
    private func origin(of stored: StoredAnswer, _ key: CacheKey) -> String {
        let from = nameOfUpstream(stored.upstream).map { " from \($0)" } ?? ""
        guard let name = RuleBook.name(key.wireName.span) else { return from }
        let entries = cache.entries(FixedName(name), key.type, key.class, at: BootSeconds(rawValue: hub.bootSeconds))
        let entry = entries.first { $0.key.viewNumber == key.viewNumber && $0.key.flags == key.flags }
        switch entry?.provenance.transport {
        case .redis: return "\(from), by way of Redis"
        case .local, nil: return from
        case let transport?: return "\(from) over \(transport)"
        }
    }

    /// How an upstream is written, by its number, here or by the instance that gave its answer to Redis; nil for one of earlier
    /// settings.
    private func nameOfUpstream(_ number: UInt16) -> String? {
        policy.upstream(numbered: number).map { "\($0.address)" } ?? shared.redis?.upstreams.name(of: number)
    }

    /// Tells which upstreams are for a question's domain.
    @inline(never)
    func noteRoute(_ domain: DomainFacts, _ trace: QuestionTrace) {
        guard let route = domain.route, policy.routes.indices.contains(route) else {
            guard let identity = ViewDirectory.shared.identity(of: domain.view) else { return }
            return trace.note("view", at: hub.loop.now(), "its group asks upstreams of its own: \(identity.text)")
        }
        let wire = policy.routes[route].domain
        let name = RuleBook.name(wire.span).map { "\($0)" } ?? "?"
        trace.note("forward", at: hub.loop.now(), "\(name) has upstreams of its own")
    }

    /// Tells whether an answer is kept.
    @inline(never)
    func noteKept(_ reply: UpstreamReply, isKept: Bool, _ trace: QuestionTrace) {
        let answer = reply.answer
        let end = hub.loop.wallTime() / 1_000_000_000 + Int64(answer.lifetimeSeconds)
        let text =
            if let reason = answer.notKept { "not kept: \(reason)" } else if isKept {
                "kept for \(answer.lifetimeSeconds) s, until \(WallTime.text(seconds: end))"
            } else {
                "not kept: something was flushed meanwhile, or there is no room"
            }
        trace.note("store", at: hub.loop.now(), text)
    }

    /// Tells that a question is being asked already.
    @inline(never)
    func noteBoarding(_ pending: PendingQuery, _ trace: QuestionTrace) {
        let now = hub.loop.now()
        guard let opened = shared.flights.openedAt(pending.key) else {
            return trace.note("flight", at: now, "too much is being asked: one more is opened if there is a place")
        }
        trace.note("flight", at: now, "joined: this has been asked for \(opened.nanoseconds(to: now) / 1_000) µs")
    }
}
