import DNSWire

/// How a client asks.
enum ClientTransport {
    case udp
    case tcp
}

/// No reply came, or none that can be read.
struct NoReply: Error, CustomStringConvertible {
    let question: String
    var description: String { "no reply to \(question)" }
}

extension Message {
    /// Reads a reply that may not have come.
    init(reading bytes: [UInt8]?) throws {
        guard let bytes else { throw NoReply(question: "a query") }
        try self.init(bytes.span)
    }

    /// A query as a stub resolver sends it.
    static func query(
        _ name: String, _ type: RecordType, class: RecordClass = .internet, edns: EDNS? = nil,
        id: UInt16 = .random(in: 0...UInt16.max)
    ) -> Message {
        var message = Message(id: id)
        message.flags.recursionDesired = true
        message.questions = [Question(Name(name)!, type, `class`)]
        message.edns = edns
        return message
    }
}

/// A stub resolver that asks one port of 127.0.0.1.
struct DNSClient: Sendable {
    let port: UInt16

    /// Sends bytes and gives the bytes that come back.
    func exchange(
        _ bytes: [UInt8], over transport: ClientTransport = .udp, within limit: Duration = .seconds(6)
    ) throws -> [UInt8]? {
        switch transport {
        case .udp:
            let socket = try UDPSocket(to: port)
            socket.send(bytes)
            return socket.receive(within: limit)
        case .tcp:
            let connection = try TCPConnection(to: port)
            connection.send(bytes)
            return connection.receive(within: limit)
        }
    }

    /// Asks, and reads the reply.
    func ask(
        _ query: Message, over transport: ClientTransport = .udp, within limit: Duration = .seconds(6)
    ) throws -> Message {
        guard let bytes = try exchange(try query.encoded(), over: transport, within: limit) else {
            throw NoReply(question: query.questions.map(\.description).joined())
        }
        return try Message(bytes.span)
    }

    /// Asks over UDP, and again over TCP when the reply was cut short.
    func askFully(_ query: Message) throws -> Message {
        let reply = try ask(query)
        return reply.flags.isTruncated ? try ask(query, over: .tcp) : reply
    }

    /// Asks for a name and a type.
    func ask(
        _ name: String, _ type: RecordType, over transport: ClientTransport = .udp, edns: EDNS? = nil
    ) throws -> Message {
        try ask(.query(name, type, edns: edns), over: transport)
    }
}
