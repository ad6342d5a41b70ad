internal import DNSWire
internal import Green

/// What to do next about one question: a state machine without clocks or sockets. It is told what happened and says
/// what to do; `Asking` does it.
///
/// Upstreams are tried in the given order. A try lasts `tryLimit` at most; a datagram is sent again within it after a few
/// round trips, each time after twice as long, and an answer to an earlier try still counts. Who fails at once is not asked
/// again; who was silent is, as long as there is time.
///
/// What anybody may have sent (wrong letters, a reply without its question, guesses at a port) adds a way to ask that
/// upstream and closes none: TCP first, then fresh ports, ids and letters. It is believed when TCP says the same, or
/// three questions do.
struct AttemptPlan: ~Copyable {
    /// How an upstream is asked.
    struct Route: Hashable, Sendable {
        /// Its place in the order.
        var server: Int
        /// The transport.
        var transport: UpstreamAddress.Transport
        /// Whether with OPT.
        var hasEDNS: Bool
    }

    /// What a question may take.
    struct Terms: Hashable, Sendable {
        /// How many servers there are, at least one.
        var serverCount: Int
        /// Nanoseconds that a try lasts at most.
        var tryLimit: UInt64
        /// When the question ends.
        var deadline: Instant
        /// After so many nanoseconds without an answer the second server is asked too; nil for not at all.
        var hedgeWait: UInt64?
        /// So many of the first servers are asked at once.
        var askedAtOnce = 1
        /// So many datagrams go to each server at most.
        var mostDatagrams = AttemptPlan.mostDatagrams
    }

    /// What to do.
    enum Action: Hashable {
        /// Ask this server the way it is best asked; then say `sent`, or `refused` when that could not be done.
        case begin(server: Int)
        /// Ask this server besides the one that is being asked; then say `sent`, `refused`, or `notHedged`.
        case hedge(server: Int)
        /// Ask this server over TCP, for what it said over UDP may be forged; then say `sent` or `refused`.
        case confirm(server: Int)
        /// Ask on this route; then say `sent`, or `refused`.
        case send(Route)
        /// Send the last datagram to this server again, then wait.
        case resend(server: Int, wait: Instant)
        /// Ask this server over a fresh connection as well where the last one has a past, then wait or say `sent`.
        case reconnect(server: Int, wait: Instant)
        /// Wait for an event until then; when none comes say `timePassed`.
        case wait(Instant)
        /// Believe the doubtful reply that was told last.
        case believe
        /// There is no answer to be had.
        case fail(UpstreamFailure)
    }

    /// What may have been said by anybody who guessed a port and an id.
    enum Doubt: Hashable {
        /// The right answer in wrong letters.
        case letters
        /// A reply without the question, of this kind.
        case bare(ReplyKind)
        /// Many messages that fit nothing.
        case guesses
    }

    /// More servers than this are not tried.
    static let mostServers = 16
    /// After so many tries a question only waits.
    static let mostTries = 32
    /// So many datagrams go to one server for one question at most: five in the first try, and one in a later one.
    static let mostDatagrams = 6
    /// So many questions with fresh ids, ports and letters must agree where TCP cannot confirm.
    static let agreeingDoubts = 3
    /// So often a question moves on to another connection when the server closes one that has, or shares, a past. A
    /// server that takes one question over each is learnt in eight steps from 256.
    static let mostRetries = 8

    private let terms: Terms
    /// The servers that were not asked yet, and those that were silent; the others failed, or are being asked.
    private var untried: ServerSet
    private var silent = ServerSet()
    /// How many tries may yet be answered, over UDP and over TCP.
    private var openDatagrams = ServerCounts()
    private var openStreams = ServerCounts()
    /// The servers of which something doubtful came, and those that were asked over TCP for what they said over UDP.
    private var doubted = ServerSet()
    private var confirmed = ServerSet()
    /// Datagrams that went to each server, tries over UDP that a doubt caused, and doubtful replies that agree.
    private var datagrams = ServerCounts()
    private var freshWays = ServerCounts()
    private var agreeing = ServerCounts()
    /// The last try of the server whose turn it is.
    private var route = Route(server: 0, transport: .udp, hasEDNS: true)
    /// Whether the next try is one besides that.
    private var isExtra = false
    private var tryEnds = Instant.never
    private var nextResend = Instant.never
    private var hedgeAt = Instant.never
    private var resendWait: UInt64 = 0
    private var lastFailure: UpstreamFailure?
    private var tries = 0
    private var retries = 0

    /// A plan on these terms.
    init(_ terms: Terms) {
        precondition(terms.serverCount > 0)
        untried = ServerSet(first: min(terms.serverCount, Self.mostServers))
        self.terms = terms
    }

