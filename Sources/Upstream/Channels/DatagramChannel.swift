internal import DNSWire
internal import Green

/// A connected UDP socket on a random port, which carries several exchanges. The kernel lets in only what comes from
/// the asked peer; id, question and letters are checked here. A channel is used for a while and then retired, so that
/// its port is worth little to who has learnt it.
final class DatagramChannel: PooledChannel {
    private let socket: DatagramSocket
    private let server: UpstreamServer
    // SAFETY: touched on the hub's thread alone, and no access lasts over a switch.
    @exclusivity(unchecked) private var table = ExchangeTable(capacity: DatagramChannel.capacity)
    private var reader: Greenlet<Void>?
    /// The ids of exchanges that have ended: answers to them are late, but not guesses.
    private var endedIDs: [UInt16] = []
    private let retiresAt: Instant
    private var uses = 0
    private var strays = 0
    private var isRetired = false
    private var isClosed = false

    /// So many exchanges at once.
    static let capacity = 64
    /// After so many exchanges, or so many nanoseconds, another port is taken.
    static let mostUses = 512
    static let longestUse: UInt64 = 20_000_000_000
    /// So many messages that fit no exchange look like somebody guessing.
    static let mostStrays = 16

    init(to server: UpstreamServer) throws(UpstreamFailure) {
        self.server = server
        retiresAt = server.hub.now.advanced(byNanoseconds: Self.longestUse)
        do {
            socket = try DatagramSocket(hub: server.hub, connectedTo: server.address.address)
        } catch {
            throw UpstreamFailure(opening: error)
        }
        let reader = server.hub.spawn(name: "upstream \(server.address)") { try self.read() }
        self.reader = reader
        // Done before it began: the hub has no stack for it.
        if reader.isDone {
            socket.close()
            throw .overloaded
        }
    }

    /// Whether another exchange may be put on it.
    var hasRoom: Bool { unsafe !isRetired && table.hasRoom }

    /// Puts an exchange on this channel and sends it.
    func begin(_ exchange: Exchange) {
        unsafe table.register(exchange, random: server.hub.loop.random())
        exchange.channel = self
        send(exchange)
        uses += 1
        if uses >= Self.mostUses { retire() }
    }

    func send(_ exchange: Exchange) {
        exchange.sends += 1
        // Without a buffer it is as if the datagram were lost: it is sent again.
        guard var datagram = Datagram(hub: server.hub) else { return }
        var buffer = datagram.buffer
        let count = exchange.asking.question.write(exchange.form, into: &buffer)
        datagram.count = count
        socket.send(datagram)
    }

    func forget(_ exchange: Exchange) {
        finish(exchange)
    }

    /// Takes no new exchanges; closes when those it carries have ended.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        server.datagrams.retired(self)
        if unsafe table.count == 0 { close() }
    }

    /// Closes the socket; what it still carries will not be answered.
    private func close() {
        guard !isClosed else { return }
        isClosed = true
        isRetired = true
        server.datagrams.closed(self)
        reader?.kill()
        reader = nil
        failAll()
        socket.close()
    }

    private func failAll() {
        for exchange in unsafe table.removeAll() {
            exchange.channel = nil
            exchange.deliver(.broken(.unreachable, mayRetry: false))
        }
    }

    private func read() throws {
        defer { close() }
        while !isClosed {
            do {
                let count = try socket.receive(until: isRetired ? .never : retiresAt) { datagram in take(datagram) }
                if count == 0 { retire() }
                // One batch a turn: others have sockets too.
                try server.hub.yield(afterEvents: true)
            } catch is SocketError {
                // The peer's machine says that nobody listens there, or that there is no way.
                return
            }
        }
    }

    private func take(_ datagram: consuming Datagram) {
        let isCut = datagram.isTruncated
        let bytes = datagram.bytes
        guard bytes.count >= MessageView.headerLength else { return noteStray() }
        let id = bytes.loadUInt16(at: 0)
        guard let exchange = unsafe table.find(id) else {
            if !endedIDs.contains(id) { noteStray() }
            return
        }
        switch exchange.asking.question.match(bytes, exchange.form) {
        case .stray:
            noteStray()
        case .answer:
            server.heard(exchange)
            finish(exchange)
            exchange.deliver(.reply(copy(bytes, cut: isCut), .proven))
        case .bareFailure:
            doubt(exchange, .reply([UInt8](copying: bytes), .doubtful))
        case .otherLetters:
            doubt(exchange, .otherLetters)
        }
    }

    /// Somebody may have forged this: the exchange goes on, for the true answer may yet come.
    private func doubt(_ exchange: Exchange, _ outcome: Exchange.Outcome) {
        guard !exchange.isDoubted else { return noteStray() }
        exchange.isDoubted = true
        exchange.deliver(outcome)
    }

    private func finish(_ exchange: Exchange) {
        exchange.channel = nil
        unsafe table.remove(exchange)
        endedIDs.append(exchange.form.id)
        if isRetired || server.isRetired, unsafe table.count == 0 { close() }
    }

    /// Somebody who guesses ids sends many that fit nothing: the port is burnt. What was asked here is told as if its
    /// letters were wrong, and so is asked again over TCP.
    private func noteStray() {
        guard !isClosed else { return }
        strays += 1
        server.strayCount += 1
        guard strays >= Self.mostStrays else { return }
        for exchange in unsafe table.removeAll() {
            exchange.channel = nil
            exchange.deliver(.otherLetters)
        }
        close()
    }

    private func copy(_ bytes: Span<UInt8>, cut: Bool) -> [UInt8] {
        // SAFETY: the array copies what the pointer leads to before the span ends. Half the cost of copying from the span, which
        // DNSWire does because it holds no unsafe code.
        var copied = unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
        if cut { copied[2] |= 0x02 }
        return copied
    }
}
