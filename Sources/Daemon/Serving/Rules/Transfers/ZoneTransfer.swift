internal import DNSWire
internal import Green

/// One look at a zone's primary: whether it has another version, and the transfer of that (SOA, then IXFR or AXFR), over one
/// connection. What is not proven, cut off, older, or has no rule in it changes nothing.
struct ZoneTransfer {
    /// What came.
    enum Outcome {
        /// The version that is known is the last.
        case current(ZoneTimes)
        /// Another: its messages, and after which version they go on, where they do.
        case new(ZoneTimes, [[UInt8]], after: UInt32?)
    }

    /// The zone and its primaries.
    let source: TransferSource
    /// What messages are signed with; nil for nothing.
    let key: TransferKey?
    /// The version that is known.
    let known: UInt32?

    /// A transfer has no more bytes, and no more messages.
    static let sizeLimit = 128 << 20
    private static let mostMessages = 100_000
    /// Connecting takes no longer.
    private static let connectLimit = Duration.seconds(5)
    /// And one message.
    private static let messageLimit = Duration.seconds(30)

    /// Asks a primary. `wall` is the time in seconds since 1970. Waits, until `deadline` at most.
    func run(_ primary: SocketAddress, wall: @escaping () -> Int64, until deadline: Instant) throws -> Outcome {
        let hub = Hub.current
        let limit = min(deadline, hub.loop.now().advanced(by: Self.connectLimit))
        let socket = try StreamSocket.connect(to: primary, until: limit)
        defer { socket.close() }
        var exchange = TransferExchange(socket, key, wall: wall, deadline: deadline, messageLimit: Self.messageLimit)
        let times = try version(&exchange)
        if let known {
            if times.serial == known { return .current(times) }
            guard ZoneTimes.isLater(times.serial, than: known) else {
                throw DownloadProblem.transfer("its serial went back from \(known) to \(times.serial)")
            }
            // Whatever keeps the primary from telling what has changed, all of it is asked for.
            if let found = try transfer(&exchange, .ixfr, known) { return found }
            guard !exchange.isOver else { return try again(primary, wall, deadline) }
        }
        guard let found = try transfer(&exchange, .axfr, nil) else {
            throw DownloadProblem.transfer("the primary refuses it (\(exchange.lastCode))")
        }
        return found
    }

    /// Once more, for all of it, over a connection of its own: some close theirs with a refusal.
    private func again(_ primary: SocketAddress, _ wall: @escaping () -> Int64, _ deadline: Instant) throws -> Outcome {
        try ZoneTransfer(source: source, key: key, known: nil).run(primary, wall: wall, until: deadline)
    }

    /// The version that the primary has.
    private func version(_ exchange: inout TransferExchange) throws -> ZoneTimes {
        try exchange.ask(source.zone, .soa, after: nil)
        let message = try exchange.next()
        guard exchange.isProven else { throw DownloadProblem.signature("there is none") }
        let view = try MessageView(message.span)
        guard view.flags.responseCode == .noError else {
            throw DownloadProblem.transfer("the primary answers \(view.flags.responseCode)")
        }
        var records = try view.records()
        while let record = try records.next(), record.section == .answer {
            if record.type == .soa { return try TransferReader.times(record, source.zone) }
        }
        throw DownloadProblem.transfer("the primary does not know the zone")
    }

    /// Transfers the zone; nil where the primary refuses.
    private func transfer(_ exchange: inout TransferExchange, _ type: RecordType, _ known: UInt32?) throws -> Outcome? {
        try exchange.ask(source.zone, type, after: known)
        var reader = TransferReader(source.zone, known: known)
        var messages: [[UInt8]] = []
        var size = 0
        while !reader.isDone {
            let message: [UInt8]
            do {
                message = try exchange.next()
            } catch SocketError.closed where messages.isEmpty && type == .ixfr {
                return nil
            } catch SocketError.closed, SocketError.reset {
                throw DownloadProblem.cutOff
            }
            let code = MessageView.responseCode(of: message)
            if code != .noError {
                exchange.lastCode = code
                guard messages.isEmpty else { throw DownloadProblem.transfer("it ends with \(code)") }
                return nil
            }
            size += message.count
            guard size <= Self.sizeLimit, messages.count < Self.mostMessages else { throw DownloadProblem.tooLarge }
            let count = try Self.read(message, &reader)
            guard count > 0 else { throw DownloadProblem.transfer("a message in it is empty") }
            messages.append(message)
            if reader.isCurrent, messages.count == 1, count == 1, let times = reader.times {
                guard exchange.isProven else { throw DownloadProblem.signature("the last message has none") }
                return .current(times)
            }
            try Hub.current.yield(afterEvents: true)
        }
        guard exchange.isProven else { throw DownloadProblem.signature("the last message has none") }
        guard let times = reader.times else { return nil }
        if let former = self.known, !ZoneTimes.isLater(times.serial, than: former), times.serial != former {
            throw DownloadProblem.transfer("its serial went back from \(former) to \(times.serial)")
        }
        return .new(times, messages, after: reader.isIncremental ? known : nil)
    }

