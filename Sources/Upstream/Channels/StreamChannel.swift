internal import DNSWire
internal import Green
internal import GreenTLS
internal import Observation

/// A connection to an upstream, TCP or TLS over it, which carries several exchanges at once (RFC 7766 6.2.1.1) and is kept while it is
/// used. One greenlet connects and reads, another writes; who sends never waits.
final class StreamChannel: PooledChannel {
    private let server: UpstreamServer
    private var table = ExchangeTable(capacity: StreamChannel.capacity)
    /// HTTP/2, where that is spoken; nil for messages one after the other.
    private let http: HTTPFraming?
    private var unsent: [UInt8] = []
    private let hasUnsent: Event
    private var socket: (any ByteStream)?
    private var reader: Greenlet<Void>?
    private var writer: Greenlet<Void>?
    /// Questions that were put on it, and answers that came; once there is one the server may close the connection at any
    /// time without being ill.
    private var given = 0
    private var answered = 0
    /// Whether a part of an answer has come, and not yet the whole.
    private var hasPart = false
    /// When the last exchange began.
    private var lastUse: Instant
    /// Since when all that is under way waits for the next message.
    private var waitsSince: Instant
    /// Messages that fit nothing, less those that may still come for exchanges that were given up.
    private var strays = 0
    private var isClosed = false
    private var isRetired = false
    /// A connection on which nothing is asked for so long is closed.
    private var idleLimit = StreamChannel.usualIdleLimit
    /// Whether the server was asked how long that may be, and has not said it.
    private var wantsKeepalive = false

    /// So many exchanges at once.
    static let capacity = 256
    /// A connection on which nothing is asked for so long is closed, unless the server says otherwise (RFC 7766 6.2.3).
    static let usualIdleLimit: UInt64 = 10_000_000_000
    /// However long a server lets a connection idle, it is closed after this.
    static let longestIdleLimit: UInt64 = 120_000_000_000
    /// Telling the server that an idle connection ends may take so long.
    static let farewellLimit: UInt64 = 200_000_000
    /// A connection must stand, and take what is written, within this time.
    static let writeLimit: UInt64 = 4_000_000_000
    /// A connection that carries questions but no answer for so long gets no more: the next one opens another.
    static let stallLimit: UInt64 = 1_500_000_000
    /// So many bytes wait to be written at most.
    static let mostUnsent = 128 * 1024
    /// So many messages that fit nothing are suffered.
    static let mostStrays = 64

    init(to server: UpstreamServer) throws(UpstreamFailure) {
        guard !server.hub.isCrowded else { throw .overloaded }
        self.server = server
        lastUse = server.hub.now
        waitsSince = lastUse
        hasUnsent = Event(hub: server.hub)
        http = server.address.transport == .https ? try HTTPFraming(to: server.address) : nil
        let reader = server.hub.spawn(name: "connection to \(server.name)") { self.run() }
        self.reader = reader
        // Done before it began: the hub has no stack for it.
        if reader.isDone { throw .overloaded }
    }

    /// Whether another exchange may be put on it.
    var hasRoom: Bool {
        !isClosed && !isRetired && table.hasRoom && unsent.count < Self.mostUnsent && !isStalled
            && !isSpent && http?.hasRoom ?? true
    }

    /// Whether it has been given as many questions as a connection to this server takes.
    private var isSpent: Bool { given >= server.streamLimits.questions(at: server.hub.now) }

    /// Takes no new exchanges where it has had its share.
    func retireIfSpent() {
        if isSpent { retire() }
    }

    /// Whether questions wait here and nothing comes, as when the peer's machine has gone without a word.
    private var isStalled: Bool {
        table.count > 0 && waitsSince.advanced(byNanoseconds: Self.stallLimit) <= server.hub.now
    }

    /// Puts an exchange on this channel and sends it.
    func begin(_ exchange: Exchange) {
        lastUse = server.hub.now
        if table.count == 0 { waitsSince = lastUse }
        table.register(exchange, random: server.hub.loop.random())
        exchange.channel = self
        exchange.isOnUsedConnection = answered > 0
        exchange.form.options = server.address.transport.isEncrypted ? .padding : []
        if given == 0, http == nil {
            exchange.form.options.insert(.keepalive)
            wantsKeepalive = true
        }
        given += 1
        send(exchange)
    }

