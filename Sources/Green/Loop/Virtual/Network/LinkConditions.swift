/// What the network between two hosts of a simulated world, or within one, does to what it carries. Chances are
/// probabilities from 0 to 1, drawn for each datagram or piece of a stream.
public struct LinkConditions: Sendable, Hashable {
    /// How long a datagram or a piece of a stream is on its way.
    public var latency: ClosedRange<Duration>
    /// Lost: a datagram never arrives, a piece of a stream does after it was sent again.
    public var loss = 0.0
    /// A datagram arrives twice.
    public var duplication = 0.0
    /// A datagram is held back for several latencies, so that later ones overtake it.
    public var reordering = 0.0
    /// A stream breaks when a piece of it arrives: both sides see a reset.
    public var resets = 0.0
    /// A read of a stream gives fewer bytes than there are, a write takes fewer than fit, a batch of datagrams goes
    /// out only in part.
    public var shortCalls = 0.0
    /// Bytes of a stream that may be on their way or unread at once, in each direction.
    public var streamWindow = 256 * 1024
    /// Bytes that wait in a datagram socket at most; more are dropped. The socket's own limit counts as well.
    public var datagramQueue = 4 << 20
    /// The longest piece in which a stream arrives.
    public var segment = 65536

    /// Conditions with that latency and no faults.
    public init(latency: ClosedRange<Duration>) {
        self.latency = latency
    }

    /// Within a host: some microseconds, no faults.
    public static let loopback = LinkConditions(latency: .microseconds(5)...(.microseconds(20)))

    /// Between hosts of a good network: a millisecond or so, no faults.
    public static let network = LinkConditions(latency: .microseconds(200)...(.milliseconds(2)))

    /// All faults at once, as bad as a network is on a very bad day.
    public static let harsh: LinkConditions = {
        var link = LinkConditions(latency: .microseconds(100)...(.milliseconds(80)))
        link.loss = 0.1
        link.duplication = 0.05
        link.reordering = 0.1
        link.resets = 0.002
        link.shortCalls = 0.3
        link.streamWindow = 3000
        link.datagramQueue = 16384
        link.segment = 700
        return link
    }()
}
