// Asking others.
//
// One question's way, in the greenlet of its flight:
//
//     Forwarder.ask        sorts the upstreams: those that failed lately come last
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

internal import DNSWire
package import Green

/// Asks a group of upstreams on behalf of one hub.
package final class Forwarder {
    private let hub: Hub
    private let servers: [UpstreamServer]
    private let tryLimit: UInt64
    /// Told when an upstream answers that had been failing.
    private let recovered: () -> Void

    /// All tries of a question together take this long at most.
    package static let questionLimit = Duration.seconds(5)
    private static let questionNanoseconds = questionLimit.clampedNanoseconds

    /// A forwarder to `servers`, in the order in which they are asked; a try takes `tryLimit` at most.
    package init(hub: Hub, servers: [UpstreamServer], tryLimit: Duration, recovered: @escaping () -> Void = {}) {
        self.hub = hub
        self.servers = servers
        self.tryLimit = tryLimit.clampedNanoseconds
        self.recovered = recovered
    }

    /// Asks until there is an answer; throws the reason where there is none within the question's time. Waits.
    package func ask(_ question: UpstreamQuestion) throws(UpstreamFailure) -> UpstreamReply {
        guard !servers.isEmpty else { throw .noUpstream }
        let asking = Asking(question, servers: order(), hub: hub)
        defer { asking.end() }
        let answer = try asking.run(tryLimit: tryLimit, limit: Self.questionNanoseconds)
        if answer.server.answered() { recovered() }
        return UpstreamReply(bytes: answer.bytes, upstream: answer.server.id, transport: answer.transport)
    }

    /// The servers in the order in which this question asks them: those that failed lately go last; within both groups
    /// the order is the configured one.
    private func order() -> [UpstreamServer] {
        if servers.count == 1 || !servers.contains(where: { $0.isFailing }) { return servers }
        let order = servers.filter { !$0.isAskedLast } + servers.filter { $0.isAskedLast }
        // One question finds out whether a server is back; the others need not wait for that.
        if order[0].isFailing { order[0].probe(for: tryLimit) }
        return order
    }
}
