internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Logging
internal import NameRules
internal import Resolver
internal import Upstream

/// Downloads lists that have URLs, a few at a time, and keeps them as files; `NameRulesPart` reads those as any other, so that a
/// start without a network has them, and that what cannot be downloaded changes nothing.
final class ListDownloadsPart: Part {
    let name = "downloads"
    private let hub = Hub.current
    private let logger: Logger
    private var settings: RuleSettings
    private let looking: PeriodicLook
    /// How each source stands.
    private(set) var states: [ListURL: State] = [:]
    /// What is being downloaded: so many at once, so that a slow server holds no other list up.
    private var running: [ListURL: Greenlet<Void>] = [:]
    private static let mostAtOnce = 4
    /// Who knows where servers are.
    var bootstrap: () -> [Policy.Upstream] = { [] }
    /// Who is asked for addresses, and by whom; one for all downloads.
    private var asking: (resolvers: [Policy.Upstream], servers: [UpstreamServer], forwarder: Forwarder)?

    /// How a source stands.
    struct State {
        /// What is known of what is kept.
        var record: ListRecord
        /// When it is asked for next, on the clock that nobody sets: seconds since the machine started.
        var nextAt: Int64
        /// How often it could not be downloaded in a row.
        var failures = 0
        /// Why not.
        var problem: String?
    }

    /// What came of asking for lists, and for zones. Of the main thread.
    struct Totals {
        /// There was another version, and it is kept.
        var new: UInt64 = 0
        /// What is kept is what there is.
        var same: UInt64 = 0
        /// It could not be had.
        var failed: UInt64 = 0
    }

    /// Lists that came by HTTP.
    private(set) var downloads = Totals()
    /// Zones that were transferred.
    private(set) var transfers = Totals()

    /// Counts what came of asking for a source.
    private func count(_ url: ListURL, _ result: WritableKeyPath<Totals, UInt64>) {
        if url.transfer == nil { downloads[keyPath: result] &+= 1 } else { transfers[keyPath: result] &+= 1 }
    }

    /// What is due is looked for this often.
    private static let interval = Duration.seconds(1)
    /// After a failure it is tried again in so many seconds, doubled with each further one up to the last, and no later than
    /// it would have been asked for anyway: sooner where nothing is kept, so that what is not there at boot is missed for no longer
    /// than it must be.
    private static func pause(after failures: Int, keepsSome: Bool) -> Int64 {
        let (shortest, longest): (Int64, Int64) = keepsSome ? (60, 3600) : (5, 60)
        return min(longest, shortest << Int64(min(failures - 1, 6)))
    }

    /// Looking up a server's address takes so long at most.
    private static let lookUpLimit = Duration.seconds(10)
    /// And one try of it.
    private static let tryLimit = Duration.milliseconds(1500)

    /// The part for some settings.
    init(_ settings: Settings, _ logger: Logger) {
        self.settings = settings.rules
        self.logger = logger
        looking = PeriodicLook("downloads", every: Self.interval, logger)
    }

    func start() throws {
        try listenToPrimaries()
        looking.start { [weak self] in
            try self?.downloadDue()
            return false
        }
    }

    func adopt(_ settings: Settings) throws {
        let isElsewhere = settings.rules.listsDirectory != self.settings.listsDirectory
        self.settings = settings.rules
        let wanted = Set(sources.map(\.url))
        // What is kept is looked at anew, for it may be due at another time; and a reload is an occasion to try what failed.
        states = states.filter { !isElsewhere && wanted.contains($0.key) && $0.value.problem != nil }
        for url in states.keys { states[url]?.nextAt = 0 }
        try listenToPrimaries()
    }

    func status() throws -> [StatusField] {
        guard !sources.isEmpty else { return [] }
        return [
            StatusField("sources", sources.count), StatusField("failing", states.values.count { $0.problem != nil }),
        ]
    }

    func stop() throws {
        looking.stop()
        for greenlet in running.values { greenlet.kill() }
        running = [:]
    }

    /// All sources that are URLs, with their lists.
    private var sources: [(url: ListURL, list: ListSettings)] {
        settings.lists.flatMap { list in list.from.compactMap(ListURL.init).map { ($0, list) } }
    }

    /// Who hears from primaries that zones have changed; nil where there are no zones. Keys that cannot be read are said when a
    /// transfer is tried; until then nobody is believed for them.
    private(set) var notified: NotifyReceiver?
    /// Called when that is another.
    var changed: () -> Void = {}

    /// The zones of the settings with their keys, as they were read last; nil for one whose key cannot be read.
    private var zones: [ListURL: NotifyReceiver.Zone?] = [:]
    /// Zones with another key than before: asked for at once, so that a wrong key is said at the reload that brings it.
    private var rekeyed: Set<ListURL> = []

    /// Listens for what primaries say of the zones of the settings.
    private func listenToPrimaries() throws {
        let wanted = sources.compactMap { source in source.url.transfer.map { (source.url, $0, source.list.transferKey) } }
        guard !wanted.isEmpty || notified != nil else { return }
        let files = hub.loop.files
        let read = try blocking {
            wanted.map { url, source, path -> NotifyReceiver.Zone? in
                let key = path.map { try? TransferKey.read($0, files) }
                // With a key that cannot be read nobody is believed.
                if let key, key == nil { return nil }
                return NotifyReceiver.Zone(url: url, source: source, key: key ?? nil)
            }
        }
        let former = zones
        zones = [:]
        for ((url, _, _), zone) in zip(wanted, read) {
            zones[url] = .some(zone)
            if let known = former[url], zone == nil || known?.key != zone?.key { rekeyed.insert(url) }
        }
        rekeyed.formIntersection(zones.keys)
        notified = wanted.isEmpty ? nil : NotifyReceiver(read.compactMap(\.self))
        changed()
    }

