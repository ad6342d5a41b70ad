public import Green
public import GreenTLS

/// What a client bears with.
public struct HTTPClientOptions: Sendable {
    /// The bytes of a response's first line and headers.
    public var headerBytes = 64 << 10
    /// The bytes of a response's body, where it is read as a whole.
    public var bodyBytes = 16 << 20
    /// A server that sends, or takes, nothing for so long has failed.
    public var silence = Duration.seconds(30)
    /// How often a redirect is followed; only of GET and HEAD, and never from TLS to none.
    public var redirects = 5
    /// How many connections that nobody uses are kept for each server, and for how long.
    public var keptConnections = 4
    /// For how long.
    public var keptFor = Duration.seconds(15)
    /// Certificates and trust, for `https`; nil for those that the system trusts.
    public var tls: TLSContext?

    /// The defaults.
    public init() {}
}

/// What a server answered.
public struct HTTPClientResponse: Sendable, Hashable {
    /// The status, such as 200.
    public let status: Int
    /// The headers, in order.
    public let headers: [HTTPField]
    /// The body; empty where it is read as it comes.
    public internal(set) var body: [UInt8] = []
    /// Where it came from, redirects followed.
    public let url: HTTPURL

    /// The first value of a header, whatever the case of its name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// An HTTP/1.1 client for greenlets: connections are kept and used again. Belongs to its hub's thread; any number of greenlets
/// use it at once. A request costs what it and its response take, and a connection where none is kept.
///
/// ```swift
/// let client = HTTPClient()
/// let page = try client.get("https://example.org/", until: .in(.seconds(5)))
/// ```
///
/// What requests throw: `HTTPError` for a URL that is none and for a response that is broken or too large, a `SocketError` or
/// `TLSError` that names the host, or the interruption of the wait. A status of 400 and above is a response like any other.
public final class HTTPClient {
    /// The hub it belongs to.
    public let hub: Hub
    private var options: HTTPClientOptions
    /// Gives the addresses of a host, until a time; may wait. Without it the machine's resolver is asked, as `lookUp` of Green says; `DNSResolver` of GreenDNS is another.
    public var resolve: ((String, Instant) throws -> [IPAddress])?
    private var kept: [HTTPOrigin: [HTTPClientConnection]] = [:]
    private let secure: Semaphore

    /// Headers that say who asks.
    private static let secrets: Set<String> = ["authorization", "cookie", "proxy-authorization"]

    /// A client with no connections.
    public init(_ options: HTTPClientOptions = HTTPClientOptions(), hub: Hub = .current) {
        self.hub = hub
        self.options = options
        secure = Semaphore(1, hub: hub)
    }

    /// Asks for a page: its response with the whole body.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get(_ url: String, headers: [HTTPField] = [], until deadline: Instant = .never) throws -> HTTPClientResponse {
        try request("GET", url, headers: headers, until: deadline)
    }

