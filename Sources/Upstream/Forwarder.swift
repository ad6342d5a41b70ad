// Asking others.
//
// One question's way, in the greenlet of its flight:
//
//     Forwarder.ask        sorts the upstreams: those that fail come last
//     AttemptPlan          says: send to the first, over UDP, with OPT
//     UpstreamServer.ask   picks a channel, writes id and letters, sends, registers the exchange
//     Asking.next          waits; the hub runs others
//     DatagramChannel      gets a reply, finds the exchange by its id, compares the question to the letter
//     Exchange.deliver     wakes the flight
//     AttemptPlan          says: that is the answer (or: again over TCP, without OPT, the next upstream)
//
// Invariants: a reply counts only from the peer that was asked, under the id and with the question as sent. A question
// ends within its time, with a reply or a reason, and leaves nothing behind. Nothing here knows of clients or of the
// cache.

package import Belief
internal import DNSWire
package import Green
package import Observation

/// Asks a group of upstreams on behalf of one hub.
package final class Forwarder {
    private let hub: Hub
    private let servers: [UpstreamServer]
    private let tryLimit: UInt64
    private let watch: UpstreamWatch?
    private let policy: ForwardPolicy
    /// Which questions may be asked of a second upstream.
    let hedges: HedgeBudget
    /// Looks at answers, where the network may lie.
    private(set) var scrutiny: Scrutiny?

    /// All tries of a question together take this long at most: less than the five seconds after which dig and the C
    /// library ask again.
    package static let questionLimit = Duration.milliseconds(4500)
    /// And this long where all upstreams are down.
    private static let downNanoseconds: UInt64 = 200_000_000

    /// A forwarder to `servers`, asked as `policy` says; a try takes `tryLimit` at most. `recovered` is told
    /// when one answers that had been failing.
    package init(
        hub: Hub, servers: [UpstreamServer], tryLimit: Duration, policy: ForwardPolicy = ForwardPolicy(),
        watch: UpstreamWatch? = nil,
        recovered: @escaping () -> Void = {}
    ) {
        self.hub = hub
        self.servers = servers
        self.tryLimit = tryLimit.clampedNanoseconds
        self.watch = watch
        self.policy = policy
        hedges = HedgeBudget(permille: servers.count > 1 ? policy.hedgePermille : 0)
        for server in servers { server.recovered = recovered }
    }

    /// Looks at answers from now on, as the policy says; what is suspicious is asked of `verifier`.
    package func verify(by verifier: Forwarder?) {
        guard verifier != nil || !policy.bogus.isEmpty else { return }
        scrutiny = Scrutiny(policy, verifier: verifier, hub: hub, watch: watch)
    }

    /// Asks until there is an answer, judged by `rules`; throws the reason where there is none by `deadline`. Waits.
    /// `standing` is told whom the question waits for.
    package func ask(
        _ question: UpstreamQuestion, _ rules: Belief.Rules, until deadline: Instant,
        for standing: QuestionStanding? = nil
    ) throws(UpstreamFailure) -> UpstreamReply {
        do throws(UpstreamFailure) {
            if let scrutiny, let reply = try scrutiny.answerOfVerifier(question, rules, until: deadline) { return reply }
            let order = try order()
            let asking = Asking(question, rules, servers: order, hub: hub, hedges: hedges.isOn ? hedges : nil)
            defer { asking.end() }
            if let scrutiny { asking.scrutiny = scrutiny }
            asking.standing = standing
            if let trace = standing?.trace { note(order, trace) }
            let found = try asking.run(try terms(order, deadline))
            if let scrutiny { return try scrutiny.judge(found, of: asking, until: deadline) }
            return found.reply
        } catch {
            watch?.tell(.unanswered(question, error))
            throw error
        }
    }

    /// Tells who watches whom the question may be asked of, and in which order.
    @inline(never)
    private func note(_ order: [UpstreamServer], _ trace: QuestionTrace) {
        let servers = order.map { server in
            let roundTrip = server.roundTrip / 1_000
            let standing = server.isFailing ? "failing" : roundTrip > 0 ? "\(roundTrip) µs" : "not measured"
            return "\(server.address) (\(standing))"
        }
        trace.note("upstreams", at: hub.loop.now(), "\(policy.order): \(servers.joined(separator: ", "))")
    }

    /// The servers that this question asks, best first: those that fail go last.
    private func order() throws(UpstreamFailure) -> [UpstreamServer] {
        guard !servers.isEmpty else { throw .noUpstream }
        let isPlain = policy.order != .fastest && policy.fallbackCount == 0
        if servers.count == 1 || (isPlain && !servers.contains { $0.isFailing }) { return servers }
        let standings = servers.map { ServerOrder.Standing(isFailing: $0.isFailing, roundTrip: $0.roundTrip) }
        return ServerOrder.places(of: standings, policy, random: hub.loop.random()).map { servers[$0] }
    }

    /// What the question may take. Where all servers are down it is asked once, and nobody waits long for it: so the first
    /// one after the outage is answered, and no clients pile up in it.
    private func terms(_ order: [UpstreamServer], _ deadline: Instant) throws(UpstreamFailure) -> AttemptPlan.Terms {
        var terms = AttemptPlan.Terms(serverCount: order.count, tryLimit: tryLimit, deadline: deadline)
        // Those that fail have their turn where none of the others answers.
        if policy.order == .parallel { terms.askedAtOnce = order.prefix { !$0.isFailing }.count }
        if hedges.isOn {
            hedges.asked()
            if order.count > 1, !order[1].isFailing { terms.hedgeWait = order[0].latency.nanoseconds }
        }
        guard order[0].isFailing, order.allSatisfy({ $0.health.isDown }) else { return terms }
        guard order.contains(where: { $0.mayResend }) else { throw .unreachable }
        terms.deadline = min(deadline, hub.loop.now().advanced(byNanoseconds: Self.downNanoseconds))
        terms.askedAtOnce = order.count
        terms.mostDatagrams = 1
        return terms
    }
}
