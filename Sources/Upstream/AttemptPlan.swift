internal import DNSWire
internal import Green

/// What to do next about one question: a state machine without clocks or sockets. It is told what happened and says
/// what to do; `Forwarder` does it.
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
        /// Ask; then say `sent`.
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
            case .send, .fail: true
            case .resend, .wait: false
            }
        }
    }

    private enum Standing { case untried, silent, failed }

    private let tryLimit: UInt64
    private let deadline: Instant
    private let routes: [Route]
    private var standings: [Standing]
    /// The present try.
    private(set) var route: Route
    private var tryEnds = Instant.never
    private var nextResend = Instant.never
    private var resendWait: UInt64 = 0
    private var lastFailure: UpstreamFailure?
    private var retriedStream = false

    /// A plan to ask at least one server, each on the route that suits it, until `deadline`.
    init(routes: [Route], tryLimit: UInt64, deadline: Instant) {
        precondition(!routes.isEmpty)
        self.routes = routes
        standings = Array(repeating: .untried, count: routes.count)
        route = routes[0]
        self.tryLimit = tryLimit
        self.deadline = deadline
    }

    /// The first step.
    func start() -> Action { .send(route) }

    /// The try was sent; its datagram is to be sent again after `resendWait` nanoseconds.
    mutating func sent(at now: Instant, resendWait: UInt64) -> Action {
        tryEnds = min(deadline, now.advanced(byNanoseconds: tryLimit))
        self.resendWait = resendWait
        nextResend = route.transport == .udp ? now.advanced(byNanoseconds: resendWait) : .never
        return .wait(min(nextResend, tryEnds))
    }

    /// Nothing came until the moment of the last `wait`.
    mutating func timePassed(at now: Instant) -> Action {
        if now >= deadline { return .fail(lastFailure ?? .timedOut) }
        if now >= tryEnds {
            standings[route.server] = .silent
            return next()
        }
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
            guard from.transport == .udp else { return failed(from, .refused(.servFail, nil)) }
            route = Route(server: from.server, transport: .tcp, hasEDNS: from.hasEDNS)
            return .send(route)
        case .withoutEDNS:
            guard from.hasEDNS else { return failed(from, .refused(.formErr, nil)) }
            route = Route(server: from.server, transport: from.transport, hasEDNS: false)
            return .send(route)
        case .failure(let code, let reason):
            return failed(from, .refused(code, reason))
        }
    }

    /// The try on `from` cannot be answered: nobody listens, or the connection broke. `wasReused` tells that it broke on
    /// a connection that others had used before, which the server may close at any time.
    mutating func broken(_ from: Route, wasReused: Bool) -> Action {
        if wasReused, !retriedStream {
            retriedStream = true
            route = from
            return .send(route)
        }
        return failed(from, .unreachable)
    }

    private mutating func failed(_ from: Route, _ failure: UpstreamFailure) -> Action {
        standings[from.server] = .failed
        lastFailure = failure
        // A late failure of an earlier try changes nothing for the present one.
        guard from.server == route.server else { return .wait(min(nextResend, tryEnds)) }
        return next()
    }

    private mutating func next() -> Action {
        let order = (1...standings.count).map { (route.server + $0) % standings.count }
        let candidate = order.first { standings[$0] == .untried } ?? order.first { standings[$0] == .silent }
        guard let candidate else { return .fail(lastFailure ?? .timedOut) }
        route = routes[candidate]
        return .send(route)
    }
}
