internal import AnswerCache
internal import DNSWire
internal import Glibc
internal import Green
internal import Logging
internal import Resolver

/// The main thread's part: starts the workers, and then waits for signals, changes of the hosts file, and the end.
final class Control {
    /// What the main thread reacts to.
    private enum Occasion: Sendable {
        case signal(Int32)
        case worker(WorkerGroup.Event)
    }

    private let hub = Hub.current
    private let log: Log
    private let logger = Logger(label: "vireo")
    private let reload: @Sendable () throws(ConfigurationError) -> Settings
    private var settings: Settings
    private var builder = PolicyBuilder()
    private var hosts: HostsWatch?
    private let shared: SharedState
    private var redis: RedisWatch?
    private let workers = WorkerGroup()
    private var occasions: [Occasion] = []
    private let occurred: Event
    private let service = ServiceNotifier.system
    private var snapshots: SnapshotKeeper?

    /// The hosts file is looked at this often.
    private static let hostsInterval = Duration.seconds(1)

    /// Prepares everything that can fail before the first query is taken.
    init(
        _ settings: Settings, log: Log, reload: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) throws {
        self.settings = settings
        self.log = log
        self.reload = reload
        occurred = Event(hub: hub)
        do throws(CacheError) {
            let cache = try MemoryCache(
                sizeBytes: settings.cache.size, seed: hub.loop.random(), limits: TTLLimits(settings.cache))
            cache.staleSeconds = settings.cache.staleSeconds
            shared = SharedState(cache: cache, redis: RedisWatch.tier(settings.cache, logger))
        } catch {
            throw DaemonError.cache("\(error)")
        }
        // Signals are blocked before any other thread is started, those that read files too, so that they arrive here alone.
        try hub.loop.onSignals([SIGTERM, SIGINT, SIGHUP]) { [weak self] in self?.note(.signal($0)) }
        hosts = try Self.readHosts(settings, logger)
    }

    /// Serves until SIGTERM or SIGINT, or until a worker fails.
    func run() throws {
        let listeners = try ListenerSet(settings.listen, workers: settings.workers, loop: hub.loop)
        let control = try ControlServer.open(settings, controlAPI(), logger)
        defer { try? control?.stop() }
        let policy = policy()
        let snapshots = SnapshotKeeper(shared.cache, SnapshotKeeper.Plan(settings.cache), logger, upstreams: upstreams) {
            [weak self] in self?.redis?.fleet.epoch
        }
        self.snapshots = snapshots
        try snapshots.load()
        // What a snapshot brings was kept as the rules of its time said.
        try forget(settings.domains.filter { $0.noCache || $0.noStale })
        let box = ControlBox(self)
        let mailbox = hub.mailbox
        workers.start(listeners.shares, shared: shared, policy: policy) { event in
            mailbox.post { box.control.note(.worker(event)) }
        }
        redis = shared.redis.map { RedisWatch($0, epoch: snapshots.loadedEpoch, logger, remove: remove) }
        try waitForWorkers(serving: settings.workers)
        for address in listeners.addresses { logger.info("listening", metadata: ["address": "\(address)"]) }
        service.ready()
        snapshots.start()
        try react()
        try end(snapshots, control)
        logger.info("stopped")
    }

    /// Ends the queries in flight first, and then what is for the next start.
    private func end(_ snapshots: SnapshotKeeper, _ control: ControlServer?) throws {
        service.stopping()
        workers.stop()
        let patience = hub.spawn(name: "patience") { [service, hub] in
            while true {
                service.extendTimeout(by: .seconds(10))
                try hub.sleep(until: hub.loop.now().advanced(by: .seconds(2)))
            }
        }
        defer { patience.kill() }
        try control?.stop()
        try snapshots.stop()
        try waitForWorkers(ended: settings.workers)
        redis?.close()
        try snapshots.finish()
    }

    /// Takes signals and changes until the end.
    private func react() throws {
        while true {
            guard let occasion = try nextOccasion(within: hosts == nil ? nil : Self.hostsInterval) else {
                if try hosts?.refresh() == true { workers.adopt(policy()) }
                continue
            }
            switch occasion {
            case .signal(SIGHUP):
                service.reloading(at: hub.loop.now().nanoseconds)
                defer { service.ready() }
                try readSettings()
            case .signal: return
            case .worker(.ended(let error)): throw DaemonError.worker(error.map { "\($0)" } ?? "without a reason")
            case .worker(.serving): continue
            }
        }
    }

