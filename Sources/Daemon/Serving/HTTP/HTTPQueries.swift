internal import DNSWire
internal import Green
internal import GreenHTTP
internal import GreenHTTP2
internal import Observation
internal import Resolver

/// DNS queries as requests of HTTP (RFC 8484), for one listener: which paths there are, and what a request asks.
final class HTTPQueries {
    /// A path that is served.
    private struct Path {
        /// All of it, or what stands before the client's name.
        let bytes: [UInt8]
        /// Whether a last segment names the client.
        let takesClient: Bool
    }

    /// What a request is found to be.
    enum Target: Equatable {
        /// No path of ours.
        case unknown
        /// One of ours, where the `dns` parameter stands in the target, where there is one, and what it calls the client.
        case path(Range<Int>?, ClientName)
    }

    /// What may be kept for each connection.
    static let limits: HTTP2Limits = {
        var limits = HTTP2Limits()
        limits.streams = 100
        limits.headerBytes = 8 << 10
        // A message of DNS, and no more.
        limits.bodyBytes = 65_535
        limits.heldBytes = 256 << 10
        limits.idleFrames = 200
        return limits
    }()

    /// Whom a request is for, as the field of its proxy says.
    enum Forwarded: Equatable {
        /// Somebody with this address.
        case client(UInt128)
        /// Nobody knows: what is there is no address.
        case unreadable
    }

    private let paths: [Path]
    let resolver: Resolver
    let gate: ClientGate
    /// Whether there is TLS.
    private let isEncrypted: Bool
    /// Whose word is believed about whom they ask for.
    private let proxies: ClientAccess
    /// What its queries are counted as.
    private let cell: Int
    /// How they come.
    private let transport: QueryTransport
    /// What HTTP/2 connections share.
    let scratch = HTTP2Scratch(limits: HTTPQueries.limits)
    /// Serves those who speak HTTP/1.1.
    private(set) lazy var plain: HTTPServer? = makePlainServer()

    /// Connections of HTTP/1.1, which have a greenlet each and 64 KiB for a query that waits: of whom how many, and in all.
    private var plainClients: [UInt128: Int] = [:]
    private var plainCount = 0
    private static let mostPlain = 512

    /// The type of a query and of an answer.
    static let contentType: StaticString = "application/dns-message"
    /// What may be done at a path.
    static let methods: StaticString = "GET, HEAD, POST"

    /// The server's queries are counted as `cell`.
    init(_ stream: ListenerSet.Stream, proxies: ClientAccess, resolver: Resolver, gate: ClientGate, cell: Int = 0) {
        self.cell = cell
        transport = stream.listen.queryTransport
        isEncrypted = stream.listen.transport.isEncrypted
        self.proxies = proxies
        self.paths = stream.paths.map { path in
            let takesClient = path.hasSuffix("/" + ListenAddress.clientMark)
            return Path(
                bytes: Array(path.utf8.dropLast(takesClient ? ListenAddress.clientMark.utf8.count : 0)), takesClient: takesClient)
        }
        self.resolver = resolver
        self.gate = gate
    }

    // MARK: - Targets

    /// Finds out what a request's target means.
    func target(_ bytes: Span<UInt8>) -> Target {
        var end = 0
        while end < bytes.count, bytes[end] != UInt8(ascii: "?") { end += 1 }
        let given = bytes.extracting(first: end)
        guard let path = paths.first(where: { fits($0, given) }) else { return .unknown }
        let name = path.takesClient ? ClientName(given.extracting(path.bytes.count...)) : .none
        return .path(parameter(bytes, from: end + 1), name)
    }

    private func fits(_ path: Path, _ given: Span<UInt8>) -> Bool {
        let count = path.bytes.count
        guard given.count >= count, given.extracting(first: count).hasSameBytes(as: path.bytes.span) else { return false }
        return path.takesClient ? ClientName.isName(given.extracting(count...)) : given.count == count
    }

