internal import Green

/// Places on connections, which are few where the server takes few questions at once.
///
/// Where all are taken, those give way that have waited longest without an answer: silent names, which hold a place for
/// seconds where others hold it for a round trip, so that whoever asks for many of them takes nothing from others.
extension UpstreamServer {
    /// Who has waited for less than so many nanoseconds does not give way; the more wait for a place, the less it is.
    private var leastAge: UInt64 {
        let free = max(0, Self.mostWaiting - waiting.count)
        return Self.shortestAge + Self.tryAge / UInt64(Self.mostWaiting) * UInt64(free)
    }
    private static var shortestAge: UInt64 { 100_000_000 }
    private static var tryAge: UInt64 { 2_000_000_000 }
    /// Where nobody can give way it is looked for again after so many nanoseconds.
    private static var lookDistance: UInt64 { 10_000_000 }
    /// So many give way at once.
    private static var givingWay: Int { 32 }

    /// Puts an exchange on a connection, or has it wait for a place there.
    func beginStream(_ exchange: Exchange) throws(UpstreamFailure) {
        do {
            try streamChannel().begin(exchange)
        } catch {
            // All connections have as much as they take.
            guard error == .overloaded, streams.openCount > 0 else { throw error }
            makeRoom()
            if let channel = try? streamChannel() { return channel.begin(exchange) }
            guard waiting.count < Self.mostWaiting else { throw error }
            waiting.append(exchange)
        }
    }

    /// A connection has a place, or another may be opened: who waits goes on.
    func serveWaiting() {
        // A channel that closes meanwhile calls for the same.
        guard !waiting.isEmpty, !isServing else { return }
        isServing = true
        var served = 0
        defer {
            waiting.removeFirst(served)
            isServing = false
        }
        while served < waiting.count {
            let exchange = waiting[served]
            if !exchange.hasEnded {
                do throws(UpstreamFailure) {
                    try streamChannel().begin(exchange)
                } catch {
                    if error == .overloaded, streams.openCount > 0 { return }
                    exchange.deliver(.broken(error, retries: 0))
                }
            }
            served += 1
        }
    }

    private func streamChannel() throws(UpstreamFailure) -> StreamChannel {
        try streams.channel(at: hub.now, { [hub] in hub.loop.random() }) { () throws(UpstreamFailure) in
            try StreamChannel(to: self)
        }
    }

    /// Ends the tries that have waited longest: those of a connection that takes no more first, for it closes with them.
    private func makeRoom() {
        guard roomAt <= hub.now else { return }
        let (age, now) = (leastAge, hub.now.nanoseconds)
        func isOld(_ exchange: Exchange) -> Bool { exchange.sentAt.nanoseconds &+ age <= now }
        if let leaving = streams.leaving.first(where: { $0.exchanges.allSatisfy(isOld) }) { return leaving.giveWay() }
        var old: [Exchange] = []
        streams.forEach { old += $0.exchanges.filter(isOld) }
        if old.isEmpty { roomAt = hub.now.advanced(byNanoseconds: Self.lookDistance) }
        old.sort { $0.sentAt < $1.sentAt }
        for exchange in old.prefix(Self.givingWay) { exchange.giveWay() }
    }
}

extension Exchange {
    /// Ends for want of places: others have waited for less.
    fileprivate func giveWay() {
        channel?.forget(self)
        channel = nil
        deliver(.broken(.overloaded, retries: 0))
    }
}
