// One client's connection, whatever is spoken over it:
//
//     QueryStreamServer     takes a connection from the listener and gives it one of these, if there is a place
//     StreamConnection      reads what has come, through TLS where there is TLS; sends what is due; ends in time
//     QueryConnection       messages with their length before them: TCP, and TLS (RFC 7766, 7858)
//     HTTPConnection        requests of HTTP/2, or of HTTP/1.1 (RFC 8484)
//     StreamPlaces          who has how many of them, and how many bytes are kept for them
//     StreamTurns           how much they do before datagrams have their turn
//
// A connection that waits for its client has no greenlet: when something comes the socket's watcher starts one, which takes
// what there is (`run`) and ends. What was read and what is to be sent stand in memory that all connections share (`scratch`,
// `wire`), for nothing waits while it is in use. So an idle connection is an object, a socket, and what OpenSSL keeps.
//
// Invariants: no more is read while there is no room for answers (`hasRoom`), so that a client that does not read holds up
// nobody else; what is kept for it is noted with `places`; each state it can be in ends by itself in a time that is a number.

internal import DNSWire
internal import Green
internal import GreenTLS

/// One client's connection: bytes come and go, nothing is known here of what they mean.
class StreamConnection {
    let socket: StreamSocket
    let server: QueryStreamServer
    /// Whose connection it is, in `StreamPlaces`: the address as `IPAddress.number` has it, of IPv6 the first 56 bits; all
    /// who may not ask are one client.
    var client: UInt128
    /// Its place among the worker's connections.
    var place: (index: Int, member: Int, client: StreamPlaces.Client)?
    /// Bytes that are kept for it, as `StreamPlaces` has noted them.
    var heldBytes = 0
    /// Who asks, as `IPAddress.number` has it.
    final private(set) var address: UInt128
    /// What it is called, as TLS says.
    final var clientName = ClientName.none
    /// Whether a proxy has said so.
    final private(set) var isForwarded = false
    /// What has come of a proxy's header; nil where none is to come any more.
    final var proxyBytes: [UInt8]?
    /// Whether that is to come inside TLS.
    final var hasInnerHeader = false
    /// When the last whole query came or the last answer left.
    final var lastUse: Instant
    /// What has come and is not used yet: the beginning of a message, or whole ones while there is no room for answers.
    final var input: [UInt8] = []
    /// What the kernel has not taken yet, as it goes out. A writer sees to it.
    final private(set) var unsent: [UInt8] = []
    /// TLS, from the client's first bytes on.
    final var tls: TLSEngine?
    /// Bytes that came over TLS since the last whole query: what carries nothing costs something too.
    final var idleBytes = 0
    final private var isRunning = false
    final private var isWriting = false
    /// Whether the writer waits with a part of `unsent`: it alone knows how much of that is gone.
    final private var isInWrite = false
    final private(set) var isHandedOver = false
    /// Whether the client has said all.
    final private var hasSaidAll = false
    final private var isOver = false
    private var timer: HubTimer?

    /// A client that neither asks nor is owed an answer for so long is let go.
    static let idleLimit: UInt64 = 10_000_000_000
    /// So long where it may not ask.
    static let strangerLimit: UInt64 = 1_000_000_000
    /// A handshake must be over after so long.
    static let handshakeLimit: UInt64 = 5_000_000_000
    /// A client must take a batch of answers within this time.
    static let writeLimit: UInt64 = 5_000_000_000
    /// So many bytes may come over TLS without a whole query; the largest takes a quarter of them.
    static let mostIdleBytes = 256 << 10

    init(_ socket: StreamSocket, of server: QueryStreamServer) {
        self.socket = socket
        self.server = server
        let ip = socket.peer.ip
        address = ip.number
        // A proxy asks for others, who are looked at query by query.
        let isProxy = server.isProxy(address)
        if isProxy { proxyBytes = [] }
        let mayAsk = isProxy || server.gate.admits(address)
        client = mayAsk ? StreamPlaces.client(at: ip) : 0
        lastUse = server.hub.now
    }

    // MARK: - What is spoken

    /// Whether no answer is owed.
    var isIdle: Bool { unsent.isEmpty }
    /// Whether more may be read.
    var hasRoom: Bool { unsent.isEmpty && socket.isOpen }
    /// Whether something of `input` can be taken without more.
    var hasWholeInput: Bool { false }
    /// Whether something is due that could be put into the batch.
    var hasDue: Bool { false }
    /// Bytes that are kept beside input and what is unsent.
    var dueBytes: Int { 0 }
    /// Whether what is owed waits for nothing but the client, which has not moved for too long.
    var isStalled: Bool { false }
    /// Uses bytes as far as it can: how many. Must not wait. Throws where they can be nothing.
    func take(_ bytes: Span<UInt8>) throws -> Int { bytes.count }
    /// Puts what is due into the batch, as much as there is room for.
    func writeDue() {}
    /// Lets go of what is due: nobody will get it.
    func dropDue() {}
    /// What was due was put into batches as far as they were taken: others use what all connections share.
    func settle() {}
    /// The handshake is over.
    func established() throws {}
    /// Sends what is spoken for a farewell, where there is such.
    func sayFarewell() {}

