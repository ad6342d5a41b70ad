// One question to one answer.
//
// A listener hands a client's message in its own buffer to `begin` (Resolver+Begin.swift), which writes the answer over it
// and says how long it is. That is the walk of a hit:
//
//     QueryView.read        header, question, EDNS; lower-cases and hashes the name
//     screen                other classes, transfers: refused here
//     HostsTable.find       names of the hosts file
//     MemoryCache.answer    copies the stored records behind the question, counts TTLs down
//     Reply.finish          header, OPT
//     judgeHit              what the rules in force have not passed yet is judged (Rules/RuleBook.swift)
//     missed                where the cache has nothing: names that are answered here, and queries without RD
//
// When that is not enough, `begin` says `wait`. The listener keeps a `PendingQuery`, gives its buffer back, calls
// `resolve`, which waits for a flight, and then `write` with a fresh buffer:
//
//     FlightTable.join      one flight for all who want the same, in all workers
//     RedisCache.begin      the flight's greenlet asks Redis first, where there is one
//     Forwarder.ask         it asks upstream; `Belief` makes an answer of the reply
//     follow                asks for the target of an alias that the upstream did not follow
//     MemoryCache.store     what is to be kept is kept
//     FlightTable.land      all who wait are woken, wherever they run
//     write                 each is sent a copy of the answer, kept or not
//
// Invariants: a hit neither waits nor allocates. A client that goes away ends no flight. Nothing here knows sockets.

internal import AnswerCache
internal import Belief
internal import DNSWire
package import Green
package import Observation
internal import Upstream