    func send(_ exchange: Exchange) {
        // A stream loses nothing: once is enough.
        guard exchange.sends == 0, !isClosed else { return }
        exchange.sends = 1
        if let http { return send(exchange, over: http) }
        Self.append(exchange.asking.question, exchange.form, to: &unsent)
        hasUnsent.set()
    }

    /// Appends a query with its length before it (RFC 1035 4.2.2).
    private static func append(_ question: UpstreamQuestion, _ form: UpstreamQuestion.Form, to bytes: inout [UInt8]) {
        let length = question.length(form)
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: length + 2))
        bytes[start] = UInt8(truncatingIfNeeded: length >> 8)
        bytes[start + 1] = UInt8(truncatingIfNeeded: length)
        var span = bytes.mutableSpan
        _ = question.write(form, into: &span, at: start + 2)
    }

    private func send(_ exchange: Exchange, over http: HTTPFraming) {
        do throws(UpstreamFailure) {
            try http.send(exchange)
            hasUnsent.set()
        } catch {
            finish(exchange)
            exchange.deliver(.broken(error, retries: AttemptPlan.mostRetries))
        }
    }

    func forget(_ exchange: Exchange) {
        let wasStalled = isStalled
        strays -= 1
        finish(exchange)
        if wasStalled { retire() }
        server.serveWaiting()
    }

    /// What it carries.
    var exchanges: [Exchange] { table.all }

    /// Closes, and ends what it carries, for want of places: that says nothing of how many questions a connection takes.
    func giveWay() {
        let carried = table.removeAll()
        close()
        for exchange in carried {
            exchange.channel = nil
            exchange.deliver(.broken(.overloaded, retries: 0))
        }
    }

    /// A fresh connection was answered while `exchange` waited here: where nothing else came here since, this one is of no
    /// more use.
    func wasOvertaken(since exchange: Exchange) {
        guard answered > 0, waitsSince <= exchange.sentAt else { return }
        server.streamLimits.wentSilent(answered: answered, at: server.hub.now)
        retire()
        server.streams.forEach { $0.retireIfSpent() }
    }

    /// Takes no new exchanges; closes when those it carries have ended.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        server.streams.retired(self)
        if table.count == 0 { close() }
    }

    private func finish(_ exchange: Exchange) {
        exchange.channel = nil
        table.remove(exchange)
        if let http {
            http.forget(exchange)
            if http.hasOutput { hasUnsent.set() }
        }
        if isRetired || server.isRetired, table.count == 0 { close() }
    }

    /// Closes the connection; what it still carries will not be answered here.
    private func close(_ failure: UpstreamFailure = .unreachable) {
        guard !isClosed else { return }
        isClosed = true
        server.streams.closed(self)
        reader?.kill()
        writer?.kill()
        reader = nil
        writer = nil
        // What was never open tells nothing of how many questions a connection takes.
        let hadStood = socket != nil
        socket?.close()
        socket = nil
        unsent = []
        // A server may close a connection that has served its time; one that was shared, or cut within an answer, tells
        // nothing of a question either, nor does one that was there before it.
        let wasShared = table.count > 1
        if table.count > 0, answered > 0 || (wasShared && hadStood) {
            server.streamLimits.wasClosed(answered: answered, at: server.hub.now)
            server.streams.forEach { $0.retireIfSpent() }
        }
        // Who cannot prove who it is will not do so the next time either.
        let hasFuture = failure != .insecure && (answered > 0 || wasShared)
        let wasThere = hadStood && given > 1 && failure != .insecure
        let retries = hasFuture ? AttemptPlan.mostRetries : hasPart || wasThere ? 1 : 0
        for exchange in table.removeAll() {
            exchange.channel = nil
            exchange.deliver(.broken(failure, retries: retries))
        }
        server.serveWaiting()
    }

    // MARK: - Its two greenlets

    private func run() {
        defer { close() }
        let limit = server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit)
        do {
            let socket = try server.openStream(until: limit)
            self.socket = socket
            // It proved who it is.
            if !server.insecurity.isEmpty { server.insecurity = "" }
            let writer = server.hub.spawn(name: "writer of \(server.name)") { self.write(to: socket) }
            self.writer = writer
            if writer.isDone { return close(.overloaded) }
        } catch let error as SocketError {
            return close(UpstreamFailure(opening: error))
        } catch let error as TLSError {
            server.insecurity = "\(error)"
            return close(.insecure)
        } catch {
            return
        }
        guard let socket else { return }
        try? read(from: socket)
        if !isClosed, table.count == 0, let socket = socket as? TLSSocket { takeLeave(of: socket) }
    }

    /// Ends an idle connection as TLS wants it.
    private func takeLeave(of socket: TLSSocket) {
        isRetired = true
        server.streams.retired(self)
        socket.finish(until: server.hub.loop.now().advanced(byNanoseconds: Self.farewellLimit))
    }

    private func write(to socket: any ByteStream) {
        defer { close() }
        while !isClosed {
            guard (try? hasUnsent.wait()) != nil else { return }
            hasUnsent.clear()
            while case let bytes = takeUnsent(), !bytes.isEmpty {
                let limit = server.hub.loop.now().advanced(byNanoseconds: Self.writeLimit)
                guard (try? socket.write(bytes, until: limit)) != nil else { return }
            }
        }
    }

    /// What is to be written next; nothing when there is no more.
    private func takeUnsent() -> [UInt8] {
        var bytes: [UInt8] = []
        if let http { http.output(to: &bytes) } else { swap(&bytes, &unsent) }
        return bytes
    }

    private func read(from socket: any ByteStream) throws {
        var incoming = StreamBuffer()
        while !isClosed {
            let idleEnd = idleEnd
            do {
                guard try incoming.fill(from: socket, until: idleEnd) > 0 else { return }
            } catch SocketError.timedOut where self.idleEnd > server.hub.now {
                continue
            }
            if let http {
                try unsafe incoming.takeAll { unsafe try http.receive($0) }
                takeArrivals(http)
            } else {
                while !isClosed, let message = incoming.next() { take(message) }
                hasPart = incoming.hasPart
            }
            // One read a turn: others have sockets too.
            try server.hub.yield(afterEvents: true)
        }
    }

    /// When the connection is closed unless something happens; questions under way have their time.
    private var idleEnd: Instant {
        if table.count > 0 { return lastUse.advanced(byNanoseconds: max(idleLimit, Self.usualIdleLimit)) }
        return max(lastUse, waitsSince).advanced(byNanoseconds: idleLimit)
    }

    private func take(_ message: [UInt8]) {
        let id = message.count >= MessageView.headerLength ? message.span.loadUInt16(at: 0) : 0
        guard message.count >= MessageView.headerLength, let exchange = table.find(id) else { return noteStray() }
        let match = exchange.asking.question.match(message.span, exchange.form)
        guard match != .stray else { return noteStray() }
        accept(message, exchange, match)
    }

    /// What came over HTTP/2.
    private func takeArrivals(_ http: HTTPFraming) {
        while !isClosed, let arrival = http.next() {
            switch arrival {
            case .reply(let message, let exchange):
                let match = http.match(message, exchange)
                guard match != .stray else {
                    finish(exchange)
                    exchange.deliver(.broken(.refused(.servFail, .invalidData), retries: 0))
                    continue
                }
                accept(message, exchange, match)
            case .failure(let failure, let retries, let exchange):
                waitsSince = server.hub.now
                finish(exchange)
                exchange.deliver(.broken(failure, retries: retries))
            }
        }
        // Settings and windows are answered.
        if http.hasOutput { hasUnsent.set() }
        if http.hasFarewell { retire() }
        if http.isOver { close() }
    }

    /// A reply is the answer to an exchange.
    private func accept(_ message: [UInt8], _ exchange: Exchange, _ match: UpstreamQuestion.Match) {
        // Nobody can forge on a connection: other letters only tell that this server folds them.
        if match == .otherLetters { server.foldsCase() }
        if answered > 0 { server.streamLimits.goesOn() }
        answered += 1
        waitsSince = server.hub.now
        if wantsKeepalive { noteKeepalive(in: message) }
        if !server.insecurity.isEmpty { server.insecurity = "" }
        server.heard(exchange)
        exchange.deliver(.reply(message, match == .withoutQuestion ? .bare : .proven))
        finish(exchange)
        if isSpent { retire() }
        server.serveWaiting()
    }

    /// The server says how long the connection may idle: none means that it wants no further question (RFC 7828 3.4).
    private func noteKeepalive(in message: [UInt8]) {
        wantsKeepalive = false
        guard let tenths = KeepaliveOption.timeout(in: message.span) else { return }
        // A little less, so that its end and a question do not meet on the way.
        idleLimit = min(UInt64(tenths) * 90_000_000, Self.longestIdleLimit)
        if tenths == 0 { retire() }
    }

    private func noteStray() {
        strays += 1
        server.figures.strays.add()
        if strays > Self.mostStrays { close() }
    }
}
