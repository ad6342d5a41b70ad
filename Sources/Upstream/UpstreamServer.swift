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
    /// Messages that fitted no question.
    package internal(set) var strayCount: UInt64 = 0

    private var datagramChannels: [DatagramChannel] = []
    private var streamChannels: [StreamChannel] = []
    private var picked: (turn: Instant, index: Int)?
    private var foldsUntil = Instant(nanoseconds: 0)
    private var withoutEDNSUntil = Instant(nanoseconds: 0)
    private var lastUntil = Instant(nanoseconds: 0)
    private var failures = 0

    /// Channels that are kept open even when few exchanges are under way, so that ports vary.
    static let spareChannels = 4
    /// For so long a server that folds case is asked without 0x20, and one without EDNS without OPT.
    static let quirkMemory: UInt64 = 600_000_000_000

    package init(_ address: UpstreamAddress, id: UInt16, hub: Hub = .current) {
        self.address = address
        self.id = id
        self.hub = hub
    }

    // MARK: - What is known of it

    /// Whether it failed lately and is asked last for now.
    var isAskedLast: Bool { lastUntil > hub.now }
    /// Whether it is asked without OPT for now.
    var lacksEDNS: Bool { withoutEDNSUntil > hub.now }
    /// Whether its answers fold case, so that letters prove nothing.
    var foldsLetters: Bool { foldsUntil > hub.now }

    /// Takes a round trip in.
    func measured(_ nanoseconds: UInt64) { estimate.record(nanoseconds) }

    /// It answers in other letters over TCP too.
    func foldsCase() { foldsUntil = hub.now.advanced(byNanoseconds: Self.quirkMemory) }

    /// It answers only without OPT.
    func hasNoEDNS() { withoutEDNSUntil = hub.now.advanced(byNanoseconds: Self.quirkMemory) }

    /// It did not answer: for a second, then twice as long each time, a minute at most, others are asked before it.
    func failed() {
        failures += 1
        lastUntil = hub.now.advanced(byNanoseconds: min(60, 1 << UInt64(min(failures - 1, 6))) * 1_000_000_000)
    }

    /// It answered; true when it had been failing before.
    func answered() -> Bool {
        guard failures > 0 else { return false }
        failures = 0
        lastUntil = Instant(nanoseconds: 0)
        return true
    }

    // MARK: - Asking it

    /// Sends a question; what comes of it is told to `inbox`. Never waits.
    func ask(
        _ question: UpstreamQuestion, over transport: UpstreamAddress.Transport, edns: Bool, inbox: ReplyInbox
    ) throws(SocketError) -> Exchange {
        let letters = foldsLetters ? 0 : hub.loop.random()
        let exchange = Exchange(question, to: self, over: transport, letters: letters, edns: edns, inbox: inbox)
        switch transport {
        case .udp: try datagramChannel().begin(exchange)
        case .tcp: streamChannel().begin(exchange)
        }
        return exchange
    }

    /// A channel with room, picked at random once in a turn of the loop, so that what one turn sends leaves in batches.
    private func datagramChannel() throws(SocketError) -> DatagramChannel {
        if let picked, picked.turn == hub.now, picked.index < datagramChannels.count,
            datagramChannels[picked.index].hasRoom
        {
            return datagramChannels[picked.index]
        }
        if datagramChannels.count < Self.spareChannels || !datagramChannels.contains(where: \.hasRoom) {
            datagramChannels.append(try DatagramChannel(to: self))
            picked = (hub.now, datagramChannels.count - 1)
            return datagramChannels[datagramChannels.count - 1]
        }
        var index = Int(hub.loop.random() % UInt64(datagramChannels.count))
        while !datagramChannels[index].hasRoom { index = (index + 1) % datagramChannels.count }
        picked = (hub.now, index)
        return datagramChannels[index]
    }

    private func streamChannel() -> StreamChannel {
        if let open = streamChannels.first(where: \.hasRoom) { return open }
        let channel = StreamChannel(to: self)
        streamChannels.append(channel)
        return channel
    }

    /// A datagram channel takes no more exchanges.
    func retired(_ channel: DatagramChannel) {
        datagramChannels.removeAll { $0 === channel }
        picked = nil
    }

    /// A stream channel is closed.
    func closed(_ channel: StreamChannel) {
        streamChannels.removeAll { $0 === channel }
    }

    /// Takes no new questions; each channel closes when those it carries have ended.
    package func retire() {
        for channel in datagramChannels { channel.retire() }
        for channel in streamChannels { channel.retire() }
    }
}
