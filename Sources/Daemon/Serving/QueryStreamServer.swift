internal import Green
internal import Resolver

/// Answers the queries of one TCP listener (RFC 7766), a greenlet for each connection.
final class QueryStreamServer: StreamServer {
    let resolver: Resolver
    /// Says whose queries are answered.
    let gate: ClientGate
    /// What all connections of this server read into and write answers in: used only between two waits.
    let scratch = QueryScratch()
    private var connections: [QueryConnection] = []

    /// So many connections at once, for each worker and address.
    static let connectionLimit = 1000

    init(hub: Hub, listener: Listener, resolver: Resolver, gate: ClientGate) throws(SocketError) {
        self.resolver = resolver
        self.gate = gate
        try super.init(hub: hub, listener: listener, limit: Self.connectionLimit)
    }

    override func handle(_ connection: StreamSocket) throws {
        let connection = QueryConnection(connection, of: self)
        connections.append(connection)
        defer { connections.removeAll { $0 === connection } }
        try connection.serve()
    }

    /// Closes the connection that has been idle for longest, so that a new one finds room.
    override func makeRoom() {
        let idle = connections.filter(\.isIdle)
        idle.min { $0.lastUse < $1.lastUse }?.close()
    }

    /// Answers that connections still wait for, or have not been able to send.
    var unfinishedCount: Int { connections.reduce(0) { $0 + ($1.isIdle ? 0 : 1) } }
}

/// Two buffers of the largest message.
@safe final class QueryScratch {
    static let size = 65_535
    /// What was read.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
    /// One query, and then its answer.
    private var message = [UInt8](repeating: 0, count: size)

    /// Lends the message's buffer to `body`, which must not wait.
    func withMessage<Result>(_ body: (inout MutableSpan<UInt8>) -> Result) -> Result {
        // Taken out for the time, so that no access to this object stays open.
        var taken: [UInt8] = []
        swap(&taken, &message)
        let result = withoutSwitching {
            var span = taken.mutableSpan
            return body(&span)
        }
        swap(&taken, &message)
        return result
    }

    deinit {
        unsafe input.deallocate()
    }
}
