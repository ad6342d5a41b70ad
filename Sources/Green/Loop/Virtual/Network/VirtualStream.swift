internal import Glibc

/// One end of a stream in a simulated world.
final class VirtualStream: VirtualSocket {
    /// How far the connection has come.
    enum Phase {
        case connecting
        case connected
        case failed(Int32)
    }

    let peer: SocketAddress
    var phase: Phase
    /// What this end writes, and what it reads.
    let outgoing: VirtualPipe
    let incoming: VirtualPipe
    private var hasEnded = false
    /// A reset that nobody has been told of yet.
    private var pendingError: Int32 = 0
    private var isReset = false

    init(
        host: VirtualHost, local: SocketAddress, peer: SocketAddress, outgoing: VirtualPipe, incoming: VirtualPipe,
        phase: Phase
    ) {
        self.peer = peer
        self.outgoing = outgoing
        self.incoming = incoming
        self.phase = phase
        super.init(host: host, kind: .stream, local: local)
        outgoing.writer = self
        incoming.reader = self
    }

    /// See `Loop.read`.
    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if incoming.unread > 0 { return unsafe incoming.read(into: buffer) }
        if let error = takeError() { return -Int(error) }
        if incoming.isAtEnd || isReset { return 0 }
        return -Int(EAGAIN)
    }

    /// See `Loop.write`.
    func write(_ buffer: UnsafeRawBufferPointer) -> Int {
        if let error = takeError() { return -Int(error) }
        if isReset || hasEnded { return -Int(EPIPE) }
        guard case .connected = phase else { return -Int(EAGAIN) }
        return unsafe outgoing.write(buffer)
    }

    /// Whether a read would tell something at once: bytes, the end, or an error.
    var mayRead: Bool {
        if case .failed = phase { return true }
        return incoming.unread > 0 || pendingError != 0 || incoming.isAtEnd || isReset
    }

    /// Whether a write would tell something at once.
    var mayWrite: Bool {
        if case .connecting = phase { return false }
        return true
    }

    /// See `Loop.shutdownWrite`.
    func shutdownWrite() {
        guard !hasEnded, !isReset else { return }
        hasEnded = true
        outgoing.append(.end)
    }

    override func close() {
        super.close()
        outgoing.writer = nil
        incoming.reader = nil
        guard case .connected = phase, !isReset else { return }
        if incoming.unread > 0 {
            outgoing.append(.reset)
        } else if !hasEnded {
            outgoing.append(.end)
        }
    }

    /// Goes without a word to the other end, as when the machine loses its power.
    func vanish() {
        isReset = true
    }

    /// The attempt to connect has ended, well or with an error.
    func finishConnect(_ error: Int32) {
        guard case .connecting = phase else { return }
        phase = error == 0 ? .connected : .failed(error)
        world.note("connected", Int(number), Int(error))
        signal(readable: true, writable: true)
    }

    /// The connection broke.
    func breakOff(_ error: Int32) {
        guard !isReset else { return }
        isReset = true
        pendingError = error
        world.note("reset", Int(number), Int(error))
        signal(readable: true, writable: true)
    }

    private func takeError() -> Int32? {
        if case .failed(let error) = phase { return error }
        guard pendingError != 0 else { return nil }
        defer { pendingError = 0 }
        return pendingError
    }
}
