internal import AnswerCache
internal import Belief
internal import Glibc
internal import Green
internal import GreenRedis
internal import Logging
internal import Resolver
internal import Upstream

/// The daemon's main object: the parts in their order, and what happens to them: start, signals, the end.
final class Control {
    /// What the main thread reacts to.
    private enum Occasion {
        case signal(Int32)
        case reload(SettingsAPI.Reload)
        case failure(DaemonError)
    }

    private let hub = Hub.current
    private let logger = Logger(label: "vireo")
    private let reload: @Sendable () throws(ConfigurationError) -> Settings
    private var settings: Settings
    private let parts: PartList
    private let resolvConf: ResolvConfPart
    private let life: DaemonLife
    private var occasions: [Occasion] = []
    private let occurred: Event
    private let surroundings: Surroundings
    private var service: ServiceNotifier { surroundings.service }
    private let log: Log

    /// Makes the parts; nothing has begun when it returns.
    init(
        _ settings: Settings, log: Log, in surroundings: Surroundings,
        reload: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) throws {
        let (settings, notOpened) = surroundings.inherited.overriding(settings)
        self.settings = settings
        self.surroundings = surroundings
        self.reload = reload
        self.log = log
        occurred = Event(hub: hub)
        life = DaemonLife(startedAt: hub.loop.wallTime() / 1_000_000_000)
        let logger = logger
        Self.logLibraries(to: logger)
        let shared = try Self.makeShared(settings, hub, logger)
        surroundings.shares(shared)
        let (hosts, listeners) = (HostsPart(settings, logger), ListenerPart(settings, notOpened: notOpened, logger, surroundings))
        let resolvConf = ResolvConfPart(settings, logger, machine: surroundings.addresses)
        self.resolvConf = resolvConf
        let rules = NameRulesPart(settings, shared.cache, logger)
        let downloads = ListDownloadsPart(settings, logger)
        let policy = PolicyPart(
            settings, hosts: hosts, resolvConf: resolvConf, rules: rules, others: shared.redis?.upstreams)
        let snapshot = SnapshotKeeper(shared.cache, SnapshotKeeper.Plan(settings.cache), logger) { policy.upstreams }
        let (tiers, redis) = Self.tiers(of: shared, policy, snapshot, instanceName: surroundings.instanceName, logger)
        let access = AccessPart(settings, logger, networks: surroundings.networks)
        let certificates = CertificatePart(settings, logger)
        let workers = WorkersPart(
            shared, listeners: listeners, policy: policy, admitting: (access, certificates), on: surroundings.starter, logger)
        let (queryLog, dnstap) = (QueryLogPart(settings, shared.tap, logger), DnstapPart(settings, shared.tap, logger))
        let otlp = OTLPPart(settings, shared.tap, logger)
        let daemon = ObservedDaemon(
            shared: shared, life: life, upstreams: { policy.upstreams }, workers: workers, rules: rules,
            downloads: downloads, certificates: certificates, top: TopQueries(shared.tap), queryLog: queryLog.totals,
            dnstap: dnstap.totals,
            otlp: otlp.totals)
        let http = ObservingServer(settings, daemon, logger)
        let settingsAPI = SettingsAPI()
        let api = ControlAPI(
            tiers, rules: rules, downloads: downloads, observing: ObservingAPI(daemon, log), settings: settingsAPI)
        http.control = api.answer
        let cache = CachePart(shared.cache, settings, policy: policy)
        let all: [(any Part)?] = [
            LogPart(log), hosts, resolvConf, listeners, http,
            surroundings.isProcess ? UserPart(settings, logger, listeners: listeners) : nil, queryLog,
            dnstap, otlp, certificates, access, rules, policy, snapshot, cache, redis, ControlServer(settings, api, logger),
            workers, downloads, PulsePart(shared, workers, surroundings.service, logger),
        ]
        parts = PartList(all.compactMap(\.self))
        hosts.changed = { [unowned policy, unowned cache] in
            policy.publish()
            try cache.hostsChanged()
        }
        Self.connect(downloads, policy, otlp)
        rules.changed = { [unowned policy] in policy.publish() }
        resolvConf.changed = { [unowned policy] in policy.publish() }
        snapshot.epoch = { [weak redis] in redis?.fleet?.epoch }
        workers.failed = { [weak self] in self?.note(.failure($0)) }
        connect(settingsAPI)
        // Signals are blocked before any other thread is started, those that read files too, so that they arrive here alone.
        try hub.loop.onSignals([SIGTERM, SIGINT, SIGHUP, SIGUSR1]) { [weak self] in self?.note(.signal($0)) }
    }

