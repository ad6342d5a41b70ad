internal import Green

/// A channel that a pool can choose.
protocol PooledChannel: ExchangeChannel {
    /// Whether another exchange may be put on it.
    var hasRoom: Bool { get }
    /// Takes no new exchanges; closes when those it carries have ended.
    func retire()
}

/// The channels to one upstream that take exchanges.
final class ChannelPool<Channel: PooledChannel> {
    private var channels: [Channel] = []
    private var picked: Channel?
    private var pickedAt = Instant(nanoseconds: 0)
    /// Channels that are open, those that take no more exchanges included.
    private(set) var openCount = 0
    private let limit: Int
    private let spare: Int

    /// A pool of at most `limit` open channels, of which `spare` are used by turns even when one has room for all.
    init(limit: Int, spare: Int) {
        self.limit = limit
        self.spare = spare
    }

    /// A channel with room, picked at random once in a turn of the loop, so that what one turn sends leaves in batches.
    /// Where there is none, `open` makes another; it counts until `closed`.
    func channel(
        at turn: Instant, _ random: () -> UInt64, open: () throws(UpstreamFailure) -> Channel
    ) throws(UpstreamFailure) -> Channel {
        if pickedAt == turn, let picked, picked.hasRoom { return picked }
        let channel = try pick(random, open)
        picked = channel
        pickedAt = turn
        return channel
    }

    private func pick(
        _ random: () -> UInt64, _ open: () throws(UpstreamFailure) -> Channel
    ) throws(UpstreamFailure) -> Channel {
        if channels.count >= spare, let channel = withRoom(random) { return channel }
        guard openCount < limit else {
            if let channel = withRoom(random) { return channel }
            throw .overloaded
        }
        do {
            let channel = try open()
            channels.append(channel)
            openCount += 1
            return channel
        } catch {
            // Out of descriptors, say: what is open serves as well.
            if error == .overloaded, let channel = withRoom(random) { return channel }
            throw error
        }
    }

    private func withRoom(_ random: () -> UInt64) -> Channel? {
        guard !channels.isEmpty else { return nil }
        let start = Int(random() % UInt64(channels.count))
        for offset in channels.indices {
            let channel = channels[(start + offset) % channels.count]
            if channel.hasRoom { return channel }
        }
        return nil
    }

    /// A channel takes no more exchanges.
    func retired(_ channel: Channel) {
        if picked === channel { picked = nil }
        channels.removeAll { $0 === channel }
    }

    /// A channel that was opened is closed.
    func closed(_ channel: Channel) {
        retired(channel)
        openCount -= 1
    }

    /// Has all channels take no more exchanges.
    func retireAll() {
        for channel in channels { channel.retire() }
    }
}
