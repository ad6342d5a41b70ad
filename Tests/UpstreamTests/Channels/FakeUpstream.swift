import DNSWire
import Green
import GreenTLS
import Testing

@testable import Upstream

/// A query as a fake upstream got it, and the replies that can be made of it.
struct FakeQuery {
    let bytes: [UInt8]
    let transport: UpstreamAddress.Transport
    /// How many came before it.
    let number: Int
    /// Which connection it came over, from 0; for datagrams, the port it came from.
    let path: Int

    /// Where the question ends.
    var questionEnd: Int {
        var index = 12
        while bytes[index] != 0 { index += Int(bytes[index]) + 1 }
        return index + 5
    }

    var id: UInt16 { UInt16(bytes[0]) << 8 | UInt16(bytes[1]) }
    var hasEDNS: Bool { bytes[11] == 1 }
    /// The name, letters as sent.
    var name: [UInt8] { Array(bytes[12..<questionEnd - 4]) }
    var isUDP: Bool { transport == .udp }

    /// A reply that repeats the question: flags besides QR, RD and RA, records (counted as answers).
    func reply(
        _ code: ResponseCode = .noError, flags: UInt16 = 0, name: [UInt8]? = nil, id: UInt16? = nil, answers: [[UInt8]] = [],
        errors: [UInt16] = []
    ) -> [UInt8] {
        var reply = word(id ?? self.id) + word(0x8180 | flags | code.rawValue & 15)
        reply += word(1) + word(answers.count) + word(0) + word(hasEDNS ? 1 : 0)
        reply += (name ?? self.name) + bytes[questionEnd - 4..<questionEnd]
        if hasEDNS {
            let options = errors.flatMap { word(15) + word(2) + word($0) }
            // OPT goes before the answers' bytes here only in thought: sections are in order.
            return reply + answers.joined() + [0] + word(41) + word(1232) + [UInt8(code.rawValue >> 4), 0, 0, 0]
                + word(options.count) + options
        }
        return reply + answers.joined()
    }

    /// Whether it asks for the root, as we do of our own to see whether a server is well.
    var isCheck: Bool { name == [0] }

    /// An answer with one address, the last byte of the message being `last` when the query had no OPT; with a server where
    /// it asks for the root.
    func answer(_ last: UInt8 = 1) -> [UInt8] {
        if isCheck { return reply(answers: [[0xC0, 12] + word(2) + word(1) + [0, 0, 1, 0] + word(1) + [0]]) }
        return reply(answers: [[0xC0, 12] + word(1) + word(1) + [0, 0, 1, 0] + word(4) + [192, 0, 2, last]])
    }

    /// The failure without the question.
    func bare(_ code: ResponseCode) -> [UInt8] {
        word(id) + word(0x8180 | code.rawValue) + [UInt8](repeating: 0, count: 8)
    }

    /// The same message with its question's letters all lower, or all upper.
    func folded(_ message: [UInt8], upper: Bool = false) -> [UInt8] {
        var message = message
        for index in 12..<questionEnd - 5 {
            let byte = message[index]
            if upper, (0x61...0x7A).contains(byte) { message[index] = byte & 0xDF }
            if !upper, (0x41...0x5A).contains(byte) { message[index] = byte | 0x20 }
        }
        return message
    }

    /// Another name of the same length.
    var otherName: [UInt8] {
        var name = name
        name[1] = UInt8(ascii: "?")
        return name
    }
}

/// What a fake upstream does.
enum FakeAct {
    /// Sends a message.
    case send([UInt8])
    /// Waits that long.
    case wait(Duration)
    /// Sends over a connection byte by byte, with that long between two.
    case drip([UInt8], Duration)
    /// Sends the front of a longer message over a connection.
    case part([UInt8], of: Int)
    /// Closes the connection.
    case close
    /// Sends bytes as they are.
    case raw([UInt8])
}

/// What a fake upstream's port for streams does first.
enum FakeSecurity {
    case none
    /// TLS by a context.
    case tls(TLSContext)
    /// It reads the handshake's first bytes, and goes no further.
    case silent
    /// It reads them, and closes.
    case closing
    /// It sends the first bytes of what TLS would, then closes.
    case cut(TLSContext)
}

/// A server over UDP and TCP on the same port that does what a test says with each query, and keeps all queries.
final class FakeUpstream {
    let hub: Hub
    let address: SocketAddress
    private(set) var queries: [FakeQuery] = []
    private(set) var connectionCount = 0
    private(set) var openConnections = 0
    /// The queries of clients.
    var questions: [FakeQuery] { queries.filter { !$0.isCheck } }
    var behavior: (FakeQuery) -> [FakeAct]
    var security: FakeSecurity
    /// Connections whose TLS stands, and those that go on with an earlier session.
    private(set) var handshakes = 0
    private(set) var resumptions = 0
    private var datagrams: Datagrams?
    private var streams: StreamServer?
    /// The upstream as those know it who ask.
    private(set) var server: UpstreamServer