    /// The cache with both its tiers, and the watch over the one in Redis.
    private static func tiers(
        of shared: SharedState, _ policy: PolicyPart, _ snapshot: SnapshotKeeper, instanceName: String?, _ logger: Logger
    ) -> (CacheTiers, RedisWatch?) {
        // Removes what is flushed from the memory, and then from the snapshot.
        let remove = { (filter: FleetFilter) in
            defer { snapshot.flushed() }
            return try filter.remove(from: shared.cache, policy.upstreams)
        }
        let redis = shared.redis.map {
            RedisWatch($0, name: instanceName, epoch: { snapshot.loadedEpoch }, logger, remove: remove)
        }
        let tiers = CacheTiers(
            memory: shared.cache, redis: shared.redis, fleet: { redis?.fleet }, upstreams: { policy.upstreams }, remove: remove)
        return (tiers, redis)
    }

    /// Lets lists be downloaded and transferred: who knows where servers are, and who hears of changes of zones.
    private static func connect(_ downloads: ListDownloadsPart, _ policy: PolicyPart, _ otlp: OTLPPart) {
        otlp.resolve = { [unowned downloads] in try downloads.addressesOrLocal(of: $0, until: $1) }
        policy.notified = { [unowned downloads] in downloads.notified }
        downloads.changed = { [unowned policy] in policy.publish() }
        downloads.bootstrap = { [unowned policy] in policy.resolversOfServers }
    }

    /// Lets the settings be asked for, and be read again, over the control socket.
    private func connect(_ settingsAPI: SettingsAPI) {
        let settings = settings
        settingsAPI.listing = { [weak self] in self?.listing ?? SettingsListing(settings) }
        settingsAPI.reload = { [weak self] in
            let reload = SettingsAPI.Reload()
            self?.note(.reload(reload))
            return try reload.result()
        }
    }

    /// Has the log take what libraries say.
    private static func logLibraries(to logger: Logger) {
        LibraryMessages.handle { message in
            let level = Logger.Level(rawValue: message.level.rawValue) ?? .error
            logger.log(level: level, "\(message.text)", metadata: ["from": "\(message.source)"])
        }
    }

    /// What the workers share; throws where the cache gets no memory.
    private static func makeShared(_ settings: Settings, _ hub: Hub, _ logger: Logger) throws(DaemonError) -> SharedState {
        do throws(CacheError) {
            let seed = hub.loop.random()
            let cache = try MemoryCache(sizeBytes: settings.cache.size, seed: seed, limits: TTLLimits(settings.cache))
            let upstreams = UpstreamWatch { UpstreamLog.write($0, logger) }
            return SharedState(cache: cache, redis: RedisWatch.tier(settings.cache, logger), upstreams: upstreams)
        } catch {
            throw .cache("\(error)")
        }
    }

    /// Serves until SIGTERM or SIGINT, or until a worker fails.
    func run() throws {
        do {
            try parts.start()
            logStart()
            service.ready()
            try react()
        } catch {
            parts.abandon()
            throw error
        }
        try end()
        logger.info("stopped")
    }

    /// Says what is in force.
    private func logStart() {
        let upstreams = resolvConf.upstreams.map(\.description).joined(separator: ", ")
        logger.info(
            "serving",
            metadata: [
                "version": "\(Version.text)", "uid": "\(geteuid())", "workers": "\(settings.workers)",
                "upstreams": "\(upstreams)",
                "upstreams-from": "\(resolvConf.origin)", "cache": "\(settings.cache.size)",
                "redis": "\(settings.cache.redis.map(\.description) ?? "none")",
                "allow": "\(settings.allow.map(\.description).joined(separator: ", "))",
                "sandbox": "\(surroundings.sandbox?.description ?? "none")",
            ])
        logSandbox()
        logWarnings()
    }

