/// Commands in the order in which their replies will come.
struct PendingCommands {
    private var commands: [RedisRequest?] = []
    private var start = 0

    /// How many there are.
    var count: Int { commands.count - start }
    /// The one whose reply comes next.
    var first: RedisRequest? { start < commands.count ? commands[start] : nil }

    /// Adds one behind all others.
    mutating func append(_ command: RedisRequest) { commands.append(command) }

    /// Takes the one whose reply comes next.
    mutating func popFirst() -> RedisRequest? {
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
