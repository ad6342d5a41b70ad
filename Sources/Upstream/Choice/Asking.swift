internal import Belief
internal import DNSWire
internal import Green
internal import Observation

/// One question on its way: does what the plan says, and tells the plan what comes of it. Its greenlet waits here and
/// nowhere else.
final class Asking {
    /// What is asked.
    let question: UpstreamQuestion
    /// By what replies are judged.
    let rules: Belief.Rules
    private let servers: [UpstreamServer]
    private let hub: Hub
    /// The time of day of the loop, read anew.
    var now: Instant { hub.loop.now() }
    private let hedges: HedgeBudget?
    /// Looks at answers, where the network may lie.
    var scrutiny: Scrutiny?
    /// Told whom the question waits for and, where somebody watches, each try.
    var standing: QuestionStanding?
    /// The try that was answered, where answers are looked at.
    private(set) var answered: Exchange?
    /// The try that was made because the first was late, and whether it was answered first.
    private var hedge: Exchange?
    private var hedgeWon = false
    /// The last try.
    private var present: Exchange?
    /// Tries before it, answers to which still count.
    private var earlier: [Exchange] = []
    /// The last reply that anybody may have sent.
    private var doubtful: Doubtful?
    private var waiter: Waiter?
    /// Whether the first server took longer than it usually does.
    private var wasLate = false

    /// What a question's way ended with.
    struct Found {
        let reply: UpstreamReply
        let server: UpstreamServer

        var answer: Answer { reply.answer }
        var transport: UpstreamAddress.Transport { reply.transport }
    }

    /// What a reply comes to.
    private enum Verdict {
        case answer(Found)
        case next(AttemptPlan.Action)
    }

    init(
        _ question: UpstreamQuestion, _ rules: Belief.Rules, servers: [UpstreamServer], hub: Hub, hedges: HedgeBudget? = nil
    ) {
        self.question = question
        self.rules = rules
        self.hedges = hedges
        self.servers = servers
        self.hub = hub
    }

    /// Asks until there is an answer or a reason why there is none. Waits. `end` must be called afterwards.
    func run(_ terms: AttemptPlan.Terms) throws(UpstreamFailure) -> Found {
        var now = hub.loop.now()
        var plan = AttemptPlan(terms)
        var action = plan.start()
        while true {
            switch action {
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
                switch outcome {
                case .reply(let bytes, let credence):
                    switch judge(bytes, exchange, credence, &plan) {
                    case .answer(let answer): return answer
                    case .next(let next): action = next
                    }
                case .guesses:
                    action = plan.doubt(.guesses, from: exchange.route, agrees: true)
                case .broken(let failure, let retries):
                    action = broken(failure, retries, exchange, &plan)
                case .quoted:
                    exchange.server.wasQuoted(question)
                    action = plan.broken(exchange.route, .unreachable, retries: 0)
                }
            case .believe:
                switch believe(&plan) {
                case .answer(let answer): return answer
                case .next(let next): action = next
                }
            default:
                action = ask(action, at: now, &plan)
            }
        }
    }

    /// Expects no more replies, and lets go of all tries.
    func end() {
        for each in earlier { each.end() }
        earlier = []
        present?.end()
        present = nil
        doubtful = nil
        if !wasLate || hedge != nil { hedges?.ended(wasLate: wasLate && !hedgeWon) }
        hedge = nil
        answered = nil
    }

    /// Something came of a try. Never waits.
    func wake() {
        waiter?.wake()
    }

    // MARK: - What came

    /// Judges a reply: the only place where that is done.
    private func judge(
        _ bytes: consuming [UInt8], _ exchange: Exchange, _ credence: Exchange.Credence, _ plan: inout AttemptPlan
    ) -> Verdict {
        var rules = rules
        rules.trustsAD = exchange.server.address.trustsAD
        let judgement = Belief.read(bytes, to: question.asked, rules)
        let kind = judgement.kind
        if case .withoutEDNS = kind { exchange.refusedEDNS = true }
        // Nobody can forge on a connection.
        if credence == .proven || exchange.route.transport != .udp { return conclude(judgement, kind, exchange, &plan) }
        let reply = Doubtful(judgement: judgement, exchange: exchange, credence: credence)
        let agrees = doubtful.map { $0.saysSame(as: reply) } ?? true
        doubtful = reply
        if isWatched { note(exchange.server, "a reply that may be forged: \(credence)") }
        return .next(plan.doubt(credence == .otherLetters ? .letters : .bare(kind), from: exchange.route, agrees: agrees))
    }

