/// What a peer may make grow.
public struct HTTP2Limits: Hashable, Sendable {
    /// Streams that a client may have open at once.
    public var streams = 100
    /// Bytes of the names and values of one message.
    public var headerBytes = 16_384
    /// Bytes of one message's body.
    public var bodyBytes = 65_536
    /// Bytes of the bodies of all messages that are not whole yet.
    public var heldBytes = 1 << 20
    /// Frames that carry nothing, beyond ten for each whole message.
    public var idleFrames = 1000

    /// The defaults: a web of small messages.
    public init() {}
}
