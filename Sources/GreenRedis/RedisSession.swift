public import Green

/// A connection that one greenlet has for itself, lent by a ``RedisPool``: for commands that block, and for transactions over
/// what was read before. Of no use once it was given back.
public final class RedisSession {
    private let link: RedisLink
    // SAFETY: of the unchecked properties: touched on the hub's thread alone, and no access lasts over a switch.
    /// A command is on its way, or one was broken off: its reply would be taken for another's.
    @exclusivity(unchecked) private var isBusy = false
    @exclusivity(unchecked) private var hasEnded = false
    /// It is not as a new one would be: within a transaction, or with another user or database.
    @exclusivity(unchecked) private var isChanged = false
    @exclusivity(unchecked) private var isInTransaction = false
    @exclusivity(unchecked) private var isWatching = false

    init(_ link: RedisLink) {
        self.link = link
    }

    /// Sends a command and waits for its reply: one that blocks, too. Throws `RedisError.timedOut` where it has not come by
    /// `deadline`, or the interruption of the wait; the connection is of no further use then. An error reply is a reply.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func command(_ arguments: [RedisArgument], until deadline: Instant = .never) throws -> RedisReply {
        try commands([arguments], until: deadline)[0]
    }

    /// Sends several commands at once and waits for their replies, in order. Throws as `command` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func commands(_ all: [[RedisArgument]], until deadline: Instant = .never) throws -> [RedisReply] {
        for arguments in all { try note(arguments) }
        require(unsafe !isBusy || hasEnded, "a Redis session is used by two greenlets at once")
        guard unsafe !hasEnded && !isBusy else { throw RedisError.closed }
        unsafe isBusy = true
        do {
            var bytes: [UInt8] = []
            for arguments in all { CommandWriter.append(arguments, to: &bytes) }
            try link.send(bytes, until: deadline)
            var replies: [RedisReply] = []
            for _ in all { replies.append(try link.receive(until: deadline)) }
            unsafe isBusy = false
            return replies
        } catch {
            // Whatever comes now answers nobody.
            close()
            throw (error as? SocketError).map { $0 == .timedOut ? RedisError.timedOut : .notConnected("\($0)") } ?? error
        }
    }

    /// Runs commands as one, with nobody's in between (MULTI, EXEC): their replies; nil where a key has changed that was
    /// watched (`WATCH`) before. Throws `RedisError.refused` where the server does not take one of them, and then does
    /// none; else as `command` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func transaction(_ all: [[RedisArgument]], until deadline: Instant = .never) throws -> [RedisReply]? {
        try RedisReply.outcome(ofTransaction: try commands([["MULTI"]] + all + [["EXEC"]], until: deadline))
    }

    /// Whether it can be lent to the next.
    var isReusable: Bool { unsafe !hasEnded && !isBusy && !isChanged && !isInTransaction && !isWatching }

    /// Closes the connection.
    func close() {
        unsafe hasEnded = true
        link.close()
    }

    /// The lending is over: the link, where another may have it.
    func giveBack() -> RedisLink? {
        guard isReusable else {
            close()
            return nil
        }
        unsafe hasEnded = true
        return link
    }

    private func note(_ arguments: [RedisArgument]) throws(RedisError) {
        switch CommandKind(arguments) {
        case .plain, .blocking: break
        case .session: unsafe isChanged = true
        case .transaction:
            switch arguments.name.uppercased() {
            case "MULTI": unsafe isInTransaction = true
            case "WATCH": unsafe isWatching = true
            case "UNWATCH": unsafe isWatching = false
            default: unsafe (isInTransaction, isWatching) = (false, false)
            }
        case .stream: throw .unsuitable(arguments.name, "use RedisSubscription where it is for messages")
        }
    }
}

extension RedisReply {
    /// What came of a transaction, by the replies to all of its commands: nil where it was not done.
    static func outcome(ofTransaction replies: [RedisReply]) throws(RedisError) -> [RedisReply]? {
        switch replies.last {
        case .array(let results): return results
        case .null: return nil
        case .error(let words):
            // A command that was not taken says more than the end that was refused for it.
            for case .error(let first) in replies { throw .refused(first) }
            throw .refused(words)
        default: throw .protocolViolation("an end of a transaction that is none")
        }
    }
}