    /// Sends a body of that type: the response to it with the whole body.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func post(
        _ url: String, _ body: [UInt8], type: String, headers: [HTTPField] = [], until deadline: Instant = .never
    ) throws -> HTTPClientResponse {
        try request("POST", url, headers: headers + [HTTPField("Content-Type", type)], body: body, until: deadline)
    }

    /// Sends a request: its response with the whole body.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func request(
        _ method: String, _ url: String, headers: [HTTPField] = [], body: [UInt8] = [], until deadline: Instant = .never
    ) throws -> HTTPClientResponse {
        let request = HTTPRequest(method, url, headers: headers, body: body)
        return try withResponse(to: request, until: deadline) { response, body in
            var whole = response
            whole.body = try body.readAll(limit: options.bodyBytes)
            return whole
        }
    }

    /// Sends a request, whose path is a URL, and runs `use` with the response, whose body it reads as it comes. Throws what
    /// `use` throws.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func withResponse<Success>(
        to request: HTTPRequest, until deadline: Instant = .never,
        _ use: (HTTPClientResponse, HTTPBodyReader) throws -> Success
    ) throws -> Success {
        var request = request
        guard var url = HTTPURL(request.path) else { throw HTTPError(400, "\(request.path) is no URL of the web") }
        var redirects = 0
        while true {
            let (connection, response, body) = try begin(request, url, until: deadline)
            var isDone = false
            defer { if !isDone { connection.close() } }
            if let next = try redirect(from: response, of: request, after: redirects) {
                redirects += 1
                // What is for one server alone is not told to another.
                if HTTPOrigin(next) != HTTPOrigin(url) {
                    request.headers.removeAll { Self.secrets.contains($0.name.lowercased()) }
                }
                url = next
                // A short body is read, so that the connection can be used again.
                _ = try? body.readAll(limit: 65_536)
                isDone = true
                giveBack(connection, body)
                continue
            }
            let result = try use(response, body)
            isDone = true
            giveBack(connection, body)
            return result
        }
    }

    /// Closes the connections that nobody uses.
    public func close() {
        let all = kept.values.flatMap { $0 }
        kept = [:]
        for connection in all { connection.close() }
    }

    // MARK: - Parts

    /// Sends a request and reads the head of its response, over a connection that was kept, else over a new one.
    private func begin(
        _ request: HTTPRequest, _ url: HTTPURL, until deadline: Instant
    ) throws -> (HTTPClientConnection, HTTPClientResponse, HTTPBodyReader) {
        try HTTPClientConnection.check(request)
        while let connection = takeKept(url) {
            do {
                let (response, body) = try connection.exchange(request, url, until: deadline)
                return (connection, response, body)
            } catch {
                connection.close()
                // The server had closed it when the request came: nothing was done, and nothing was said.
                guard connection.wasSilent, HTTPClientConnection.isSafeToRepeat(request), error is SocketError, !error.isTimeout
                else { throw error }
            }
        }
        let connection = HTTPClientConnection(try connect(url, until: deadline), url, options)
        do {
            let (response, body) = try connection.exchange(request, url, until: deadline)
            return (connection, response, body)
        } catch {
            connection.close()
            throw error
        }
    }

    private func connect(_ url: HTTPURL, until deadline: Instant) throws -> any ByteStream {
        let socket: StreamSocket
        if let resolve {
            let addresses = try resolve(url.host, deadline).map { SocketAddress($0, port: url.port) }
            guard !addresses.isEmpty else { throw SocketError.notFound }
            socket = try StreamSocket.connect(toFirstOf: addresses, until: deadline)
        } else {
            socket = try StreamSocket.connect(toHost: url.host, port: url.port, until: deadline)
        }
        guard url.isSecure else { return socket }
        return try TLSSocket.connect(over: socket, host: url.host, context: try context(), until: deadline)
    }

    /// The context for `https`; it reads files when it is first wanted.
    private func context() throws -> TLSContext {
        try secure.withPermit {
            if let tls = options.tls { return tls }
            let made = try blocking { try TLSContext.client() }
            options.tls = made
            return made
        }
    }

    private func takeKept(_ url: HTTPURL) -> HTTPClientConnection? {
        let origin = HTTPOrigin(url)
        while let connection = kept[origin]?.popLast() {
            if kept[origin]?.isEmpty == true { kept[origin] = nil }
            if connection.idleSince + options.keptFor > hub.loop.now() { return connection }
            connection.close()
        }
        return nil
    }

    private func giveBack(_ connection: HTTPClientConnection, _ body: HTTPBodyReader) {
        guard connection.mayGoOn, body.isAtEnd else { return connection.close() }
        connection.idleSince = hub.loop.now()
        let origin = HTTPOrigin(connection.url)
        guard kept[origin, default: []].count < options.keptConnections else { return connection.close() }
        kept[origin, default: []].append(connection)
        sweep()
    }

    /// Closes what was kept for too long, of all servers.
    private func sweep() {
        let now = hub.loop.now()
        for (origin, connections) in kept {
            let old = connections.filter { $0.idleSince + options.keptFor <= now }
            guard !old.isEmpty else { continue }
            for connection in old { connection.close() }
            let left = connections.filter { $0.idleSince + options.keptFor > now }
            kept[origin] = left.isEmpty ? nil : left
        }
    }

    private func redirect(from response: HTTPClientResponse, of request: HTTPRequest, after count: Int) throws -> HTTPURL? {
        guard [301, 302, 303, 307, 308].contains(response.status), request.method == "GET" || request.method == "HEAD",
            options.redirects > 0, let place = response.header("location")
        else { return nil }
        guard count < options.redirects else { throw HTTPError(310, "\(response.url): redirected too often") }
        guard let next = response.url.resolving(place) else {
            throw HTTPError(502, "\(response.url): redirected to what is no URL")
        }
        guard next.isSecure || !response.url.isSecure else {
            throw HTTPError(502, "\(response.url): redirected to one without TLS")
        }
        return next
    }
}

/// Whose connections can be used again.
private struct HTTPOrigin: Hashable {
    let isSecure: Bool
    let host: String
    let port: UInt16

    init(_ url: HTTPURL) {
        (isSecure, host, port) = (url.isSecure, url.host, url.port)
    }
}
