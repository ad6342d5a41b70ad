internal import Green

/// One connection of a client, for one request at a time.
final class HTTPClientConnection {
    /// Where it leads.
    let url: HTTPURL
    /// When it was last given back.
    var idleSince = Instant(nanoseconds: 0)
    /// Whether another request may follow, once the body of this response is read.
    private(set) var mayGoOn = false
    /// Whether nothing has come since the last request was sent.
    private(set) var wasSilent = true
    private let stream: any ByteStream
    private let reader: BufferedReader
    private let options: HTTPClientOptions

    /// Informational responses before the one that counts.
    private static let informationalLimit = 10
    /// Headers that are the client's own affair.
    private static let own: Set<String> = ["host", "content-length", "transfer-encoding", "connection", "expect"]

    init(_ stream: any ByteStream, _ url: HTTPURL, _ options: HTTPClientOptions) {
        self.stream = stream
        self.url = url
        self.options = options
        reader = BufferedReader(stream)
    }

    /// Closes it.
    func close() {
        mayGoOn = false
        stream.close()
    }

    /// Throws where a request cannot be written so that it is read as it is meant.
    static func check(_ request: HTTPRequest) throws(HTTPError) {
        guard HTTPToken.isToken(request.method.utf8) else { throw HTTPError(400, "a method that is none") }
        for field in request.headers where !HTTPToken.canSend(field) {
            throw HTTPError(400, "the header \(field.name) cannot be sent")
        }
    }

    /// Whether doing a request twice is as doing it once (RFC 9110 9.2.2).
    static func isSafeToRepeat(_ request: HTTPRequest) -> Bool {
        ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(request.method)
    }

    /// Sends a request and reads the head of its response.
    func exchange(
        _ request: HTTPRequest, _ url: HTTPURL, until deadline: Instant
    ) throws -> (HTTPClientResponse, HTTPBodyReader) {
        try Self.named(url) {
            wasSilent = true
            mayGoOn = false
            try send(request, url, until: deadline)
            return try receive(request, url, until: deadline)
        }
    }

    private func send(_ request: HTTPRequest, _ url: HTTPURL, until deadline: Instant) throws {
        var fields = [HTTPField("Host", url.authority)]
        fields += request.headers.filter { !Self.own.contains($0.name.lowercased()) }
        if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
            fields.append(HTTPField("Content-Length", "\(request.body.count)"))
        }
        let head = HTTPWriter.head("\(request.method) \(url.target) HTTP/1.1", fields)
        try stream.write(head + request.body, until: min(deadline, stream.hub.loop.now() + max(options.silence, .seconds(1))))
    }

    private func receive(
        _ request: HTTPRequest, _ url: HTTPURL, until deadline: Instant
    ) throws -> (HTTPClientResponse, HTTPBodyReader) {
        let heads = HTTPHeadReader(limit: options.headerBytes)
        for _ in 0..<Self.informationalLimit {
            let limit = min(deadline, stream.hub.loop.now() + options.silence)
            guard
                let head = try heads.read(
                    reader, first: limit,
                    rest: { [self] in
                        wasSilent = false
                        return limit
                    })
            else { throw SocketError.reset }
            let (version, text, _) = head.first
            guard version == "HTTP/1.1" || version == "HTTP/1.0", text.utf8.count == 3, let status = Int(text), status >= 100
            else {
                throw HTTPError(502, "a response that is none of HTTP/1.1")
            }
            guard status >= 200 || status == 101 else { continue }
            guard status != 101 else { throw HTTPError(502, "a switch of protocols that nobody asked for") }
            let framing = try head.responseFraming(toHead: request.method == "HEAD", status: status)
            let isKept = version == "HTTP/1.1" && !head.list("connection").contains("close")
            mayGoOn = isKept && framing != .untilClose
            let response = HTTPClientResponse(status: status, headers: head.fields, url: url)
            let body = HTTPBodyReader(
                reader, framing, (options.headerBytes, options.silence), until: deadline)
            return (response, body)
        }
        throw HTTPError(502, "informational responses without end")
    }

    /// Says of an error whose server it was.
    private static func named<Success>(_ url: HTTPURL, _ body: () throws -> Success) throws -> Success {
        do {
            return try met(at: .host(url.host, port: url.port), body)
        } catch let error as HTTPError {
            throw HTTPError(502, "\(url): \(error)")
        }
    }
}
