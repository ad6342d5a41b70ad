internal import DNSWire
internal import Green

/// One question on its way: does what the plan says, and tells the plan what comes of it.
final class Asking {
    private let question: UpstreamQuestion
    private let servers: [UpstreamServer]
    private let hub: Hub
    private let inbox = ReplyInbox()
    private var tries: [(exchange: Exchange, route: AttemptPlan.Route)] = []

    init(_ question: UpstreamQuestion, servers: [UpstreamServer], hub: Hub) {
        self.question = question
        self.servers = servers
        self.hub = hub
    }

    /// Asks until there is an answer or a reason why there is none. Waits.
    func run(tryLimit: UInt64, deadline: Instant) throws(UpstreamFailure) -> UpstreamReply {
        let routes = servers.indices.map { index in
            let server = servers[index]
            return AttemptPlan.Route(server: index, transport: server.address.transport, hasEDNS: !server.lacksEDNS)
        }
        var plan = AttemptPlan(routes: routes, tryLimit: tryLimit, deadline: deadline)
        var action = plan.start()
        while true {
            switch action {
            case .send(let route):
                action = send(route, &plan)
            case .resend(let wait):
                tries.last?.exchange.resend()
                action = .wait(wait)
            case .fail(let failure):
                throw failure
            case .wait(let moment):
                switch try nextEvent(until: moment) {
                case nil:
                    let silent = plan.route.server
                    action = plan.timePassed(at: hub.loop.now())
                    if action.isAnotherTry { servers[silent].failed() }
                case .reply(let bytes, let exchange):
                    let kind = ReplyKind.of(bytes, to: question)
                    if case .final = kind { return reply(bytes, exchange) }
                    action = plan.reply(kind, from: route(of: exchange))
                case .otherLetters(let exchange):
                    action = plan.reply(.otherLetters, from: route(of: exchange))
                case .failed(let exchange, _):
                    exchange.server.failed()
                    action = plan.broken(route(of: exchange), wasReused: exchange.wasReused)
                }
            }
        }
    }

    /// Expects no more replies.
    func end() {
        for each in tries { each.exchange.end() }
    }

    private func send(_ route: AttemptPlan.Route, _ plan: inout AttemptPlan) -> AttemptPlan.Action {
        let server = servers[route.server]
        do {
            let exchange = try server.ask(question, over: route.transport, edns: route.hasEDNS, inbox: inbox)
            tries.append((exchange, route))
            return plan.sent(at: hub.loop.now(), resendWait: server.estimate.resendWait)
        } catch {
            server.failed()
            return plan.broken(route, wasReused: false)
        }
    }

    private func nextEvent(until deadline: Instant) throws(UpstreamFailure) -> ExchangeEvent? {
        do {
            return try inbox.next(until: deadline)
        } catch {
            throw .stopping
        }
    }

    private func route(of exchange: Exchange) -> AttemptPlan.Route {
        tries.first { $0.exchange === exchange }!.route
    }

    private func reply(_ bytes: [UInt8], _ exchange: Exchange) -> UpstreamReply {
        let triedWith = tries.contains { $0.exchange.server === exchange.server && $0.route.hasEDNS }
        if !exchange.form.hasEDNS, triedWith { exchange.server.hasNoEDNS() }
        return UpstreamReply(bytes: bytes, upstream: exchange.server.id, transport: exchange.transport)
    }
}
