internal import DNSWire
internal import Green
internal import Resolver

/// One client's connection with messages one after the other, over TCP or over TLS: queries are taken as they come, answers
/// leave as they are known, in any order (RFC 7766 6.2.1.1). What the cache knows is answered at once; what must wait gets a
/// greenlet of its own.
///
/// An answer is written only when the kernel has taken all those before it but for one batch: until then a question that
/// waits costs what is asked and a place in a list. So a client that does not read, sends half a message or says no more
/// holds up nobody else: what it can make grow is bounded, and its time too.
final class QueryConnection: StreamConnection {
    /// Questions that wait for an answer to be found or written.
    private var waiting = 0
    /// Those of them whose answers are found and not written.
    private var due: [(pending: PendingQuery, resolution: Resolution, bytes: Int)] = []
    /// The bytes of the answers that wait there, as far as nobody else keeps them.
    private var keptBytes = 0

    /// Whether no more are taken for a while, since its client asks too much, and what ends that.
    private var isPaused = false
    private var pauseTimer: HubTimer?
    /// Whether its client has limits, and by which rules that was found: once for each.
    private var limits = (generation: UInt32(0), apply: false)

    /// For so long no more are taken of who asks too much: long enough that thousands of connections of one client cost nothing.
    static let pause = Duration.milliseconds(100)
    /// So many questions of one connection may wait; then no more are taken.
    static let mostWaiting = 128
    /// So many batches are answered before others have their turn.
    static let batchesInTurn = 4

    /// Whether there is TLS.
    private var isEncrypted: Bool { tls != nil }

    override var isIdle: Bool { waiting == 0 && !isPaused && super.isIdle }
    override var hasRoom: Bool { waiting < Self.mostWaiting && !isPaused && super.hasRoom }
    override var hasDue: Bool { !due.isEmpty }
    override var dueBytes: Int { keptBytes }

    /// Whether what was left over begins with a whole message, or with what cannot be one.
    override var hasWholeInput: Bool {
        guard input.count >= 2 else { return false }
        let length = Int(input[0]) << 8 | Int(input[1])
        return input.count - 2 >= length || length < MessageView.headerLength
    }

    // MARK: - Questions

    /// Takes whole messages as long as there is room for answers: how many bytes that were. Throws where a message
    /// cannot be one: too short for a header.
    override func take(_ bytes: Span<UInt8>) throws -> Int {
        var start = 0
        var batches = 0
        while hasRoom, batches < Self.batchesInTurn, bytes.count - start >= 2 {
            let length = Int(bytes[start]) << 8 | Int(bytes[start + 1])
            guard length >= MessageView.headerLength else {
                flush()
                throw SocketError.reset
            }
            guard bytes.count - start - 2 >= length, isWithinRate() else { break }
            noteUse()
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

    /// Whether one more query is within its client's rate; else no more are taken for a while: REFUSED would be final to
    /// stubs.
    private func isWithinRate() -> Bool {
        let gate = server.gate
        if limits.generation != gate.limitsGeneration { limits = (gate.limitsGeneration, gate.limits(address)) }
        guard limits.apply, mayAsk, !gate.takes(address, at: server.hub.now) else { return true }
        isPaused = true
        let timer = pauseTimer ?? HubTimer(hub: server.hub) { [unowned self] in endPause() }
        pauseTimer = timer
        timer.fire(at: server.hub.now.advanced(by: Self.pause))
        return false
    }

    private func endPause() {
        isPaused = false
        resume()
    }

    /// Answers one query behind the answers of its batch, or starts a greenlet that will.
    private func answer(_ message: Span<UInt8>) {
        server.noteQuery()
        var later: PendingQuery?
        var isCached = false
        server.scratch.append { buffer in
            var query = QueryView()
            query.clientName = clientName
            buffer.copy(message, to: 0)
            let isAllowed = mayAsk
            let step =
                isAllowed
                ? server.resolver.begin(&query, length: message.count, in: &buffer, from: address, over: server.transport)
                : server.resolver.refuse(
                    length: message.count, in: &buffer, from: TappedClient(address, clientName, over: server.transport))
            if !isAllowed { server.gate.refusedCount += 1 }
            switch step {
            case .answered(let count):
                return StreamOptions.add(to: &buffer, count, for: query.edns, isEncrypted: isEncrypted, cookie: query.cookie)
            case .drop: return 0
            case .wait, .tooLong:
                later = server.resolver.pending(&query, message, from: address, over: server.transport)
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
        guard socket.isOpen else { return waiting -= 1 }
        // Who asks for one name again and again is given the same bytes.
        let bytes = due.last.map { $0.resolution.isSame(as: resolution) } == true ? 0 : resolution.byteCount
        due.append((pending, resolution, bytes))
        keptBytes += bytes
        // A batch that is being made takes it along.
        guard server.scratch.count == 0 else { return }
        guard server.turns.hasRoom, super.hasRoom else {
            noteHeld()
            return startWriter()
        }
        flush()
    }

    /// Writes answers that are due into the batch, as many as there is room for.
    override func writeDue() {
        var written = 0
        while written < due.count, server.scratch.hasRoom {
            let (pending, resolution, bytes) = due[written]
            keptBytes -= bytes
            server.scratch.append { buffer in
                let count = server.resolver.write(pending, resolution, into: &buffer, limit: buffer.count)
                return StreamOptions.add(to: &buffer, count, for: pending.edns, isEncrypted: isEncrypted, cookie: pending.cookie)
            }
            written += 1
        }
        guard written > 0 else { return }
        due.removeFirst(written)
        waiting -= written
        lastUse = server.hub.now
    }

    override func dropDue() {
        waiting -= due.count
        due = []
        keptBytes = 0
    }
}
