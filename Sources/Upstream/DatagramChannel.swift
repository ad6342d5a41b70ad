internal import DNSWire
internal import Green

/// A connected UDP socket on a random port, which carries several exchanges. The kernel lets in only what comes from
/// the asked peer; id, question and letters are checked here. A channel is used for a while and then retired, so that
/// its port is worth little to who has learnt it.
final class DatagramChannel: ExchangeChannel {
    private let socket: DatagramSocket
    private let server: UpstreamServer
    private var table = ExchangeTable()
    private var reader: Greenlet<Void>?
    private let openedAt: Instant
    private var uses = 0
    private var strays = 0
    private(set) var isRetired = false

    /// So many exchanges at once.
    static let capacity = 64
    /// After so many exchanges, or so many nanoseconds, another port is taken.
    static let mostUses = 512
    static let longestUse: UInt64 = 20_000_000_000
    /// So many messages that fit no exchange look like somebody guessing.
    static let mostStrays = 16

    init(to server: UpstreamServer) throws(SocketError) {
        self.server = server
        socket = try DatagramSocket(hub: server.hub, connectedTo: server.address.address)
        openedAt = server.hub.now
        reader = server.hub.spawn(name: "upstream \(server.address)") { try self.read() }
    }

    /// Whether another exchange may be put on it.
    var hasRoom: Bool {
        !isRetired && table.count < Self.capacity
    }

    /// Puts an exchange on this channel and sends it.
    func begin(_ exchange: Exchange) {
        uses += 1
        table.register(exchange, random: server.hub.loop.random)
        exchange.channel = self
        send(exchange)
        if uses >= Self.mostUses || openedAt.advanced(byNanoseconds: Self.longestUse) <= server.hub.now { retire() }
    }

    func send(_ exchange: Exchange) {
        exchange.sends += 1
        // Without a buffer it is as if the datagram were lost: it is sent again.
        guard var datagram = Datagram(hub: server.hub) else { return }
        var buffer = datagram.buffer
        let count = exchange.question.write(exchange.form, into: &buffer)
        datagram.count = count
        socket.send(datagram)
    }

    func forget(_ exchange: Exchange) {
        table.remove(exchange)
        if isRetired, table.count == 0 { close() }
    }

    /// Takes no new exchanges; closes when those it carries have ended.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        server.retired(self)
        if table.count == 0 { close() }
    }

    /// Closes the socket; what it still carries fails.
    func close() {
        isRetired = true
        reader?.kill()
        reader = nil
        failAll(.closed)
        socket.close()
    }

    private func failAll(_ error: SocketError) {
        for exchange in table.removeAll() {
            exchange.channel = nil
            exchange.inbox.deliver(.failed(exchange, error))
        }
    }

    private func read() throws {
        while true {
            do {
                _ = try socket.receive(until: .never) { datagram in take(datagram) }
                // One batch a turn: others have sockets too.
                try server.hub.yield(afterEvents: true)
            } catch let error as SocketError {
                if error == .closed { return }
                // The peer's machine says that nobody listens there, or that there is no way.
                failAll(error)
                retire()
                if isRetired, table.count == 0 { return }
            }
        }
    }

    private func take(_ datagram: consuming Datagram) {
        let bytes = datagram.bytes
        guard bytes.count >= 12, let exchange = table.find(UInt16(bytes[0]) << 8 | UInt16(bytes[1])) else {
            return noteStray()
        }
        switch exchange.question.match(bytes, exchange.form) {
        case .stray:
            noteStray()
        case .otherLetters:
            end(exchange)
            exchange.inbox.deliver(.otherLetters(exchange))
        case .answer, .bareFailure:
            end(exchange)
            if exchange.sends == 1 {
                server.measured(exchange.sentAt.duration(to: server.hub.loop.now()).clampedNanoseconds)
            }
            exchange.inbox.deliver(.reply(copy(bytes, cut: datagram.isTruncated), from: exchange))
        }
    }

    private func end(_ exchange: Exchange) {
        exchange.channel = nil
        table.remove(exchange)
        if isRetired, table.count == 0 { close() }
    }

    /// Somebody who guesses ids sends many that fit nothing: the port is burnt. What was asked here is told as if its
    /// letters were wrong, and so is asked again over TCP.
    private func noteStray() {
        strays += 1
        server.strayCount += 1
        guard strays >= Self.mostStrays else { return }
        let exchanges = table.removeAll()
        retire()
        for exchange in exchanges {
            exchange.channel = nil
            exchange.inbox.deliver(.otherLetters(exchange))
        }
    }

    private func copy(_ bytes: Span<UInt8>, cut: Bool) -> [UInt8] {
        var copied = [UInt8](copying: bytes)
        if cut { copied[2] |= 0x02 }
        return copied
    }
}

extension [UInt8] {
    /// A copy of a span.
    init(copying span: Span<UInt8>) {
        self.init(capacity: span.count) { output in
            for index in span.indices { output.append(span[index]) }
        }
    }
}
