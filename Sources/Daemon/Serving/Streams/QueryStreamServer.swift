internal import Green
internal import Resolver

/// Answers the queries of one TCP listener (RFC 7766), a greenlet for each connection.
final class QueryStreamServer: StreamServer {
    let resolver: Resolver
    /// Says whose queries are answered.
    let gate: ClientGate
    /// The places of all stream connections of the worker.
    let places: StreamPlaces
    /// What all connections of this server read into and write answers in: used only between two waits.
    let scratch = QueryScratch()
    /// Lets others have their turns.
    let turns: StreamTurns

    init(listener: Listener, resolver: Resolver, gate: ClientGate, places: StreamPlaces) throws(SocketError) {
        self.resolver = resolver
        self.gate = gate
        self.places = places
        turns = StreamTurns(hub: resolver.hub)
        // Those that lost their place have still to end.
        try super.init(hub: resolver.hub, listener: listener, limit: places.limit + 100)
    }

    override func handle(_ connection: StreamSocket) throws {
        let connection = QueryConnection(connection, of: self)
        guard places.take(connection) else { return }
        defer { places.leave(connection) }
        try connection.serve()
    }

    /// Closes a connection, so that a new one finds room.
    override func makeRoom() { places.makeRoom() }
}

/// Memory that the connections of a server share between two waits: what was read, and the answers to it, one behind the
/// other as they leave.
@safe final class QueryScratch {
    /// The largest message, and what is read at once.
    static let messageSize = 65_535
    /// So many bytes of answers are sent at the latest; then no further answer is written before they are gone.
    static let batchSize = 64 * 1024
    /// What was read.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: messageSize, alignment: 8)
    /// Answers with their lengths before them; there is always room for one more below `batchSize`.
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: batchSize + 2 + messageSize, alignment: 8)
    /// Bytes of answers in `output`.
    private(set) var count = 0

    /// Whether another answer may be written.
    var hasRoom: Bool { count < Self.batchSize }

    /// Has `body`, which must not wait, write one answer into a buffer for the largest and say how long it is; 0 for none.
    func append(_ body: (inout MutableSpan<UInt8>) -> Int) {
        precondition(hasRoom)
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: output[(count + 2)..<(count + 2 + Self.messageSize)])
        // SAFETY: nothing else uses the buffer before `body` returns, for nothing waits.
        var span = unsafe MutableSpan<UInt8>(
            _unsafeStart: room.baseAddress!.assumingMemoryBound(to: UInt8.self), count: Self.messageSize)
        let length = body(&span)
        guard length > 0 else { return }
        unsafe output[count] = UInt8(truncatingIfNeeded: length >> 8)
        unsafe output[count + 1] = UInt8(truncatingIfNeeded: length)
        count += 2 + length
    }

    /// Hands all answers to `body` and lets go of them.
    func take<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: output[..<count])
        count = 0
        return try unsafe body(bytes)
    }

    deinit {
        unsafe input.deallocate()
        unsafe output.deallocate()
    }
}
