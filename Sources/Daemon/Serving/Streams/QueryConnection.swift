internal import DNSWire
internal import Green
internal import Resolver

/// One client's TCP connection: queries are taken as they come, answers leave as they are known, in any order
/// (RFC 7766 6.2.1.1). What the cache knows is answered at once; what must wait gets a greenlet of its own.
///
/// An answer is written only when the kernel has taken all those before it but for one batch: until then a question that
/// waits costs what is asked and a place in a list. So a client that does not read, sends half a message or says no more
/// holds up nobody else: what it can make grow is bounded, and its time too.
final class QueryConnection {
    private let socket: StreamSocket
    private let server: QueryStreamServer
    /// Whose connection it is, in `StreamPlaces`: the address as `IPAddress.number` has it, of IPv6 the first 56 bits; all
    /// who may not ask are one client.
    let client: UInt128
    /// Its place among the worker's connections.
    var place: (index: Int, client: StreamPlaces.Client)?
    /// Bytes that are kept for it, as `StreamPlaces` has noted them.
    var heldBytes = 0
    private let address: UInt128
    /// What has come and is not answered yet: the beginning of a message, or whole ones while there is no room for
    /// answers.
    private var input: [UInt8] = []
    /// Answers that the kernel has not taken yet: what was left of a batch. A writer sees to them.
    private var unsent: [UInt8] = []
    /// Questions that wait for an answer to be found or written.
    private var waiting = 0
    /// Those of them whose answers are found and not written.
    private var due: [(pending: PendingQuery, resolution: Resolution, bytes: Int)] = []
    /// The bytes of the answers that wait there, as far as nobody else keeps them.
    private var dueBytes = 0
    private let progress: Event
    /// When the last whole query came or the last answer left.
    private(set) var lastUse: Instant

    /// A client that neither asks nor is owed an answer for so long is let go.
    static let idleLimit: UInt64 = 10_000_000_000
    /// So long where it may not ask.
    static let strangerLimit: UInt64 = 1_000_000_000
    /// A client must take a batch of answers within this time.
    static let writeLimit: UInt64 = 5_000_000_000
    /// So many questions of one connection may wait; then no more are taken.
    static let mostWaiting = 128
    /// So many batches are answered before others have their turn.
    static let batchesInTurn = 4

    init(_ socket: StreamSocket, of server: QueryStreamServer) {
        self.socket = socket
        self.server = server
        let ip = socket.peer.ip
        address = ip.number
        client = server.gate.admits(address) ? StreamPlaces.client(at: ip) : 0
        progress = Event(hub: server.hub)
        lastUse = server.hub.now
    }

    /// Whether no answer is owed.
    var isIdle: Bool { waiting == 0 && unsent.isEmpty }

    /// Whether one more question may be taken.
    private var hasRoom: Bool { waiting < Self.mostWaiting && unsent.isEmpty && socket.isOpen }

    /// For how long it may be silent.
    private var idleLimit: UInt64 { client == 0 ? Self.strangerLimit : Self.idleLimit }

    /// Breaks the connection off. The kernel keeps nothing for a client that may never read it.
    func close() { socket.abort() }

    /// Serves until the client has no more questions and has got its answers. Throws when it breaks.
    func serve() throws {
        repeat {
            while true {
                if !hasRoom {
                    try waitForProgress()
                } else if hasWholeMessage {
                    try server.turns.wait()
                    try takeKept()
                } else {
                    break
                }
            }
        } while try readMore()
        // The client has said all; it still gets its answers (a half-closed connection).
        while !isIdle { try waitForProgress() }
        socket.shutdownWrite()
    }

    // MARK: - Questions

