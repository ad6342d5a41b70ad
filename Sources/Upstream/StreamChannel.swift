internal import DNSWire
internal import Green

/// A TCP connection to an upstream, which carries several exchanges at once (RFC 7766 6.2.1.1) and is kept while it is
/// used. One greenlet connects and reads, another writes; who sends never waits.
final class StreamChannel: ExchangeChannel {
    private let server: UpstreamServer
    private var table = ExchangeTable()
    private var unsent: [UInt8] = []
    private let hasUnsent: Event
    private var socket: StreamSocket?
    private var greenlets: [Greenlet<Void>] = []
    private var wasUsed = false
    private(set) var isClosed = false
    private var isRetired = false

    /// So many exchanges at once.
    static let capacity = 256
    /// A connection on which nothing is asked for so long is closed (RFC 7766 6.2.3).
    static let idleLimit: UInt64 = 10_000_000_000
    /// A connection must stand, and take what is written, within this time.
    static let writeLimit: UInt64 = 4_000_000_000

    init(to server: UpstreamServer) {
        self.server = server
        hasUnsent = Event(hub: server.hub)
        greenlets.append(server.hub.spawn(name: "upstream tcp \(server.address)") { self.run() })
    }

    /// Whether another exchange may be put on it.
    var hasRoom: Bool { !isClosed && !isRetired && table.count < Self.capacity }

    /// Puts an exchange on this channel and sends it.
    func begin(_ exchange: Exchange) {
        table.register(exchange, random: server.hub.loop.random)
        exchange.channel = self
        exchange.wasReused = wasUsed
        wasUsed = true
        send(exchange)
    }

    func send(_ exchange: Exchange) {
        // A stream loses nothing: once is enough.
        guard exchange.sends == 0, !isClosed else { return }
        exchange.sends = 1
        let length = exchange.question.length(exchange.form)
        let start = unsent.count
        unsent.append(contentsOf: [UInt8](repeating: 0, count: length + 2))
        unsent[start] = UInt8(length >> 8)
        unsent[start + 1] = UInt8(truncatingIfNeeded: length)
        var span = unsent.mutableSpan
        _ = exchange.question.write(exchange.form, into: &span, at: start + 2)
        hasUnsent.set()
    }

    func forget(_ exchange: Exchange) {
        table.remove(exchange)
        if isRetired, table.count == 0 { close() }
    }

    /// Takes no new exchanges; closes when those it carries have ended.
    func retire() {
        isRetired = true
        if table.count == 0 { close() }
    }

    /// Closes the connection; what it still carries fails.
    func close(_ error: SocketError = .closed) {
        guard !isClosed else { return }
        isClosed = true
        for greenlet in greenlets { greenlet.kill() }
        greenlets = []
        socket?.close()
        socket = nil
        server.closed(self)
        for exchange in table.removeAll() {
            exchange.channel = nil
            exchange.inbox.deliver(.failed(exchange, error))
        }
    }

    private func run() {
        do {
            let limit = server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit)
            let socket = try StreamSocket.connect(to: server.address.address, hub: server.hub, until: limit)
            self.socket = socket
            greenlets.append(server.hub.spawn(name: "upstream tcp writer") { self.write(to: socket) })
            try read(from: socket)
            close()
        } catch let error as SocketError {
            close(error)
        } catch {
            close()
        }
    }

    private func write(to socket: StreamSocket) {
        do {
            while true {
                try hasUnsent.wait()
                hasUnsent.clear()
                let bytes = unsent
                unsent = []
                try socket.write(bytes, until: server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit))
            }
        } catch {
            if !(error is Interruption) { close((error as? SocketError) ?? .closed) }
        }
    }

    private func read(from socket: StreamSocket) throws {
        var buffer: [UInt8] = []
        while true {
            let deadline = server.hub.loop.now().advanced(byNanoseconds: Self.idleLimit)
            let more: [UInt8]
            do {
                more = try socket.read(upTo: 16_384, until: deadline)
            } catch SocketError.timedOut where table.count > 0 {
                continue
            }
            if more.isEmpty { return }
            buffer += more
            var start = 0
            while buffer.count - start >= 2 {
                let length = Int(buffer[start]) << 8 | Int(buffer[start + 1])
                guard buffer.count - start - 2 >= length else { break }
                take([UInt8](buffer[start + 2..<start + 2 + length]))
                start += 2 + length
            }
            buffer.removeFirst(start)
        }
    }

    private func take(_ message: [UInt8]) {
        guard message.count >= 12, let exchange = table.find(UInt16(message[0]) << 8 | UInt16(message[1])) else { return }
        let match = exchange.question.match(message.span, exchange.form)
        guard match != .stray else { return }
        table.remove(exchange)
        exchange.channel = nil
        // Nobody can forge on a connection: other letters only tell that this server folds them.
        if match == .otherLetters { server.foldsCase() }
        exchange.inbox.deliver(.reply(message, from: exchange))
        if isRetired, table.count == 0 { close() }
    }
}
