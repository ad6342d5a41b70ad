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
    /// The beginning of a message that has not come whole.
    private var partial: [UInt8] = []
    /// Answers that the client has not taken yet.
    private var unsent: [UInt8] = []
    private var waiting = 0
    private var isWriting = false
    private let progress: Event
    /// When the last whole query came or the last answer left.
    private(set) var lastUse: Instant

    /// A client that neither asks nor is owed an answer for so long is let go.
    static let idleLimit: UInt64 = 10_000_000_000
    /// A client must take what it is sent within this time.
    static let writeLimit: UInt64 = 5_000_000_000
    /// So many questions of one client may wait; then no more are read.
    static let mostWaiting = 128
    /// So many bytes may lie unsent; then no more questions are read.
    static let mostUnsent = 256 * 1024

    init(_ socket: StreamSocket, of server: QueryStreamServer) {
        self.socket = socket
        self.server = server
        progress = Event(hub: server.hub)
        lastUse = server.hub.now
    }

    /// Whether no answer is owed.
    var isIdle: Bool { waiting == 0 && unsent.isEmpty }

    /// Breaks the connection off.
    func close() { socket.close() }

    /// Serves until the client has no more questions and has got its answers. Throws when it breaks.
    func serve() throws {
        while try readMore() {
            try flush()
            while waiting >= Self.mostWaiting || unsent.count >= Self.mostUnsent { try waitForProgress() }
        }
        // The client has said all; it still gets its answers (a half-closed connection).
        while !isIdle { try waitForProgress() }
        socket.shutdownWrite()
    }

    /// Reads what has come and takes the whole messages in it; false at the end.
    private func readMore() throws -> Bool {
        let deadline = lastUse.advanced(byNanoseconds: Self.idleLimit)
        let got: Int
        do {
            got = try unsafe socket.read(into: server.scratch.input, until: deadline)
        } catch SocketError.timedOut {
            guard isIdle else {
                try waitForProgress()
                return true
            }
            return false
        }
        guard got > 0 else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: server.scratch.input[..<got])
        guard partial.isEmpty else {
            unsafe partial.append(contentsOf: bytes)
            let all = partial
            partial = []
            try take(all.span)
            return true
        }
        // SAFETY: nothing waits while the span of the shared buffer is in use.
        let span = unsafe Span<UInt8>(_unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), count: got)
        try withoutSwitching { try take(span) }
        return true
    }

    /// Takes whole messages and keeps the rest. Throws where a message cannot be one: too short for a header.
    private func take(_ bytes: Span<UInt8>) throws {
        var start = 0
        while bytes.count - start >= 2 {
            let length = Int(bytes[start]) << 8 | Int(bytes[start + 1])
            guard length >= MessageView.headerLength else { throw SocketError.reset }
            guard bytes.count - start - 2 >= length else { break }
            lastUse = server.hub.now
            answer(bytes.extracting(start + 2..<start + 2 + length))
            start += 2 + length
        }
        for index in start..<bytes.count { partial.append(bytes[index]) }
    }

    /// Answers one query, or starts a greenlet that will.
    private func answer(_ message: Span<UInt8>) {
        server.scratch.withMessage { buffer in
            var query = QueryView()
            for index in message.indices { buffer[index] = message[index] }
            let step = server.resolver.begin(&query, length: message.count, in: &buffer, streams: true)
            switch step {
            case .answered(let count):
                append(buffer.span.extracting(first: count))
            case .drop:
                break
            case .wait, .tooLong:
                answerLater(PendingQuery(query, message), isCached: step == .tooLong)
            }
        }
    }

    private func answerLater(_ pending: PendingQuery, isCached: Bool) {
        waiting += 1
        server.hub.spawn(name: "tcp query") { [self] in
            defer {
                waiting -= 1
                progress.set()
            }
            let resolution = isCached ? .cached : server.resolver.resolve(pending)
            guard socket.isOpen else { return }
            server.scratch.withMessage { buffer in
                let written = server.resolver.write(pending, resolution, into: &buffer, limit: 65_535)
                if case .answered(let count) = written { append(buffer.span.extracting(first: count)) }
            }
            lastUse = server.hub.now
            try flush()
        }
    }

    private func append(_ answer: Span<UInt8>) {
        unsent.append(UInt8(answer.count >> 8))
        unsent.append(UInt8(truncatingIfNeeded: answer.count))
        for index in answer.indices { unsent.append(answer[index]) }
    }

    /// Sends what the kernel takes at once; a greenlet sees to the rest.
    private func flush() throws {
        guard !isWriting, !unsent.isEmpty else { return }
        let sent = try unsafe unsent.withUnsafeBytes { unsafe try socket.writeNow($0) }
        unsent.removeFirst(sent)
        if unsent.isEmpty { return }
        isWriting = true
        server.hub.spawn(name: "tcp writer") { [self] in
            defer {
                isWriting = false
                progress.set()
            }
            do {
                while !unsent.isEmpty {
                    let bytes = unsent
                    unsent = []
                    try socket.write(bytes, until: server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit))
                    progress.set()
                }
            } catch {
                // Too slow, or gone: whatever is left is for nobody.
                unsent = []
                socket.close()
            }
        }
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
