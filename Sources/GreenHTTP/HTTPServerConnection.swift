internal import Green

/// One connection of a server: its requests, one after the other, in one greenlet.
final class HTTPServerConnection {
    private let server: HTTPServer
    private let socket: StreamSocket
    private let greenlet = RunningGreenlet()
    private let handler: HTTPServer.StreamingHandler
    /// Whether a request is being answered.
    private(set) var isActive = false
    /// Whether it was closed, and ends when its greenlet has its turn.
    private(set) var isClosing = false
    /// Since when it waits for a request, where it does.
    private(set) var idleSince: Instant
    /// When it was opened.
    let begunAt: Instant
    private var writer: HTTPWriter?
    /// Who is at the other end: an IPv4 address, or a /56 of IPv6.
    var peer: UInt128 {
        let ip = socket.peer.ip
        return ip.family == .v4 ? ip.number : (ip.number >> 72) << 72
    }
    /// Since when nothing has moved on it: it waits for a request, or for its client to take some bytes; nil while it is at work.
    var stillSince: Instant? { isActive ? writer?.writingSince : idleSince }

    /// What is read of a client that was refused, so that it gets to see why.
    private static let lingerBytes = 256 << 10
    /// What is understood; another method is 501.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

    init(_ server: HTTPServer, _ socket: StreamSocket, _ handler: HTTPServer.Handler? = nil) {
        self.server = server
        self.socket = socket
        begunAt = server.hub.loop.now()
        idleSince = begunAt
        self.handler = handler.map { own in { request, _ in try own(request) } } ?? server.handler
    }

    /// Closes it at once: its waits throw.
    func close() {
        isClosing = true
        socket.close()
    }

    /// Serves requests until one of both sides wants no more. Throws what of peers' doing ends it.
    func serve(over stream: any ByteStream) throws {
        let reader = BufferedReader(stream)
        let writer = HTTPWriter(stream: stream, patience: server.limits.stalled)
        self.writer = writer
        while !server.isStopping, try serveOne(reader, writer) {}
    }

    /// One request and its response; whether another may follow.
    private func serveOne(_ reader: BufferedReader, _ writer: HTTPWriter) throws -> Bool {
        let (idle, hub) = (server.limits.idle, server.hub)
        var request: HTTPRequest
        let head: HTTPHead
        let body: HTTPBodyReader
        do {
            let heads = HTTPHeadReader(limit: server.limits.headerBytes)
            guard let read = try heads.read(reader, first: hub.loop.now() + idle, rest: { hub.loop.now() + idle }) else {
                return false
            }
            head = read
            request = try Self.request(head)
            request.peer = socket.peer
            request.peerUser = socket.peerUser
            let isContinued = head.list("expect").contains("100-continue") && head.first.2 == "HTTP/1.1"
            body = HTTPBodyReader(
                reader, try head.requestFraming(), (server.limits.headerBytes, idle),
                until: server.readsBodies ? hub.loop.now() + server.limits.bodyTime : .never,
                onWanted: isContinued ? { try writer.write(HTTPWriter.head("HTTP/1.1 100 Continue", [])) } : nil)
            if server.readsBodies { request.body = try body.readAll(limit: server.limits.bodyBytes) }
        } catch let error as HTTPError {
            try refuse(error, reader, writer)
            return false
        }
        server.requestCount += 1
        isActive = true
        defer {
            isActive = false
            idleSince = hub.loop.now()
            server.becameIdle()
        }
        let exchange = HTTPExchange(server, request, version: head.first.2, greenlet)
        let isLast = head.first.2 != "HTTP/1.1" || head.list("connection").contains("close")
        return try exchange.answer(body, reader, writer, by: handler, isLast: isLast)
    }

    /// What a head asks for. Throws what is wrong with it.
    private static func request(_ head: HTTPHead) throws(HTTPError) -> HTTPRequest {
        let (method, target, version) = head.first
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
            throw version.hasPrefix("HTTP/")
                ? HTTPError(505, "HTTP/1.1, please") : HTTPError(400, "the first line is none of HTTP")
        }
        guard HTTPToken.isToken(method.utf8) else { throw HTTPError(400, "a method that is none") }
        guard methods.contains(method) else { throw HTTPError(501, "a method that is not known") }
        let host = try head.single("host")
        guard version == "HTTP/1.0" || host != nil else { throw HTTPError(400, "a request without a host") }
        guard let (path, query) = HTTPTarget.parts(of: target, method: method) else {
            throw HTTPError(400, "a target that is none")
        }
        return HTTPRequest(
            method, HTTPTarget.decode(path), query: HTTPTarget.fields(ofQuery: query), headers: head.fields)
    }

    /// Tells a client what is wrong with its request, and sees that it can read that.
    private func refuse(_ error: HTTPError, _ reader: BufferedReader, _ writer: HTTPWriter) throws {
        let text = Array("\(error)\n".utf8)
        let fields = [
            HTTPField("Content-Type", "text/plain; charset=utf-8"), HTTPField("Content-Length", "\(text.count)"),
            HTTPField("Connection", "close"),
        ]
        try writer.write(HTTPWriter.head("HTTP/1.1 \(error.status) \(HTTPStatus.reason(error.status))", fields) + text)
        // What comes after a close makes the kernel drop the answer.
        socket.shutdownWrite()
        let deadline = server.hub.loop.now() + .seconds(1)
        var left = Self.lingerBytes
        while left > 0 {
            let got = try reader.read(upTo: 16_384, until: deadline).count
            if got == 0 { return }
            left -= got
        }
    }
}
