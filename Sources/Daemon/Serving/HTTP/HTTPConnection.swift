internal import DNSWire
internal import Green
internal import GreenHTTP
internal import GreenHTTP2
internal import GreenTLS
internal import Resolver

/// One client's connection with requests: of HTTP/2, as ALPN or the client's first bytes say, or else of HTTP/1.1, which has a
/// greenlet of its own.
final class HTTPConnection: StreamConnection {
    /// HTTP/2; nil before it begins, and where HTTP/1.1 is spoken.
    private var session: HTTP2Queries?
    private var isPlain = false
    /// Queries that wait for an answer to be found or written.
    fileprivate var waiting = 0
    /// Those of them whose answers are found and not written.
    private var due: [HTTP2Queries.Due] = []
    private var keptBytes = 0

    /// So many queries of one connection may wait; then no more is read.
    private static let mostWaiting = 128
    /// What a client's HTTP/2 begins with (RFC 9113 3.4).
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    override var isIdle: Bool { waiting == 0 && (session?.openCount ?? 0) == 0 && super.isIdle }
    override var hasRoom: Bool { waiting < Self.mostWaiting && super.hasRoom }
    /// All that is kept but the beginning of what HTTP/2 begins with.
    override var hasWholeInput: Bool {
        guard !input.isEmpty, session == nil, !isPlain else { return !input.isEmpty }
        return input.count >= Self.preface.count || !Self.preface.starts(with: input)
    }
    override var hasDue: Bool { !due.isEmpty || session?.hasOutput == true }
    override var dueBytes: Int { keptBytes + (session?.heldBytes ?? 0) }
    override var isStalled: Bool { waiting == 0 }

    override func established() throws {
        guard tls?.chose("h2") == true else { return isPlain = true }
        try beginSession()
        flush()
    }

    private func beginSession() throws {
        guard let requests = server.requests else { return }
        session = try HTTP2Queries(self, requests)
    }

    override func take(_ bytes: Span<UInt8>) throws -> Int {
        if session == nil, !isPlain {
            let isStart = bytes.extracting(first: min(bytes.count, Self.preface.count))
                .hasSameBytes(as: Self.preface.span.extracting(first: min(bytes.count, Self.preface.count)))
            if isStart, bytes.count < Self.preface.count { return 0 }
            if isStart { try beginSession() } else { isPlain = true }
        }
        guard let session else {
            servePlainly([UInt8](copying: bytes))
            return bytes.count
        }
        do throws(HTTP2Error) {
            try session.receive(bytes)
        } catch {
            // The client is told why.
            flush()
            throw error
        }
        flush()
        if session.isOver { end(.toldOff) }
        return bytes.count
    }

    // MARK: - Answers

    override func writeDue() {
        guard let session else { return }
        var written = 0
        while written < due.count, session.scratch.hasRoom {
            let entry = due[written]
            keptBytes -= entry.bytes
            session.write(entry)
            written += 1
        }
        if written > 0 {
            due.removeFirst(written)
            waiting -= written
        }
        var hasMore = true
        var hasAnswer = false
        while hasMore, server.scratch.hasRoom {
            hasMore = unsafe session.nextOutput { bytes in
                unsafe server.scratch.append(bytes)
                // A frame of DATA or HEADERS, which ends its stream (RFC 9113 4.1).
                guard bytes.count > 4, unsafe bytes[3] <= 1 else { return }
                hasAnswer = true
                if unsafe bytes[4] & 1 != 0 { server.scratch.endRecord() }
            }
        }
        // What only acknowledges keeps nobody's connection.
        if hasAnswer { lastUse = server.hub.now }
        if !hasMore, !session.scratch.hasRoom { session.settle() }
    }

    override func settle() { session?.settle() }

    /// GOAWAY, so that a client knows that its next request was not taken (RFC 9113 6.8).
    override func sayFarewell() {
        guard let session, unsent.isEmpty else { return }
        session.sayFarewell()
        flush()
    }

