/// What a command does to the connection that it is sent on, beside being answered.
enum CommandKind {
    /// Nothing: it is answered in its turn.
    case plain
    /// It keeps the server from answering what comes after it, until something happens.
    case blocking
    /// It begins or ends a transaction, or watches keys for one.
    case transaction
    /// It changes what the connection is: its user, its database, its protocol.
    case session
    /// Its answers do not come in the order of the commands, or not at all.
    case stream

    /// The kind of a command. Costs a comparison for the most frequent ones, a look into a table for others.
    init(_ arguments: [RedisArgument]) {
        guard let name = arguments.first?.bytes, name.count > 3 else {
            self = .plain
            return
        }
        let text = Self.uppercased(name)
        self = Self.kinds[text] ?? .plain
        switch text {
        case "XREAD", "XREADGROUP":
            // After STREAMS come keys, of any name.
            let options = arguments.prefix { Self.uppercased($0.bytes) != "STREAMS" }
            if options.contains(where: { Self.uppercased($0.bytes) == "BLOCK" }) { self = .blocking }
        case "CLIENT":
            let words = arguments.dropFirst().prefix(1).map { Self.uppercased($0.bytes) }
            if words == ["REPLY"] || words == ["TRACKING"] { self = .stream } else if words == ["PAUSE"] { self = .blocking }
        default: break
        }
    }

    private static let kinds: [String: CommandKind] = [
        "BLPOP": .blocking, "BRPOP": .blocking, "BLMOVE": .blocking, "BRPOPLPUSH": .blocking, "BLMPOP": .blocking,
        "BZPOPMIN": .blocking, "BZPOPMAX": .blocking, "BZMPOP": .blocking, "WAIT": .blocking, "WAITAOF": .blocking,
        "MULTI": .transaction, "EXEC": .transaction, "DISCARD": .transaction, "WATCH": .transaction, "UNWATCH": .transaction,
        "SELECT": .session, "AUTH": .session, "HELLO": .stream, "RESET": .stream, "QUIT": .stream, "READONLY": .session,
        "READWRITE": .session, "ASKING": .session,
        "SUBSCRIBE": .stream, "PSUBSCRIBE": .stream, "SSUBSCRIBE": .stream, "UNSUBSCRIBE": .stream, "PUNSUBSCRIBE": .stream,
        "SUNSUBSCRIBE": .stream, "MONITOR": .stream, "SYNC": .stream, "PSYNC": .stream, "REPLCONF": .stream,
    ]

    /// Short words in capitals; anything else as it is.
    private static func uppercased(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(16).map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
    }

    /// Throws where a connection that others use at the same time must not be sent this. What is posted without a wait in
    /// between is a transaction of its own.
    static func checkShared(_ arguments: [RedisArgument], isPosted: Bool) throws(RedisError) {
        switch CommandKind(arguments) {
        case .plain: return
        case .transaction where isPosted: return
        case .blocking, .transaction, .session: throw .unsuitable(arguments.name, "use RedisPool.withConnection")
        case .stream: throw .unsuitable(arguments.name, "use RedisSubscription where it is for messages")
        }
    }
}

extension [RedisArgument] {
    /// A command's name, for people.
    var name: String { String(decoding: (first?.bytes ?? []).prefix(32), as: UTF8.self) }
}
