public import Green

/// A connection with TLS around it. Belongs to its hub's thread. One greenlet may read while another writes. Bytes are
/// copied once more than by the stream below, and OpenSSL keeps a state of its own for each connection.
@safe public final class TLSSocket: ByteStream {
    private let stream: any ByteStream
    let engine: TLSEngine
    /// Held by who carries bytes from the engine to the stream, so that records go out whole and in order.
    private let sending: Semaphore
    private var hasEnded = false

    private init(_ stream: any ByteStream, _ engine: TLSEngine) {
        self.stream = stream
        self.engine = engine
        sending = Semaphore(1, hub: stream.hub)
    }

    /// Makes a connection that stands into one with TLS, as its client. `host` is the name, or the address, that the
    /// server must have a certificate for. Throws `TLSError`, `SocketError` (`timedOut` when it is not done by `deadline`),
    /// or the wait's interruption; the connection is closed then.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func connect(
        over stream: any ByteStream, host: String, context: TLSContext, until deadline: Instant
    ) throws -> TLSSocket {
        try connect(over: stream, to: TLSPeer(host), context: context, until: deadline)
    }

    /// The same, for a server of which more is known than its name: keys that it must have.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func connect(
        over stream: any ByteStream, to peer: TLSPeer, context: TLSContext, until deadline: Instant
    ) throws -> TLSSocket {
        require(!context.isServer, "a server's TLS context for a client's connection; make it with TLSContext.client")
        return try begin(stream, context, peer: peer, until: deadline)
    }

    /// Makes a connection that was accepted into one with TLS, as its server. Throws as `connect` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public static func accept(
        over stream: any ByteStream, context: TLSContext, until deadline: Instant
    ) throws -> TLSSocket {
        require(context.isServer, "a client's TLS context for a server's connection; make it with TLSContext.server")
        return try begin(stream, context, peer: nil, until: deadline)
    }

    /// Goes on with a connection whose handshake was done over a wire. Throws where there is no memory.
    package init(over stream: any ByteStream, engine: TLSEngine) throws(TLSError) {
        try engine.leaveWire()
        self.stream = stream
        self.engine = engine
        sending = Semaphore(1, hub: stream.hub)
    }

    private static func begin(
        _ stream: any ByteStream, _ context: TLSContext, peer: TLSPeer?, until deadline: Instant
    ) throws -> TLSSocket {
        do {
            let socket = TLSSocket(stream, try TLSEngine(context, peer: peer))
            try socket.handshake(until: deadline)
            return socket
        } catch {
            stream.close()
            throw error
        }
    }

    // MARK: - What was agreed on

    /// The hub it belongs to.
    public var hub: Hub { stream.hub }
    /// Whether this side has not closed it.
    public var isOpen: Bool { stream.isOpen }
    /// The protocol that both chose (ALPN); nil where none was offered.
    public var negotiatedProtocol: String? { engine.negotiatedProtocol }
    /// On a server, the name that the client asked for (SNI).
    public var requestedHost: String? { engine.requestedHost }
    /// The version, such as `TLSv1.3`.
    public var version: String { engine.version }
    /// Whether an earlier session was resumed.
    public var isResumed: Bool { engine.isResumed }

    // MARK: - Reading and writing

    /// Reads what there is, at most the buffer's size: how many bytes, 0 after the peer's farewell. Throws
    /// `TLSError.truncated` where the stream ends without one, and `SocketError.timedOut` when nothing has come by
    /// `deadline`; reading may go on after that.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        guard buffer.count > 0, !hasEnded else { return 0 }
        while true {
            guard isOpen else { throw SocketError.closed }
            switch unsafe engine.read(into: buffer) {
            case .done(let count):
                return count
            case .ended:
                hasEnded = true
                return 0
            case .failed(let error):
                throw abandon(error)
            case .wantsInput:
                try sendWhatIsDue(until: deadline)
                guard try feed(until: deadline) else { throw abandon(.truncated) }
            }
        }
    }

    /// Writes all of the buffer; throws `timedOut` when the peer has not taken it by `deadline`, and closes the connection
    /// then, for a record that was cut short cannot be gone on with.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        guard try sending.acquire(until: deadline) else { throw SocketError.timedOut }
        defer { sending.release() }
        var done = 0
        while done < buffer.count {
            guard isOpen else { throw SocketError.closed }
            switch unsafe engine.write(UnsafeRawBufferPointer(rebasing: buffer[done...])) {
            case .done(let count): done += count
            case .failed(let error): throw abandon(error)
            case .wantsInput, .ended: throw abandon(.protocolFailure("the peer wants to begin anew"))
            }
            try drain(until: deadline)
        }
    }

    /// Says farewell and closes the connection; waits for the farewell to go out, not for the peer's. What fails by
    /// `deadline` is left out.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func finish(until deadline: Instant) {
        defer { close() }
        guard isOpen, (try? sending.acquire(until: deadline)) == true else { return }
        defer { sending.release() }
        engine.shutdown()
        try? drain(until: deadline)
    }

    /// Closes the connection at once, without farewell: all waits on it throw `closed`.
    public func close() {
        stream.close()
    }

    // MARK: - Parts

    private func handshake(until deadline: Instant) throws {
        while true {
            let step = engine.handshake()
            switch step {
            case .done:
                return try sendWhatIsDue(until: deadline)
            case .wantsInput:
                try sendWhatIsDue(until: deadline)
                guard try feed(until: deadline) else { throw TLSError.truncated }
            case .failed(let error):
                // The alert tells the peer why; that it may not arrive changes nothing.
                try? sendWhatIsDue(until: deadline)
                throw error
            case .ended:
                throw TLSError.truncated
            }
        }
    }

    /// Waits for bytes from the peer and hands them to the engine; false at the end of the stream.
    private func feed(until deadline: Instant) throws -> Bool {
        try unsafe withUnsafeTemporaryAllocation(byteCount: TLSEngine.chunk, alignment: 16) { buffer in
            let count = try unsafe stream.read(into: buffer, until: deadline)
            try unsafe engine.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return count > 0
        }
    }

    /// Sends what the engine wants to say, unless somebody is at it already.
    private func sendWhatIsDue(until deadline: Instant) throws {
        guard sending.tryAcquire() else { return }
        defer { sending.release() }
        try drain(until: deadline)
    }

    /// Carries the engine's output to the stream; for the holder of `sending`.
    private func drain(until deadline: Instant) throws {
        do {
            try unsafe withUnsafeTemporaryAllocation(byteCount: TLSEngine.chunk + 512, alignment: 16) { buffer in
                while true {
                    let count = unsafe engine.takeOutput(into: buffer)
                    if count == 0 { return }
                    unsafe try stream.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), until: deadline)
                }
            }
        } catch {
            close()
            throw error
        }
    }

    /// Closes a connection that cannot go on; returns why.
    private func abandon(_ error: TLSError) -> TLSError {
        close()
        return error
    }
}
