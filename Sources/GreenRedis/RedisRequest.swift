public import Green

/// A command that was sent, or will be, whose reply can be waited for, also in several goes.
public final class RedisRequest {
    /// When it was asked for.
    let sentAt: Instant
    /// What came of it; nil while nothing has.
    public private(set) var outcome: Result<RedisReply, RedisError>?
    /// Who waits; nil when nobody does.
    private var waiter: Waiter?
    private var call: (() -> Void)?
    /// Whether somebody still wants to know.
    private(set) var isWanted: Bool
    /// Whether nobody ever did.
    let isPosted: Bool

    init(at moment: Instant, isPosted: Bool) {
        sentAt = moment
        self.isPosted = isPosted
        isWanted = !isPosted
    }

    /// Waits until the reply is there (true) or `deadline` passes (false); may be called again then. One greenlet waits.
    /// Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant) throws(Interruption) -> Bool {
        if outcome != nil { return true }
        defer { waiter = nil }
        return try Waiter.wait(for: "a reply of redis", until: deadline) { waiter = $0 }
    }

    /// Has `call` called when the reply comes, at once where it is there. It must not wait.
    public func whenDone(_ call: @escaping () -> Void) {
        if outcome != nil { return call() }
        self.call = call
    }

    /// Nobody wants to know any more: the reply is dropped when it comes.
    public func abandon() {
        isWanted = false
        call = nil
    }

    /// Tells who waits.
    func finish(_ outcome: Result<RedisReply, RedisError>) {
        self.outcome = outcome
        waiter?.wake()
        let call = call
        self.call = nil
        call?()
    }
}
