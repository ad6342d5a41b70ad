internal import Green
internal import Logging
internal import Observation
internal import Resolver

/// Hands whole messages, of clients and to upstreams, to who takes dnstap. Of the main thread's hub: workers put copies into
/// queues without waiting, and what is not taken in time is dropped and counted.
final class DnstapPart: Part {
    let name = "dnstap"
    private let hub = Hub.current
    private let tap: QueryTap
    private let logger: Logger
    private let frames: DnstapFrame
    private var place: DnstapPlace?
    private var sending: Greenlet<Void>?
    private var isStopping = false
    private var trouble: String?
    /// What was handed over, and what was not.
    let totals = QueryLogTotals()

    /// From one look to the next.
    private static let interval = Duration.milliseconds(20)
    /// Who takes it has so long for each step.
    private static let patience = Duration.seconds(5)
    /// From one try to connect to the next.
    private static let distance = Duration.seconds(1)
    /// So many bytes are written at once.
    private static let chunk = 64 << 10

    /// The part that hands over what a tap tells, as settings say.
    init(_ settings: Settings, _ tap: QueryTap, _ logger: Logger) {
        place = settings.dnstap
        self.tap = tap
        self.logger = logger
        frames = DnstapFrame(identity: settings.chaos.identity ?? "", version: "vireo \(Version.text)")
    }

    func start() throws { begin() }

    func adopt(_ settings: Settings) throws {
        guard settings.dnstap != place else { return }
        try stop()
        place = settings.dnstap
        begin()
    }

    func status() throws -> [StatusField] {
        guard place != nil else { return [] }
        return [StatusField("sent", totals.written.value), StatusField("dropped", totals.dropped.value)]
    }

    /// What has come is handed over, where that does not take long.
    func stop() throws {
        guard let sending else { return }
        isStopping = true
        let deadline = hub.loop.now().advanced(by: .milliseconds(500))
        while !sending.isDone, hub.loop.now() < deadline { try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(5))) }
        sending.kill()
        self.sending = nil
    }

    private func begin() {
        guard let place else { return }
        isStopping = false
        sending = hub.spawn(name: "dnstap") { [weak self, hub] in
            while self?.isStopping == false {
                do {
                    try self?.send(to: place)
                } catch let interruption as Interruption {
                    throw interruption
                } catch {
                    self?.failed("\(error)")
                }
                try hub.sleep(until: hub.loop.now().advanced(by: self?.isStopping == true ? .zero : Self.distance))
            }
        }
    }

    private func failed(_ reason: String) {
        if trouble == nil { logger.warning("dnstap is taken by nobody: \(LogText.plain(reason))") }
        trouble = reason
    }

    /// Connects, and hands over until that fails or the daemon stops.
    private func send(to place: DnstapPlace) throws {
        func deadline() -> Instant { hub.loop.now().advanced(by: Self.patience) }
        let socket =
            switch place {
            case .unix(let path): try StreamSocket.connect(toPath: path, hub: hub, until: deadline())
            case .tcp(let address): try StreamSocket.connect(to: address, hub: hub, until: deadline())
            }
        defer { socket.close() }
        let stream = try FrameStream(socket, until: deadline())
        if trouble != nil { logger.notice("dnstap is taken again") }
        trouble = nil
        guard let watcher = tap.watchMessages() else { return failed("somebody reads messages already") }
        while true {
            let isLast = isStopping
            let (messages, dropped) = watcher.take()
            totals.dropped.add(dropped)
            var (bytes, sent) = ([] as [UInt8], 0)
            do {
                for (number, message) in messages.enumerated() {
                    giveWay(before: number, every: 32)
                    FrameStream.append(frames.bytes(message), to: &bytes)
                    guard bytes.count >= Self.chunk || number == messages.count - 1 else { continue }
                    try stream.write(bytes, until: deadline())
                    totals.written.add(UInt64(number + 1 - sent))
                    sent = number + 1
                    bytes.removeAll(keepingCapacity: true)
                    try hub.yield(afterEvents: true)
                }
            } catch {
                // What was to be sent is lost, and what has come meanwhile as well.
                let (more, dropped) = watcher.take()
                totals.dropped.add(UInt64(messages.count - sent + more.count) &+ dropped)
                throw error
            }
            if isLast { return try stream.finish(until: hub.loop.now().advanced(by: .milliseconds(300))) }
            try hub.sleep(until: hub.loop.now().advanced(by: Self.interval))
        }
    }
}
