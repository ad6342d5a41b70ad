/// What a client may make a server keep, and for how long.
public struct HTTPLimits: Sendable, Hashable {
    /// The bytes of a request's line and headers.
    public var headerBytes = 8 << 10
    /// The bytes of a request's body.
    public var bodyBytes = 64 << 10
    /// Connections at once. Further ones wait to be accepted until one ends.
    public var connections = 64
    /// Whether the connection that has waited for a request longest is closed where there is no room for another.
    package var givesWay = false
    /// A connection that sends nothing for so long while a request is due is closed.
    public var idle = Duration.seconds(10)
    /// A request's body that is not whole after so long is given up, however much of it comes; not where the handler reads it.
    public var bodyTime = Duration.seconds(60)
    /// A connection that takes nothing for so long while a response is due is closed.
    public var stalled = Duration.seconds(30)

    /// The defaults.
    public init() {}

    /// What may wait in a connection's input: the largest request, and what has been read beyond it.
    var inputBytes: Int { headerBytes + bodyBytes + (16 << 10) }
}
