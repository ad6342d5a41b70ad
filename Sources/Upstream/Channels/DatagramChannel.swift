internal import DNSWire
internal import Glibc
internal import Green
internal import Observation

/// A connected UDP socket on a random port. The kernel lets in only what comes from the asked peer; id, question and
/// letters are checked here.
///
/// Where questions are few, each has a channel of its own, closed with its answer. Where they are many, channels are
/// shared, and retired after a while, so that a port is worth little to who has learnt it.
final class DatagramChannel: PooledChannel {
    private let socket: DatagramSocket
    private let server: UpstreamServer
    private let isShared: Bool
    // SAFETY: touched on the hub's thread alone, and no access lasts over a switch.
    @exclusivity(unchecked) private var table: ExchangeTable
    private var reader: Greenlet<Void>?
    /// The ids of exchanges that have ended: answers to them are late, but not guesses.
    private var endedIDs: [UInt16] = []
    private let retiresAt: Instant
    private var uses = 0
    private var strays = 0
    private var isRetired = false
    private var isClosed = false

    /// So many exchanges at once over a shared channel.
    static let capacity = 128
    /// After so many exchanges, or so many nanoseconds, another port is taken.
    static let mostUses = 512
    static let longestUse: UInt64 = 2_000_000_000
    /// So many messages that fit no exchange look like somebody guessing, on a shared port and on one question's own.
    static let mostStrays = 16
    static let mostStraysAlone = 4
    /// After so many nothing that comes to the port is believed.
    static let strayLimit = 256

    /// A channel for one exchange, or to be shared by many.
    init(to server: UpstreamServer, isShared: Bool) throws(UpstreamFailure) {
        guard !server.hub.isCrowded else { throw .overloaded }
        self.server = server
        self.isShared = isShared
        unsafe table = ExchangeTable(capacity: isShared ? Self.capacity : 1)
        retiresAt = isShared ? server.hub.now.advanced(byNanoseconds: Self.longestUse) : .never
        do {
            var options = DatagramOptions()
            options.keepsReports = true
            socket = try DatagramSocket(hub: server.hub, connectedTo: server.address.socketAddress, options: options)
        } catch {
            throw UpstreamFailure(opening: error)
        }
        let reader = server.hub.spawn(name: server.name) { try self.read() }
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
        if uses >= (isShared ? Self.mostUses : 1) { retire() }
    }

    func send(_ exchange: Exchange) {
        if exchange.sends > 0 { exchange.lastSentAt = server.hub.now }
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
        if isShared { server.datagrams.retired(self) }
        if unsafe table.count == 0 { close() }
    }

    /// Closes the socket; what it still carries will not be answered.
    private func close() {
        guard !isClosed else { return }
        isClosed = true
        isRetired = true
        if isShared { server.datagrams.closed(self) } else { server.ownPortClosed() }
        reader?.kill()
        reader = nil
        for exchange in unsafe table.removeAll() { fail(exchange, retries: 1) }
        socket.close()
    }

    private func fail(_ exchange: Exchange, retries: Int) {
        exchange.channel = nil
        exchange.deliver(.broken(.unreachable, retries: retries))
    }

    // MARK: - What comes

    private func read() throws {
        defer { close() }
        let onReport: (DatagramReport) -> Void = { [unowned self] report in take(report) }
        while !isClosed {
            let count = try socket.receive(until: isRetired ? .never : retiresAt, onReport: onReport) { take($0) }
            if count == 0 { retire() }
            // One batch a turn: others have sockets too.
            try server.hub.yield(afterEvents: true)
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
        case .answer where strays < Self.strayLimit:
            if exchange.isWatched { return takeWatched(copy(bytes, cut: isCut), exchange) }
            server.heard(exchange)
            finish(exchange)
            exchange.deliver(.reply(copy(bytes, cut: isCut), .proven))
        case .otherLetters:
            doubt(exchange, .reply(copy(bytes, cut: isCut), .otherLetters))
        case .withoutQuestion:
            doubt(exchange, .reply(copy(bytes, cut: isCut), .bare))
        case .answer:
            break
        }
    }

    /// An answer after which another may come: the exchange goes on until nobody waits for it.
    private func takeWatched(_ reply: [UInt8], _ exchange: Exchange) {
        if exchange.age == 0 { server.heard(exchange) }
        exchange.deliverFurther(reply)
    }

    /// Somebody may have forged this: the exchange goes on, for the true answer may yet come.
    private func doubt(_ exchange: Exchange, _ outcome: Exchange.Outcome) {
        server.figures.nearMisses.add()
        guard !exchange.isDoubted else { return noteStray() }
        exchange.isDoubted = true
        exchange.deliver(outcome)
    }

    private func finish(_ exchange: Exchange) {
        exchange.channel = nil
        unsafe table.remove(exchange)
        if isShared { endedIDs.append(exchange.form.id) }
        if isRetired || server.isRetired, unsafe table.count == 0 { close() }
    }

    /// Somebody who guesses sends many that fit nothing: the port is burnt, and its questions are asked in other ways too.
    /// The true answers still count, until so many came that one of them may have guessed right.
    private func noteStray() {
        guard !isClosed else { return }
        strays += 1
        server.figures.strays.add()
        guard strays == (isShared ? Self.mostStrays : Self.mostStraysAlone) else { return }
        retire()
        for exchange in unsafe table.all where exchange.outcome == nil { exchange.deliver(.guesses) }
    }

    // MARK: - What is said of what was sent

    /// The kernel refused to send a query, or an ICMP message came for one. Only the question that is quoted, to the
    /// letter, is concerned, and by an ICMP message only while nothing else was heard: anybody can send one.
    private func take(_ report: DatagramReport) {
        let isRefusal = report.origin == .sending || report.origin == .local
        guard isRefusal || report.origin == .icmp, report.payload.count >= MessageView.headerLength else { return }
        switch report.errno {
        // Nothing wrong with the way, or nothing that another port would mend.
        case EMSGSIZE, EAGAIN, ENOBUFS, ENOMEM: return
        default: break
        }
        guard let exchange = unsafe table.find(report.payload.span.loadUInt16(at: 0)),
            exchange.asking.question.isQuoted(report.payload, exchange.form), isRefusal || server.lastHeard < exchange.sentAt
        else { return }
        let isOld = uses > 1
        finish(exchange)
        guard isRefusal else { return exchange.deliver(.quoted) }
        // A socket that is older than the machine's address cannot send any more, and a new one can.
        fail(exchange, retries: isOld ? 1 : 0)
        retire()
    }

    private func copy(_ bytes: Span<UInt8>, cut: Bool) -> [UInt8] {
        // SAFETY: the array copies what the pointer leads to before the span ends. Half the cost of copying from the span, which
        // DNSWire does because it holds no unsafe code.
        var copied = unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
        if cut { copied[2] |= 0x02 }
        return copied
    }
}