    override func dropDue() {
        waiting -= due.count
        due = []
        keptBytes = 0
        session?.settle()
        session = nil
    }

    /// A query waits for its answer, which is written when there is room for it.
    fileprivate func wait(_ stream: Int32, _ pending: PendingQuery, isCached: Bool, isHead: Bool) {
        waiting += 1
        server.turns.note(StreamTurns.waitingQuestion)
        if isCached { return due.append(HTTP2Queries.Due(stream, pending, .cached, isHead: isHead)) }
        // One read may bring more of them than may wait.
        if waiting > Self.mostWaiting { return due.append(HTTP2Queries.Due(stream, pending, .overloaded, isHead: isHead)) }
        let greenlet = server.hub.spawn(name: "http query") { [self] in
            finish(HTTP2Queries.Due(stream, pending, server.resolver.resolve(pending), isHead: isHead))
        }
        // No greenlet could be had.
        if greenlet.isDone { due.append(HTTP2Queries.Due(stream, pending, .overloaded, isHead: isHead)) }
    }

    private func finish(_ entry: HTTP2Queries.Due) {
        guard socket.isOpen, session != nil else { return waiting -= 1 }
        var entry = entry
        if due.last.map({ $0.resolution.isSame(as: entry.resolution) }) == true { entry.bytes = 0 }
        due.append(entry)
        keptBytes += entry.bytes
        guard server.turns.hasRoom, super.hasRoom else {
            noteHeld()
            return startWriter()
        }
        flush()
    }

    // MARK: - HTTP/1.1

    /// Has a greenlet serve the connection from now on, which has come so far.
    private func servePlainly(_ first: [UInt8]) {
        guard let requests = server.requests, let plain = requests.plain, requests.enterPlain(client, address) else {
            return end(.refused)
        }
        handOver()
        let (socket, tls) = (socket, tls)
        let greenlet = server.hub.spawn(name: "http/1.1") { [self] in
            defer { requests.leavePlain(client) }
            do {
                let stream: any ByteStream = try tls.map { try TLSSocket(over: socket, engine: $0) } ?? socket
                defer { (stream as? TLSSocket)?.finish(until: server.hub.loop.now().advanced(by: .seconds(1))) }
                try plain.serve(BegunStream(stream, first), over: socket) { [asker] in try requests.answer($0, of: asker) }
            } catch {
                // Its client's doing; nothing but the connection is lost.
            }
            end(.refused)
        }
        if greenlet.isDone {
            requests.leavePlain(client)
            end(.refused)
        }
    }
}

/// A stream of which the first bytes were read already.
private final class BegunStream: ByteStream {
    private let stream: any ByteStream
    private var first: ArraySlice<UInt8>

    init(_ stream: any ByteStream, _ first: [UInt8]) {
        self.stream = stream
        self.first = first[...]
    }

    var hub: Hub { stream.hub }
    var isOpen: Bool { stream.isOpen }

    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        guard !first.isEmpty else { return try unsafe stream.read(into: buffer, until: deadline) }
        let count = min(first.count, buffer.count)
        unsafe buffer.copyBytes(from: first.prefix(count))
        first = first.dropFirst(count)
        return count
    }

    func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        try unsafe stream.write(buffer, until: deadline)
    }

    func close() { stream.close() }
}

/// The requests of one HTTP/2 connection.
final class HTTP2Queries: HTTP2Responder {
    /// An answer that is found and not written.
    struct Due {
        let stream: Int32
        let pending: PendingQuery
        let resolution: Resolution
        let isHead: Bool
        var bytes: Int

        init(_ stream: Int32, _ pending: PendingQuery, _ resolution: Resolution, isHead: Bool) {
            (self.stream, self.pending, self.resolution, self.isHead) = (stream, pending, resolution, isHead)
            bytes = resolution.byteCount
        }
    }

    private unowned let connection: HTTPConnection
    private let requests: HTTPQueries
    /// Whether the client is believed for whom it asks.
    private var isProxy: Bool { requests.isProxy(connection.address) }
    /// Those whom requests are for whose bodies have not come.
    private var clients: [Int32: Asker] = [:]

