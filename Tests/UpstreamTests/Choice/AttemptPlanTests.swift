import DNSWire
import Green
import Testing

@testable import Upstream

/// The state machine alone: no clock, no socket.
@Suite struct `Attempt plans` {
    static let second: UInt64 = 1_000_000_000

    /// A plan with tries of two seconds, begun at 0, that ends after five.
    private func plan(
        _ servers: Int, tryLimit: UInt64 = 2 * second, hedgeWait: UInt64? = nil, askedAtOnce: Int = 1
    ) -> AttemptPlan {
        AttemptPlan(
            .init(
                serverCount: servers, tryLimit: tryLimit, deadline: moment(5), hedgeWait: hedgeWait,
                askedAtOnce: askedAtOnce))
    }

    private func moment(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }

    private func route(_ server: Int, _ transport: UpstreamAddress.Transport = .udp, edns: Bool = true) -> AttemptPlan.Route {
        .init(server: server, transport: transport, hasEDNS: edns)
    }

    @Test func `a silent server's datagram is sent again after one, three and seven waits`() {
        var plan = plan(1)
        #expect(plan.start() == .begin(server: 0))
        #expect(plan.sent(route(0), at: moment(0), resendWait: Self.second / 4) == .wait(moment(0.25)))
        #expect(plan.timePassed(at: moment(0.25)) == .resend(server: 0, wait: moment(0.75)))
        #expect(plan.timePassed(at: moment(0.75)) == .resend(server: 0, wait: moment(1.75)))
        #expect(plan.timePassed(at: moment(1.75)) == .resend(server: 0, wait: moment(2)))
        #expect(plan.timePassed(at: moment(2)) == .begin(server: 0))
    }

    @Test func `the next try waits on from where the last one stopped, and six datagrams are all`() {
        var plan = plan(1)
        var now = Instant(nanoseconds: 0)
        var datagrams = 1
        var action = plan.sent(route(0), at: now, resendWait: Self.second / 20)
        var moments: [Double] = [0]
        while true {
            switch action {
            case .wait(let until):
                now = until
                action = plan.timePassed(at: now)
                continue
            case .resend(_, let until):
                action = .wait(until)
            case .begin:
                action = plan.sent(route(0), at: now, resendWait: Self.second / 20)
            case .fail(let failure):
                #expect(failure == .timedOut)
                #expect(now == moment(5))
                #expect(datagrams == AttemptPlan.mostDatagrams)
                #expect(moments == [0, 0.05, 0.15, 0.35, 0.75, 2])
                return
            default:
                Issue.record("\(action)")
                return
            }
            datagrams += 1
            moments.append(Double(now.nanoseconds) / 1e9)
        }
    }

    @Test func `a try ends after its limit and the question after five seconds`() {
        var plan = plan(1)
        for start in [0.0, 2] {
            #expect(plan.sent(route(0), at: moment(start), resendWait: 9 * Self.second) == .wait(moment(start + 2)))
            let isOver = plan.isTryOver(at: moment(start + 2))
            #expect(isOver)
            #expect(plan.timePassed(at: moment(start + 2)) == .begin(server: 0))
        }
        #expect(plan.sent(route(0), at: moment(4), resendWait: 9 * Self.second) == .wait(moment(5)))
        #expect(plan.timePassed(at: moment(5)) == .fail(.timedOut))
    }

    @Test func `nothing is sent again over a connection, but a fresh one is tried beside it`() {
        var plan = plan(1)
        #expect(plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second / 2) == .wait(moment(0.5)))
        #expect(plan.timePassed(at: moment(0.5)) == .reconnect(server: 0, wait: moment(1.5)))
        _ = plan.sent(route(0, .tcp), at: moment(0.5), resendWait: 9 * Self.second)
        // One of the two breaks: the other goes on.
        #expect(plan.broken(route(0, .tcp), .unreachable, retries: 0) == .wait(moment(2.5)))
        #expect(plan.broken(route(0, .tcp), .unreachable, retries: 0) == .fail(.unreachable))
    }