    /// Begins to download what is due, as far as there are places; the rest at another look.
    private func downloadDue() throws {
        for url in notified?.takeDue() ?? [] { states[url]?.nextAt = 0 }
        for (url, list) in sources where running[url] == nil {
            if states[url] == nil { try know(url, list) }
            guard let state = states[url], state.nextAt <= uptime else { continue }
            guard running.count < Self.mostAtOnce else { return }
            let greenlet = hub.spawn(name: "list download") { [weak self] in
                defer { self?.running[url] = nil }
                try self?.download(url, list, state)
            }
            // Where no greenlet is to be had, the next look tries again.
            if !greenlet.isDone { running[url] = greenlet }
        }
    }

    /// Finds out what is kept of a source.
    private func know(_ url: ListURL, _ list: ListSettings) throws {
        let download = download(of: url, list)
        let record = try blocking { download.record() }
        // A clock that was ahead once must not hold a list back.
        let now = hub.loop.wallTime() / 1_000_000_000
        let isKnown = record.size > 0 && record.checkedAt <= now
        let pause = record.times?.refreshSeconds ?? list.refreshSeconds
        let isGood = isKnown && (url.transfer == nil || record.times != nil) && rekeyed.remove(url) == nil
        let age = now - max(0, min(record.checkedAt, now))
        states[url] = State(record: record, nextAt: isGood ? uptime + max(0, pause - age) : 0)
    }

    /// Seconds since the machine started.
    private var uptime: Int64 { Int64(hub.loop.bootTime() / 1_000_000_000) }

    private func download(of url: ListURL, _ list: ListSettings) -> ListDownload {
        ListDownload(url: url, format: list.format, directory: settings.listsDirectory, files: hub.loop.files)
    }

    /// Downloads a list, and says what came of it.
    private func download(_ url: ListURL, _ list: ListSettings, _ state: State) throws {
        let download = download(of: url, list)
        var next = state
        do {
            let client = client()
            defer { client.close() }
            let (seconds, begun) = (hub.loop.wallTime() / 1_000_000_000, uptime)
            let deadline = hub.loop.now().advanced(by: ListDownload.timeLimit)
            let isNew =
                try url.transfer.map {
                    try download.transfer($0, list.transferKey, after: state.record, until: deadline)
                } ?? download.run(client, after: state.record, at: seconds, until: deadline)
            let record = try blocking { download.record() }
            count(url, isNew ? \.new : \.same)
            next = State(record: record, nextAt: begun + (record.times?.refreshSeconds ?? list.refreshSeconds))
            if isNew || state.problem != nil {
                logger.info(
                    "list downloaded",
                    metadata: ["list": "\(list.name)", "url": "\(quoted(url.shown))", "bytes": "\(next.record.size)"])
            }
        } catch let error as Interruption {
            throw error
        } catch {
            count(url, \.failed)
            next.failures = min(state.failures + 1, 30)
            next.problem = ListURL.shown("\(error)")
            let pause = Self.pause(after: next.failures, keepsSome: state.record.size > 0)
            let now = hub.loop.wallTime() / 1_000_000_000
            next.nextAt = uptime + min(pause, state.record.times?.retrySeconds ?? list.refreshSeconds)
            if url.transfer != nil, state.record.size > 0, state.record.isOver(at: now) {
                // Where that cannot be done now, it is when the next try fails.
                if state.record.times != nil, let void = try? blocking({ try download.void(state.record) }) { next.record = void }
                next.problem?.append("; nobody has confirmed the zone for so long that it is no more")
            }
            if next.problem != state.problem {
                logger.warning(
                    "a list cannot be downloaded; what is kept of it stays in force",
                    metadata: ["list": "\(list.name)", "url": "\(quoted(url.shown))", "problem": "\(next.problem ?? "")"])
            }
        }
        // A reload may have left it out.
        if states[url] != nil { states[url] = next }
    }

    /// A client that never asks the machine's resolver, which may be this daemon.
    private func client() -> HTTPClient {
        let client = HTTPClient(hub: hub)
        client.resolve = { [weak self] host, deadline in try self?.addresses(of: host, until: deadline) ?? [] }
        return client
    }

    /// The addresses of a server that may be on this machine.
    func addressesOrLocal(of host: String, until deadline: Instant) throws -> [Green.IPAddress] {
        // RFC 6761 6.3.
        host.lowercased() == "localhost" ? [.loopback, .loopbackV6] : try addresses(of: host, until: deadline)
    }

    /// The addresses of a server, as bootstrap resolvers know them.
    private func addresses(of host: String, until deadline: Instant) throws -> [Green.IPAddress] {
        if let address = Green.IPAddress(host) { return [address] }
        let resolvers = bootstrap()
        if asking?.resolvers != resolvers {
            for server in asking?.servers ?? [] { server.retire() }
            let watch = UpstreamWatch()
            let servers = resolvers.map {
                UpstreamServer($0.address, id: $0.id, hub: hub, health: watch.health(of: $0.address), tls: $0.tls)
            }
            asking = (resolvers, servers, Forwarder(hub: hub, servers: servers, tryLimit: Self.tryLimit))
        }
        let limit = min(deadline, hub.loop.now().advanced(by: Self.lookUpLimit))
        let found = try asking?.forwarder.addresses(of: host, on: hub, until: limit) ?? []
        guard !found.isEmpty else { throw DownloadProblem.nameless(host) }
        return found
    }
}