    /// The server whose turn it is.
    var server: Int { route.server }

    /// The first step.
    func start() -> Action { .begin(server: 0) }

    // MARK: - What happened

    /// The try was sent; a datagram is to be sent again, and a connection to be left for a fresh one, after `resendWait`
    /// nanoseconds.
    mutating func sent(_ route: Route, at now: Instant, resendWait: UInt64) -> Action {
        tries += 1
        untried.remove(route.server)
        silent.remove(route.server)
        var wait = resendWait
        if route.transport == .udp {
            // Twice as long for each datagram that went there before.
            wait <<= UInt64(datagrams[route.server])
            openDatagrams.increment(route.server)
            datagrams.increment(route.server)
        } else {
            openStreams.increment(route.server)
        }
        if isExtra {
            isExtra = false
        } else {
            if tries == 1, let hedgeWait = terms.hedgeWait { hedgeAt = now.advanced(byNanoseconds: hedgeWait) }
            self.route = route
            tryEnds = tries < Self.mostTries ? min(terms.deadline, now.advanced(byNanoseconds: terms.tryLimit)) : terms.deadline
            self.resendWait = wait
            nextResend = now.advanced(byNanoseconds: wait)
        }
        return beginMore()
    }

    /// The other server may not be asked besides, for now.
    mutating func notHedged() -> Action {
        isExtra = false
        return wait
    }

    /// The present try has had its time, where there is another server that was not asked yet.
    mutating func endTry(at now: Instant) {
        if !untried.isEmpty { tryEnds = min(tryEnds, now) }
    }

    /// Whether the present try, or the question, has had its time.
    func isTryOver(at now: Instant) -> Bool { now >= tryEnds || now >= terms.deadline }

    /// Nothing came until the moment of the last `wait`.
    mutating func timePassed(at now: Instant) -> Action {
        if now >= terms.deadline { return .fail(lastFailure ?? .timedOut) }
        if now >= tryEnds {
            silent.formUnion(openDatagrams.counted)
            silent.formUnion(openStreams.counted)
            tryEnds = terms.deadline
            nextResend = .never
            return next()
        }
        if now >= hedgeAt {
            hedgeAt = .never
            if let other = untried.following(server) {
                isExtra = true
                return .hedge(server: other)
            }
        }
        guard now >= nextResend else { return wait }
        resendWait *= 2
        nextResend = now.advanced(byNanoseconds: resendWait)
        return again()
    }

    /// A reply came that is the server's own, to a try on `from`, which may be an earlier one.
    mutating func reply(_ kind: ReplyKind, from: Route) -> Action {
        close(from)
        switch kind {
        case .final:
            preconditionFailure("the answer ends the plan")
        case .bogus(let reason):
            return .fail(.refused(.servFail, reason))
        case .truncated, .broken:
            guard from.transport == .udp, !confirmed.contains(from.server) else {
                // Over TCP it is being asked already: that answer counts.
                if from.transport == .udp, openStreams[from.server] > 0 { return wait }
                return failed(from, .refused(.servFail, .invalidData))
            }
            confirmed.insert(from.server)
            return send(Route(server: from.server, transport: .tcp, hasEDNS: from.hasEDNS))
        case .withoutEDNS(let code):
            guard from.hasEDNS else { return failed(from, .refused(code, nil)) }
            return send(Route(server: from.server, transport: from.transport, hasEDNS: false))
        case .failure(let code, let reason):
            return failed(from, .refused(code, reason))
        }
    }

    /// Something came to the try on `from`, over UDP, that anybody may have sent; the try goes on. `agrees` tells that it
    /// says the same as the one before.
    mutating func doubt(_ doubt: Doubt, from: Route, agrees: Bool) -> Action {
        doubted.insert(from.server)
        switch doubt {
        case .bare(.withoutEDNS) where from.hasEDNS:
            return send(Route(server: from.server, transport: .udp, hasEDNS: false))
        case .letters, .bare:
            if !agrees { agreeing.reset(from.server) }
            agreeing.increment(from.server)
            if agreeing[from.server] >= Self.agreeingDoubts { return .believe }
        case .guesses: break
        }
        if case .bare(.failure) = doubt, from.server == server, let other = untried.following(server) {
            return .begin(server: other)
        }
        if !confirmed.contains(from.server) {
            confirmed.insert(from.server)
            return send(Route(server: from.server, transport: .tcp, hasEDNS: from.hasEDNS))
        }
        // TCP has its chance first, unless it has had that.
        return openStreams[from.server] > 0 && freshWays[from.server] == 0 ? wait : anotherWay(from)
    }

