internal import DNSWire
internal import Green
internal import GreenHTTP2

/// Questions and answers as requests and responses of HTTP/2 (RFC 8484), each on a stream of its own.
final class HTTPFraming {
    private let engine: HTTP2Engine
    /// The questions under way, by their streams.
    private var exchanges: [Int32: Exchange] = [:]
    private let authority: String
    private let path: String
    private let usesGet: Bool
    /// The head of the last request by POST, and the length of the body that it is for: most are alike.
    private var head = HTTP2Fields()
    private var headLength = -1

    /// What came of a question.
    enum Arrival {
        /// A reply, which may be any bytes.
        case reply([UInt8], Exchange)
        /// None will come; so many tries like it may do better.
        case failure(UpstreamFailure, retries: Int, Exchange)
    }

    /// So many streams are used at once, whatever a server allows.
    static let mostStreams = 256
    /// The type of the bodies (RFC 8484 6).
    private static let mediaType = "application/dns-message"

    /// HTTP/2 with an upstream over a connection that is yet to stand.
    init(to address: UpstreamAddress) throws(UpstreamFailure) {
        var limits = HTTP2Limits()
        limits.bodyBytes = 65_535
        do throws(HTTP2Error) {
            engine = try HTTP2Engine(isServer: false, limits: limits)
        } catch {
            throw .overloaded
        }
        let encryption = address.encryption
        path = encryption?.path ?? UpstreamEncryption.usualPath
        usesGet = encryption?.usesGet ?? false
        let host = address.host ?? (encryption?.isNamed == true ? encryption?.name : nil)
        let shown = host ?? (address.address.ip.family == .v6 ? "[\(address.address.ip)]" : "\(address.address.ip)")
        authority = address.address.port == address.transport.usualPort ? shown : "\(shown):\(address.address.port)"
    }

    /// Whether another request may be sent.
    var hasRoom: Bool { engine.hasRoom && exchanges.count < Self.mostStreams }
    /// Whether the server wants no more requests on this connection.
    var hasFarewell: Bool { engine.hasFarewell }
    /// Whether something is to be sent.
    var hasOutput: Bool { engine.hasOutput }
    /// Whether nothing is to come or to go any more.
    var isOver: Bool { engine.isOver }

    /// Puts a question into the output.
    func send(_ exchange: Exchange) throws(UpstreamFailure) {
        let form = wireForm(exchange)
        let question = exchange.asking.question
        var message = [UInt8](repeating: 0, count: question.length(form))
        var span = message.mutableSpan
        _ = question.write(form, into: &span)
        do throws(HTTP2Error) {
            let stream: Int32
            if usesGet {
                let target = path + (path.contains("?") ? "&" : "?") + "dns=" + PresentationText.base64URL(message)
                var fields = HTTP2Fields([
                    (":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", target),
                ])
                fields.append("accept", Self.mediaType)
                stream = try engine.send(fields)
            } else {
                stream = try engine.send(postHead(message.count), body: message)
            }
            exchange.stream = stream
            exchanges[stream] = exchange
        } catch {
            throw .unreachable
        }
    }

    /// How a query is written: by GET the same each time, so that what caches on the way have is found (RFC 8484 4.1).
    private func wireForm(_ exchange: Exchange) -> UpstreamQuestion.Form {
        var form = exchange.form
        if usesGet { (form.id, form.letters) = (0, 0) }
        return form
    }

    private func postHead(_ length: Int) -> HTTP2Fields {
        if length != headLength {
            head = HTTP2Fields([
                (":method", "POST"), (":scheme", "https"), (":authority", authority), (":path", path),
                ("accept", Self.mediaType), ("content-type", Self.mediaType), ("content-length", "\(length)"),
            ])
            headLength = length
        }
        return head
    }

    /// Drops a question: the server is told that nobody waits for it, unless it has answered.
    func forget(_ exchange: Exchange) {
        guard exchanges.removeValue(forKey: exchange.stream) != nil else { return }
        engine.cancel(exchange.stream)
    }

    /// Takes bytes that came; throws where the connection cannot go on.
    func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) { unsafe try engine.receive(bytes) }

    /// Appends what is to be sent.
    func output(to buffer: inout [UInt8]) { engine.output(to: &buffer) }

    /// What came next; nil when nothing has.
    func next() -> Arrival? {
        while let event = engine.next() {
            switch event {
            case .message(let message):
                guard let exchange = exchanges.removeValue(forKey: message.stream) else { continue }
                if let fault = fault(of: message) {
                    exchange.server.insecurity = fault
                    return .failure(.refused(.servFail, .networkError), retries: 0, exchange)
                }
                let freshness = HTTPFreshness(message.fields)
                if freshness.isFresh { return .reply(message.body, exchange) }
                var reply = message.body
                freshness.apply(to: &reply)
                return .reply(reply, exchange)
            case .failed(let stream, let error):
                guard let exchange = exchanges.removeValue(forKey: stream) else { continue }
                if case .streamEnded(_, wasRefused: true) = error {
                    return .failure(.unreachable, retries: AttemptPlan.mostRetries, exchange)
                }
                exchange.server.insecurity = "\(error)"
                return .failure(.refused(.servFail, .networkError), retries: 1, exchange)
            case .farewell: continue
            }
        }
        return nil
    }

    /// Whether a reply answers a question in the form it was sent.
    func match(_ message: [UInt8], _ exchange: Exchange) -> UpstreamQuestion.Match {
        exchange.asking.question.match(message.span, wireForm(exchange))
    }

    /// Why a response is no answer; nil for one that is. Redirects are none.
    private func fault(of message: HTTP2Message) -> String? {
        let path = UpstreamEncryption.shown(path)
        guard message.fields.status == 200 else { return "HTTP status \(message.fields.status ?? 0) for \(path)" }
        let type = message.fields["content-type"]?.lowercased() ?? ""
        guard type.prefix(while: { $0 != ";" && $0 != " " }) == Self.mediaType else {
            return "HTTP with content of the type \"\(String(type.prefix(60)).filter { $0.isASCII && $0 >= " " })\" for \(path)"
        }
        guard message.body.count >= MessageView.headerLength else { return "HTTP with \(message.body.count) bytes for \(path)" }
        return nil
    }
}
