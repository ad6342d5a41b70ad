public import Green

/// A connection of its own that listens to channels, for as long as it is not closed. It is made anew when it breaks;
/// messages that are published meanwhile are lost, which is why `joined` is called each time.
public final class RedisSubscription {
    /// The hub it belongs to.
    public let hub: Hub
    /// Whether it listens now.
    public private(set) var isListening = false
    /// Why it does not.
    public private(set) var lastError: RedisError?
    private let channels: [String]
    private let patterns: [String]
    private let options: RedisOptions
    private let joined: () -> Void
    private let received: (_ channel: String, _ message: [UInt8]) -> Void
    private var runner: Greenlet<Void>?

    /// The server is asked for a sign of life after so long a silence, and given up after as long again.
    private static let silence = Duration.seconds(20)

    /// Listens to `channels`. `joined` is called each time all of them are listened to, `received` with each message; both
    /// on a greenlet of the subscription: while they wait, no message is read. Close it when it is no longer needed.
    public convenience init(
        _ options: RedisOptions, channels: [String], hub: Hub = .current, joined: @escaping () -> Void = {},
        received: @escaping (_ channel: String, _ message: [UInt8]) -> Void
    ) {
        self.init(options, (channels, []), hub, joined, received)
    }

    /// Listens to all channels whose names are like one of `patterns`, such as `news.*` (PSUBSCRIBE), and is as the other
    /// initializer's in all else. A message for which several patterns stand comes for each of them.
    public convenience init(
        _ options: RedisOptions, patterns: [String], hub: Hub = .current, joined: @escaping () -> Void = {},
        received: @escaping (_ channel: String, _ message: [UInt8]) -> Void
    ) {
        self.init(options, ([], patterns), hub, joined, received)
    }

    private init(
        _ options: RedisOptions, _ topics: (channels: [String], patterns: [String]), _ hub: Hub,
        _ joined: @escaping () -> Void, _ received: @escaping (_ channel: String, _ message: [UInt8]) -> Void
    ) {
        self.hub = hub
        self.options = options
        channels = topics.channels
        patterns = topics.patterns
        self.joined = joined
        self.received = received
        runner = hub.spawn(name: "redis subscription") { self.run() }
    }

    /// Closes it for good.
    public func close() {
        runner?.kill()
        runner = nil
    }

    private func run() {
        let reconnector = Reconnector(options, hub: hub)
        try? reconnector.run { link in
            try listen(on: link)
        } lost: { error in
            isListening = false
            lastError = error
        }
        isListening = false
    }

    private func listen(on link: RedisLink) throws {
        let limit = hub.loop.now().advanced(by: options.connectLimit)
        let wanted = channels.isEmpty ? ["PSUBSCRIBE"] + patterns : ["SUBSCRIBE"] + channels
        try send(wanted.map { RedisArgument($0) }, on: link, until: limit)
        for _ in wanted.dropFirst() { try take(link.receive(until: limit)) }
        isListening = true
        lastError = nil
        joined()
        var isAsked = false
        while true {
            do {
                try take(link.receive(until: hub.loop.now().advanced(by: Self.silence)))
                isAsked = false
            } catch SocketError.timedOut where !isAsked {
                isAsked = true
                try send(["PING"], on: link, until: hub.loop.now().advanced(by: options.connectLimit))
            }
        }
    }

    private func send(_ arguments: [RedisArgument], on link: RedisLink, until deadline: Instant) throws {
        var bytes: [UInt8] = []
        CommandWriter.append(arguments, to: &bytes)
        try link.send(bytes, until: deadline)
    }

    private func take(_ reply: RedisReply) throws {
        switch reply {
        case .error(let words):
            throw RedisError.refused(words)
        case .array(let parts):
            // "message", channel, message; or "pmessage", pattern, channel, message.
            let isMessage = parts.count == 3 && parts[0].text == "message" || parts.count == 4 && parts[0].text == "pmessage"
            guard isMessage, let channel = parts[parts.count - 2].text, case .bytes(let message) = parts[parts.count - 1]
            else { return }
            received(channel, message)
        default:
            return
        }
    }
}
