package import DNSWire
package import Green
internal import Synchronization

/// An upstream that answers over UDP and TCP what a test tells it to, on any hub.
package final class ScriptedUpstream: @unchecked Sendable {
    // SAFETY: touched on one thread: that of its hub, or of the simulated world that its hub is in.
    /// Where it is.
    package let address: SocketAddress
    /// The answer to a query; nil for silence. The id and the question are set to the query's.
    package var answer: (Message) -> Message?
    /// How long an answer takes.
    package var delay = Duration.zero
    /// The queries that came.
    package private(set) var queries: [Message] = []
    /// How many of them came over TCP.
    package private(set) var streamCount = 0
    private var datagrams: Datagrams?
    private var streams: StreamServer?

    /// Starts it on the running hub.
    package init(
        _ address: SocketAddress = SocketAddress(.loopback, port: 5353),
        answer: @escaping (Message) -> Message? = { .address($0) }
    ) throws {
        self.answer = answer
        let loop = Hub.current.loop
        let listener = try loop.listen(.datagram, at: address, options: ListenOptions())
        self.address = listener.address
        let socket = try DatagramSocket(listener: listener)
        let stream = try loop.listen(.stream, at: listener.address, options: ListenOptions())
        datagrams = Datagrams(socket: socket, upstream: self)
        streams = try StreamServer(listener: stream, limit: 100) { [unowned self] in try serve($0) }
        datagrams?.start()
        streams?.start()
    }

    /// Stops to answer, over either transport: its port is closed.
    package func stop() {
        datagrams?.stop()
        datagrams?.socket.close()
        streams?.stop()
    }

    /// How often it was asked.
    package var count: Int { queries.count }

    /// The reply's bytes to a query's; waits for the delay.
    private func reply(to bytes: [UInt8], limit: Int) throws -> [UInt8]? {
        guard let query = try? Message(bytes.span) else { return nil }
        queries.append(query)
        guard var reply = answer(query) else { return nil }
        if delay > .zero { try sleep(delay) }
        reply.id = query.id
        reply.questions = query.questions
        let encoded = try reply.encoded()
        guard encoded.count > limit else { return encoded }
        (reply.answers, reply.authorities, reply.additionals) = ([], [], [])
        reply.flags.isTruncated = true
        return try reply.encoded()
    }

    private func serve(_ connection: StreamSocket) throws {
        while true {
            guard let bytes = try connection.readMessage() else { return }
            streamCount += 1
            guard let reply = try reply(to: bytes, limit: 65_535) else { continue }
            try connection.writeMessage(reply)
        }
    }

    private final class Datagrams: DatagramServer {
        private unowned let upstream: ScriptedUpstream

        init(socket: DatagramSocket, upstream: ScriptedUpstream) {
            self.upstream = upstream
            super.init(socket: socket)
        }

        override func handle(_ datagram: consuming Datagram) {
            let bytes = [UInt8](copying: datagram.bytes)
            let path = datagram.returnPath
            _ = consume datagram
            guard let reply = try? upstream.reply(to: bytes, limit: 1232), var answer = Datagram(hub: socket.hub) else { return }
            answer.fill(reply)
            answer.setReturnPath(path)
            socket.send(answer)
        }
    }
}

extension ByteStream {
    /// The next message with a length before it (RFC 1035 4.2.2); nil at the end of the stream.
    package func readMessage(until deadline: Instant = .never) throws -> [UInt8]? {
        guard let head = try readBytes(2, until: deadline) else { return nil }
        return try readBytes(Int(head[0]) << 8 | Int(head[1]), until: deadline)
    }

    /// Writes a message with its length before it.
    package func writeMessage(_ bytes: [UInt8], until deadline: Instant = .never) throws {
        try write([UInt8(bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes, until: deadline)
    }

    /// Exactly so many bytes; nil where the stream ends before the first. Throws `closed` where it ends later.
    private func readBytes(_ count: Int, until deadline: Instant) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try read(upTo: count - bytes.count, until: deadline)
            if more.isEmpty {
                guard bytes.isEmpty else { throw SocketError.closed }
                return nil
            }
            bytes += more
        }
        return bytes
    }
}

extension Datagram {
    /// Makes these its bytes.
    package mutating func fill(_ bytes: [UInt8]) {
        var buffer = buffer
        for index in bytes.indices { buffer[index] = bytes[index] }
        count = bytes.count
    }
}
