internal import DNSWire
internal import Green

/// One question, asked of the servers in turn until one gives an answer that counts.
struct DNSExchange {
    let hub: Hub
    let settings: DNSSettings

    /// The first reply with NOERROR or NXDOMAIN. `count` is called for each time that a server is asked. Throws `DNSError`, or the
    /// interruption of the wait.
    func ask(_ question: Question, _ count: () -> Void) throws -> Message {
        var servers = settings.servers
        if settings.rotates, servers.count > 1 {
            let first = Int(hub.loop.random() % UInt64(servers.count))
            servers = Array(servers[first...] + servers[..<first])
        }
        var failure = DNSError.timedOut("")
        for _ in 0..<settings.attempts {
            for server in servers {
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
        let limit = hub.loop.now().advanced(by: settings.timeout)
        var query = Message(id: UInt16(truncatingIfNeeded: hub.loop.random()))
        (query.flags.recursionDesired, query.questions, query.edns) = (true, [question], EDNS())
        var reply = try overUDP(query, server, limit)
        if reply?.responseCode == .formErr {
            query.edns = nil
            reply = try overUDP(query, server, limit)
        }
        return try reply ?? overTCP(query, server, limit)
    }

    /// The reply over UDP; nil where it is cut, or cannot be read. What is no reply to this query is passed over.
    private func overUDP(_ query: Message, _ server: SocketAddress, _ limit: Instant) throws -> Message? {
        var options = DatagramOptions()
        options.bufferBytes = 64 << 10
        let socket = try DatagramSocket(hub: hub, connectedTo: server, options: options)
        defer { socket.close() }
        guard let datagram = Datagram(try query.encoded(), hub: hub) else { throw SocketError.timedOut }
        socket.send(datagram)
        var (reply, isCut) = (Message?.none, false)
        while reply == nil, !isCut {
            let count = try socket.receive(until: limit) { datagram in
                guard reply == nil, !isCut, let head = try? MessageView(datagram.bytes) else { return }
                guard head.id == query.id, head.flags.isResponse else { return }
                guard !head.flags.isTruncated, let message = try? Message(datagram.bytes) else {
                    isCut = true
                    return
                }
                if Self.fits(message, query) { reply = message }
            }
            guard count > 0 else { throw SocketError.timedOut }
        }
        return reply
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