    /// Says which settings do nothing.
    private func logWarnings() {
        for warning in settings.warnings { logger.warning("\(warning)") }
    }

    /// Says what the sandbox could not do, and what it makes impossible.
    private func logSandbox() {
        guard let sandbox = surroundings.sandbox else { return }
        if let fault = sandbox.fault { logger.warning("sandbox is not in force", metadata: ["reason": "\(fault)"]) }
        for place in sandbox.missing {
            logger.warning(
                "a directory that is not there can be written to after a restart only (sandbox)", metadata: ["place": "\(place)"])
        }
    }

    /// Says how each part is: what SIGUSR1 asks for.
    private func logFigures() throws {
        for (part, fields) in try parts.status() {
            var metadata: Logger.Metadata = ["part": "\(part)"]
            for field in fields { metadata[field.key] = "\(field.value)" }
            logger.info("figures", metadata: metadata)
        }
    }

    /// Stops all parts, and tells the service manager meanwhile that it takes its time.
    private func end() throws {
        service.stopping()
        let patience = hub.spawn(name: "patience") { [service, hub] in
            while true {
                service.extendTimeout(by: .seconds(10))
                try hub.sleep(until: hub.loop.now().advanced(by: .seconds(2)))
            }
        }
        defer { patience.kill() }
        try parts.stop()
    }

    /// Takes signals until the end.
    private func react() throws {
        while true {
            switch try nextOccasion() {
            case .signal(SIGHUP): _ = try readSettings()
            case .reload(let reload): reload.finish(try readSettings())
            case .signal(SIGUSR1): try logFigures()
            case .signal: return
            case .failure(let error): throw error
            }
        }
    }

    /// Reads the settings again, and tells the service manager so; what is wrong with them is reported and changes nothing.
    private func readSettings() throws -> ReloadOutcome {
        service.reloading(at: hub.loop.now().nanoseconds)
        defer { service.ready() }
        let reload = reload
        do {
            var new = surroundings.inherited.overriding(try blocking { try reload() }).settings
            let given = new
            let fixed = new.keepFixed(of: settings)
            let report = ReloadReport(from: settings, to: given, waiting: fixed)
            try surroundings.sandbox?.check(new)
            // Once more: where it listens is as it was.
            let addresses = surroundings.addresses
            try new.checkUpstreams(at: ConfigurationPlace(source: "settings"), on: blocking { addresses() })
            try new.checkObserving(at: ConfigurationPlace(source: "settings", key: "http"))
            try parts.adopt(new, insteadOf: settings)
            settings = new
            life.noteReload(at: hub.loop.wallTime() / 1_000_000_000)
            if !fixed.isEmpty {
                logger.warning("some settings change only with a restart", metadata: ["keys": "\(fixed.joined(separator: ", "))"])
            }
            logger.info("settings read again")
            logWarnings()
            return .taken(report)
        } catch let error as Interruption {
            throw error
        } catch {
            life.noteReload(at: nil)
            for line in "\(error)".split(separator: "\n") {
                logger.error("settings not read again, nothing changed: \(line)")
            }
            return .refused("\(error)")
        }
    }

    /// The settings in force; upstreams that nobody has set are those that resolv.conf names, and the log's level may have been
    /// set meanwhile.
    private var listing: SettingsListing {
        var settings = settings
        if log.level != settings.log.level {
            settings.origins["log.level"] = SettingOrigin(place: "vireo log-level", text: log.level.rawValue)
        }
        let upstreams = resolvConf.upstreams.map { ConfigurationNode.written($0.description) }.joined(separator: ", ")
        let found = SettingOrigin(place: resolvConf.origin, text: "[\(upstreams)]")
        return SettingsListing(settings, found: upstreams.isEmpty ? [:] : ["upstreams": found])
    }

    // MARK: - Waiting

    private func note(_ occasion: Occasion) {
        occasions.append(occasion)
        occurred.set()
    }

    private func nextOccasion() throws(Interruption) -> Occasion {
        while occasions.isEmpty {
            occurred.clear()
            try occurred.wait()
        }
        return occasions.removeFirst()
    }
}