    /// The doubtful reply was said as often as can be asked.
    private func believe(_ plan: inout AttemptPlan) -> Verdict {
        guard let reply = doubtful else { return .next(.fail(.timedOut)) }
        if reply.credence == .otherLetters { reply.exchange.server.foldsCase() }
        return conclude(reply.judgement, reply.judgement.kind, reply.exchange, &plan)
    }

    private func conclude(
        _ judgement: Judgement, _ kind: ReplyKind, _ exchange: Exchange, _ plan: inout AttemptPlan
    ) -> Verdict {
        let server = exchange.server
        server.replied(kind, to: question)
        if isWatched { noteReply(judgement, exchange) }
        guard case .answer(let answer) = judgement else {
            // Only after an answer another is looked for.
            if exchange.isWatched { exchange.channel?.forget(exchange) }
            return .next(plan.reply(kind, from: exchange.route))
        }
        if exchange.route.hasEDNS {
            server.quirks.answeredWithEDNS()
        } else if let refusal = earlier.first(where: { $0.server === server && $0.refusedEDNS }) {
            server.quirks.answeredWithoutEDNS(question, isProven: refusal.route.transport != .udp, at: hub.now)
        }
        if exchange === hedge {
            hedgeWon = true
            hedges?.won()
            server.figures.hedgesWon.add()
        }
        if exchange.route.transport != .udp { noteSilentConnections(besides: exchange) }
        if scrutiny != nil { answered = exchange }
        let reply = UpstreamReply(answer, upstream: server.id, transport: exchange.route.transport)
        return .answer(Found(reply: reply, server: server))
    }

    /// A fresh connection was answered while another was silent.
    private func noteSilentConnections(besides answered: Exchange) {
        for each in earlier where each.server === answered.server { (each.channel as? StreamChannel)?.wasOvertaken(since: each) }
    }

    private func broken(
        _ failure: UpstreamFailure, _ retries: Int, _ exchange: Exchange, _ plan: inout AttemptPlan
    ) -> AttemptPlan.Action {
        let action = plan.broken(exchange.route, failure, retries: retries)
        if isWatched { note(exchange.server, "\(failure.text)") }
        switch failure {
        case .unreachable: exchange.server.figures.unreachable.add()
        case .insecure: exchange.server.figures.insecure.add()
        default: break
        }
        // That TCP is closed says nothing of a server that is asked over UDP.
        let isItsOwn = exchange.route.transport == exchange.server.address.transport
        guard isItsOwn, action != .send(exchange.route) else { return action }
        if failure == .unreachable { exchange.server.failed(exchange.server.hosts?.trouble ?? .unreachable, question) }
        // One response that is no answer says no more of the server than one SERVFAIL does.
        if case .refused(let code, let reason) = failure { exchange.server.replied(.failure(code, reason), to: question) }
        if failure == .insecure { exchange.server.failed(.insecure(exchange.server.insecurity), question) }
        return action
    }

