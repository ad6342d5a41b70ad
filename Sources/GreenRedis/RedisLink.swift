internal import Green
internal import GreenTLS

/// A connection that stands, with its user and database chosen: bytes out, replies in.
final class RedisLink {
    private let stream: any ByteStream
    // SAFETY: touched on the hub's thread alone, and no access lasts over a switch.
    @exclusivity(unchecked) private var reader: ReplyReader

    private init(_ stream: any ByteStream, _ limits: ReplyLimits) {
        self.stream = stream
        unsafe reader = ReplyReader(limits)
    }

    /// Connects and enters. Throws `RedisError`, `SocketError`, `TLSError`, or the wait's interruption.
    static func open(_ options: RedisOptions, hub: Hub, until deadline: Instant) throws -> RedisLink {
        let url = try options.locate()
        let link = RedisLink(try connect(url, options, hub, until: deadline), options.replyLimits)
        do {
            try link.enter(url, until: deadline)
        } catch {
            link.close()
            throw error
        }
        return link
    }

    private static func connect(
        _ url: RedisURL, _ options: RedisOptions, _ hub: Hub, until deadline: Instant
    ) throws -> any ByteStream {
        switch url.transport {
        case .tcp(let host, let port):
            return try StreamSocket.connect(toHost: host, port: port, until: deadline)
        case .unix(let path):
            return try StreamSocket.connect(toPath: path, hub: hub, until: deadline)
        case .tls(let host, let port):
            let file = url.certificateFile
            let context =
                try options.tls
                ?? blocking {
                    var client = TLSClientOptions()
                    if let file { client.trust = .file(file) }
                    return try TLSContext.client(client)
                }
            let socket = try StreamSocket.connect(toHost: host, port: port, until: deadline)
            return try TLSSocket.connect(over: socket, host: host, context: context, until: deadline)
        }
    }

    /// Shows the password, chooses the database, and sees that the server answers: a stopped one takes connections too.
    private func enter(_ url: RedisURL, until deadline: Instant) throws {
        var commands: [[RedisArgument]] = []
        if let password = url.password {
            commands.append(["AUTH"] + (url.user.map { [RedisArgument($0)] } ?? []) + [RedisArgument(password)])
        }
        if url.database != 0 { commands.append(["SELECT", RedisArgument(url.database)]) }
        commands.append(["PING"])
        var bytes: [UInt8] = []
        for command in commands { CommandWriter.append(command, to: &bytes) }
        try send(bytes, until: deadline)
        for _ in commands {
            if case .error(let words) = try receive(until: deadline) {
                throw RedisError.refused(Self.hiding(url.password, in: words))
            }
        }
    }

    /// A server's words up to what they repeat: one that does not know AUTH repeats the password, or its beginning.
    private static func hiding(_ password: String?, in words: String) -> String {
        guard let password else { return words }
        let own = words.prefix { $0 != "'" && $0 != "`" && $0 != "\"" }
        return own.contains(password) ? "the server repeats the password" : own.count == words.count ? words : own + "…"
    }

    /// Sends bytes, whole commands.
    func send(_ bytes: [UInt8], until deadline: Instant) throws {
        try stream.write(bytes, until: deadline)
    }

    /// The next reply among what has come already.
    func next() -> RedisReply? { unsafe reader.next() }

    /// Waits for more bytes. Throws `SocketError.timedOut` when none have come by `deadline`.
    func fill(until deadline: Instant) throws {
        try unsafe withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { buffer in
            let count = try unsafe stream.read(into: buffer, until: deadline)
            if count == 0 { throw SocketError.reset }
            try unsafe reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Waits for the next reply.
    func receive(until deadline: Instant) throws -> RedisReply {
        while true {
            if let reply = next() { return reply }
            try fill(until: deadline)
        }
    }

    /// Sees that the server still answers.
    func ping(until deadline: Instant) throws {
        var bytes: [UInt8] = []
        CommandWriter.append(["PING"], to: &bytes)
        try send(bytes, until: deadline)
        guard try receive(until: deadline) == .status("PONG") else { throw RedisError.protocolViolation("no answer to PING") }
    }

    /// Closes it; who waits on it gets an error.
    func close() { stream.close() }
}