    /// Reads the settings again; what is wrong with them is reported and changes nothing.
    private func readSettings() throws {
        let reload = reload
        do {
            var new = try blocking { try reload() }
            if new.hosts != settings.hosts { hosts = try Self.readHosts(new, logger) } else { _ = try hosts?.refresh() }
            let fixed = new.keepFixed(of: settings)
            let domains = settings.domains
            settings = new
            log.level = new.log.level
            shared.cache.limits = TTLLimits(new.cache)
            shared.cache.staleSeconds = new.cache.staleSeconds
            snapshots?.plan = SnapshotKeeper.Plan(new.cache)
            shared.redis?.budget = new.cache.redisTimeout
            shared.redis?.staleSeconds = new.cache.staleSeconds
            workers.adopt(policy())
            // By the new rules from here on; what was asked for by the old ones and is still on its way is not kept either.
            try forget(new.domains.filter { ($0.noCache || $0.noStale) && !domains.contains($0) })
            if !fixed.isEmpty {
                logger.warning("some settings change only with a restart", metadata: ["keys": "\(fixed.joined(separator: ", "))"])
            }
            logger.info("settings read again")
        } catch let error as Interruption {
            throw error
        } catch {
            logger.error("settings not read again, nothing changed: \(error)")
        }
    }

    /// What answers at the control socket.
    private func controlAPI() -> ControlAPI {
        let fleet = { [weak self] in self?.redis?.fleet }
        return ControlAPI(
            CacheTiers(memory: shared.cache, redis: shared.redis, fleet: fleet, upstreams: upstreams, remove: remove))
    }

    /// Removes what is flushed from the memory, and then from the snapshot; returns how many entries went.
    private var remove: (FleetFilter) throws -> Int {
        { [weak self, shared, upstreams] filter in
            defer { self?.snapshots?.flushed() }
            return try filter.remove(from: shared.cache, upstreams())
        }
    }

    /// Gives the upstreams that are known at the time.
    private var upstreams: () -> UpstreamDirectory {
        { [weak self] in
            guard let self else { return UpstreamDirectory([:]) }
            return builder.upstreams(and: shared.redis?.upstreams)
        }
    }

    /// Removes what was kept of domains that are now to be kept otherwise.
    private func forget(_ rules: [DomainRule]) throws {
        let cache = shared.cache
        for rule in rules {
            guard let name = try? NameView(rule.domain.span, at: 0) else { continue }
            let top = FixedName(name)
            try blocking { _ = cache.remove(.subtree(top)) }
        }
    }

    private func policy() -> Policy {
        builder.policy(for: settings, hosts: hosts?.table)
    }

    private static func readHosts(_ settings: Settings, _ logger: Logger) throws -> HostsWatch? {
        guard let path = settings.hosts else { return nil }
        do {
            return try HostsWatch(path, log: logger)
        } catch let error as SocketError {
            throw DaemonError.hosts(path, error)
        }
    }

    // MARK: - Waiting

    private func note(_ occasion: Occasion) {
        occasions.append(occasion)
        occurred.set()
    }

    private func nextOccasion(within limit: Duration?) throws(Interruption) -> Occasion? {
        if occasions.isEmpty {
            occurred.clear()
            let deadline = limit.map { hub.loop.now().advanced(by: $0) } ?? .never
            guard try occurred.wait(until: deadline) else { return nil }
        }
        return occasions.removeFirst()
    }

    private func waitForWorkers(serving count: Int) throws {
        var serving = 0
        var later: [Occasion] = []
        defer { occasions = later + occasions }
        while serving < count {
            guard let occasion = try nextOccasion(within: nil) else { continue }
            guard case .worker(let event) = occasion else {
                later.append(occasion)
                continue
            }
            if case .ended(let error) = event { throw DaemonError.worker(error.map { "\($0)" } ?? "without a reason") }
            serving += 1
        }
    }

    private func waitForWorkers(ended count: Int) throws {
        var ended = 0
        let deadline = hub.loop.now().advanced(by: Worker.farewell + .seconds(1))
        while ended < count, hub.loop.now() < deadline {
            if case .worker(.ended) = try nextOccasion(within: .seconds(1)) { ended += 1 }
        }
    }
}

/// Carries the control through closures that its own mailbox runs.
private final class ControlBox: @unchecked Sendable {
    // SAFETY: touched only by what the control's mailbox runs on its thread.
    let control: Control

    init(_ control: Control) {
        self.control = control
    }
}

extension TTLLimits {
    /// The bounds that the settings give.
    init(_ settings: CacheSettings) {
        self.init(
            minimumSeconds: settings.minTTLSeconds, maximumSeconds: settings.maxTTLSeconds,
            negativeSeconds: settings.negativeTTLSeconds)
    }
}