    /// Reads what has come, and takes the whole messages in it; false at the end.
    private func readMore() throws -> Bool {
        let deadline = lastUse.advanced(byNanoseconds: idleLimit)
        let got: Int
        do {
            got = try unsafe socket.read(into: server.scratch.input, until: deadline)
        } catch SocketError.timedOut {
            if !isIdle { try waitForProgress() }
            // Answers that left since the wait began count as use.
            return lastUse.advanced(byNanoseconds: idleLimit) > server.hub.loop.now()
        }
        guard got > 0 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: server.scratch.input[..<got])
        guard input.isEmpty, server.turns.hasRoom else {
            unsafe input.append(contentsOf: bytes)
            noteHeld()
            if server.turns.hasRoom { try takeKept() }
            return true
        }
        // SAFETY: nothing waits while the span of the shared buffer is in use.
        let span = unsafe Span<UInt8>(_unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: got)
        let taken = try withoutSwitching { try take(span) }
        if taken < got {
            unsafe input.append(contentsOf: bytes[taken...])
            noteHeld()
        }
        return true
    }

    /// Whether what was left over begins with a whole message, or with what cannot be one.
    private var hasWholeMessage: Bool {
        guard input.count >= 2 else { return false }
        let length = Int(input[0]) << 8 | Int(input[1])
        return input.count - 2 >= length || length < MessageView.headerLength
    }

    /// Takes the whole messages of what was left over.
    private func takeKept() throws {
        guard input.count >= 2 else { return }
        let kept = input
        let taken = try withoutSwitching { try take(kept.span) }
        guard taken > 0 else { return }
        input = Array(kept[taken...])
        noteHeld()
    }

    /// Takes whole messages as long as there is room for answers: how many bytes that were. Throws where a message
    /// cannot be one: too short for a header.
    private func take(_ bytes: Span<UInt8>) throws -> Int {
        var start = 0
        var batches = 0
        while hasRoom, batches < Self.batchesInTurn, bytes.count - start >= 2 {
            let length = Int(bytes[start]) << 8 | Int(bytes[start + 1])
            guard length >= MessageView.headerLength else {
                flush()
                throw SocketError.reset
            }
            guard bytes.count - start - 2 >= length else { break }
            lastUse = server.hub.now
            answer(bytes.extracting(start + 2..<start + 2 + length))
            start += 2 + length
            if !server.scratch.hasRoom {
                flush()
                batches += 1
            }
        }
        flush()
        return start
    }

    /// Answers one query behind the answers of its batch, or starts a greenlet that will.
    private func answer(_ message: Span<UInt8>) {
        var later: PendingQuery?
        var isCached = false
        server.scratch.append { buffer in
            var query = QueryView()
            buffer.copy(message, to: 0)
            let isAllowed = server.gate.admits(address)
            let step =
                isAllowed
                ? server.resolver.begin(&query, length: message.count, in: &buffer, from: address, streams: true)
                : server.resolver.refuse(length: message.count, in: &buffer)
            if !isAllowed { server.gate.refusedCount += 1 }
            switch step {
            case .answered(let count): return count
            case .drop: return 0
            case .wait, .tooLong:
                later = PendingQuery(query, message, from: socket.peer.ip.number)
                isCached = step == .tooLong
                return 0
            }
        }
        guard let later else { return }
        waiting += 1
        server.turns.note(StreamTurns.waitingQuestion)
        if isCached { return finish(later, .cached) }
        let greenlet = server.hub.spawn(name: "tcp query") { [self] in finish(later, server.resolver.resolve(later)) }
        // No greenlet could be had.
        if greenlet.isDone { finish(later, .overloaded) }
    }

    // MARK: - Answers

    /// A question that waited has its answer, which is written when there is room for it.
    private func finish(_ pending: PendingQuery, _ resolution: Resolution) {
        guard socket.isOpen else {
            waiting -= 1
            return progress.set()
        }
        // Who asks for one name again and again is given the same bytes.
        let bytes = due.last.map { $0.resolution.isSame(as: resolution) } == true ? 0 : resolution.byteCount
        due.append((pending, resolution, bytes))
        dueBytes += bytes
        // A batch that is being made takes it along.
        guard server.scratch.count == 0 else { return }
        guard server.turns.hasRoom, unsent.isEmpty else {
            noteHeld()
            return startWriter()
        }
        flush()
    }

    /// Sends what is in the batch and what is due, as long as the kernel takes it; a writer sees to what it does not take. A
    /// connection that is broken is closed.
    private func flush() {
        while unsent.isEmpty {
            writeDue()
            guard server.scratch.count > 0 else { break }
            do {
                unsafe try server.scratch.take { bytes throws(SocketError) in
                    server.turns.note(bytes.count)
                    let sent = unsafe try socket.writeNow(bytes)
                    if sent < bytes.count { unsafe unsent = Array(bytes[sent...]) }
                }
            } catch {
                return giveUp()
            }
            if !due.isEmpty, !server.turns.hasRoom { break }
        }
        noteHeld()
        progress.set()
        if !unsent.isEmpty || !due.isEmpty { startWriter() }
    }

    /// Has a writer see to what the kernel did not take, or to what is due once there is a turn for it.
    private func startWriter() {
        guard socket.isOpen, !isWriting else { return }
        isWriting = true
        let greenlet = server.hub.spawn(name: "tcp writer") { [self] in writeUnsent() }
        if greenlet.isDone, isWriting { giveUp() }
    }

    /// Whether a writer is at work.
    private var isWriting = false

    /// Writes answers that are due into the batch, as many as there is room for.
    private func writeDue() {
        var written = 0
        while written < due.count, server.scratch.hasRoom {
            let (pending, resolution, bytes) = due[written]
            dueBytes -= bytes
            server.scratch.append { buffer in
                server.resolver.write(pending, resolution, into: &buffer, limit: buffer.count)
            }
            written += 1
        }
        guard written > 0 else { return }
        due.removeFirst(written)
        waiting -= written
        lastUse = server.hub.now
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
                    try socket.write(bytes, until: server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit))
                    lastUse = server.hub.now
                    unsent = []
                }
                flush()
            } while !unsent.isEmpty || !due.isEmpty
        } catch {
            giveUp()
        }
    }

    /// The client is too slow, or gone: whatever is left is for nobody.
    private func giveUp() {
        waiting -= due.count
        due = []
        dueBytes = 0
        unsent = []
        socket.abort()
        noteHeld()
        progress.set()
    }

    /// Tells how many bytes are kept for this connection.
    private func noteHeld() { server.places.hold(self, bytes: input.count + unsent.count + dueBytes) }

    /// Waits until an answer was found or sent.
    private func waitForProgress() throws {
        progress.clear()
        guard socket.isOpen else { throw SocketError.closed }
        let limit = server.hub.loop.now().advanced(by: .seconds(10))
        guard try progress.wait(until: limit) else { throw SocketError.timedOut }
    }
}
