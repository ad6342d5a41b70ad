internal import DNSWire
internal import Green

/// One question on its way: does what the plan says, and tells the plan what comes of it. Its greenlet waits here and
/// nowhere else.
final class Asking {
    /// What is asked.
    let question: UpstreamQuestion
    private let servers: [UpstreamServer]
    private let hub: Hub
    /// The last try.
    private var present: Exchange?
    /// Tries before it, answers to which still count.
    private var earlier: [Exchange] = []
    private var waiter: Waiter?

    /// What a question's way ended with.
    struct Answer {
        let bytes: [UInt8]
        let server: UpstreamServer
        let transport: UpstreamAddress.Transport
    }

    init(_ question: UpstreamQuestion, servers: [UpstreamServer], hub: Hub) {
        self.question = question
        self.servers = servers
        self.hub = hub
    }

    /// Asks until there is an answer or a reason why there is none. Waits. `end` must be called afterwards.
    func run(tryLimit: UInt64, limit: UInt64) throws(UpstreamFailure) -> Answer {
        let start = hub.loop.now()
        var plan = AttemptPlan(
            serverCount: servers.count, tryLimit: tryLimit, deadline: start.advanced(byNanoseconds: limit))
        var action = plan.start()
        var now = start
        while true {
            switch action {
            case .begin(let index):
                let server = servers[index]
                let transport = server.address.transport
                action = send(.init(server: index, transport: transport, hasEDNS: !server.lacksEDNS), at: now, &plan)
            case .send(let route):
                action = send(route, at: now, &plan)
            case .resend(let wait):
                present?.resend()
                action = .wait(wait)
            case .fail(let failure):
                throw failure
            case .wait(let moment):
                let exchange = try next(until: moment)
                now = hub.loop.now()
                guard let exchange, let outcome = exchange.outcome else {
                    action = timePassed(at: now, &plan)
                    continue
                }
                exchange.outcome = nil
                if case .reply(let bytes, let credence) = outcome {
                    let kind = ReplyKind.of(bytes)
                    if kind == .final { return answer(bytes, exchange) }
                    if case .withoutEDNS = kind { exchange.refusedEDNS = credence }
                    action = plan.reply(kind, from: exchange.route)
                } else {
                    action = withoutReply(outcome, exchange, &plan)
                }
            }
        }
    }

    /// Expects no more replies, and lets go of all tries.
    func end() {
        for each in earlier { each.end() }
        earlier = []
        present?.end()
        present = nil
    }

    /// Something came of a try. Never waits.
    func wake() {
        waiter?.wake()
    }

    private func send(_ route: AttemptPlan.Route, at now: Instant, _ plan: inout AttemptPlan) -> AttemptPlan.Action {
        let server = servers[route.server]
        do {
            let exchange = try server.ask(self, on: route, at: now)
            if let present { earlier.append(present) }
            present = exchange
            return plan.sent(route, at: now, resendWait: server.estimate.resendWait)
        } catch {
            if error == .unreachable { server.failed() }
            return plan.refused(route, error)
        }
    }

    private func timePassed(at now: Instant, _ plan: inout AttemptPlan) -> AttemptPlan.Action {
        let action = plan.timePassed(at: now)
        // Whoever answered others in the meantime is well: it is only this question that it has no answer to.
        if action.isAnotherTry, let present, present.server.lastHeard < present.sentAt { present.server.failed() }
        return action
    }

    private func withoutReply(
        _ outcome: Exchange.Outcome, _ exchange: Exchange, _ plan: inout AttemptPlan
    ) -> AttemptPlan.Action {
        guard case .broken(let failure, let mayRetry) = outcome else {
            return plan.reply(.otherLetters, from: exchange.route)
        }
        let action = plan.broken(exchange.route, failure, mayRetry: mayRetry)
        if failure == .unreachable, action != .send(exchange.route) { exchange.server.failed() }
        return action
    }

    /// A try of which something came; nil when there is none by `deadline`.
    private func next(until deadline: Instant) throws(UpstreamFailure) -> Exchange? {
        if let ready { return ready }
        do {
            defer { waiter = nil }
            guard try Waiter.wait(for: "an upstream", until: deadline, { waiter = $0 }) else { return nil }
        } catch {
            throw error == .killed ? .stopping : .timedOut
        }
        return ready
    }

    private var ready: Exchange? {
        if let present, present.outcome != nil { return present }
        return earlier.first { $0.outcome != nil }
    }

    private func answer(_ bytes: [UInt8], _ exchange: Exchange) -> Answer {
        let server = exchange.server
        if exchange.route.hasEDNS {
            server.answeredWithEDNS()
        } else if let refusal = earlier.first(where: { $0.server === server && $0.refusedEDNS != nil })?.refusedEDNS {
            server.answeredWithoutEDNS(refusal)
        }
        return Answer(bytes: bytes, server: server, transport: exchange.route.transport)
    }
}
