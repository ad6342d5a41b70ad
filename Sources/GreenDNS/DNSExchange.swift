internal import DNSWire
internal import Green

/// One question, asked of the servers in turn until one gives an answer that counts.
struct DNSExchange {
    let hub: Hub
    let settings: DNSSettings

    /// When nobody waits for it any longer.
    let end: Instant

    /// So many datagrams that are no answer are passed over; then the server is asked over TCP, where nobody else can send any.
    private static let strayLimit = 16

    /// The first reply with NOERROR or NXDOMAIN. `count` is called for each time that a server is asked. Throws `DNSError`, or the
    /// interruption of the wait.
    func ask(_ question: Question, _ count: () -> Void) throws -> Message {
        var servers = Array(settings.servers.prefix(DNSSettings.serverLimit))
        guard !servers.isEmpty else { throw DNSError.noServers("") }
        if settings.rotates, servers.count > 1 {
            let first = Int(hub.loop.random() % UInt64(servers.count))
            servers = Array(servers[first...] + servers[..<first])
        }
        var failure = DNSError.timedOut("")
        for _ in 0..<settings.attempts {
            for server in servers {
                guard hub.loop.now() < end else { throw DNSError.timedOut("") }
                count()
                do {
                    let reply = try exchange(question, with: server)
                    switch reply.responseCode {
                    case .noError, .nxDomain: return reply
                    case let code: failure = .serverFailure("", "\(server): \(code)")
                    }
                } catch let error as SocketError {
                    failure = error == .timedOut ? .timedOut("") : .serverFailure("", "\(error.at(.address(server)))")
                } catch let error as WireError {
                    failure = .serverFailure("", "\(server): \(error)")
                }
            }
        }
        throw failure
    }

    /// Asks one server, over UDP, and over TCP where the reply is cut; a server that does not know EDNS is asked without.
    private func exchange(_ question: Question, with server: SocketAddress) throws -> Message {
        let limit = min(end, hub.loop.now().advanced(by: settings.timeout))
        var edns: EDNS? = EDNS()
        var reply = try overUDP(query(question, edns), server, limit)
        if reply?.responseCode == .formErr {
            edns = nil
            reply = try overUDP(query(question, edns), server, limit)
        }
        return try reply ?? overTCP(query(question, edns), server, limit)
    }

    /// A query with an id of its own and letters of any case: who answers without having seen it has to guess both
    /// (draft-vixie-dnsext-dns0x20).
    private func query(_ question: Question, _ edns: EDNS?) -> Message {
        var query = Message(id: UInt16(truncatingIfNeeded: hub.loop.random()))
        query.flags.recursionDesired = true
        query.questions = [Question(mixed(question.name), question.type, question.class)]
        query.edns = edns
        return query
    }

    /// The name with each letter large or small, as chance will have it. A length of a label is never a letter.
    private func mixed(_ name: Name) -> Name {
        var wire = name.wire
        var (chance, left) = (UInt64(0), 0)
        for index in wire.indices where (97...122).contains(wire[index] | 32) {
            if left == 0 { (chance, left) = (hub.loop.random(), 64) }
            if chance & 1 == 1 { wire[index] ^= 32 }
            chance >>= 1
            left -= 1
        }
        return (try? Name(wire: wire)) ?? name
    }

    /// The reply over UDP; nil where the server is to be asked over TCP: its reply is cut, cannot be read, or has other letters than
    /// the query, or too much came that is no reply. What is no reply to this query is passed over.
    private func overUDP(_ query: Message, _ server: SocketAddress, _ limit: Instant) throws -> Message? {
        var options = DatagramOptions()
        options.bufferBytes = 64 << 10
        let socket = try DatagramSocket(hub: hub, connectedTo: server, options: options)
        defer { socket.close() }
        guard let datagram = Datagram(try query.encoded(), hub: hub) else { throw SocketError.timedOut }
        socket.send(datagram)
        var (reply, strays, wantsTCP) = (Message?.none, 0, false)
        while reply == nil, !wantsTCP {
            let count = try socket.receive(until: limit) { datagram in
                guard reply == nil, !wantsTCP else { return }
                switch Self.judge(datagram.bytes, query) {
                case .reply(let message): reply = message
                case .unsure: wantsTCP = true
                case .stray:
                    strays += 1
                    wantsTCP = strays >= Self.strayLimit
                }
            }
            guard count > 0 else { throw SocketError.timedOut }
        }
        return reply
    }

    /// What a datagram is to a query.
    private enum Verdict {
        case reply(Message)
        /// A reply that is not to be used.
        case unsure
        case stray
    }

    private static func judge(_ bytes: Span<UInt8>, _ query: Message) -> Verdict {
        guard let head = try? MessageView(bytes), head.id == query.id, head.flags.isResponse else { return .stray }
        guard head.questionCount > 0 else {
            guard let message = try? Message(bytes), fits(message, query) else { return .stray }
            return .reply(message)
        }
        // The question comes first: that a reply is cut is believed of one to this query alone.
        guard let view = try? head.question() else { return .stray }
        let question = Question(view)
        guard [question] == query.questions else { return .stray }
        guard question.name.wire == query.questions[0].name.wire, !head.flags.isTruncated, let message = try? Message(bytes)
        else {
            return .unsure
        }
        return fits(message, query) ? .reply(message) : .stray
    }

    /// The reply over TCP (RFC 1035 4.2.2, RFC 7766).
    private func overTCP(_ query: Message, _ server: SocketAddress, _ limit: Instant) throws -> Message {
        let socket = try StreamSocket.connect(to: server, hub: hub, until: limit)
        defer { socket.close() }
        let bytes = try query.encoded()
        try socket.write([UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes, until: limit)
        let reader = BufferedReader(socket)
        let head = try reader.readExactly(2, until: limit)
        let body = try reader.readExactly(Int(head[0]) << 8 | Int(head[1]), until: limit)
        let reply = try Message(body.span)
        guard reply.id == query.id, reply.flags.isResponse, Self.fits(reply, query) else { throw WireError.badMessage }
        return reply
    }

    /// Whether a reply repeats the question; a server that did not understand it may leave it out.
    private static func fits(_ reply: Message, _ query: Message) -> Bool {
        reply.questions == query.questions || (reply.questions.isEmpty && reply.responseCode == .formErr)
    }
}
