internal import DNSWire
internal import Green
internal import Resolver

/// One client's TCP connection: queries are taken as they come, answers leave as they are known, in any order
/// (RFC 7766 6.2.1.1). What the cache knows is answered at once; what must wait gets a greenlet of its own.
///
/// A client that does not read, sends half a message or says no more holds up nobody else: what it can make grow is
/// bounded, and its time too.
final class QueryConnection {
    private let socket: StreamSocket
    private let server: QueryStreamServer
    /// Whose connection it is, as `IPAddress.number` has it.
    private let client: UInt128
    /// What has come and is not answered yet: the beginning of a message, or whole ones while there is no room for
    /// answers.
    private var input: [UInt8] = []
    /// Answers that are not handed to the kernel yet.
    private var unsent: [UInt8] = []
    /// Bytes that the writer is handing to the kernel.
    private var sendingCount = 0
    /// Questions that wait for an answer.
    private var waiting = 0
    private let progress: Event
    /// When the last whole query came or the last answer left.
    private(set) var lastUse: Instant

    /// A client that neither asks nor is owed an answer for so long is let go.
    static let idleLimit: UInt64 = 10_000_000_000
    /// A client must take what it is sent within this time.
    static let writeLimit: UInt64 = 5_000_000_000
    /// So many questions of one client may wait; then no more are taken.
    static let mostWaiting = 128
    /// So many bytes may lie unsent; then no more questions are taken.
    static let mostUnsent = 64 * 1024

    init(_ socket: StreamSocket, of server: QueryStreamServer) {
        self.socket = socket
        self.server = server
        client = socket.peer.ip.number
        progress = Event(hub: server.hub)
        lastUse = server.hub.now
    }

    /// Whether no answer is owed.
    var isIdle: Bool { waiting == 0 && unsent.isEmpty && sendingCount == 0 }

    /// Whether one more question may be taken.
    private var hasRoom: Bool { waiting < Self.mostWaiting && unsent.count + sendingCount < Self.mostUnsent }

    /// Breaks the connection off.
    func close() { socket.close() }

    /// Serves until the client has no more questions and has got its answers. Throws when it breaks.
    func serve() throws {
        repeat {
            try takeKept()
            flush()
            while !hasRoom {
                try waitForProgress()
                try takeKept()
                flush()
            }
        } while try readMore()
        // The client has said all; it still gets its answers (a half-closed connection).
        while !isIdle { try waitForProgress() }
        socket.shutdownWrite()
    }

    // MARK: - Questions

    /// Reads what has come, and takes the whole messages in it where nothing was left over; false at the end.
    private func readMore() throws -> Bool {
        let deadline = lastUse.advanced(byNanoseconds: Self.idleLimit)
        let got: Int
        do {
            got = try unsafe socket.read(into: server.scratch.input, until: deadline)
        } catch SocketError.timedOut {
            if !isIdle { try waitForProgress() }
            // Answers that left since the wait began count as use.
            return lastUse.advanced(byNanoseconds: Self.idleLimit) > server.hub.loop.now()
        }
        guard got > 0 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: server.scratch.input[..<got])
        guard input.isEmpty else {
            unsafe input.append(contentsOf: bytes)
            return true
        }
        // SAFETY: nothing waits while the span of the shared buffer is in use.
        let span = unsafe Span<UInt8>(_unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: got)
        let taken = try withoutSwitching { try take(span) }
        unsafe input.append(contentsOf: bytes[taken...])
        return true
    }

    /// Takes the whole messages of what was left over.
    private func takeKept() throws {
        guard input.count >= 2 else { return }
        let kept = input
        let taken = try take(kept.span)
        if taken > 0 { input = Array(kept[taken...]) }
    }

    /// Takes whole messages as long as there is room for answers: how many bytes that were. Throws where a message
    /// cannot be one: too short for a header.
    private func take(_ bytes: Span<UInt8>) throws -> Int {
        var start = 0
        while hasRoom, bytes.count - start >= 2 {
            let length = Int(bytes[start]) << 8 | Int(bytes[start + 1])
            guard length >= MessageView.headerLength else { throw SocketError.reset }
            guard bytes.count - start - 2 >= length else { break }
            lastUse = server.hub.now
            answer(bytes.extracting(start + 2..<start + 2 + length))
            start += 2 + length
        }
        return start
    }

    /// Answers one query, or starts a greenlet that will.
    private func answer(_ message: Span<UInt8>) {
        let later: (pending: PendingQuery, isCached: Bool)? = server.scratch.withMessage { buffer in
            var query = QueryView()
            buffer.copy(message, to: 0)
            let isAllowed = server.gate.admits(client)
            let step =
                isAllowed
                ? server.resolver.begin(&query, length: message.count, in: &buffer, streams: true)
                : server.resolver.refuse(length: message.count, in: &buffer)
            switch step {
            case .answered(let count):
                append(buffer.span.extracting(first: count))
                return nil
            case .drop:
                return nil
            case .wait, .tooLong:
                return (PendingQuery(query, message), step == .tooLong)
            }
        }
        if let later { answerLater(later.pending, isCached: later.isCached) }
    }

    private func answerLater(_ pending: PendingQuery, isCached: Bool) {
        waiting += 1
        let greenlet = server.hub.spawn(name: "tcp query") { [self] in
            finish(pending, isCached ? .cached : server.resolver.resolve(pending))
        }
        // No greenlet could be had.
        if greenlet.isDone { finish(pending, .overloaded) }
    }

    /// Answers a question that waited.
    private func finish(_ pending: PendingQuery, _ resolution: Resolution) {
        waiting -= 1
        if socket.isOpen {
            server.scratch.withMessage { buffer in
                let count = server.resolver.write(pending, resolution, into: &buffer, limit: buffer.count)
                append(buffer.span.extracting(first: count))
            }
            lastUse = server.hub.now
            flush()
        }
        progress.set()
    }

    // MARK: - Answers

    private func append(_ answer: Span<UInt8>) {
        unsent.append(UInt8(answer.count >> 8))
        unsent.append(UInt8(truncatingIfNeeded: answer.count))
        for index in answer.indices { unsent.append(answer[index]) }
    }

    /// Sends what the kernel takes at once; a greenlet sees to the rest. A connection that is broken is closed.
    private func flush() {
        guard sendingCount == 0, !unsent.isEmpty else { return }
        do {
            let sent = try unsafe unsent.withUnsafeBytes { unsafe try socket.writeNow($0) }
            unsent.removeFirst(sent)
        } catch {
            return giveUp()
        }
        if unsent.isEmpty { return }
        sendingCount = unsent.count
        let greenlet = server.hub.spawn(name: "tcp writer") { [self] in writeUnsent() }
        if greenlet.isDone { giveUp() }
    }

    /// What the writer does.
    private func writeUnsent() {
        do {
            while !unsent.isEmpty {
                let bytes = unsent
                unsent = []
                sendingCount = bytes.count
                try socket.write(bytes, until: server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit))
                sendingCount = 0
                progress.set()
            }
        } catch {
            giveUp()
        }
    }

    /// The client is too slow, or gone: whatever is left is for nobody.
    private func giveUp() {
        unsent = []
        sendingCount = 0
        socket.close()
        progress.set()
    }

    /// Waits until an answer was found or sent.
    private func waitForProgress() throws {
        progress.clear()
        guard socket.isOpen else { throw SocketError.closed }
        let limit = server.hub.loop.now().advanced(by: .seconds(10))
        guard try progress.wait(until: limit) else { throw SocketError.timedOut }
        lastUse = server.hub.now
    }
}