    init(
        hub: Hub = .current, transport: UpstreamAddress.Transport = .udp, id: UInt16 = 1, tcp: Bool = true,
        security: FakeSecurity = .none, encryption: UpstreamEncryption? = nil, tls: TLSContext? = nil,
        _ behavior: @escaping (FakeQuery) -> [FakeAct]
    ) throws {
        self.hub = hub
        self.behavior = behavior
        self.security = security
        var listener: Listener?
        var stream: Listener?
        for attempt in 0..<20 where listener == nil || (tcp && stream == nil) {
            let bound = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            listener = bound
            guard tcp else { break }
            // Somebody else may have the port for streams.
            stream = try? hub.loop.listen(.stream, at: bound.address, options: ListenOptions())
            precondition(attempt < 19)
        }
        address = listener!.address
        var written = UpstreamAddress(address, transport: transport)
        written.encryption = encryption
        server = UpstreamServer(written, id: id, hub: hub, tls: tls)
        datagrams = Datagrams(socket: try DatagramSocket(hub: hub, listener: listener!), owner: self)
        datagrams!.start()
        if let stream {
            streams = try StreamServer(hub: hub, listener: stream, limit: 1000) { [weak self] in try self?.serve($0) }
            streams!.start()
        }
    }

    /// Another view of the same upstream, with nothing known of it.
    func forget(transport: UpstreamAddress.Transport? = nil) {
        server.retire()
        var written = server.address
        written.transport = transport ?? written.transport
        server = UpstreamServer(written, id: server.id, hub: hub, tls: server.tls)
    }

    /// Closes its port for datagrams.
    func closeDatagrams() {
        datagrams?.stop()
        datagrams?.socket.close()
    }

    func note(_ bytes: [UInt8], _ transport: UpstreamAddress.Transport, path: Int) -> FakeQuery {
        let query = FakeQuery(bytes: bytes, transport: transport, number: queries.count, path: path)
        queries.append(query)
        return query
    }

    private func serve(_ connection: StreamSocket) throws {
        let path = connectionCount
        connectionCount += 1
        openConnections += 1
        defer { openConnections -= 1 }
        guard let connection = try secured(connection) else { return }
        var incoming = StreamBuffer()
        while try incoming.fill(from: connection, until: .never) > 0 {
            while let bytes = incoming.next() {
                for act in behavior(note(bytes, .tcp, path: path)) {
                    switch act {
                    case .send(let reply): try connection.write(word(reply.count) + reply)
                    case .wait(let time): try sleep(time)
                    case .raw(let bytes): try connection.write(bytes)
                    case .part(let front, let length): try connection.write(word(length) + front)
                    case .close: return
                    case .drip(let reply, let gap):
                        for byte in word(reply.count) + reply {
                            try connection.write([byte])
                            try sleep(gap)
                        }
                    }
                }
            }
        }
    }

    /// A connection after what comes first; nil where nothing follows.
    private func secured(_ connection: StreamSocket) throws -> (any ByteStream)? {
        switch security {
        case .none: return connection
        case .tls(let context):
            let socket = try TLSSocket.accept(over: connection, context: context, until: .never)
            handshakes += 1
            if socket.isResumed { resumptions += 1 }
            return socket
        case .silent:
            while try !connection.read(upTo: 4096).isEmpty {}
            return nil
        case .closing:
            _ = try connection.read(upTo: 4096)
            return nil
        case .cut(let context):
            _ = try? TLSSocket.accept(over: CutStream(connection, after: 1), context: context, until: .never)
            return nil
        }
    }

    /// Its datagrams.
    private final class Datagrams: DatagramServer {
        private weak var owner: FakeUpstream?

        init(socket: DatagramSocket, owner: FakeUpstream) {
            self.owner = owner
            super.init(socket: socket)
        }

        override func handle(_ datagram: consuming Datagram) {
            guard let owner else { return }
            let path = datagram.returnPath
            let query = owner.note([UInt8](copying: datagram.bytes), .udp, path: Int(path.address!.port))
            // The buffer goes back before the first wait.
            _ = consume datagram
            for act in owner.behavior(query) {
                switch act {
                case .wait(let time):
                    guard (try? sleep(time)) != nil else { return }
                case .send(let reply):
                    guard var answer = Datagram(hub: owner.hub) else { return }
                    answer.setReturnPath(path)
                    var buffer = answer.buffer
                    for index in reply.indices { buffer[index] = reply[index] }
                    answer.count = reply.count
                    socket.send(answer)
                case .drip, .part, .close, .raw: break
                }
            }
        }
    }
}

/// A stream that closes once so many writes were begun, after half of the last one.
private final class CutStream: ByteStream {
    private let stream: StreamSocket
    private var left: Int

    init(_ stream: StreamSocket, after writes: Int) {
        self.stream = stream
        left = writes
    }

    var hub: Hub { stream.hub }
    var isOpen: Bool { stream.isOpen }

    func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Instant) throws -> Int {
        try stream.read(into: buffer, until: deadline)
    }

    func write(_ buffer: UnsafeRawBufferPointer, until deadline: Instant) throws {
        left -= 1
        guard left <= 0 else { return try stream.write(buffer, until: deadline) }
        try stream.write(UnsafeRawBufferPointer(rebasing: buffer[..<(buffer.count / 2)]), until: deadline)
        stream.close()
        throw SocketError.closed
    }

    func close() { stream.close() }
}