    /// The try on `from` will not be answered: nobody listens, or the connection broke. It is made again unless a question
    /// did so that many times before.
    mutating func broken(_ from: Route, _ failure: UpstreamFailure, retries limit: Int) -> Action {
        close(from)
        if retries < limit {
            retries += 1
            return send(from)
        }
        return unanswered(from, failure)
    }

    /// A try could not be made.
    mutating func refused(_ route: Route, _ failure: UpstreamFailure) -> Action {
        if isExtra {
            isExtra = false
            untried.remove(route.server)
            note(failure)
            return beginMore()
        }
        self.route = route
        return unanswered(route, failure)
    }

    // MARK: - What to do next

    private var wait: Action { .wait(min(nextResend, min(tryEnds, hedgeAt))) }

    /// Asks the next server as well, where several are asked at once.
    private mutating func beginMore() -> Action {
        guard let other = untried.following(server), other < terms.askedAtOnce else { return wait }
        isExtra = true
        return .begin(server: other)
    }

    /// Goes on with a server, which may be an earlier one: then the present one may be asked again later.
    private mutating func send(_ route: Route) -> Action {
        if route.server != server, isOpen(server) { silent.insert(server) }
        return .send(route)
    }

    /// The present try had no answer for a while: the datagram again, or another way than the connection that is silent.
    private mutating func again() -> Action {
        if route.transport == .udp {
            guard openDatagrams[server] > 0, datagrams[server] < terms.mostDatagrams - 1 else {
                nextResend = .never
                return wait
            }
            datagrams.increment(server)
            return .resend(server: server, wait: min(nextResend, min(tryEnds, hedgeAt)))
        }
        if doubted.contains(server), let way = freshWay(route) { return way }
        return .reconnect(server: server, wait: min(nextResend, min(tryEnds, hedgeAt)))
    }

    /// A server that cannot confirm is asked from a fresh port with fresh letters, for a few times.
    private mutating func freshWay(_ from: Route) -> Action? {
        guard freshWays[from.server] < Self.agreeingDoubts - 1, datagrams[from.server] < terms.mostDatagrams else { return nil }
        freshWays.increment(from.server)
        return send(Route(server: from.server, transport: .udp, hasEDNS: from.hasEDNS))
    }

    /// Another way to a doubted server, or to another server; the tries that there are go on.
    private mutating func anotherWay(_ from: Route) -> Action {
        if let way = freshWay(from) { return way }
        if from.server == server, let other = untried.following(server) { return .begin(server: other) }
        return wait
    }

    /// A try ended without a reply.
    private mutating func unanswered(_ from: Route, _ failure: UpstreamFailure) -> Action {
        if doubted.contains(from.server), openDatagrams[from.server] > 0 {
            note(failure)
            return anotherWay(from)
        }
        if isOpen(from.server) {
            // Another try there goes on.
            note(failure)
            return wait
        }
        return failed(from, failure)
    }

    private mutating func failed(_ from: Route, _ failure: UpstreamFailure) -> Action {
        untried.remove(from.server)
        silent.remove(from.server)
        doubted.remove(from.server)
        openDatagrams.reset(from.server)
        openStreams.reset(from.server)
        note(failure)
        // A late failure of an earlier try changes nothing for the present one.
        return from.server == server || !isOpen(server) ? next() : wait
    }

    /// The next server that was not asked yet, else one whose word may be forged, else the next that was only silent.
    private mutating func next() -> Action {
        if let other = untried.following(server) { return .begin(server: other) }
        if let other = doubted.subtracting(confirmed).following(server) {
            confirmed.insert(other)
            return .confirm(server: other)
        }
        if let other = silent.subtracting(exhausted).following(server) { return .begin(server: other) }
        guard !openDatagrams.isZero || !openStreams.isZero else { return .fail(lastFailure ?? .timedOut) }
        if !isOpen(server) { nextResend = .never }
        return wait
    }

    /// The servers that got as many datagrams as they may.
    private var exhausted: ServerSet {
        var set = ServerSet()
        for server in 0..<min(terms.serverCount, Self.mostServers) where datagrams[server] >= terms.mostDatagrams {
            set.insert(server)
        }
        return set
    }

    private func isOpen(_ server: Int) -> Bool { openDatagrams[server] > 0 || openStreams[server] > 0 }

    private mutating func close(_ route: Route) {
        if route.transport == .udp { openDatagrams.decrement(route.server) } else { openStreams.decrement(route.server) }
    }

    /// What a server said tells more than that another could not be asked.
    private mutating func note(_ failure: UpstreamFailure) {
        switch (lastFailure, failure) {
        case (.refused, .unreachable), (.refused, .overloaded), (.refused, .insecure): break
        case (.insecure, .unreachable), (.insecure, .overloaded): break
        default: lastFailure = failure
        }
    }
}