    /// Where the value of the parameter `dns` stands.
    private func parameter(_ bytes: Span<UInt8>, from start: Int) -> Range<Int>? {
        var start = start
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "&") { end += 1 }
            if end - start >= 4, bytes[start] == UInt8(ascii: "d"), bytes[start + 1] == UInt8(ascii: "n"),
                bytes[start + 2] == UInt8(ascii: "s"), bytes[start + 3] == UInt8(ascii: "=")
            {
                return start + 4..<end
            }
            start = end + 1
        }
        return nil
    }

    /// Whether a field of that name says that a body is a query: whatever case it is in, and whatever parameters it has.
    static func isMessage(_ type: Span<UInt8>) -> Bool {
        let wanted = contentType.utf8CodeUnitCount
        guard type.count >= wanted else { return false }
        let isSame = contentType.withUTF8Buffer { name in
            for index in 0..<wanted where unsafe (type[index] | 0x20) != (name[index] | 0x20) { return false }
            return true
        }
        var end = wanted
        while end < type.count, type[end] == 0x20 || type[end] == 0x09 { end += 1 }
        return isSame && (end == type.count || type[end] == UInt8(ascii: ";"))
    }

    // MARK: - Clients

    /// Counts one more connection of HTTP/1.1, where there is a place: for one client a quarter of them, for a proxy all.
    func enterPlain(_ client: UInt128, _ address: UInt128) -> Bool {
        let most = isProxy(address) ? Self.mostPlain : Self.mostPlain / 4
        guard plainCount < Self.mostPlain, plainClients[client, default: 0] < most else { return false }
        plainCount += 1
        plainClients[client, default: 0] += 1
        return true
    }

    /// Counts one that is over.
    func leavePlain(_ client: UInt128) {
        plainCount -= 1
        plainClients[client, default: 1] -= 1
        if plainClients[client] == 0 { plainClients[client] = nil }
    }

    /// Whether it is believed for whom somebody asks.
    func isProxy(_ address: UInt128) -> Bool { proxies.admits(number: address) }

    /// Whom a proxy asks for: the last address that it names and that is no proxy's, or else the first of them.
    func client(_ forwardedFor: Span<UInt8>) -> Forwarded {
        let text = String(decoding: [UInt8](copying: forwardedFor), as: UTF8.self)
        var found = Forwarded.unreadable
        for part in text.split(separator: ",", omittingEmptySubsequences: false).reversed() {
            guard let number = Self.address(part)?.asClient?.number else { return .unreadable }
            found = .client(number)
            if !isProxy(number) { break }
        }
        return found
    }

    /// Reads `192.0.2.1`, `2001:db8::1`, or one of them with a port, with spaces around it.
    private static func address(_ part: Substring) -> IPAddress? {
        let blanks: Set<Character> = [" ", "\t"]
        var name = part.drop { blanks.contains($0) }
        while let last = name.last, blanks.contains(last) { name.removeLast() }
        guard !name.utf8.contains(UInt8(ascii: "%")) else { return nil }
        if name.first == "[" {
            let host = name.dropFirst().prefix { $0 != "]" }
            let rest = name.dropFirst(host.count + 2)
            guard host.count + 2 <= name.count, rest.isEmpty || rest.first == ":" else { return nil }
            return IPAddress(host)
        }
        if name.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1 { name = name.prefix { $0 != ":" } }
        return IPAddress(name)
    }

    // MARK: - Answers

    /// What came of a query that stands at the front of a buffer.
    enum Step {
        /// The answer stands there, and is so long.
        case answered(Int)
        /// It must be waited for; the query is kept so.
        case wait(PendingQuery, isCached: Bool)
        /// It is no query.
        case none
    }

    /// Answers a query of `length` bytes at the front of `buffer`, where that needs no waiting.
    func begin(_ length: Int, in buffer: inout MutableSpan<UInt8>, from asker: Asker) -> Step {
        guard length >= MessageView.headerLength else { return .none }
        resolver.figures.queries.add(at: cell)
        let address = asker.address
        guard asker.isForwarded ? gate.admitsForwarded(address) : gate.admits(address) else {
            gate.refusedCount &+= 1
            return refuse(length, in: &buffer, of: asker, .prohibited)
        }
        guard gate.takesQuery(of: address, at: resolver.hub.now) else {
            return refuse(length, in: &buffer, of: asker, .rate)
        }
        var query = QueryView()
        query.clientName = asker.name
        switch resolver.begin(&query, length: length, in: &buffer, from: address, over: transport) {
        case .answered(let count): return .answered(options(to: &buffer, count, query.edns, query.cookie))
        case .drop: return .none
        case .wait: return .wait(pending(&query, buffer.span.extracting(first: length), from: address), isCached: false)
        case .tooLong: return .wait(pending(&query, buffer.span.extracting(first: length), from: address), isCached: true)
        }
    }

    private func pending(_ query: inout QueryView, _ message: Span<UInt8>, from client: UInt128) -> PendingQuery {
        resolver.pending(&query, message, from: client, over: transport)
    }

    private func refuse(
        _ length: Int, in buffer: inout MutableSpan<UInt8>, of asker: Asker, _ refusal: Resolver.Refusal
    ) -> Step {
        let client = TappedClient(asker.address, asker.name, over: transport)
        guard case .answered(let count) = resolver.refuse(length: length, in: &buffer, from: client, refusal)
        else { return .none }
        return .answered(count)
    }

    /// Writes the answer to a query that waited: its length.
    func write(_ pending: PendingQuery, _ resolution: Resolution, into buffer: inout MutableSpan<UInt8>) -> Int {
        let count = resolver.write(pending, resolution, into: &buffer, limit: buffer.count)
        return options(to: &buffer, count, pending.edns, pending.cookie)
    }

    /// Adds what a query's OPT asks for. How long connections are kept is HTTP's own affair.
    private func options(to buffer: inout MutableSpan<UInt8>, _ count: Int, _ edns: EDNSSummary?, _ cookie: AnswerCookie) -> Int {
        StreamOptions.add(to: &buffer, count, for: edns, isEncrypted: isEncrypted, keepsAlive: false, cookie: cookie)
    }

    /// For how many seconds an answer may be kept (RFC 8484 5.1): the smallest TTL of its answer section, or what the SOA of a
    /// negative one says; 0 for failures.
    static func maxAge(_ message: Span<UInt8>) -> UInt32 {
        do throws(WireError) {
            let view = try MessageView(message)
            let code = view.flags.responseCode
            guard code == .noError || code == .nxDomain else { return 0 }
            let hasAnswer = view.recordCount(.answer) > 0
            var records = try view.records()
            var least: UInt32?
            while let record = try records.next() {
                if hasAnswer {
                    guard record.section == .answer else { break }
                    least = min(least ?? .max, record.ttl)
                } else if record.section == .authority, record.type == .soa, record.rdata.count >= 4 {
                    return min(record.ttl, record.rdata.loadUInt32(at: record.rdata.count - 4))
                }
            }
            return least ?? 0
        } catch {
            return 0
        }
    }

    // MARK: - HTTP/1.1

    private func makePlainServer() -> HTTPServer? {
        var limits = HTTPLimits()
        limits.bodyBytes = Self.limits.bodyBytes
        limits.bodyTime = .seconds(10)
        limits.stalled = .seconds(5)
        return try? HTTPServer(hub: resolver.hub, limits: limits) { _ in throw HTTPError(404, "no such path") }
    }

    /// Answers a request of HTTP/1.1. Waits.
    func answer(_ request: HTTPRequest, of connection: Asker) throws -> HTTPResponse {
        // Who sends one request behind another has one in a turn.
        try resolver.hub.yield(afterEvents: true)
        guard case .path(_, let name) = target(Array(request.path.utf8).span) else { throw HTTPError(404, "no such path") }
        var message = [UInt8](repeating: 0, count: HTTP2Scratch.bodyLimit)
        var length = 0
        switch request.method {
        case "GET", "HEAD":
            guard let text = request.query("dns") else { throw HTTPError(400, "no query: expected ?dns=") }
            var span = message.mutableSpan
            guard let count = Base64Text.readURL(Array(text.utf8).span, into: &span) else {
                throw HTTPError(400, "a query that is no base64url")
            }
            length = count
        case "POST":
            guard Self.isMessage(Array((request.header("content-type") ?? "").utf8).span) else {
                throw HTTPError(415, "expected \(Self.contentType)")
            }
            length = request.body.count
            message.replaceSubrange(0..<length, with: request.body)
        default:
            var response = HTTPResponse(text: "expected GET, HEAD or POST\n", status: 405)
            response.headers.append(HTTPField("Allow", "\(Self.methods)"))
            return response
        }
        var asker = connection
        asker.call(name)
        // A proxy that does not say whom it asks for asks for itself.
        if isProxy(asker.address), let named = request.headers.last(where: { $0.name.lowercased() == "x-forwarded-for" }) {
            guard case .client(let number) = client(Array(named.value.utf8).span) else {
                throw HTTPError(400, "X-Forwarded-For is no address")
            }
            asker.forward(for: number)
        }
        return try answer(&message, length, from: asker)
    }

    private func answer(_ message: inout [UInt8], _ length: Int, from asker: Asker) throws -> HTTPResponse {
        var span = message.mutableSpan
        var count: Int
        switch begin(length, in: &span, from: asker) {
        case .none: throw HTTPError(400, "a message that is no query")
        case .answered(let written): count = written
        case .wait(let pending, let isCached):
            let resolution = isCached ? .cached : resolver.resolve(pending)
            count = write(pending, resolution, into: &span)
        }
        guard count > 0 else { throw HTTPError(400, "a query that is not answered") }
        let answer = Array(message[..<count])
        return HTTPResponse(
            .bytes(answer),
            headers: [
                HTTPField("Content-Type", "\(Self.contentType)"),
                HTTPField("Cache-Control", "max-age=\(Self.maxAge(answer.span))"),
            ])
    }
}
