internal import DNSWire
internal import Green

/// What to do next about one question: a state machine without clocks or sockets. It is told what happened and says
/// what to do; `Asking` does it.
///
/// Upstreams are tried in the given order. A try lasts `tryLimit` at most, a datagram is sent again within it after a
/// few round trips, and an answer to an earlier try still counts. Who fails at once is not asked again; who was silent
/// is, as long as there is time.
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

    /// What to do.
    enum Action: Hashable {
        /// Ask this server the way it is best asked; then say `sent`, or `refused` when that could not be done.
        case begin(server: Int)
        /// Ask on this route; then say `sent`, or `refused`.
        case send(Route)
        /// Send the present try's datagram again, then wait.
        case resend(wait: Instant)
        /// Wait for an event until then; when none comes say `timePassed`.
        case wait(Instant)
        /// There is no answer to be had.
        case fail(UpstreamFailure)

        /// Whether the present try is given up for another, or for good.
        var isAnotherTry: Bool {
            switch self {
            case .begin, .send, .fail: true
            case .resend, .wait: false
            }
        }
    }

    /// More servers than this are not tried.
    static let mostServers = 64
    /// After so many tries a question only waits.
    static let mostTries = 32
    /// So often a question moves on to another connection when the server closes one that has, or shares, a past.
    static let mostStreamRetries = 3

    private let tryLimit: UInt64
    private let deadline: Instant
    /// The servers that were not asked yet, and those that were silent, one bit each; the others failed.
    private var untried: UInt64
    private var silent: UInt64 = 0
    /// The server of the present try.
    private(set) var server = 0
    private var isDatagram = false
    private var tryEnds = Instant.never
    private var nextResend = Instant.never
    private var resendWait: UInt64 = 0
    private var lastFailure: UpstreamFailure?
    private var tries = 0
    private var streamRetries = 0

    /// A plan to ask so many servers, at least one, until `deadline`.
    init(serverCount: Int, tryLimit: UInt64, deadline: Instant) {
        precondition(serverCount > 0)
        untried = ~0 >> UInt64(64 - min(serverCount, Self.mostServers))
        self.tryLimit = tryLimit
        self.deadline = deadline
    }

    /// The first step.
    func start() -> Action { .begin(server: 0) }

    /// The try was sent; a datagram is to be sent again after `resendWait` nanoseconds.
    mutating func sent(_ route: Route, at now: Instant, resendWait: UInt64) -> Action {
        tries += 1
        server = route.server
        isDatagram = route.transport == .udp
        untried &= ~(1 << UInt64(server))
        tryEnds = tries < Self.mostTries ? min(deadline, now.advanced(byNanoseconds: tryLimit)) : deadline
        self.resendWait = resendWait
        nextResend = isDatagram ? now.advanced(byNanoseconds: resendWait) : .never
        return wait
    }

    /// Nothing came until the moment of the last `wait`.
    mutating func timePassed(at now: Instant) -> Action {
        if now >= deadline { return .fail(lastFailure ?? .timedOut) }
        if now >= tryEnds {
            silent |= 1 << UInt64(server)
            return next()
        }
        guard now >= nextResend else { return wait }
        resendWait *= 2
        nextResend = now.advanced(byNanoseconds: resendWait)
        return .resend(wait: min(nextResend, tryEnds))
    }

    /// A reply came, to a try on `from`, which may be an earlier one.
    mutating func reply(_ kind: ReplyKind, from: Route) -> Action {
        switch kind {
        case .final:
            preconditionFailure("the answer ends the plan")
        case .truncated, .otherLetters:
            guard from.transport == .udp else { return failed(from, .refused(.servFail, .invalidData)) }
            return send(Route(server: from.server, transport: .tcp, hasEDNS: from.hasEDNS))
        case .withoutEDNS(let code):
            guard from.hasEDNS else { return failed(from, .refused(code, nil)) }
            return send(Route(server: from.server, transport: from.transport, hasEDNS: false))
        case .failure(let code, let reason):
            return failed(from, .refused(code, reason))
        }
    }

    /// The try on `from` will not be answered: nobody listens, or the connection broke. `mayRetry` tells that it broke
    /// on a connection that served others too, which the server may close at any time.
    mutating func broken(_ from: Route, _ failure: UpstreamFailure, mayRetry: Bool) -> Action {
        if mayRetry, streamRetries < Self.mostStreamRetries {
            streamRetries += 1
            return send(from)
        }
        return failed(from, failure)
    }

    /// A try could not be made.
    mutating func refused(_ route: Route, _ failure: UpstreamFailure) -> Action {
        server = route.server
        return failed(route, failure)
    }

    /// Goes on with a server, which may be an earlier one: then the present one may be asked again later.
    private mutating func send(_ route: Route) -> Action {
        if route.server != server { silent |= 1 << UInt64(server) }
        return .send(route)
    }

    private var wait: Action { .wait(min(nextResend, tryEnds)) }

    private mutating func failed(_ from: Route, _ failure: UpstreamFailure) -> Action {
        let bit: UInt64 = 1 << UInt64(from.server)
        untried &= ~bit
        silent &= ~bit
        // What a server said tells more than that another could not be asked.
        switch (lastFailure, failure) {
        case (.refused, .unreachable), (.refused, .overloaded): break
        default: lastFailure = failure
        }
        // A late failure of an earlier try changes nothing for the present one.
        return from.server == server ? next() : wait
    }

    /// The next server that was not asked yet, else the next that was only silent.
    private func next() -> Action {
        if let candidate = following(untried) ?? following(silent) { return .begin(server: candidate) }
        return .fail(lastFailure ?? .timedOut)
    }

    /// The first member of a set of servers after the present one, going round.
    private func following(_ set: UInt64) -> Int? {
        guard set != 0 else { return nil }
        let after = set & ~(((1 as UInt64) << UInt64(server + 1)) &- 1)
        return (after != 0 ? after : set).trailingZeroBitCount
    }
}