    /// Has a message's records read: how many there were.
    private static func read(_ message: [UInt8], _ reader: inout TransferReader) throws -> Int {
        var count = 0
        do {
            var records = try MessageView(message.span).records()
            while let record = try records.next(), record.section == .answer {
                count += 1
                _ = try reader.take(record)
            }
        } catch is WireError {
            throw DownloadProblem.transfer("a message in it cannot be read")
        }
        return count
    }
}

extension MessageView {
    /// The low rcode of a message of twelve bytes or more.
    static func responseCode(of message: [UInt8]) -> ResponseCode { ResponseCode(rawValue: UInt16(message[3] & 15)) }
}

/// Questions to a primary and their answers, which may be many messages.
struct TransferExchange {
    private let socket: StreamSocket
    private let key: TransferKey?
    private let wall: () -> Int64
    private let deadline: Instant
    private let messageLimit: Duration
    private var id: UInt16 = 0
    private var proof: SignedAnswer?
    /// Bytes that came and were not read.
    private var buffer: [UInt8] = []
    /// Whether the primary has closed the connection.
    private(set) var isOver = false
    /// With which rcode it refused last.
    var lastCode = ResponseCode.noError

    /// An exchange over a connection.
    init(_ socket: StreamSocket, _ key: TransferKey?, wall: @escaping () -> Int64, deadline: Instant, messageLimit: Duration) {
        (self.socket, self.key, self.wall, self.deadline, self.messageLimit) = (socket, key, wall, deadline, messageLimit)
    }

    /// Whether all that came is proven, where there is a key.
    var isProven: Bool { key == nil || proof?.isProven == true }

    private var limit: Instant { min(deadline, socket.hub.loop.now().advanced(by: messageLimit)) }

    /// Asks about a zone; `known` is the version that is there (RFC 1995 3).
    mutating func ask(_ zone: Name, _ type: RecordType, after known: UInt32?) throws {
        id = UInt16(truncatingIfNeeded: socket.hub.loop.random())
        var message: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF), 0, 0, 0, 1, 0, 0, 0, known == nil ? 0 : 1, 0, 0]
        message += zone.wire + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        if let known {
            let serial = stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: known >> UInt32($0)) }
            message += [0xC0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0] + serial + [UInt8](repeating: 0, count: 16)
        }
        proof = nil
        if let key {
            guard let code = key.sign(&message, at: wall()) else { throw DownloadProblem.signature("ours cannot be made") }
            proof = SignedAnswer(key, to: code)
        }
        try socket.write([UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message, until: limit)
    }

    /// The next message of the answer, its signature taken off and looked at.
    mutating func next() throws -> [UInt8] {
        let limit = limit
        let head = try take(2, until: limit)
        var message = try take(Int(head[0]) << 8 | Int(head[1]), until: limit)
        guard message.count >= MessageView.headerLength, message[0] == UInt8(id >> 8), message[1] == UInt8(id & 0xFF),
            message[2] & 0x80 != 0
        else { throw DownloadProblem.transfer("what came is no answer") }
        if proof != nil { try proof?.take(&message, at: wall()) }
        return message
    }

    private mutating func take(_ count: Int, until limit: Instant) throws -> [UInt8] {
        while buffer.count < count {
            let more = try socket.read(upTo: 65_536, until: limit)
            guard !more.isEmpty else {
                isOver = true
                throw buffer.isEmpty ? SocketError.closed : SocketError.reset
            }
            buffer += more
        }
        let bytes = Array(buffer[..<count])
        buffer.removeFirst(count)
        return bytes
    }
}
