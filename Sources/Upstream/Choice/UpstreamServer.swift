package import Green

/// One upstream as one hub knows it: its channels, its round trips, its quirks and whether it answers.
package final class UpstreamServer {
    /// The hub that asks.
    let hub: Hub
    /// Where it is.
    package let address: UpstreamAddress
    /// Its number in caches and reports: the same as long as the daemon knows the address.
    package let id: UInt16
    /// Its round trips.
    private(set) var estimate = RoundTripEstimate()
    /// When something last came from it that fitted a question.
    private(set) var lastHeard = Instant(nanoseconds: 0)
    /// Messages that fitted no question.
    package internal(set) var strayCount: UInt64 = 0

    let datagrams = ChannelPool<DatagramChannel>(limit: 512, spare: 4)
    let streams = ChannelPool<StreamChannel>(limit: 32, spare: 1)
    private(set) var isRetired = false
    private var foldsUntil = Instant(nanoseconds: 0)
    private var ownStreamsUntil = Instant(nanoseconds: 0)
    private var withoutEDNSUntil = Instant(nanoseconds: 0)
    private var doubtfulRefusals = 0
    private var failures = 0
    private var lastUntil = Instant(nanoseconds: 0)
    private var probeUntil = Instant(nanoseconds: 0)

    /// For so long a server that folds case is asked without 0x20, and one without EDNS without OPT.
    static let quirkMemory: UInt64 = 600_000_000_000
    /// For so long a server that broke a connection with several questions gets one at a time over each.
    static let streamMemory: UInt64 = 60_000_000_000
    /// So many questions in a row must have been answered only without OPT, when each refusal could have been forged.
    static let doubtfulRefusalsBelieved = 3

    package init(_ address: UpstreamAddress, id: UInt16, hub: Hub = .current) {
        self.address = address
        self.id = id
        self.hub = hub
    }

    // MARK: - What is known of it

    /// Whether it failed and has not answered since.
    var isFailing: Bool { failures > 0 }
    /// Whether it failed lately, or somebody is finding out about it, so that it is asked last for now.
    var isAskedLast: Bool { isFailing && max(lastUntil, probeUntil) > hub.now }
    /// Whether it is asked without OPT for now.
    var lacksEDNS: Bool { withoutEDNSUntil > hub.now }
    /// Whether its answers fold case, so that letters prove nothing.
    var foldsLetters: Bool { foldsUntil > hub.now }

    /// Whether several questions at once over a connection are too much for it.
    var needsOwnStreams: Bool { ownStreamsUntil > hub.now }

    /// Something came that fits a question.
    func heard(_ exchange: Exchange) {
        lastHeard = hub.now
        guard exchange.route.transport == .udp else { return }
        let age = exchange.sentAt.nanoseconds(to: hub.now)
        estimate.record(age, wasResent: exchange.sends > 1)
    }

    /// It answers in other letters over TCP too.
    func foldsCase() { foldsUntil = hub.now.advanced(byNanoseconds: Self.quirkMemory) }

    /// It broke a connection over which several questions were under way.
    func brokeSharedStream() { ownStreamsUntil = hub.now.advanced(byNanoseconds: Self.streamMemory) }

    /// It answered a question with OPT.
    func answeredWithEDNS() { doubtfulRefusals = 0 }

    /// It answered only without OPT.
    func answeredWithoutEDNS(_ refusal: Exchange.Credence) {
        doubtfulRefusals += 1
        guard refusal == .proven || doubtfulRefusals >= Self.doubtfulRefusalsBelieved else { return }
        doubtfulRefusals = 0
        withoutEDNSUntil = hub.now.advanced(byNanoseconds: Self.quirkMemory)
    }

    /// It did not answer: for a second, then twice as long each time, a minute at most, others are asked before it.
    /// What fails meanwhile is the same failure.
    func failed() {
        guard lastUntil <= hub.now else { return }
        lastUntil = hub.now.advanced(byNanoseconds: min(60, 1 << UInt64(min(failures, 6))) * 1_000_000_000)
        failures += 1
    }

    /// For so long, one question finds out whether it is back, and others are asked before it.
    func probe(for nanoseconds: UInt64) {
        probeUntil = hub.now.advanced(byNanoseconds: nanoseconds)
    }

    /// It answered; true when it had been failing before.
    func answered() -> Bool {
        guard isFailing else { return false }
        failures = 0
        lastUntil = Instant(nanoseconds: 0)
        return true
    }

    // MARK: - Asking it

    /// Sends a question; what comes of it is told to `asking`. Never waits.
    func ask(_ asking: Asking, on route: AttemptPlan.Route, at now: Instant) throws(UpstreamFailure) -> Exchange {
        let letters = foldsLetters ? 0 : hub.loop.random()
        let exchange = Exchange(asking, to: self, on: route, letters: letters, at: now)
        // Not `hub.loop.random` itself: a method handed on as a value is allocated.
        let random = { [hub] in hub.loop.random() }
        switch route.transport {
        case .udp:
            let channel = try datagrams.channel(at: hub.now, random) { () throws(UpstreamFailure) in
                try DatagramChannel(to: self)
            }
            channel.begin(exchange)
        case .tcp:
            let channel = try streams.channel(at: hub.now, random) { () throws(UpstreamFailure) in
                try StreamChannel(to: self)
            }
            channel.begin(exchange)
        }
        return exchange
    }

    /// Takes no new questions; each channel closes when those it carries have ended. Questions under way may still ask
    /// it, over channels that close after them.
    package func retire() {
        isRetired = true
        datagrams.retireAll()
        streams.retireAll()
    }
}
