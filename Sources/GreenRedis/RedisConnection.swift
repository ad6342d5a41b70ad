public import Green

/// One connection to a server, used by any number of greenlets of its hub at once. It is made anew when it breaks.
/// Commands of many greenlets share writes and reads: with many in flight one costs far less than a round trip.
public final class RedisConnection {
    /// Whether commands can be sent.
    public enum State: Hashable, Sendable {
        /// It is being made; commands wait for it.
        case connecting
        /// It stands.
        case ready
        /// It broke, or could not be made, for the reason given; it will be tried again.
        case broken(RedisError)
        /// It was closed.
        case closed
    }

    /// The hub it belongs to.
    public let hub: Hub
    /// Whether commands can be sent.
    public private(set) var state = State.connecting
    /// How often it has come to stand.
    public private(set) var connectCount: UInt64 = 0
    /// Replies that came when nobody waited for them any more.
    public private(set) var lateReplies: UInt64 = 0
    /// Called with each reply to a command that was posted. It must not wait.
    public var onPostedReply: ((RedisReply) -> Void)?
    private let options: RedisOptions
    private let hasUnsent: Event
    private var unsent: [UInt8] = []
    private var pending = PendingCommands()
    private var runner: Greenlet<Void>?

    /// A connection that is begun at once. Close it when it is no longer needed: its greenlets keep it until then.
    public init(_ options: RedisOptions, hub: Hub = .current) {
        self.hub = hub
        self.options = options
        hasUnsent = Event(hub: hub)
        runner = hub.spawn(name: "redis") { self.run() }
    }

    // MARK: - Commands

    /// Sends a command and waits for its reply. Throws `RedisError`: `timedOut` when it has not come by `deadline` (it is
    /// dropped when it comes), `unsuitable` for one that would keep others from their replies (``RedisPool`` is for those), or
    /// the interruption of the wait. An error reply is a reply.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ arguments: [RedisArgument], until deadline: Instant = .never) throws -> RedisReply {
        let request = try begin(arguments)
        defer { if request.outcome == nil { request.abandon() } }
        return try reply(to: request, until: deadline)
    }

    /// Runs commands as one, with nobody's in between (MULTI, EXEC): their replies. Throws `RedisError.refused` where the
    /// server does not take one of them, and then does none; else as `command` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func transaction(_ commands: [[RedisArgument]], until deadline: Instant = .never) throws -> [RedisReply]? {
        for arguments in commands { try CommandKind.checkShared(arguments, isPosted: false) }
        try checkRoom(for: commands.count + 2)
        // Nothing waits or fails in between, so nobody else's commands come in between.
        let requests = ([["MULTI"]] + commands + [["EXEC"]]).map { arguments in
            let request = RedisRequest(at: hub.now, isPosted: false)
            add(arguments, request)
            return request
        }
        defer { for request in requests where request.outcome == nil { request.abandon() } }
        return try RedisReply.outcome(ofTransaction: try requests.map { try reply(to: $0, until: deadline) })
    }

    private func reply(to request: RedisRequest, until deadline: Instant) throws -> RedisReply {
        guard try request.wait(until: deadline), let outcome = request.outcome else { throw RedisError.timedOut }
        return try outcome.get()
    }

    /// Sends a command; its reply can be waited for later, in several goes. Never waits itself. Throws where the connection
    /// is away, closed, or has too many commands outstanding.
    public func begin(_ arguments: [RedisArgument]) throws(RedisError) -> RedisRequest {
        try CommandKind.checkShared(arguments, isPosted: false)
        let request = RedisRequest(at: hub.now, isPosted: false)
        try enqueue(arguments, request)
        return request
    }

    /// Sends a command whose reply nobody waits for. Never waits itself. Throws as `begin` does.
    public func post(_ arguments: [RedisArgument]) throws(RedisError) {
        try CommandKind.checkShared(arguments, isPosted: true)
        let request = RedisRequest(at: hub.now, isPosted: true)
        try enqueue(arguments, request)
    }

    /// How many commands wait for their replies.
    public var pendingCount: Int { pending.count }

    /// How many bytes of commands wait to be sent.
    public var unsentBytes: Int { unsent.count }

    /// Closes it for good; who waits for replies gets `closed`.
    public func close() {
        guard state != .closed else { return }
        state = .closed
        runner?.kill()
        runner = nil
        fail(.closed)
    }

    private func enqueue(_ arguments: [RedisArgument], _ request: RedisRequest) throws(RedisError) {
        try checkRoom(for: 1)
        add(arguments, request)
    }

    private func checkRoom(for count: Int) throws(RedisError) {
        switch state {
        case .ready, .connecting: break
        case .broken(let error): throw error
        case .closed: throw .closed
        }
        guard pending.count <= options.pendingLimit - count, unsent.count < options.unsentLimit else { throw .overloaded }
    }

    private func add(_ arguments: [RedisArgument], _ request: RedisRequest) {
        CommandWriter.append(arguments, to: &unsent)
        pending.append(request)
        if state == .ready { hasUnsent.set() }
    }

    // MARK: - The connection's greenlets

    private func run() {
        let reconnector = Reconnector(options, hub: hub)
        do throws(Interruption) {
            try reconnector.run { link in
                try serve(link)
            } lost: { error in
                if case .closed = state { return }
                state = .broken(error)
                fail(error)
            }
        } catch {
            // Killed, with the hub or by `close`.
            state = .closed
            fail(.closed)
        }
    }

    /// Works with a link until it breaks.
    private func serve(_ link: RedisLink) throws {
        state = .ready
        connectCount += 1
        if !unsent.isEmpty { hasUnsent.set() }
        let writer = hub.spawn(name: "redis writer") { self.write(to: link) }
        defer { writer.kill() }
        while true {
            while let reply = link.next() {
                guard let request = pending.popFirst() else { throw RedisError.protocolViolation("a reply to nothing") }
                deliver(reply, to: request)
            }
            do {
                try link.fill(until: hub.loop.now().advanced(by: options.silenceLimit))
            } catch SocketError.timedOut {
                guard let oldest = pending.first else { continue }
                if oldest.sentAt.advanced(by: options.silenceLimit) <= hub.loop.now() { throw RedisError.timedOut }
            }
        }
    }

    private func write(to link: RedisLink) {
        do {
            while true {
                try hasUnsent.wait()
                hasUnsent.clear()
                let bytes = unsent
                unsent = []
                if bytes.isEmpty { continue }
                try link.send(bytes, until: hub.loop.now().advanced(by: options.silenceLimit))
            }
        } catch {
            // The reader finds the link closed, and says so to those who wait.
            link.close()
        }
    }

    private func deliver(_ reply: RedisReply, to request: RedisRequest) {
        if !request.isWanted, !request.isPosted { lateReplies += 1 }
        if request.isPosted { onPostedReply?(reply) }
        request.finish(.success(reply))
    }

    /// Tells all who wait that there will be no reply.
    private func fail(_ error: RedisError) {
        unsent = []
        hasUnsent.clear()
        while let request = pending.popFirst() { request.finish(.failure(error)) }
    }
}