/// Answers the queries of one hub. All hubs share what is known and what is being asked.
package final class Resolver {
    /// The hub it works on.
    package let hub: Hub
    let shared: SharedState
    let cache: MemoryCache
    let forwards = ForwardTable()
    /// What other instances know, where there is a Redis. Of this hub alone.
    let redis: RedisCache?
    /// What it answers by itself, and whom it asks.
    package private(set) var policy: Policy
    // SAFETY: read and replaced on the hub's thread alone, and no access lasts over a switch; a checked access would cost
    // every hit more than the comparison with nil that most need.
    /// The policy's longest answer over UDP.
    @exclusivity(unchecked) private(set) var largestDatagram = 1232
    /// Whether clients without a good cookie are sent away.
    @exclusivity(unchecked) private(set) var requiresCookies = false
    /// The policy's cookies, with the keys of the day.
    var cookies = ServerCookies()
    /// The policy's hosts file.
    @exclusivity(unchecked) private(set) var hosts: HostsTable?
    /// The mark of entries that pass the rules in force; 0 where there are none.
    @exclusivity(unchecked) private(set) var rulesMark: UInt8 = 0
    /// Whether any client is in a view.
    @exclusivity(unchecked) private(set) var hasViews = false
    /// The policy's domains, to be found by name.
    private(set) var index: DomainIndex
    /// The addresses of upstreams, as numbers of clients: who asks from there what it is being asked may be asked in a loop.
    private var upstreamClients: Set<UInt32> = []
    /// The numbers of the upstreams that are trusted with AD.
    private(set) var trustedUpstreams: Set<UInt16> = []
    /// How many questions may be asked before anybody needs their answers.
    var prefetchBudget: RefreshBudget
    /// Which answers were asked for lately in that way.
    var refreshGaps = RefreshGaps()
    /// What this worker counts of queries.
    package let figures: QueryFigures
    /// Where those who watch are told of queries, and how this worker tells them.
    let tap: QueryTap
    var tapping = Tapping()
    /// Where the answer comes from that is being made, unless it is a hit.
    var answeredBy = AnswerSource.local
    /// The trace of the query that has just been looked at and must be waited for, where it is traced.
    var begunTrace: QuestionTrace?
    /// Told what happens to the query that is being looked at, where somebody watches.
    var watched: QuestionTrace?
    /// Clients that wait for an answer.
    package private(set) var waitingCount = 0
    /// How many of them are whose.
    let waitingClients = LocalCounters()
    /// Clients that were turned away because too much is asked at once.
    package private(set) var turnedAwayCount: UInt64 = 0
    /// What this worker counts denials with, and whose they are.
    private(set) var listHits: LocalListHits?
    private var countedHits: ListHits?
    /// What the rules in force denied lately.
    var recentDenials = RecentDenials()
    /// How many answers were judged by the rules: each once for each flight, and once for each book while it is kept.
    package var judgedCount: UInt64 = 0
    /// What was made of the flight that was judged last here, because who flew had other rules.
    var lastJudged: (flight: Flight, verdict: AnswerVerdict)?
    /// How many clients may wait; further ones are turned away, while hits go on.
    package var waitingLimit = Resolver.mostWaiting
    /// So many clients may wait, of all workers together.
    package static let mostWaiting = 50_000

    /// A resolver of `hub` with the given policy.
    package init(hub: Hub = .current, shared: SharedState, policy: Policy) {
        self.hub = hub
        redis = shared.redis.map { RedisCache($0, hub: hub) }
        self.shared = shared
        figures = shared.figures.take()
        tap = shared.tap
        cache = shared.cache
        self.policy = policy
        index = policy.index ?? DomainIndex(policy)
        prefetchBudget = RefreshBudget(perSecond: 100, most: 100, at: hub.now)
        adopt(policy)
    }

    deinit {
        shared.figures.giveBack(figures)
        if let ring = tapping.ring { tap.rings.giveBack(ring) }
        if let ring = tapping.traceRing { tap.traces.rings.giveBack(ring) }
    }

    /// Goes on with another policy. What is being asked is not disturbed.
    package func adopt(_ policy: Policy) {
        self.policy = policy
        index = policy.index ?? DomainIndex(policy)
        unsafe hosts = policy.hosts
        unsafe largestDatagram = min(max(512, policy.largestDatagram), Self.mostInDatagram)
        let addresses = policy.allUpstreams.map(\.address.address.ip)
        upstreamClients = Set(addresses.map { FairShares.client($0.number) })
        trustedUpstreams = Set(policy.allUpstreams.filter(\.address.trustsAD).map(\.id))
        shared.flights.bound(domain: policy.flightsOfDomain)
        unsafe requiresCookies = policy.cookies.mode == .require
        cookies = policy.cookies
        unsafe rulesMark = policy.rules?.mark ?? 0
        unsafe hasViews = !policy.views.isEmpty
        recentDenials = RecentDenials()
        let hits = policy.rules?.hits
        if hits !== countedHits { (countedHits, listHits) = (hits, hits?.forWorker()) }
        let cache = cache
        forwards.adopt(policy, hub: hub, watch: shared.upstreams) { cache.forgetFailures() }
    }

    /// Waits until the answer is known, or why there is none; it asks upstream where nobody does already.
    package func resolve(_ pending: PendingQuery) -> Resolution {
        let begun = hub.now
        var resolution = resolveQuietly(pending)
        // What was kept was not waited for.
        if !resolution.isCached { resolution.begunAt = begun }
        return resolution
    }

    /// The same for what no client asked itself.
    func resolveQuietly(_ pending: PendingQuery) -> Resolution {
        guard unsafe rulesMark != 0 else { return resolveItself(pending) }
        if let redirected = resolveRedirect(pending) { return redirected }
        if pending.isKept, let kept = resolveKept(pending) { return kept }
        let resolution = resolveItself(pending)
        return resolveDenied(resolution, pending) ?? resolution
    }

    /// The same, whatever the rules say of the question's name and of the answer.
    private func resolveItself(_ pending: PendingQuery) -> Resolution {
        if isOwnQuery(pending) { return .failed(.noAnswer(.loop)) }
        // Not by `==`, which is not inlined for another module's enumeration.
        let hasStale: Bool
        var isLastResort = false
        switch cache.staleStanding(of: pending.key, at: BootSeconds(rawValue: hub.bootSeconds)) {
        case .resting: return .stale
        case .refreshable: hasStale = true
        case .lastResort: (hasStale, isLastResort) = (true, true)
        case .nothing: hasStale = false
        }
        if hasStale {
            pending.trace?.note("stale", at: hub.loop.now(), "there is an answer past its time, if no better one comes")
        }
        guard mayWait(pending.client), !hub.isCrowded else {
            if !hasStale { turnedAwayCount &+= 1 }
            return hasStale ? .stale : .failed(.overloaded)
        }
        waitingCount += 1
        waitingClients.add(pending.client)
        defer {
            waitingCount -= 1
            waitingClients.remove(pending.client)
        }
        if hasStale, !isLastResort { return resolveStale(pending) }
        let resolution = fetch(pending)
        if resolution.isOverload { turnedAwayCount &+= 1 }
        return isLastResort && !resolution.hasGoodAnswer ? .stale : resolution
    }

    /// Waits for the flight that asks a query's question, as long as it takes.
    private func fetch(_ pending: PendingQuery) -> Resolution {
        // Nothing ends this greenlet when its client goes away, so who asks first can fly by itself.
        let owner = owner(of: pending)
        if let flight = shared.flights.open(pending.key, for: owner, on: hub, trace: pending.trace) {
            pending.trace?.note("flight", at: hub.loop.now(), "opened: nobody asks this at present")
            flight.unlistedBy = pending.unlistedBy
            fly(flight)
            return .landed(flight)
        }
        let deadline = hub.loop.now().advanced(by: Forwarder.questionLimit + .seconds(1))
        if let trace = pending.trace { noteBoarding(pending, trace) }
        let resolution = board(pending.key, for: owner, until: deadline)
        if upstreamClients.contains(pending.client), resolution.isFailure {
            shared.upstreams.suspectLoop(UpstreamQuestion(pending.key.asked), at: hub.now)
        }
        return resolution
    }

    /// Whether one more query of a client may wait: beyond three quarters of the limit only where the client has less than
    /// its share. The limit is three quarters of the stacks that the kernel allows, where those are fewer.
    private func mayWait(_ client: UInt32) -> Bool {
        let limit = min(waitingLimit, hub.stackAllowance.map { $0 - $0 / 4 } ?? .max)
        if waitingCount < limit - limit / 4 { return true }
        // Nobody who waits is sent away for another, so that a share must be kept for who comes next.
        return waitingCount < limit && waitingClients.isBelow(client, of: limit)
    }

    /// On whose account the flight for a query is.
    func owner(of pending: PendingQuery) -> FlightOwner {
        FlightOwner(
            client: pending.client, domain: DomainIndex.domainNumber(pending.key.wireName),
            asker: pending.address == Self.nobody ? nil : ClientIdentity(pending.address, name: pending.clientName.number))
    }

    /// Whether a query is one that this server sent upstream a moment ago, which came back: it would wait for itself.
    private func isOwnQuery(_ pending: PendingQuery) -> Bool {
        let key = pending.key
        let isOwn = shared.upstreams.isOwn(key.wireName, written: pending.name, id: pending.id)
        guard isOwn, shared.flights.openedAt(key) != nil else { return false }
        shared.upstreams.noteLoop(UpstreamQuestion(key.asked), at: hub.now)
        return true
    }

    /// Waits for the flight that asks a question, which is opened when there is none.
    func board(_ key: CacheKey, for owner: FlightOwner, until deadline: Instant) -> Resolution {
        var boarding = FlightTable.Boarding.full
        do {
            let landed = try Waiter.wait(for: "an answer", until: deadline) { waiter in
                boarding = shared.flights.join(key, FlightWaiter(waiter, of: owner.client, on: hub), for: owner, on: hub)
                switch boarding {
                case .joined: figures.coalesced.add()
                case .opened(let flight): start(flight)
                case .full, .crowded: waiter.wake()
                }
            }
            switch boarding {
            case .full: return .failed(.overloaded)
            case .crowded:
                figures.domainLimited.add()
                return .failed(.crowded)
            case .joined(let flight), .opened(let flight):
                return landed ? .landed(flight) : .failed(.noAnswer(.timedOut))
            }
        } catch {
            return .failed(.noAnswer(.stopping))
        }
    }

    /// Starts a flight's greenlet, without a handle or a closure: nobody joins it.
    func start(_ flight: Flight) {
        flight.resolver = self
        let subject = unsafe Unmanaged.passRetained(flight)
        do throws(GreenletLimit) {
            try unsafe hub.startLater(Self.fly, subject: subject.toOpaque(), slot: 0)
        } catch {
            unsafe subject.release()
            shared.flights.land(flight, .failure(.overloaded), on: hub)
        }
    }

    /// What a flight's greenlet does.
    private static let fly: GreenletEntry = { subject, _ in
        let flight = unsafe Unmanaged<Flight>.fromOpaque(subject!).takeRetainedValue()
        flight.resolver?.fly(flight)
        flight.resolver = nil
    }

    /// Finds the answer, keeps what is to be kept, and tells all who wait.
    private func fly(_ flight: Flight) {
        guard !flight.isEnded else { return }
        flight.greenlet = RunningGreenlet()
        watchSlow(flight)
        let result = find(flight)
        flight.greenlet = nil
        // Once for all who wait.
        if case .success(let reply) = result { flight.verdict = verdict(on: reply.answer, of: flight) }
        shared.flights.land(flight, result, on: hub)
        shared.slow.note(flight, at: hub.now)
        traceSlow(flight)
    }

    /// What the policy says of the domain of a question in a view. DS of a domain is its parent's, and is asked there (RFC 4035
    /// 3.1.4.1).
    func domain(of asked: Asked, in view: ViewNumber) -> DomainFacts {
        let name = asked.name.span
        var facts = index.find(name) ?? DomainFacts()
        facts.view = view
        guard asked.type == .ds, name[0] > 0 else { return facts }
        facts.route = index.find(name.dropFirstLabel)?.route
        return facts
    }

    /// How answers to a question are kept, where its domain has a rule of its own.
    func rule(for key: CacheKey) -> DomainRule? {
        index.find(key.wireName.span)?.rule.map { policy.domains[$0] }
    }

    /// Asks the upstreams that a question of a domain goes to. Waits.
    func ask(
        _ asked: Asked, of domain: DomainFacts, _ rules: Belief.Rules, until deadline: Instant, for flight: Flight
    ) throws(UpstreamFailure) -> UpstreamReply {
        guard let forwarder = forwards[domain] else { throw .noUpstream }
        return try forwarder.ask(UpstreamQuestion(asked), rules, until: deadline, for: flight)
    }

    /// Asks upstream, and keeps what is to be kept unless something was flushed since `mark`. Waits until `deadline` at most.
    func ask(
        _ flight: Flight, since mark: FlushMark, until deadline: Instant
    ) -> Result<UpstreamReply, UpstreamFailure> {
        let key = flight.key
        do throws(UpstreamFailure) {
            let asked = key.asked
            let domain = domain(of: asked, in: key.viewNumber)
            let rule = domain.rule.map { policy.domains[$0] }
            let rules = rules(in: rule)
            if let trace = flight.trace { noteRoute(domain, trace) }
            let first = try ask(asked, of: domain, rules, until: deadline, for: flight)
            let found = try follow(first, key, rules, until: deadline, for: flight)
            let reply = withoutDenialOfHosts(found, of: key.wireName.span, key.class)
            shared.noteAnswer(at: BootSeconds(rawValue: hub.bootSeconds))
            store(key, reply, rule, since: mark, flight.trace(at: hub.loop.now()))
            return .success(reply)
        } catch {
            flight.trace(at: hub.loop.now())?.note("upstreams", at: hub.loop.now(), "no answer: \(error.text)")
            if error.isRemembered {
                shared.noteFailure(DomainIndex.domainNumber(key.wireName))
                let nobody = Provenance(upstream: .max, transport: .local)
                let now = BootSeconds(rawValue: hub.bootSeconds)
                cache.keep(key, since: mark) {
                    cache.storeFailure(
                        key, .servFail, extendedError: error.extendedError, text: error.rememberedText, from: nobody, at: now)
                }
            }
            return .failure(error)
        }
    }

    /// By what a reply to a question of a domain is judged.
    func rules(in rule: DomainRule?) -> Belief.Rules {
        var rules = Belief.Rules(limits: rule?.limits(within: cache.limits) ?? cache.limits, seed: cache.seed)
        rules.isMinimal = policy.hasMinimalResponses
        return rules
    }

    /// Keeps an answer as the rules of its domain say.
    private func store(
        _ key: CacheKey, _ reply: UpstreamReply, _ rule: DomainRule?, since mark: FlushMark, _ trace: QuestionTrace?
    ) {
        let now = BootSeconds(rawValue: hub.bootSeconds)
        if rule?.noCache == true {
            trace?.note("store", at: hub.loop.now(), "not kept: its domain has no-cache")
            return cache.endStale(key, at: now)
        }
        let isKept = cache.keep(key, since: mark) {
            cache.store(key, reply.answer, from: reply.provenance, at: now, mayBecomeStale: rule?.noStale != true)
        }
        if let trace { noteKept(reply, isKept: isKept, trace) }
        if isKept { share(key, reply) }
    }
}