    private func timePassed(at now: Instant, _ plan: inout AttemptPlan) -> AttemptPlan.Action {
        if servers.count > 1, servers[plan.server].isSilent(at: now) { plan.endTry(at: now) }
        let isOver = plan.isTryOver(at: now)
        let last = isOver ? lastExchange(plan.server) : nil
        if isOver, isWatched { note(servers[plan.server], "nothing came in time") }
        if let last { last.server.wasSilent(question, since: last.sentAt) }
        return plan.timePassed(at: now)
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

    /// A reply to the try that was answered which says something else than that answer did; nil where none comes by `deadline`.
    func other(than answer: Answer, until deadline: Instant) throws(UpstreamFailure) -> Judgement? {
        guard let answered else { return nil }
        while true {
            while !answered.laterReplies.isEmpty {
                let judgement = Belief.read(answered.laterReplies.removeFirst(), to: question.asked, rules)
                if case .answer(let other) = judgement, other.saysSame(as: answer) { continue }
                return judgement
            }
            do {
                defer { waiter = nil }
                // What else comes wakes as well.
                guard try Waiter.wait(for: "a second answer", until: deadline, { waiter = $0 }) else { return nil }
            } catch {
                throw error == .killed ? .stopping : .timedOut
            }
        }
    }

    private var ready: Exchange? {
        if let present, present.outcome != nil { return present }
        return earlier.first { $0.outcome != nil }
    }

    // MARK: - Asking

    private func ask(_ action: AttemptPlan.Action, at now: Instant, _ plan: inout AttemptPlan) -> AttemptPlan.Action {
        switch action {
        case .begin(let index):
            let server = servers[index]
            let transport = server.address.transport
            return send(.init(server: index, transport: transport, hasEDNS: !server.lacksEDNS), at: now, &plan)
        case .confirm(let index):
            return send(.init(server: index, transport: .tcp, hasEDNS: !servers[index].lacksEDNS), at: now, &plan)
        case .send(let route):
            return send(route, at: now, &plan)
        case .hedge(let index):
            wasLate = true
            guard let hedges, hedges.take() else { return plan.notHedged() }
            let server = servers[index]
            let before = present
            let action = send(
                .init(server: index, transport: server.address.transport, hasEDNS: !server.lacksEDNS), at: now, &plan)
            if present !== before {
                hedge = present
                server.figures.hedges.add()
            }
            return action
        case .resend(let index, let wait):
            guard let last = lastExchange(index, .udp) else { return .wait(wait) }
            servers[index].doubt(since: last.sentAt)
            if servers[index].mayResend {
                last.resend()
                if isWatched { note(servers[index], "sent again") }
                servers[index].figures.resends.add()
            }
            return .wait(wait)
        case .reconnect(let index, let wait):
            if let last = lastExchange(index) { servers[index].doubt(since: last.sentAt) }
            guard let last = lastStream(index), last.isOnUsedConnection else { return .wait(wait) }
            return send(last.route, at: now, &plan, fresh: true)
        case .wait, .believe, .fail:
            return action
        }
    }

    private func send(
        _ route: AttemptPlan.Route, at now: Instant, _ plan: inout AttemptPlan, fresh: Bool = false
    ) -> AttemptPlan.Action {
        let server = servers[route.server]
        do {
            let exchange = try server.ask(self, on: route, at: now, fresh: fresh)
            if let scrutiny { exchange.isWatched = scrutiny.watchesOthers }
            if let present { earlier.append(present) }
            present = exchange
            if server.isCrowded { giveUpEarlier(on: server) }
            standing?.waitsFor = .upstream(server.id)
            if isWatched { noteTry(exchange, fresh: fresh) }
            return plan.sent(route, at: now, resendWait: server.resendWait(route.transport))
        } catch {
            if error == .unreachable, route.transport == server.address.transport { server.failed(.unreachable, question) }
            return plan.refused(route, error)
        }
    }

    /// Ends the tries of a server but the last.
    private func giveUpEarlier(on server: UpstreamServer) {
        for each in earlier where each.server === server { each.end() }
        earlier.removeAll { $0.hasEnded }
    }

    /// The last try of a server over a connection.
    private func lastStream(_ index: Int) -> Exchange? {
        lastExchange(index, servers[index].address.transport == .udp ? .tcp : servers[index].address.transport)
    }

    /// The last try of a server.
    private func lastExchange(_ index: Int, _ transport: UpstreamAddress.Transport? = nil) -> Exchange? {
        func fits(_ exchange: Exchange) -> Bool {
            exchange.route.server == index && (transport == nil || exchange.route.transport == transport)
        }
        if let present, fits(present) { return present }
        return earlier.last(where: fits)
    }
}

/// A reply that anybody may have sent, and the try that it came to.
private struct Doubtful {
    let judgement: Judgement
    let exchange: Exchange
    let credence: Exchange.Credence

    /// Whether both are of the same server and say the same, as far as that can be without comparing records, of which
    /// servers send now this one first and now that.
    func saysSame(as other: Doubtful) -> Bool {
        guard exchange.server === other.exchange.server, credence == other.credence,
            judgement.kind == other.judgement.kind
        else { return false }
        guard case .answer(let one) = judgement, case .answer(let two) = other.judgement else { return true }
        return one.kind == two.kind && one.counts == two.counts
    }
}
