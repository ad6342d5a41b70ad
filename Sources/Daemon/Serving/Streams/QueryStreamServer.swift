internal import Green
internal import GreenTLS
internal import Observation
internal import Resolver

/// Answers the queries of one listener for streams: TCP (RFC 7766), or TLS over it (RFC 7858).
final class QueryStreamServer: StreamServer {
    /// What all stream servers of a worker share.
    struct Shared {
        /// Answers.
        let resolver: Resolver
        /// The places of all stream connections of the worker.
        let places: StreamPlaces
        /// Its handshakes.
        let handshakes = Handshakes()
        /// Whose word is believed about whom they ask for.
        let proxies: ClientAccess
        /// What OpenSSL reads and writes between two waits; nil where nothing is encrypted.
        let wire: TLSWire?
    }

    let resolver: Resolver
    /// Says whose queries are answered.
    let gate: ClientGate
    let places: StreamPlaces
    let handshakes: Handshakes
    let wire: TLSWire?
    /// What is spoken here.
    let listener: ListenAddress
    /// What its queries are counted as.
    let cell: Int
    /// How its queries come.
    let transport: QueryTransport
    /// The certificates in force; nil where there is no TLS.
    private(set) var context: TLSContext?
    /// What they come with: by what clients are called.
    private(set) var certificates: ServerCertificates?
    /// What all connections of this server read into and write answers in: used only between two waits.
    let scratch: QueryScratch
    /// Lets others have their turns.
    let turns: StreamTurns
    /// Sockets that are closed in a moment.
    let lingering: LingeringCloses
    /// Handshakes that failed.
    var failedHandshakes: UInt64 = 0
    /// What requests are read and answered in, and by what they are judged; nil where there are none.
    let requests: HTTPQueries?
    /// Whose word is believed about whom they ask for.
    private let proxies: ClientAccess

    init(_ listener: ListenerSet.Stream, _ shared: Shared, gate: ClientGate, certificates: ServerCertificates?)
        throws(SocketError)
    {
        resolver = shared.resolver
        places = shared.places
        handshakes = shared.handshakes
        wire = shared.wire
        proxies = shared.proxies
        self.gate = gate
        self.listener = listener.listen
        transport = listener.listen.queryTransport
        cell = transport.cell(isIPv6: listener.listen.address.ip.family == .v6)
        context = certificates?.context(for: listener.listen.transport)
        self.certificates = certificates
        scratch = QueryScratch(isSealed: context != nil)
        turns = StreamTurns(hub: resolver.hub)
        lingering = LingeringCloses(hub: resolver.hub)
        requests =
            listener.listen.transport.isHTTP
            ? HTTPQueries(listener, proxies: shared.proxies, resolver: resolver, gate: gate, cell: cell) : nil
        try super.init(hub: resolver.hub, listener: listener.listener, limit: .max)
    }

    /// Whether it is believed for whom somebody asks.
    func isProxy(_ address: UInt128) -> Bool { proxies.admits(number: address) }

    /// Counts a query.
    func noteQuery() { resolver.figures.queries.add(at: cell) }

    /// Goes on with other certificates; connections that stand keep theirs.
    func adopt(_ certificates: ServerCertificates) {
        context = certificates.context(for: listener.transport)
        self.certificates = certificates
    }

    override func take(_ connection: StreamSocket) -> Bool {
        if listener.transport.isHTTP {
            HTTPConnection(connection, of: self).begin()
        } else {
            QueryConnection(connection, of: self).begin()
        }
        return true
    }

    /// Closes a connection, so that a new one finds room.
    override func makeRoom() { places.makeRoom() }
}

extension ListenAddress {
    /// How a stream's queries come, as they are counted.
    var queryTransport: QueryTransport {
        switch transport {
        case .plain: .tcp
        case .tls: .tls
        case .https: .https
        case .http: .http
        }
    }
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
    /// What was read and is encrypted; empty where nothing is. With the part of a record that OpenSSL has kept, what it
    /// decrypts to fits into `input`.
    let sealed: UnsafeMutableRawBufferPointer
    /// Answers with their lengths before them; there is always room for one more below `batchSize`.
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: batchSize + 2 + messageSize, alignment: 8)
    /// Where records of TLS are to end, the last one excepted.
    private(set) var recordEnds: [Int] = []
    /// Bytes of answers in `output`.
    private(set) var count = 0

    init(isSealed: Bool = false) {
        unsafe sealed = .allocate(byteCount: isSealed ? 32 << 10 : 0, alignment: 8)
    }

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

    /// Adds bytes as they are: no more than the largest message at once.
    func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(hasRoom && bytes.count <= Self.messageSize)
        unsafe UnsafeMutableRawBufferPointer(rebasing: output[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    /// Where a record of TLS is to end: behind what was added last. Some clients read one answer from a record and no more.
    func endRecord() { recordEnds.append(count) }

    /// Hands all answers to `body` and lets go of them.
    func take<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: output[..<count])
        count = 0
        defer { if !recordEnds.isEmpty { recordEnds.removeAll(keepingCapacity: true) } }
        return try unsafe body(bytes)
    }

    deinit {
        unsafe input.deallocate()
        unsafe sealed.deallocate()
        unsafe output.deallocate()
    }
}
