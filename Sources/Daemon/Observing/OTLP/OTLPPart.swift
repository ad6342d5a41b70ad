internal import Green
internal import GreenHTTP
internal import GreenTLS
internal import Logging
internal import Observation
internal import Resolver

/// Hands traces of slow and of sampled questions to who takes them by OTLP/HTTP. Of the main thread's hub: workers put traces into
/// queues without waiting; while a batch is sent, or sent again, they fill, and what finds no room is dropped and counted.
final class OTLPPart: Part {
    let name = "otlp"
    private let hub = Hub.current
    private let tap: QueryTap
    private let logger: Logger
    private var message: OTLPMessage
    private var settings: OTLPSettings?
    private var watcher: QueryTap.TraceWatcher?
    private var sending: Greenlet<Void>?
    /// Set where it is to end: who sleeps is woken.
    private var stopping = Event()
    private var trouble: String?
    /// What was handed over, and what was not.
    let totals = OTLPTotals()
    /// Gives the addresses of a host.
    var resolve: (String, Instant) throws -> [IPAddress] = { _, _ in [] }

    /// From one batch to the next.
    private static let interval = Duration.seconds(1)
    /// A request may take so long.
    private static let patience = Duration.seconds(10)
    /// A batch that is not taken is given up after so long.
    private static let persistence = Duration.seconds(60)
    /// After a request that failed the next waits so long, doubled with each further one up to the other.
    private static let shortestPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(16)

    /// The part that hands over what a tap tells, as settings say.
    init(_ settings: Settings, _ tap: QueryTap, _ logger: Logger) {
        self.settings = settings.otlp
        self.tap = tap
        self.logger = logger
        message = Self.message(settings)
    }

    private static func message(_ settings: Settings) -> OTLPMessage {
        OTLPMessage(identity: settings.chaos.identity, version: Version.text)
    }

    func start() throws { try begin() }

    func adopt(_ settings: Settings) throws {
        message = Self.message(settings)
        guard settings.otlp != self.settings else { return }
        // Certificates that are none change nothing.
        _ = try Self.options(trusting: settings.otlp?.authorities)
        try stop()
        self.settings = settings.otlp
        try begin()
    }

    func status() throws -> [StatusField] {
        guard settings != nil else { return [] }
        return [StatusField("sent", totals.sent.value), StatusField("dropped", totals.dropped.value)]
    }

    /// What has come is handed over, where that does not take long, and counted as dropped otherwise.
    func stop() throws {
        guard let sending else { return }
        stopping.set()
        if try !sending.join(until: hub.loop.now().advanced(by: .milliseconds(500))) {
            sending.kill()
            try sending.join()
        }
        if let rest = watcher?.take() { totals.dropped.add(rest.dropped &+ UInt64(rest.records.count)) }
        (self.sending, watcher) = (nil, nil)
    }

    private func begin() throws {
        guard let settings else { return }
        let options = try Self.options(trusting: settings.authorities)
        (stopping, trouble) = (Event(), nil)
        watcher = tap.watchTraces(share: settings.sample, slow: settings.slowness)
        sending = hub.spawn(name: "otlp") { [weak self, hub] in
            let client = HTTPClient(options, hub: hub)
            client.resolve = { host, deadline in try self?.resolve(host, deadline) ?? [] }
            defer { client.close() }
            while let self {
                let isLast = self.stopping.isSet
                try self.sendAll { try self.post($0, settings.fields, by: client, to: settings.target) }
                if isLast { return }
                _ = try self.stopping.wait(until: hub.loop.now().advanced(by: Self.interval))
            }
        }
    }

    /// The same, with the certificates that the collector's may be signed by.
    private static func options(trusting authorities: String?) throws(TLSError) -> HTTPClientOptions {
        var options = options
        guard let authorities else { return options }
        var tls = TLSClientOptions()
        tls.trust = .pem(authorities)
        options.tls = try TLSContext.client(tls)
        return options
    }

