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
    /// Those that are open and take no more exchanges.
    private(set) var leaving: [Channel] = []
    private var picked: Channel?
    private var pickedAt = Instant(nanoseconds: 0)
    /// How often the picked channel may still be given in this turn.
    private var picksLeft = 0
    /// Channels that are open, those that take no more exchanges included.
    private(set) var openCount = 0
    /// So many of them at most.
    let limit: Int
    private let spare: Int

    /// So many questions of one turn leave together.
    static var picksPerTurn: Int { 8 }

    /// A pool of at most `limit` open channels, of which `spare` are used by turns even when one has room for all.
    init(limit: Int, spare: Int) {
        self.limit = limit
        self.spare = spare
    }

    /// A channel with room, picked at random, for up to eight questions of a turn of the loop, so that they leave in one
    /// system call. Where there is none, `open` makes another; it counts until `closed`.
    func channel(
        at turn: Instant, _ random: () -> UInt64, open: () throws(UpstreamFailure) -> Channel
    ) throws(UpstreamFailure) -> Channel {
        if pickedAt == turn, picksLeft > 0, let picked, picked.hasRoom {
            picksLeft -= 1
            return picked
        }
        let channel = try pick(random, open)
        picked = channel
        pickedAt = turn
        picksLeft = Self.picksPerTurn - 1
        return channel
    }

    /// A fresh channel, where one more may be open.
    func another(open: () throws(UpstreamFailure) -> Channel) throws(UpstreamFailure) -> Channel {
        guard openCount < limit else { throw .overloaded }
        let channel = try open()
        channels.append(channel)
        openCount += 1
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
            return try another(open: open)
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
        guard let index = channels.firstIndex(where: { $0 === channel }) else { return }
        channels.remove(at: index)
        leaving.append(channel)
    }

    /// A channel that was opened is closed.
    func closed(_ channel: Channel) {
        retired(channel)
        leaving.removeAll { $0 === channel }
        openCount -= 1
    }

    /// Calls `body` with each channel that takes exchanges; it may retire it.
    func forEach(_ body: (Channel) -> Void) {
        for channel in channels { body(channel) }
    }

    /// Has all channels take no more exchanges.
    func retireAll() {
        for channel in channels { channel.retire() }
    }
}