    // MARK: - From beginning to end

    /// Begins to serve it, where there is a place for it.
    final func begin() {
        // A handshake is not worth it for who may not ask.
        if client == 0, server.context != nil {
            server.gate.refusedCount &+= 1
            return socket.close()
        }
        guard server.places.take(self) else { return socket.close() }
        timer = HubTimer(hub: server.hub) { [unowned self] in timeIsUp() }
        timer?.fire(at: lastUse.advanced(byNanoseconds: limit))
        resume()
    }

    /// Notes who asks, as a proxy says.
    final func identify(_ ip: IPAddress) { (address, isForwarded) = (ip.number, true) }

    /// Breaks the connection off. The kernel keeps nothing for a client that may never read it.
    final func close() { end(.brokenOff) }

    /// For how long it may be silent.
    private final var limit: UInt64 {
        if client == 0 { return Self.strangerLimit }
        return isShakingHands || proxyBytes != nil && !server.listener.transport.isHTTP ? Self.handshakeLimit : Self.idleLimit
    }

    /// Looks whether it has been silent for too long.
    private func timeIsUp() {
        guard !isOver, !isHandedOver else { return }
        let now = server.hub.loop.now()
        let deadline = lastUse.advanced(byNanoseconds: limit)
        if deadline > now { timer?.fire(at: deadline); return }
        if isShakingHands { return end(.refused) }
        if isIdle { return endPolitely() }
        if isStalled { return end(.brokenOff) }
        timer?.fire(at: now.advanced(byNanoseconds: limit))
    }

    /// Ends it.
    final func end(_ ending: Ending) {
        guard !isOver else { return }
        isOver = true
        server.handshakes.leave(self)
        dropDue()
        input = []
        let isWhole = unsafe ending != .brokenOff && !isInWrite && unsent.withUnsafeBytes { unsafe pushLast($0) }
        unsent = []
        if isWhole, ending != .refused, let tls { sayFarewell(tls) }
        switch ending {
        case .brokenOff: socket.abort()
        case .refused where tls == nil || isHandedOver: socket.close()
        case .refused, .toldOff: server.lingering.close(self)
        case .saidAll:
            socket.shutdownWrite()
            socket.close()
        }
        tls = nil
        server.places.leave(self)
        timer?.cancel()
        timer = nil
    }

    /// Hands the connection over to who serves it in another way from now on: nothing here reads or writes any more.
    final func handOver() {
        (isRunning, isHandedOver) = (true, true)
        timer?.cancel()
    }

    // MARK: - Reading

    /// What the socket's watcher calls.
    private static let arrived: SocketWatcher = { subject in
        unsafe Unmanaged<StreamConnection>.fromOpaque(subject).takeUnretainedValue().resume()
    }

    private static let entry: GreenletEntry = { subject, _ in
        let connection = unsafe Unmanaged<StreamConnection>.fromOpaque(subject!).takeRetainedValue()
        connection.run()
    }

    /// Goes on reading, in a greenlet that ends when there is no more. Does not wait.
    final func resume() {
        guard !isRunning, !isOver else { return }
        guard socket.isOpen else { return end(.brokenOff) }
        isRunning = true
        let subject = unsafe Unmanaged.passRetained(self)
        do throws(GreenletLimit) {
            try unsafe server.hub.startLater(Self.entry, subject: subject.toOpaque(), slot: 0)
        } catch {
            unsafe subject.release()
            // No greenlet could be had.
            end(.brokenOff)
        }
    }

    /// Takes what has come, until there is no more or no room for answers.
    private final func run() {
        do {
            while try step() {}
        } catch {
            end(.refused)
        }
    }

    /// One step of that; false where it comes to rest.
    private final func step() throws -> Bool {
        // Whoever serves it now reads by itself.
        guard !isHandedOver else { return false }
        guard !isOver, socket.isOpen, hasRoom else {
            isRunning = false
            if !isOver, !socket.isOpen { end(.brokenOff) }
            return false
        }
        if hasWholeInput {
            try server.turns.wait()
            try takeKept()
            return true
        }
        if hasSaidAll {
            isRunning = false
            finishIfDone()
            return false
        }
        if isShakingHands, !server.turns.hasRoom { try server.turns.wait() }
        guard let (count, isLast) = try unsafe read(into: server.scratch.input) else {
            isRunning = false
            // SAFETY: the socket is this object's own, and is closed, which calls the watcher, before the object goes.
            unsafe socket.watch(Self.arrived, Unmanaged.passUnretained(self).toOpaque())
            return false
        }
        hasSaidAll = isLast
        if count > 0, !isOver { try unsafe taken(UnsafeRawBufferPointer(rebasing: server.scratch.input[..<count])) }
        return true
    }

