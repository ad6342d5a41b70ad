public import Green

/// Connections to a server that are lent, one to a greenlet at a time: for commands that block (`BLPOP`), and for transactions.
/// For all else a ``RedisConnection``, which many use at once, is far cheaper. Belongs to its hub's thread.
///
/// ```swift
/// let pool = RedisPool(RedisOptions(url), size: 10)
/// let job = try pool.withConnection { try $0.command(["BLPOP", "jobs", "0"]) }
/// ```
public final class RedisPool {
    /// The hub it belongs to.
    public let hub: Hub
    /// How many connections may be lent at once.
    public let size: Int
    /// How many are lent.
    public var lentCount: Int { size - places.available }
    /// How many connections it has made.
    public private(set) var connectCount: UInt64 = 0
    private let options: RedisOptions
    private let places: Semaphore
    /// Those that nobody has, the last used at the end, with the moment when they came back.
    private var idle: [(link: RedisLink, since: Instant)] = []
    private var isClosed = false

    /// One that was not used for so long is asked for a sign of life before it is lent.
    private static let proof = Duration.seconds(1)

    /// A pool of at most `size` connections, none of which is made before it is wanted.
    public init(_ options: RedisOptions, size: Int, hub: Hub = .current) {
        require(size > 0, "a pool of \(size) connections")
        self.hub = hub
        self.size = size
        self.options = options
        places = Semaphore(size, hub: hub)
    }

    /// Runs `body` with a connection of its own, when there is one to be had. It is made where none is left, and kept for the
    /// next afterwards, unless a command on it was broken off or changed what it is.
    ///
    /// Throws what `body` throws; `RedisError.timedOut` where none was to be had by `deadline`; why none could be made; or the
    /// interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func withConnection<Success>(
        until deadline: Instant = .never, _ body: (RedisSession) throws -> Success
    ) throws -> Success {
        guard !isClosed else { throw RedisError.closed }
        guard try places.acquire(until: deadline) else { throw RedisError.timedOut }
        defer { places.release() }
        guard !isClosed else { throw RedisError.closed }
        let session = RedisSession(try link(until: deadline))
        defer { take(session.giveBack()) }
        return try body(session)
    }

    /// Sends one command on a connection of its own. Throws as `withConnection` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ arguments: [RedisArgument], until deadline: Instant = .never) throws -> RedisReply {
        try withConnection(until: deadline) { try $0.command(arguments, until: deadline) }
    }

    /// Lends none any more, closes those that nobody has at once, and the others when they come back.
    public func close() {
        isClosed = true
        let unused = idle
        idle = []
        for (link, _) in unused { link.close() }
    }

    private func take(_ link: RedisLink?) {
        guard let link else { return }
        if isClosed { link.close() } else { idle.append((link, hub.loop.now())) }
    }

    private func link(until deadline: Instant) throws -> RedisLink {
        while let (link, since) = idle.popLast() {
            if since + Self.proof > hub.loop.now() { return link }
            let limit = min(deadline, hub.loop.now() + options.connectLimit)
            do {
                try link.ping(until: limit)
                return link
            } catch let error as Interruption {
                link.close()
                throw error
            } catch {
                link.close()
            }
        }
        do {
            let link = try RedisLink.open(options, hub: hub, until: min(deadline, hub.loop.now() + options.connectLimit))
            connectCount += 1
            return link
        } catch let error as RedisError {
            throw error
        } catch let error as Interruption {
            throw error
        } catch {
            throw RedisError.notConnected("\(error)")
        }
    }
}
