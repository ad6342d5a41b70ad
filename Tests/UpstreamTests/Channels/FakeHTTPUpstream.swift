import DNSWire
import Green
import GreenHTTP2
import GreenTLS

@testable import Upstream

/// A question as a fake upstream over HTTP got it.
struct FakeRequest {
    let message: HTTP2Message
    /// The query in it.
    let query: FakeQuery
    /// How many came before it, and over which connection it came, from 0.
    let number: Int
    let path: Int

    /// The right answer.
    var answer: FakeResponse { .respond(200, "application/dns-message", query.answer(9)) }
}

/// What a fake upstream does with a request.
enum FakeResponse {
    /// Sends a response with this status, content type and body.
    case respond(Int, String?, [UInt8])
    /// Sends a good response with these further fields.
    case fields([(String, String)], [UInt8])
    /// Sends a response that names another place.
    case redirect(String)
    /// Ends the stream with a code.
    case reset(UInt32)
    /// Says farewell, as if nothing after so many requests had been begun, and takes no more.
    case farewell
    /// Closes the connection after half of a response.
    case cut
    /// Says nothing.
    case silent
    /// Waits that long.
    case wait(Duration)
}

/// A server over HTTP/2 with TLS that does what a test says with each request.
final class FakeHTTPUpstream {
    let address: SocketAddress
    private(set) var requests: [FakeRequest] = []
    private(set) var connectionCount = 0
    var behavior: (FakeRequest) -> [FakeResponse]
    var limits = HTTP2Limits()
    private(set) var server: UpstreamServer
    private var streams: TLSServer?

    init(
        id: UInt16 = 1, protocols: [String] = ["h2"], usesGet: Bool = false,
        _ behavior: @escaping (FakeRequest) -> [FakeResponse] = { [$0.answer] }
    ) throws {
        let hub = Hub.current
        self.behavior = behavior
        let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
        address = listener.address
        var written = UpstreamAddress(address, transport: .https)
        written.encryption = UpstreamEncryption("dns.test", isNamed: true)
        written.encryption?.usesGet = usesGet
        server = UpstreamServer(written, id: id, hub: hub, tls: try Certificates.shared.client(protocols: ["h2"]))
        let context = try Certificates.shared.server(protocols: protocols)
        streams = try TLSServer(hub: hub, listener: listener, context: context, limit: 1000) { [weak self] connection in
            try? self?.serve(connection)
        }
        streams!.start()
    }

    private func serve(_ connection: TLSSocket) throws {
        let path = connectionCount
        connectionCount += 1
        let engine = try HTTP2Engine(isServer: true, limits: limits)
        let handlers = Group()
        defer { handlers.kill() }
        try flush(engine, connection)
        while case let bytes = try connection.read(upTo: 16_384), !bytes.isEmpty {
            try engine.receive(bytes)
            while let event = engine.next() {
                guard case .message(let message) = event else { continue }
                let query = FakeQuery(bytes: queryBytes(message), transport: .tcp, number: requests.count, path: path)
                let request = FakeRequest(message: message, query: query, number: requests.count, path: path)
                requests.append(request)
                let acts = behavior(request)
                try handlers.spawn { [self] in try act(acts, request, engine, connection) }
            }
            try flush(engine, connection)
        }
    }

    private func act(
        _ acts: [FakeResponse], _ request: FakeRequest, _ engine: HTTP2Engine, _ connection: TLSSocket
    ) throws {
        let stream = request.message.stream
        for act in acts {
            switch act {
            case .respond(let status, let type, let body):
                var fields = HTTP2Fields([(":status", "\(status)")])
                if let type { fields.append("content-type", type) }
                try engine.answer(stream, fields, body: body)
            case .fields(let more, let body):
                let head = [(":status", "200"), ("content-type", "application/dns-message")] + more
                try engine.answer(stream, HTTP2Fields(head), body: body)
            case .redirect(let place):
                try engine.answer(stream, HTTP2Fields([(":status", "302"), ("location", place)]))
            case .reset(let code): engine.end(stream, code: code)
            case .farewell: engine.sayFarewell()
            case .cut:
                try engine.answer(stream, HTTP2Fields([(":status", "200")]), body: [UInt8](repeating: 0, count: 100))
                var bytes: [UInt8] = []
                engine.output(to: &bytes)
                try connection.write(Array(bytes.prefix(bytes.count / 2)))
                connection.close()
                return
            case .silent: break
            case .wait(let time): try sleep(time)
            }
        }
        try flush(engine, connection)
    }

    private func flush(_ engine: HTTP2Engine, _ connection: TLSSocket) throws {
        var bytes: [UInt8] = []
        engine.output(to: &bytes)
        if !bytes.isEmpty { try connection.write(bytes) }
    }

    /// The query of a request, by either method.
    private func queryBytes(_ message: HTTP2Message) -> [UInt8] {
        guard message.fields[":method"] == "GET" else { return message.body }
        let text = message.fields[":path"]!.split(separator: "=").last!
        var (bits, count): (UInt32, UInt32) = (0, 0)
        var bytes: [UInt8] = []
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for digit in text.utf8 {
            bits = bits << 6 | UInt32(digits.firstIndex(of: digit)!)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}

/// Asks upstreams in order.
func ask(_ servers: [UpstreamServer], _ name: String = "www.example.com") throws -> UpstreamReply {
    try Forwarder(hub: .current, servers: servers, tryLimit: .seconds(2)).ask(question(name))
}