    /// A collector's answer is short; nothing is waited for long.
    private static var options: HTTPClientOptions {
        var options = HTTPClientOptions()
        options.headerBytes = 16 << 10
        options.bodyBytes = 64 << 10
        options.silence = .seconds(5)
        options.redirects = 0
        options.keptConnections = 1
        // Servers close sooner what is idle; a request that meets that would look like a collector in trouble.
        options.keptFor = .seconds(2)
        return options
    }

    /// Sends what has come, a batch at a time. Waits.
    private func sendAll(_ post: ([UInt8]) throws -> OTLPVerdict) throws {
        guard let (records, dropped) = watcher?.take() else { return }
        totals.dropped.add(dropped)
        var left = records.count
        // Whatever ends it, what was not handed over is counted.
        defer { totals.dropped.add(UInt64(left)) }
        for batch in OTLPMessage.batches(records) {
            if try isTaken(message.request(batch), post) {
                totals.sent.add(UInt64(batch.count))
                left -= batch.count
            }
        }
    }

    /// Whether a request is taken, which is sent again where that may help. Waits.
    private func isTaken(_ request: [UInt8], _ post: ([UInt8]) throws -> OTLPVerdict) throws -> Bool {
        let end = hub.loop.now().advanced(by: Self.persistence)
        var pause = Self.shortestPause
        while true {
            let verdict = try post(request)
            if verdict.isGood { totals.succeeded.add() } else { totals.failed.add() }
            switch verdict {
            case .taken(let rejected, let reason):
                totals.rejected.add(rejected)
                note(rejected > 0 ? "it rejects \(rejected) spans: \(reason)" : nil)
                return true
            case .refused(let reason):
                note(reason)
                return false
            case .again(let after, let reason):
                note(reason)
                // Many servers that are turned away at once do not come back at once.
                let least = max(after ?? pause, pause)
                let next = hub.loop.now().advanced(by: least + least * Int(hub.loop.random() % 256) / 1024)
                guard next < end, try !stopping.wait(until: next) else { return false }
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// Sends a request: what came of it. Waits.
    private func post(
        _ body: [UInt8], _ headers: [HTTPField], by client: HTTPClient, to url: String
    ) throws -> OTLPVerdict {
        let type = HTTPField("Content-Type", "application/x-protobuf")
        let agent = HTTPField("User-Agent", "vireo/\(Version.text)")
        let request = HTTPRequest("POST", url, headers: [type, agent] + headers, body: body)
        do {
            return try client.withResponse(to: request, until: hub.loop.now().advanced(by: Self.patience)) { response, body in
                // Once it has a good status it was taken, whatever follows.
                let bytes = (try? body.readAll(limit: Self.options.bodyBytes)) ?? []
                return OTLPVerdict(response.status, retryAfter: response.header("retry-after"), bytes)
            }
        } catch let interruption as Interruption {
            throw interruption
        } catch {
            return .again(after: nil, reason: "\(error)")
        }
    }

    /// Says what is wrong with the collector, once; nil where all is well.
    private func note(_ problem: String?) {
        if let problem, trouble == nil { logger.warning("traces are not taken (otlp): \(LogText.plain(problem))") }
        if problem == nil, trouble != nil { logger.notice("traces are taken again (otlp)") }
        trouble = problem
    }
}

/// How many traces were handed over, and how many were not. Of the main thread.
final class OTLPTotals: Sendable {
    /// Traces that were taken.
    let sent = Counter()
    /// Traces that were not, because they came too fast, or nobody took them.
    let dropped = Counter()
    /// Spans of those that were taken which the collector rejected.
    let rejected = Counter()
    /// Requests that were taken, and those that were not.
    let succeeded = Counter()
    let failed = Counter()
}

extension OTLPVerdict {
    /// Whether the traces were taken.
    fileprivate var isGood: Bool {
        if case .taken = self { return true }
        return false
    }
}
