public import GreenTLS

/// Where to connect to, and what is borne with.
public struct RedisOptions: Sendable {
    /// Where it is. Asked before each attempt, so that it may be somewhere else after a failure; may wait.
    public var locate: @Sendable () throws -> RedisURL
    /// For TLS: certificates. Without: the URL's file, or those that the system trusts.
    public var tls: TLSContext?
    /// How long an attempt to connect and to enter may take.
    public var connectLimit = Duration.seconds(2)
    /// How long commands may be in flight without any reply before the connection is given up.
    public var silenceLimit = Duration.seconds(2)
    /// The pause after the first failure; it doubles with each further one.
    public var firstPause = Duration.milliseconds(50)
    /// The longest pause.
    public var longestPause = Duration.seconds(5)
    /// How many commands may wait for their replies.
    public var pendingLimit = 10_000
    /// How many bytes may wait to be sent.
    public var unsentLimit = 8 << 20
    /// What a reply may be.
    public var replyLimits = ReplyLimits()

    /// One fixed place.
    public init(_ url: RedisURL) {
        locate = { url }
    }

    /// A place that is looked up before each attempt; where that throws, the attempt has failed.
    public init(locate: @escaping @Sendable () throws -> RedisURL) {
        self.locate = locate
    }
}

/// The bounds of a reply; one beyond them ends the connection.
public struct ReplyLimits: Hashable, Sendable {
    /// Bytes of one value.
    public var bulkBytes = 1 << 20
    /// Replies within one array.
    public var elements = 65_536
    /// Bytes of a whole reply, and 48 more for each that it consists of.
    public var totalBytes = 8 << 20
    /// Arrays within arrays.
    public var depth = 7

    /// The defaults.
    public init() {}
}