    init(_ connection: HTTPConnection, _ requests: HTTPQueries) throws(HTTP2Error) {
        self.connection = connection
        self.requests = requests
        try super.init(requests.scratch, limits: HTTPQueries.limits)
    }

    override func headCame(_ stream: Int32, _ head: HTTP2Head, isLast: Bool) -> Verdict {
        guard !head.isTooLong else { return refuse(stream, "431") }
        let target = head.with(.path) { requests.target($0) }
        guard case .path(let parameter, let name) = target else { return refuse(stream, "404") }
        var client = connection.asker
        client.call(name)
        // A proxy that does not say whom it asks for asks for itself.
        if isProxy, head.has(.forwardedFor) {
            guard case .client(let number) = head.with(.forwardedFor, { requests.client($0) }) else {
                return refuse(stream, "400")
            }
            client.forward(for: number)
        }
        let isHead = head.is(.method, "HEAD")
        if isHead || head.is(.method, "GET") {
            guard let parameter else { return refuse(stream, "400") }
            head.with(.path) { path in
                respond(stream, for: client, isHead: isHead) { buffer in
                    Base64Text.readURL(path.extracting(parameter), into: &buffer)
                }
            }
            return .taken
        }
        guard head.is(.method, "POST") else { return refuse(stream, "405", allow: HTTPQueries.methods) }
        guard head.with(.contentType, { HTTPQueries.isMessage($0) }) else { return refuse(stream, "415") }
        if isProxy || name != .none { clients[stream] = client }
        return .body(0)
    }

    override func ended(_ stream: Int32) {
        if !clients.isEmpty { clients[stream] = nil }
    }

    override func bodyCame(_ stream: Int32, _ tag: Int, _ body: [UInt8]) {
        respond(stream, for: clients.removeValue(forKey: stream) ?? connection.asker, isHead: false) { buffer in
            buffer.copy(body.span, to: 0)
            return body.count
        }
    }

    override func bodyIsTooLong(_ stream: Int32, _ tag: Int) { refuse(stream, "413") }

    /// Answers that there is no answer.
    @discardableResult
    private func refuse(_ stream: Int32, _ status: StaticString, allow: StaticString? = nil) -> Verdict {
        connection.noteUse()
        answer(stream, HTTP2AnswerHead(status, allow: allow), bodyLength: nil)
        return .taken
    }

    /// Answers a query that `read` puts into a buffer: how long it is, nil where it is none.
    private func respond(_ stream: Int32, for client: Asker, isHead: Bool, _ read: (inout MutableSpan<UInt8>) -> Int?) {
        connection.noteUse()
        // What does not fit is kept by the connection itself.
        if !scratch.hasRoom { settle() }
        var step = HTTPQueries.Step.none
        let count = scratch.write { buffer in
            guard let length = read(&buffer) else { return 0 }
            step = requests.begin(length, in: &buffer, from: client)
            if case .answered(let count) = step { return count }
            return 0
        }
        switch step {
        case .answered: send(stream, count, isHead: isHead)
        case .wait(let pending, let isCached): connection.wait(stream, pending, isCached: isCached, isHead: isHead)
        case .none: refuse(stream, "400")
        }
    }

    /// Writes an answer that was waited for.
    func write(_ due: Due) {
        let count = scratch.write { buffer in
            requests.write(due.pending, due.resolution, into: &buffer)
        }
        send(due.stream, count, isHead: due.isHead)
    }

    private func send(_ stream: Int32, _ count: Int, isHead: Bool) {
        guard count > 0 else {
            refuse(stream, "400")
            return
        }
        let age = scratch.written(count) { HTTPQueries.maxAge($0) }
        let head = HTTP2AnswerHead("200", HTTPQueries.contentType, contentLength: count, maxAge: age)
        answer(stream, head, bodyLength: isHead ? nil : count)
    }
}
