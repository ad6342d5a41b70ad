internal import Belief
internal import DNSWire
package import Green
package import GreenTLS
internal import Observation

/// One upstream as one hub knows it: its channels, its round trips and its quirks. Whether it answers is known to all
/// hubs.
package final class UpstreamServer {
    /// The hub that asks.
    let hub: Hub
    /// Where it is.
    package let address: UpstreamAddress
    /// Where it is, as greenlets that serve it are named.
    let name: String
    /// What TLS with it stands on; without this an encrypted upstream is not spoken to.
    let tls: TLSContext?
    /// What was last found wrong with its TLS, or its HTTP.
    var insecurity = ""
    /// Its addresses, where it is known by name.
    let hosts: HostAddresses?
    /// Its number in caches and reports: the same as long as the daemon knows the address.
    package let id: UInt16
    /// Whether it answers.
    let health: UpstreamHealth
    /// Told when it answers that had been failing.
    var recovered: () -> Void = {}
    /// What it does in its own way.
    var quirks = ServerQuirks()
    /// How many questions a connection is given.
    var streamLimits = StreamLimits()
    /// Its round trips over UDP.
    private(set) var estimate = RoundTripEstimate()
    /// Its round trips over connections that stand.
    private var streamEstimate = RoundTripEstimate()
    /// The time within which nineteen of twenty of its answers come.
    private(set) var latency = LatencyQuantile()
    /// What it was asked since it last said something.
    private var silence = Silence()
    /// How soon it can answer at all, where the network may lie.
    var quickest = QuickestRoundTrip()
    /// Tries that have not ended.
    private(set) var exchangeCount = 0
    /// What this hub counts of it.
    let figures: UpstreamFigures
    /// Its queue for messages; nil until it has told of one.
    var messageRing: RecordRing?
    /// Messages that fitted no question.
    package var strayCount: UInt64 { figures.strays.value }

    let datagrams = ChannelPool<DatagramChannel>(limit: 512, spare: 128)
    let streams = ChannelPool<StreamChannel>(limit: 16, spare: 1)
    private(set) var isRetired = false
    /// Ports that one question has to itself.
    private(set) var ownPortCount = 0
    private var ports = PortUse()
    private var resends = ResendBudget()
    private var heardAt = Instant(nanoseconds: 0)
    /// Tries in a row that ended in silence.
    private var silentTries = 0
    /// Questions in a row that ICMP messages quoted, while nothing was heard.
    private var quotes = 0
    /// Names in a row that it had nothing but SERVFAIL for.
    private var failedNames: [UpstreamQuestion] = []
    /// Exchanges that wait for a place on a connection.
    var waiting: [Exchange] = []
    private var prober: Greenlet<Void>?
    /// Asks what every server knows, while that is in doubt.
    private var checker: Greenlet<Void>?
    private var checkedAt = Instant(nanoseconds: 0)
    /// Whether those are served who wait for a place, and no place is looked for before this moment.
    var isServing = false
    var roomAt = Instant(nanoseconds: 0)

    /// So many names in a row must fail before the server is asked for the root, and is taken for ill where that fails too.
    static let failedNamesBelieved = 3
    /// So many questions in a row must be quoted by ICMP messages: one concerns that question alone.
    static let quotesBelieved = 2
    /// It is asked for the root in this way no more often than once in so many nanoseconds.
    static let checkDistance: UInt64 = 1_000_000_000
    /// So many tries are under way at most: more than there are flights, so that places are shared among clients there.
    static let mostExchanges = 40_000
    /// Beyond so many tries a question keeps one here, and gives up those before it.
    static let mostDoubled = 8192
    /// So many questions wait for a place on a connection at most.
    static let mostWaiting = 4096

    package init(
        _ address: UpstreamAddress, id: UInt16, hub: Hub = .current, health: UpstreamHealth? = nil, tls: TLSContext? = nil
    ) {
        self.address = address
        name = "upstream \(address)"
        self.tls = tls
        hosts = address.host.flatMap { HostAddresses($0, hub: hub) }
        self.id = id
        self.hub = hub
        self.health = health ?? UpstreamHealth(of: address) { _ in }
        figures = self.health.figures.take()
    }

    deinit {
        health.figures.giveBack(figures)
    }

    /// Has its name looked up by `bootstrap` from now on.
    package func lookUp(by bootstrap: Forwarder?) { hosts?.bootstrap = bootstrap }

    // MARK: - What is known of it

    /// Whether it failed and has not answered since, so that it is asked last.
    var isFailing: Bool { health.isFailing }
    /// Whether it is asked without OPT for now.
    var lacksEDNS: Bool { quirks.lacksEDNS(at: hub.now) }
    /// Whether its answers fold case, so that letters prove nothing.
    var foldsLetters: Bool { quirks.foldsLetters(at: hub.now) }
    /// When something last came from it that fitted a question.
    var lastHeard: Instant { max(heardAt, health.lastHeard) }

    /// Its smoothed round trip, over what it is asked over; 0 where nothing was measured.
    var roundTrip: UInt64 {
        (address.transport == .udp ? estimate : streamEstimate).roundTrip.clampedNanoseconds
    }

    /// How long to wait for an answer before a datagram is sent again, or a silent connection is left.
    func resendWait(_ transport: UpstreamAddress.Transport) -> UInt64 {
        switch transport {
        case .udp: min(estimate.resendWait << UInt64(min(silentTries, 3)), RoundTripEstimate.longestWait)
        case .tcp, .tls, .https: max(streamEstimate.resendWait, RoundTripEstimate.shortestStreamWait)
        }
    }

    /// Whether so much was asked for so long without an answer that others are to be asked at once.
    func isSilent(at now: Instant) -> Bool {
        let isDatagram = address.transport == .udp
        // A fresh connection beside a silent one has its chance first.
        let wait = isDatagram ? estimate.resendWait : max(streamEstimate.resendWait, RoundTripEstimate.shortestStreamWait / 2)
        return silence.isLong(at: now, wait: wait) && lastHeard.advanced(byNanoseconds: Silence.shortest) <= now
    }

    /// Whether a datagram may be sent again now.
    var mayResend: Bool { resends.take(at: hub.now) }

    /// Something came that fits a question.
    func heard(_ exchange: Exchange) {
        let now = hub.now
        heardAt = now
        health.heard(at: now)
        resends.heard()
        silentTries = 0
        silence.heard()
        quotes = 0
        let age = exchange.sentAt.nanoseconds(to: now)
        exchange.age = max(1, age)
        latency.record(age)
        figures.record(nanoseconds: age)
        switch exchange.route.transport {
        case .udp:
            // Where datagrams are lost it is the last one that is answered; a link that has become slow is learnt all the same, for
            // the wait for the next one doubles.
            if exchange.sends > 1 {
                estimate.record(exchange.lastSentAt.nanoseconds(to: now), wasResent: true)
            } else {
                estimate.record(age)
            }
        case .tcp, .tls, .https: if exchange.isOnUsedConnection { streamEstimate.record(age) }
        }
    }

    /// It answers in other letters over TCP too, or always.
    func foldsCase() { quirks.foldsCase(at: hub.now) }

    /// It said something to a question, and not a stranger.
    func replied(_ kind: ReplyKind, to question: UpstreamQuestion) {
        if case .failure = kind { figures.refusals.add() }
        if case .failure(.servFail, _) = kind {
            noteServFail(question)
        } else if !failedNames.isEmpty {
            failedNames = []
        }
        guard health.isFailing else { return }
        if health.answered(isFailure: !kind.isServed, at: hub.now) { recovered() }
    }

    /// A server without an uplink says SERVFAIL to everything: that is an outage like any other.
    private func noteServFail(_ question: UpstreamQuestion) {
        guard !failedNames.contains(where: { $0.hasName(of: question) }) else { return }
        failedNames.append(question)
        guard failedNames.count >= Self.failedNamesBelieved else { return }
        // Which names are asked is the clients' choice: they fail here because of their own servers, perhaps.
        guard failedNames.contains(where: { $0.hasName(of: .root) }) else {
            failedNames.removeFirst(failedNames.count - Self.failedNamesBelieved + 1)
            return check()
        }
        failedNames = []
        failed(insecurity.isEmpty ? .servFail : .http(insecurity), question)
    }

    /// A question that was sent at a moment has no answer so far, and nothing else came since: it may be the server, or the
    /// name alone. Whatever it answers now tells.
    func doubt(since sentAt: Instant) {
        if lastHeard < sentAt { check() }
    }

    /// A try that was made at a moment ended without an answer. Whoever answered others meanwhile is well; else it is asked for the
    /// root, and is taken for dead where that has no answer either, for as long as a datagram is waited for.
    func wasSilent(_ question: UpstreamQuestion, since sentAt: Instant) {
        figures.timeouts.add()
        guard lastHeard < sentAt else { return }
        let isOwn = question.hasName(of: .root)
        let hasHadTime = checkedAt.advanced(byNanoseconds: estimate.resendWait) <= hub.now
        guard isOwn || (checker != nil && lastHeard < checkedAt && hasHadTime) else { return check(isUrgent: true) }
        failed(.silent, question)
    }

    /// Asks for the root, which every server knows, besides the questions of clients. One at a time, and seldom unless it is
    /// urgent.
    private func check(isUrgent: Bool = false) {
        let isDue = isUrgent || checkedAt.advanced(byNanoseconds: Self.checkDistance) <= hub.now
        guard checker == nil, !health.isFailing, !isRetired, isDue else { return }
        checkedAt = hub.now
        checker = hub.spawn(name: "check of \(name)") { [self] in
            defer { checker = nil }
            _ = try? ask(.root, until: UpstreamHealth.probeInterval, datagrams: 2)
        }
        // Done before it began: the hub has no stack for it.
        if checker?.isDone == true { checker = nil }
    }

    /// Asks a question of its own. Waits for so many nanoseconds at most.
    private func ask(_ question: UpstreamQuestion, until limit: UInt64, datagrams: Int) throws(UpstreamFailure) {
        let asking = Asking(question, Belief.Rules(seed: hub.loop.random()), servers: [self], hub: hub)
        defer { asking.end() }
        let deadline = hub.loop.now().advanced(byNanoseconds: limit)
        _ = try asking.run(.init(serverCount: 1, tryLimit: limit, deadline: deadline, mostDatagrams: datagrams))
    }

    /// An ICMP message said of a question, quoting it to the letter, that it did not arrive. Who writes that has seen the
    /// question or has guessed port, id and letters; that is not done twice by chance.
    func wasQuoted(_ question: UpstreamQuestion) {
        quotes += 1
        if quotes >= Self.quotesBelieved { failed(.unreachable, question) } else { check() }
    }

    /// It did not answer a question: others are asked before it until it is found to answer again.
    func failed(_ trouble: UpstreamTrouble, _ question: UpstreamQuestion) {
        if trouble == .silent { silentTries += 1 }
        guard !isRetired, health.failed(trouble, question, at: hub.now) else { return }
        prober?.kill()
        prober = hub.spawn(name: "probe of \(name)") { try self.probe() }
    }

    /// Asks it now and then until it answers again. One greenlet of the whole daemon does.
    private func probe() throws {
        while health.isFailing, !isRetired {
            try sleep(hub.now.duration(to: health.probeAt))
            guard health.claimProbe(at: hub.now) else { continue }
            do throws(UpstreamFailure) {
                try ask(health.probeQuestion(), until: UpstreamHealth.probeInterval, datagrams: 1)
            } catch {
                if error == .stopping { return }
                health.probeFailed()
            }
        }
    }

    // MARK: - Asking it

    /// Sends a question; what comes of it is told to `asking`. Never waits. `fresh` wants a connection of its own.
    func ask(
        _ asking: Asking, on route: AttemptPlan.Route, at now: Instant, fresh: Bool = false
    ) throws(UpstreamFailure) -> Exchange {
        guard exchangeCount < Self.mostExchanges else { throw .overloaded }
        let letters = foldsLetters ? 0 : hub.loop.random()
        let exchange = Exchange(asking, to: self, on: route, letters: letters, at: now)
        switch route.transport {
        case .udp:
            try datagramChannel().begin(exchange)
        case .tcp, .tls, .https:
            // What an encrypted upstream's connections are like does not depend on the route.
            if fresh {
                try streams.another { () throws(UpstreamFailure) in try StreamChannel(to: self) }.begin(exchange)
            } else {
                try beginStream(exchange)
            }
        }
        exchangeCount += 1
        figures.queries.add()
        silence.asked(at: now)
        health.marks?.note(asking.question, exchange.form)
        if let tap = health.tap, QueryTap.hasMessages(tap.word) { tellQuery(exchange, tap) }
        return exchange
    }

    /// Whether so many tries are under way that a question should have one of them only.
    var isCrowded: Bool { exchangeCount > Self.mostDoubled }

    /// A try has ended.
    func exchangeEnded() { exchangeCount -= 1 }

    private func datagramChannel() throws(UpstreamFailure) -> DatagramChannel {
        if ports.isAlone(at: hub.now), ownPortCount < PortUse.mostOpen {
            do {
                let channel = try DatagramChannel(to: self, isShared: false)
                ownPortCount += 1
                return channel
            } catch {
                // Out of descriptors, say: what is open serves as well.
                guard error == .overloaded, datagrams.openCount > 0 else { throw error }
            }
        }
        // Not `hub.loop.random` itself: a method handed on as a value is allocated.
        let random = { [hub] in hub.loop.random() }
        return try datagrams.channel(at: hub.now, random) { () throws(UpstreamFailure) in
            try DatagramChannel(to: self, isShared: true)
        }
    }

    /// A port that one question had to itself is closed.
    func ownPortClosed() { ownPortCount -= 1 }

    /// Takes no new questions; each channel closes when those it carries have ended. Questions under way may still ask
    /// it, over channels that close after them.
    package func retire() {
        isRetired = true
        prober?.kill()
        prober = nil
        checker?.kill()
        checker = nil
        datagrams.retireAll()
        streams.retireAll()
    }
}
