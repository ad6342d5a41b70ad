internal import Green

/// One request and its response.
final class HTTPExchange {
    private let server: HTTPServer
    private let request: HTTPRequest
    private let version: String
    private let greenlet: RunningGreenlet
    private let begin: Instant
    private var sent = 0

    /// A body at hand is sent in pieces of this size.
    private static let pieceBytes = 64 << 10
    /// Headers that are the server's own affair.
    private static let own: Set<String> = ["content-length", "transfer-encoding", "connection", "date", "keep-alive"]

    init(_ server: HTTPServer, _ request: HTTPRequest, version: String, _ greenlet: RunningGreenlet) {
        self.server = server
        self.request = request
        self.version = version
        self.greenlet = greenlet
        begin = server.hub.loop.now()
    }

    /// Has the handler answer, and sends that; whether another request may follow on the connection.
    func answer(
        _ body: HTTPBodyReader, _ reader: BufferedReader, _ writer: HTTPWriter, by handler: HTTPServer.StreamingHandler,
        isLast: Bool
    ) throws -> Bool {
        let response: HTTPResponse
        do {
            response = try handler(request, body)
        } catch let error as HTTPError {
            response = HTTPResponse(text: "\(error)\n", status: error.status)
        } catch is Interruption {
            response = HTTPResponse(text: "stopping\n", status: 503)
        } catch {
            // A body that is cut short is the client's doing.
            if body.hasFailed { throw error }
            // Not for clients: it may say of this machine what is none of their business.
            server.hub.options.report("http request \(request.path)", error)
            response = HTTPResponse(text: "internal error\n", status: 500)
        }
        let isLast = isLast || response.closes || server.isStopping || !body.isAtEnd
        var isWhole = false
        defer { log(response, isWhole) }
        try send(response, reader, writer, isLast: isLast)
        isWhole = true
        return !isLast
    }

    private func send(_ response: HTTPResponse, _ reader: BufferedReader, _ writer: HTTPWriter, isLast: Bool) throws {
        let status = min(max(response.status, 200), 599)
        let hasBody = status != 204 && status != 304
        let isChunked = version == "HTTP/1.1"
        var fields = response.headers.filter { field in
            if Self.own.contains(field.name.lowercased()) { return false }
            if HTTPToken.canSend(field) { return true }
            server.hub.options.report("http response", HTTPError(500, "the header \(field.name) cannot be sent"))
            return false
        }
        fields.append(HTTPField("Date", HTTPDate.text(server.hub.loop.wallTime())))
        var closes = isLast
        if hasBody {
            switch response.body {
            case .bytes(let bytes): fields.append(HTTPField("Content-Length", "\(bytes.count)"))
            case .pieces where isChunked: fields.append(HTTPField("Transfer-Encoding", "chunked"))
            case .pieces: closes = true
            }
        }
        if closes { fields.append(HTTPField("Connection", "close")) }
        let head = HTTPWriter.head("\(version) \(status) \(HTTPStatus.reason(status))", fields)
        guard hasBody, request.method != "HEAD" else { return try writer.write(head) }
        switch response.body {
        case .bytes(let bytes):
            // A short body goes out with its head.
            let first = bytes.count <= 8_192 ? bytes.count : 0
            try writer.write(head + bytes[..<first])
            sent += first
            for start in stride(from: first, to: bytes.count, by: Self.pieceBytes) {
                let piece = bytes[start..<min(start + Self.pieceBytes, bytes.count)]
                try writer.write(Array(piece))
                sent += piece.count
            }
        case .pieces(let next):
            try writer.write(head)
            try send(next, reader, writer, isChunked: isChunked)
        }
    }

    /// Sends a body as it is made, while the connection is looked at: when the client goes away, this greenlet is killed.
    private func send(
        _ next: () throws -> [UInt8]?, _ reader: BufferedReader, _ writer: HTTPWriter, isChunked: Bool
    ) throws {
        let (greenlet, room) = (greenlet, server.limits.inputBytes)
        let watch = server.hub.spawn(name: "http client") {
            do {
                if try reader.prefetch(upTo: room) { return }
            } catch let interruption as Interruption {
                throw interruption
            } catch {}
            greenlet.kill()
        }
        defer { watch.kill() }
        do {
            while let piece = try next() {
                if isChunked { try writer.writeChunk(piece) } else { try writer.write(piece) }
                sent += piece.count
            }
        } catch {
            if !(error is Interruption), !(error is SocketError) {
                server.hub.options.report("http request \(request.path)", error)
            }
            throw Broken()
        }
        if isChunked { try writer.writeLastChunk() }
        // Nobody reads there any more, before the next request is read.
        watch.kill()
        try watch.join()
    }

    private func log(_ response: HTTPResponse, _ isWhole: Bool) {
        guard let tell = server.onResponse else { return }
        let entry = HTTPLogEntry(
            method: request.method, path: request.path, status: response.status, bytes: sent,
            duration: server.hub.loop.now() - begin, peer: request.peer ?? .unnamed, isWhole: isWhole)
        tell(entry)
    }

    /// A response that was broken off; what there is to be said of it was said.
    struct Broken: Error {}
}