    @Test func `servers are asked in order, silent ones again, failed ones not`() {
        var plan = plan(3, tryLimit: Self.second / 2)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.timePassed(at: moment(0.5)) == .begin(server: 1))
        _ = plan.sent(route(1), at: moment(0.5), resendWait: Self.second)
        #expect(plan.reply(.failure(.servFail, nil), from: route(1)) == .begin(server: 2))
        _ = plan.sent(route(2), at: moment(0.5), resendWait: Self.second)
        #expect(plan.timePassed(at: moment(1)) == .begin(server: 0))
        _ = plan.sent(route(0), at: moment(1), resendWait: Self.second)
        #expect(plan.timePassed(at: moment(1.5)) == .begin(server: 2))
    }

    @Test func `when all have failed the question has`() {
        var plan = plan(2)
        _ = plan.sent(route(0), at: moment(0), resendWait: 1)
        #expect(plan.reply(.failure(.refused, .prohibited), from: route(0)) == .begin(server: 1))
        #expect(plan.refused(route(1), .unreachable) == .fail(.refused(.refused, .prohibited)))
    }

    @Test func `a late failure of an earlier try changes nothing for the present one`() {
        var plan = plan(2)
        _ = plan.sent(route(0), at: moment(0), resendWait: 9 * Self.second)
        #expect(plan.timePassed(at: moment(2)) == .begin(server: 1))
        _ = plan.sent(route(1), at: moment(2), resendWait: 9 * Self.second)
        #expect(plan.reply(.failure(.servFail, nil), from: route(0)) == .wait(moment(4)))
        #expect(plan.timePassed(at: moment(4)) == .begin(server: 1))
    }

    @Test func `a late truncated answer is followed, and the server that was asked meanwhile is not forgotten`() {
        var plan = plan(2)
        _ = plan.sent(route(0), at: moment(0), resendWait: 9 * Self.second)
        _ = plan.timePassed(at: moment(2))
        _ = plan.sent(route(1), at: moment(2), resendWait: 9 * Self.second)
        #expect(plan.reply(.truncated, from: route(0)) == .send(route(0, .tcp)))
        _ = plan.sent(route(0, .tcp), at: moment(2.1), resendWait: Self.second)
        #expect(plan.broken(route(0, .tcp), .unreachable, retries: 0) == .begin(server: 1))
    }

    @Test(arguments: [ReplyKind.truncated, .broken]) func `what cannot be read over UDP is asked for over TCP, and no third time`(
        _ kind: ReplyKind
    ) {
        var plan = plan(1)
        _ = plan.sent(route(0, edns: false), at: moment(0), resendWait: 1)
        #expect(plan.reply(kind, from: route(0, edns: false)) == .send(route(0, .tcp, edns: false)))
        _ = plan.sent(route(0, .tcp, edns: false), at: moment(0), resendWait: 1)
        #expect(plan.reply(kind, from: route(0, .tcp, edns: false)) == .fail(.refused(.servFail, .invalidData)))
    }

    @Test func `a server without EDNS is asked again without OPT, once`() {
        var plan = plan(1)
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: 1)
        #expect(plan.reply(.withoutEDNS(.badVers), from: route(0, .tcp)) == .send(route(0, .tcp, edns: false)))
        _ = plan.sent(route(0, .tcp, edns: false), at: moment(0), resendWait: 1)
        #expect(plan.reply(.withoutEDNS(.formErr), from: route(0, .tcp, edns: false)) == .fail(.refused(.formErr, nil)))
    }

    @Test func `a used connection that broke is followed by another, a few times at most`() {
        var plan = plan(1)
        let most = AttemptPlan.mostRetries
        for _ in 0..<most {
            _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second)
            #expect(plan.broken(route(0, .tcp), .unreachable, retries: most) == .send(route(0, .tcp)))
        }
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second)
        #expect(plan.broken(route(0, .tcp), .unreachable, retries: most) == .fail(.unreachable))
    }

    @Test func `tries are counted, and after the last one there is only waiting`() {
        var plan = plan(1, tryLimit: Self.second / 100)
        var now = Instant(nanoseconds: 0)
        for _ in 1..<AttemptPlan.mostTries {
            _ = plan.sent(route(0, .tcp), at: now, resendWait: Self.second)
            now = now.advanced(byNanoseconds: Self.second / 100)
            #expect(plan.timePassed(at: now) == .begin(server: 0))
        }
        #expect(plan.sent(route(0, .tcp), at: now, resendWait: 9 * Self.second) == .wait(moment(5)))
    }

    @Test func `servers beyond the sixteenth are left out`() {
        var plan = plan(100)
        var action = plan.start()
        var asked: [Int] = []
        while case .begin(let server) = action {
            asked.append(server)
            _ = plan.sent(route(server), at: moment(0), resendWait: 1)
            action = plan.broken(route(server), .unreachable, retries: 0)
        }
        #expect(asked == Array(0..<AttemptPlan.mostServers))
        #expect(action == .fail(.unreachable))
    }

    // MARK: - Doubt

    @Test func `wrong letters lead to TCP, then to fresh ports, and are believed the third time`() {
        var plan = plan(1)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.letters, from: route(0), agrees: true) == .send(route(0, .tcp)))
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second)
        // A TCP that fails is no answer.
        #expect(plan.broken(route(0, .tcp), .unreachable, retries: 0) == .send(route(0)))
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.letters, from: route(0), agrees: true) == .send(route(0)))
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.letters, from: route(0), agrees: true) == .believe)
    }

    @Test(arguments: [ReplyKind.truncated, .broken])
    func `what the server says over UDP, cut, after a forged reply does not end the question over TCP that the forgery began`(
        _ kind: ReplyKind
    ) {
        var plan = plan(1)
        _ = plan.sent(route(0), at: moment(0), resendWait: 9 * Self.second)
        #expect(plan.doubt(.letters, from: route(0), agrees: true) == .send(route(0, .tcp)))
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: 9 * Self.second)
        #expect(plan.reply(kind, from: route(0)) == .wait(moment(2)))
        #expect(plan.reply(kind, from: route(0, .tcp)) == .fail(.refused(.servFail, .invalidData)))
    }

    @Test func `doubtful replies that do not agree are not believed, and are listened past`() {
        var plan = plan(1)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        _ = plan.doubt(.letters, from: route(0), agrees: true)
        #expect(plan.refused(route(0, .tcp), .unreachable) == .send(route(0)))
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        _ = plan.doubt(.letters, from: route(0), agrees: false)
        _ = plan.sent(route(0), at: moment(0), resendWait: 9 * Self.second)
        #expect(plan.doubt(.letters, from: route(0), agrees: true) == .wait(moment(2)))
    }

    @Test func `where TCP hangs a fresh port is tried meanwhile`() {
        var plan = plan(1)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.guesses, from: route(0), agrees: true) == .send(route(0, .tcp)))
        #expect(plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second / 4) == .wait(moment(0.25)))
        #expect(plan.timePassed(at: moment(0.25)) == .send(route(0)))
    }

    @Test func `a bare failure asks the next server, and is confirmed over TCP when that fails`() {
        var plan = plan(2)
        let failure = ReplyKind.failure(.servFail, nil)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.bare(failure), from: route(0), agrees: true) == .begin(server: 1))
        _ = plan.sent(route(1), at: moment(0), resendWait: Self.second)
        #expect(plan.reply(.failure(.refused, nil), from: route(1)) == .confirm(server: 0))
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second)
        #expect(plan.reply(failure, from: route(0, .tcp)) == .fail(.refused(.servFail, nil)))
    }

    @Test func `a bare failure that TCP confirms ends the try at once, though its port is still listened to`() {
        var plan = plan(1)
        let failure = ReplyKind.failure(.servFail, nil)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.bare(failure), from: route(0), agrees: true) == .send(route(0, .tcp)))
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: Self.second)
        #expect(plan.reply(failure, from: route(0, .tcp)) == .fail(.refused(.servFail, nil)))
    }

    @Test func `a bare refusal of OPT is followed by a question without it`() {
        var plan = plan(1)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        #expect(plan.doubt(.bare(.withoutEDNS(.formErr)), from: route(0), agrees: true) == .send(route(0, edns: false)))
    }

    // MARK: - Several at once

    @Test func `the second server is asked besides after the hedge's wait, and either may fail`() {
        var plan = plan(2, hedgeWait: Self.second / 10)
        #expect(plan.sent(route(0), at: moment(0), resendWait: Self.second) == .wait(moment(0.1)))
        #expect(plan.timePassed(at: moment(0.1)) == .hedge(server: 1))
        #expect(plan.sent(route(1), at: moment(0.1), resendWait: Self.second) == .wait(moment(1)))
        #expect(plan.reply(.failure(.servFail, nil), from: route(1)) == .wait(moment(1)))
        #expect(plan.reply(.failure(.servFail, nil), from: route(0)) == .fail(.refused(.servFail, nil)))
    }

    @Test func `a hedge that may not be is left out, and its server is still there`() {
        var plan = plan(2, hedgeWait: Self.second / 10)
        _ = plan.sent(route(0), at: moment(0), resendWait: Self.second)
        _ = plan.timePassed(at: moment(0.1))
        #expect(plan.notHedged() == .wait(moment(1)))
        #expect(plan.reply(.failure(.servFail, nil), from: route(0)) == .begin(server: 1))
    }

    @Test func `where all are asked at once the last failure is the question's`() {
        var plan = plan(3, askedAtOnce: 3)
        #expect(plan.sent(route(0), at: moment(0), resendWait: Self.second) == .begin(server: 1))
        #expect(plan.refused(route(1), .unreachable) == .begin(server: 2))
        #expect(plan.sent(route(2), at: moment(0), resendWait: Self.second) == .wait(moment(1)))
        #expect(plan.reply(.failure(.refused, nil), from: route(0)) == .wait(moment(2)))
        #expect(plan.reply(.failure(.servFail, nil), from: route(2)) == .fail(.refused(.servFail, nil)))
    }

    @Test func `servers that fail are asked after those that are asked at once`() {
        var plan = plan(4, askedAtOnce: 2)
        #expect(plan.sent(route(0), at: moment(0), resendWait: Self.second) == .begin(server: 1))
        #expect(plan.sent(route(1), at: moment(0), resendWait: Self.second) == .wait(moment(1)))
        // One that fails has the next in its place.
        #expect(plan.reply(.failure(.refused, nil), from: route(0)) == .begin(server: 2))
        #expect(plan.sent(route(2), at: moment(0), resendWait: Self.second) == .wait(moment(1)))
        #expect(plan.reply(.failure(.refused, nil), from: route(2)) == .begin(server: 3))
    }

    // MARK: - Any course

    /// Whatever comes in whatever order, the plan ends in time and sends a server no more datagrams than it may.
    @Test(arguments: 0..<300 as Range<UInt64>) func `any course of events ends in time`(_ seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let count = Int.random(in: 1...5, using: &numbers)
        var plan = plan(
            count, tryLimit: .random(in: 1...3 * Self.second, using: &numbers),
            hedgeWait: Bool.random(using: &numbers) ? .random(in: 1...Self.second, using: &numbers) : nil,
            askedAtOnce: Int.random(in: 0..<4, using: &numbers) == 0 ? count : 1)
        var now: UInt64 = 0
        var routes: [AttemptPlan.Route] = []
        var datagrams = [Int](repeating: 0, count: count)
        var action = plan.start()
        func send(_ route: AttemptPlan.Route) -> AttemptPlan.Action {
            if Int.random(in: 0..<10, using: &numbers) == 0 { return plan.refused(route, .unreachable) }
            routes.append(route)
            if route.transport == .udp { datagrams[route.server] += 1 }
            return plan.sent(
                route, at: Instant(nanoseconds: now), resendWait: .random(in: 50_000_000...Self.second, using: &numbers))
        }
        for _ in 0..<2000 {
            switch action {
            case .fail:
                #expect(datagrams.allSatisfy { $0 <= AttemptPlan.mostDatagrams + 3 })
                return
            case .begin(let server): action = send(route(server, Bool.random(using: &numbers) ? .udp : .tcp))
            case .hedge(let server): action = Bool.random(using: &numbers) ? plan.notHedged() : send(route(server))
            case .confirm(let server): action = send(route(server, .tcp))
            case .send(let route): action = send(route)
            case .believe: action = plan.reply(.failure(.servFail, nil), from: routes.randomElement(using: &numbers)!)
            case .resend(let server, let until):
                datagrams[server] += 1
                action = .wait(until)
            case .reconnect(_, let until): action = .wait(until)
            case .wait(let until):
                #expect(until <= moment(5))
                guard Int.random(in: 0..<3, using: &numbers) == 0, let from = routes.randomElement(using: &numbers) else {
                    now = max(now, until.nanoseconds)
                    action = plan.timePassed(at: Instant(nanoseconds: now))
                    continue
                }
                action = surprise(from, &plan, &numbers)
            }
        }
        Issue.record("the plan has no end")
    }

    private func surprise(
        _ from: AttemptPlan.Route, _ plan: inout AttemptPlan, _ numbers: inout SeededNumbers
    ) -> AttemptPlan.Action {
        let kinds: [ReplyKind] = [.truncated, .broken, .withoutEDNS(.formErr), .failure(.servFail, nil)]
        let kind = kinds.randomElement(using: &numbers)!
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: return plan.reply(kind, from: from)
        case 1: return plan.broken(from, .unreachable, retries: .random(in: 0...8, using: &numbers))
        default:
            guard from.transport == .udp else { return plan.reply(kind, from: from) }
            let doubt = [AttemptPlan.Doubt.letters, .guesses, .bare(kind)].randomElement(using: &numbers)!
            return plan.doubt(doubt, from: from, agrees: .random(using: &numbers))
        }
    }
}
