import DNSWire
import Green
import Testing

@testable import Upstream

/// The state machine alone: no clock, no socket.
@Suite struct `Attempt plans` {
    static let second: UInt64 = 1_000_000_000

    /// A plan with tries of two seconds, begun at 0, that ends after five.
    private func plan(_ servers: Int, tryLimit: UInt64 = 2 * second) -> AttemptPlan {
        AttemptPlan(serverCount: servers, tryLimit: tryLimit, deadline: moment(5))
    }

    private func moment(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }

    private func route(_ server: Int, _ transport: UpstreamAddress.Transport = .udp, edns: Bool = true) -> AttemptPlan.Route {
        .init(server: server, transport: transport, hasEDNS: edns)
    }

    @Test func `a silent server's datagram is sent again after one, three and seven waits`() {
        var plan = plan(1)
        #expect(plan.start() == .begin(server: 0))
        #expect(plan.sent(route(0), at: moment(0), resendWait: Self.second / 4) == .wait(moment(0.25)))
        #expect(plan.timePassed(at: moment(0.25)) == .resend(wait: moment(0.75)))
        #expect(plan.timePassed(at: moment(0.75)) == .resend(wait: moment(1.75)))
        #expect(plan.timePassed(at: moment(1.75)) == .resend(wait: moment(2)))
        #expect(plan.timePassed(at: moment(2)) == .begin(server: 0))
    }

    @Test func `a try ends after its limit and the question after five seconds`() {
        var plan = plan(1)
        for start in [0.0, 2] {
            #expect(plan.sent(route(0), at: moment(start), resendWait: 9 * Self.second) == .wait(moment(start + 2)))
            #expect(plan.timePassed(at: moment(start + 2)) == .begin(server: 0))
        }
        #expect(plan.sent(route(0), at: moment(4), resendWait: 9 * Self.second) == .wait(moment(5)))
        #expect(plan.timePassed(at: moment(5)) == .fail(.timedOut))
    }

    @Test func `nothing is sent again over a connection`() {
        var plan = plan(1)
        #expect(plan.sent(route(0, .tcp), at: moment(0), resendWait: 1) == .wait(moment(2)))
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
        _ = plan.sent(route(0, .tcp), at: moment(2.1), resendWait: 1)
        #expect(plan.broken(route(0, .tcp), .unreachable, mayRetry: false) == .begin(server: 1))
    }

    @Test func `letters and truncation lead to TCP, and TCP's are a failure`() {
        for kind in [ReplyKind.truncated, .otherLetters] {
            var plan = plan(1)
            _ = plan.sent(route(0, edns: false), at: moment(0), resendWait: 1)
            #expect(plan.reply(kind, from: route(0, edns: false)) == .send(route(0, .tcp, edns: false)))
            _ = plan.sent(route(0, .tcp, edns: false), at: moment(0), resendWait: 1)
            #expect(plan.reply(kind, from: route(0, .tcp, edns: false)) == .fail(.refused(.servFail, .invalidData)))
        }
    }

    @Test func `a server without EDNS is asked again without OPT, once`() {
        var plan = plan(1)
        _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: 1)
        #expect(plan.reply(.withoutEDNS(.badVers), from: route(0, .tcp)) == .send(route(0, .tcp, edns: false)))
        _ = plan.sent(route(0, .tcp, edns: false), at: moment(0), resendWait: 1)
        #expect(plan.reply(.withoutEDNS(.formErr), from: route(0, .tcp, edns: false)) == .fail(.refused(.formErr, nil)))
    }

    @Test func `a used connection that broke is followed by another, three times at most`() {
        var plan = plan(1)
        for _ in 0..<AttemptPlan.mostStreamRetries {
            _ = plan.sent(route(0, .tcp), at: moment(0), resendWait: 1)
            #expect(plan.broken(route(0, .tcp), .unreachable, mayRetry: true) == .send(route(0, .tcp)))
        }
        #expect(plan.broken(route(0, .tcp), .unreachable, mayRetry: true) == .fail(.unreachable))
    }

    @Test func `tries are counted, and after the last one there is only waiting`() {
        var plan = plan(1, tryLimit: Self.second / 100)
        var now = Instant(nanoseconds: 0)
        for _ in 1..<AttemptPlan.mostTries {
            _ = plan.sent(route(0), at: now, resendWait: Self.second)
            now = now.advanced(byNanoseconds: Self.second / 100)
            #expect(plan.timePassed(at: now) == .begin(server: 0))
        }
        #expect(plan.sent(route(0), at: now, resendWait: 9 * Self.second) == .wait(moment(5)))
    }

    @Test func `more servers than fit a word are left out`() {
        var plan = plan(100)
        var action = plan.start()
        var asked: [Int] = []
        while case .begin(let server) = action {
            asked.append(server)
            _ = plan.sent(route(server), at: moment(0), resendWait: 1)
            action = plan.broken(route(server), .unreachable, mayRetry: false)
        }
        #expect(asked == Array(0..<64))
        #expect(action == .fail(.unreachable))
    }

    /// Whatever comes in whatever order, the plan ends in time and asks nobody who failed.
    @Test(arguments: 0..<200 as Range<UInt64>) func `any course of events ends in time`(_ seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let count = Int.random(in: 1...5, using: &numbers)
        var plan = AttemptPlan(
            serverCount: count, tryLimit: .random(in: 1...3 * Self.second, using: &numbers), deadline: moment(5))
        var now: UInt64 = 0
        var routes: [AttemptPlan.Route] = []
        var action = plan.start()
        for _ in 0..<2000 {
            switch action {
            case .fail: return
            case .begin(let server):
                action = send(route(server, Bool.random(using: &numbers) ? .udp : .tcp), now, &routes, &plan, &numbers)
            case .send(let route):
                action = send(route, now, &routes, &plan, &numbers)
            case .resend(let until):
                #expect(routes.last?.transport == .udp)
                action = .wait(until)
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

    private func send(
        _ route: AttemptPlan.Route, _ now: UInt64, _ routes: inout [AttemptPlan.Route], _ plan: inout AttemptPlan,
        _ numbers: inout SeededNumbers
    ) -> AttemptPlan.Action {
        if Int.random(in: 0..<10, using: &numbers) == 0 { return plan.refused(route, .unreachable) }
        routes.append(route)
        return plan.sent(route, at: Instant(nanoseconds: now), resendWait: .random(in: 50_000_000...Self.second, using: &numbers))
    }

    private func surprise(
        _ from: AttemptPlan.Route, _ plan: inout AttemptPlan, _ numbers: inout SeededNumbers
    ) -> AttemptPlan.Action {
        let kinds: [ReplyKind] = [.truncated, .otherLetters, .withoutEDNS(.formErr), .failure(.servFail, nil)]
        if let kind = (kinds + [nil, nil]).randomElement(using: &numbers)! { return plan.reply(kind, from: from) }
        return plan.broken(from, .unreachable, mayRetry: .random(using: &numbers))
    }
}
