internal import Green

/// A command that was sent, or will be, and who waits for its reply.
final class PendingCommand {
    /// When it was asked for.
    let sentAt: Instant
    /// Who waits; nil when nobody does, or no longer.
    var waiter: Waiter?
    /// What came of it.
    var result: Result<RedisReply, RedisError>?
    /// Whether nobody was ever to wait for it.
    var isPosted = false

    init(at moment: Instant) {
        sentAt = moment
    }
}

/// Commands in the order in which their replies will come.
struct PendingCommands {
    private var commands: [PendingCommand?] = []
    private var start = 0

    /// How many there are.
    var count: Int { commands.count - start }
    /// The one whose reply comes next.
    var first: PendingCommand? { start < commands.count ? commands[start] : nil }

    /// Adds one behind all others.
    mutating func append(_ command: PendingCommand) { commands.append(command) }

    /// Takes the one whose reply comes next.
    mutating func popFirst() -> PendingCommand? {
        guard start < commands.count else { return nil }
        let command = commands[start]
        commands[start] = nil
        start += 1
        if start == commands.count {
            commands.removeAll(keepingCapacity: start <= 1_024)
            start = 0
        } else if start >= 1_024, 2 * start >= commands.count {
            commands.removeFirst(start)
            start = 0
        }
        return command
    }
}