    /// Notes that a whole query came.
    final func noteUse() {
        lastUse = server.hub.now
        idleBytes = 0
    }

    /// Uses bytes that were read; what cannot be used yet is kept.
    private func taken(_ bytes: UnsafeRawBufferPointer) throws {
        guard input.isEmpty, server.turns.hasRoom else {
            unsafe input.append(contentsOf: bytes)
            noteHeld()
            if server.turns.hasRoom { try takeKept() }
            return
        }
        // SAFETY: nothing waits while the span of the shared buffer is in use.
        let span = unsafe Span<UInt8>(_unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: bytes.count)
        let used = try withoutSwitching { try take(span) }
        if used < bytes.count, !isOver {
            unsafe input.append(contentsOf: bytes[used...])
            noteHeld()
        }
    }

    /// Uses what was kept.
    private func takeKept() throws {
        guard !input.isEmpty else { return }
        let kept = input
        let used = try withoutSwitching { try take(kept.span) }
        guard used > 0, !isOver else { return }
        input = Array(kept[used...])
        noteHeld()
    }

    /// Ends where the client has said all and has got its answers (a half-closed connection).
    private func finishIfDone() {
        if hasSaidAll, !isRunning, isIdle, !hasWholeInput { end(.saidAll) }
    }

    // MARK: - Sending

    /// Sends what is in the batch and what is due, as long as the kernel takes it; a writer sees to what it does not take. A
    /// connection that is broken is closed.
    final func flush() {
        while unsent.isEmpty, !isOver {
            writeDue()
            guard server.scratch.count > 0 else { break }
            do {
                unsafe try server.scratch.take { bytes throws(SocketError) in unsafe try send(bytes) }
            } catch {
                return end(.brokenOff)
            }
            if hasDue, !server.turns.hasRoom { break }
        }
        settle()
        noteHeld()
        // Too much may have been kept.
        guard !isOver else { return }
        if !unsent.isEmpty || hasDue && !server.turns.hasRoom { startWriter() }
        if !isRunning { goOn() }
    }

    /// Goes on with what was kept, or with reading, now that there may be room.
    private func goOn() {
        if hasSaidAll, !hasWholeInput { return finishIfDone() }
        // Without a watcher nobody tells of what comes.
        if hasRoom, hasWholeInput || !socket.isWatched { resume() }
    }

    /// Sends a batch: seals it where there is TLS.
    private func send(_ bytes: UnsafeRawBufferPointer) throws(SocketError) {
        server.turns.note(bytes.count)
        guard let tls, let wire = server.wire else { return unsafe try push(bytes) }
        var start = 0
        for end in server.scratch.recordEnds where end > start && end < bytes.count {
            guard unsafe tls.send(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else { throw .reset }
            start = end
        }
        guard unsafe tls.send(UnsafeRawBufferPointer(rebasing: bytes[start...])) else { throw .reset }
        unsafe try wire.takeOutput { bytes throws(SocketError) in unsafe try push(bytes) }
    }

    /// Hands bytes to the kernel, as they are; what it does not take is kept.
    final func push(_ bytes: UnsafeRawBufferPointer) throws(SocketError) {
        guard unsafe !bytes.isEmpty else { return }
        let sent = unsent.isEmpty ? unsafe try socket.writeNow(bytes) : 0
        if sent < bytes.count { unsafe unsent.append(contentsOf: bytes[sent...]) }
        if sent < bytes.count { startWriter() }
    }

    /// Has a writer see to what the kernel did not take, or to what is due once there is a turn for it.
    final func startWriter() {
        guard socket.isOpen, !isWriting else { return }
        isWriting = true
        let greenlet = server.hub.spawn(name: "tcp writer") { [self] in writeUnsent() }
        if greenlet.isDone, isWriting { end(.brokenOff) }
    }

    /// What the writer does.
    private func writeUnsent() {
        defer { isWriting = false }
        do {
            repeat {
                if unsent.isEmpty {
                    try server.turns.wait()
                } else {
                    let bytes = unsent
                    isInWrite = true
                    try socket.write(bytes, until: server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit))
                    isInWrite = false
                    lastUse = server.hub.now
                    // Nothing is left of them where the connection ended meanwhile.
                    if !isOver { unsent.removeFirst(bytes.count) }
                }
                flush()
            } while !isOver && (!unsent.isEmpty || hasDue && !server.turns.hasRoom)
        } catch {
            // The client is too slow, or gone: whatever is left is for nobody.
            end(.brokenOff)
        }
    }

    /// Tells how many bytes are kept for this connection.
    final func noteHeld() {
        if !isOver { server.places.hold(self, bytes: input.count + unsent.count + dueBytes) }
    }
}
