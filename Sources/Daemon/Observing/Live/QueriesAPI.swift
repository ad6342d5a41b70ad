internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Observation
internal import Resolver

/// `vireo queries --follow`: queries as they are answered, from now on.
struct QueriesAPI {
    private let tap: QueryTap

    /// From one look to the next.
    private static let interval = Duration.milliseconds(100)

    /// Shows what a tap tells.
    init(_ tap: QueryTap) {
        self.tap = tap
    }

    /// Answers a request: a line for each query, until the client goes away.
    func answer(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let wants = try Self.filter(ControlParameters(request, known: ["client", "name", "rcode"]))
        guard let watcher = tap.watch(wants) else {
            throw HTTPError(503, "as many watch already as may: \(QueryTap.mostWatchers)")
        }
        let hub = Hub.current
        return HTTPResponse(
            .pieces {
                while true {
                    try hub.sleep(until: hub.loop.now().advanced(by: Self.interval))
                    let (entries, dropped) = watcher.take()
                    guard !entries.isEmpty || dropped > 0 else { continue }
                    return Self.lines(entries, dropped: dropped, format)
                }
            }, headers: [format.type(lines: true)])
    }

    /// Which queries a request is about.
    private static func filter(_ parameters: ControlParameters) throws(HTTPError) -> @Sendable (QueryTap.Entry) -> Bool {
        let client = try parameters.client()?.identity
        let domain = try parameters.name("name")?.lowercased.wire
        let code = try parameters.text("rcode").map { text throws(HTTPError) in
            let codes = (0..<UInt16(24)).map { ResponseCode(rawValue: $0) }
            guard let code = codes.first(where: { "\($0)" == text.uppercased() }) else {
                throw HTTPError(400, "\(quoted(text)) is not an rcode such as NXDOMAIN")
            }
            return code.rawValue
        }
        return { entry in
            if let client, !client.isSame(as: entry.identity) { return false }
            if let code, entry.responseCode != code { return false }
            return domain.map { isBelow(entry.name, $0) } ?? true
        }
    }

    /// Whether a name in wire form is a domain in lower case, or below it.
    static func isBelow(_ name: [UInt8], _ domain: [UInt8]) -> Bool {
        var start = 0
        while start < name.count, name.count - start > domain.count { start += Int(name[start]) + 1 }
        guard start < name.count, name.count - start == domain.count else { return false }
        return zip(name[start...], domain).allSatisfy { given, wanted in
            given == wanted || ((0x41...0x5A).contains(given) && given | 0x20 == wanted)
        }
    }

    /// Lines for some queries.
    static func lines(_ entries: [QueryTap.Entry], dropped: UInt64, _ format: ControlFormat) -> [UInt8] {
        var writer = JSONWriter()
        var text: [UInt8] = []
        for (number, entry) in entries.enumerated() {
            giveWay(before: number, every: 16)
            let query = ShownQuery(entry)
            guard case .json = format else {
                text += query.line.utf8
                continue
            }
            writer.object { query.write(to: &$0) }
            writer.endLine()
        }
        guard dropped > 0 else { return writer.bytes + text }
        guard case .json = format else { return text + Array("(\(dropped) more were not shown)\n".utf8) }
        writer.object { $0.member("dropped", dropped) }
        writer.endLine()
        return writer.bytes
    }
}
