// The cache's snapshot: a file that is written now and then and at the end, and read at the start, before the first query
// is taken.
//
// Writing goes on in a thread of the pool, some microseconds at a time with pauses between, so that the loops have the
// processor and the cache's locks to themselves for nearly all of the time. The new file takes the old one's place only
// when all of it is on the disk, and only the place of a snapshot: any other file is left alone, and one of a newer version
// gets another name. A stop breaks off a writing that is under way, lets the queries end, and then writes a last time.

internal import AnswerCache
internal import Glibc
internal import Green
internal import Logging
internal import Synchronization

/// Writes and reads the cache's snapshot, on the control's hub.
final class SnapshotKeeper: Part {
    /// Where and how often.
    struct Plan: Equatable {
        /// The file; nil for no snapshot.
        var path: String?
        /// From one writing to the next.
        var interval: Duration

        /// What the settings say.
        init(_ settings: CacheSettings) {
            path = settings.snapshot
            interval = settings.snapshotInterval
        }
    }

    /// What breaks a writing off.
    private struct BrokenOff: Error {}

    let name = "snapshot"
    private let hub = Hub.current
    private let cache: MemoryCache
    private let logger: Logger
    private let upstreams: () -> UpstreamDirectory
    /// Says which flush the cache has followed.
    var epoch: () -> Int64? = { nil }
    private let isBreakingOff = BreakOff()
    private let changed: Event
    private var isEnding = false
    /// Whether the file has what was flushed since.
    private var isOutdated = false
    /// The epoch of the snapshot that was read; nil where none was.
    private(set) var loadedEpoch: Int64?
    private var lastProblem: String?
    private var writer: Greenlet<Void>?
    /// What is to be done; a change counts from now on.
    var plan: Plan {
        didSet { if plan != oldValue { changed.set() } }
    }

    /// After a flush it is written again no sooner than so long after the last time.
    private static let leastDistance = Duration.seconds(10)
    /// So many parts of the file are read at once: it is the memory that is waited for.
    private static let loadingThreads = 4

    /// A keeper of a cache's snapshot. `upstreams` says what upstreams are called.
    init(_ cache: MemoryCache, _ plan: Plan, _ logger: Logger, upstreams: @escaping () -> UpstreamDirectory) {
        self.cache = cache
        self.plan = plan
        self.logger = logger
        self.upstreams = upstreams
        changed = Event(hub: hub)
    }

    /// Reads the snapshot, and begins to write it now and then. Waits.
    func start() throws {
        try load()
        begin()
    }

    func adopt(_ settings: Settings) throws { plan = Plan(settings.cache) }

    func status() throws -> [StatusField] {
        guard let path = plan.path else { return [] }
        return [StatusField("path", path), StatusField("problem", lastProblem ?? "none")]
    }

    /// Breaks off what is being written, and writes it for the last time.
    func stop() throws {
        try breakOff()
        try finish()
    }

    /// Reads the snapshot, if there is one. One that is damaged, or cannot be read, is left out and said so. Waits.
    func load() throws {
        guard let path = plan.path, !cache.isOff else { return }
        let (cache, files, moment) = (cache, hub.loop.files, moment())
        let upstreams = upstreams()
        let start = hub.loop.now()
        do {
            let parts = try blocking {
                try files.checkPrivate(path)
                let reader = SnapshotReader(into: cache, at: moment) { try files.read(path, from: $0, count: $1) }
                return try reader.parts(Self.loadingThreads) { upstreams.number(of: $0) }
            }
            loadedEpoch = parts.first?.epoch
            let loads = parts.map { part in hub.spawn(name: "snapshot") { try blocking { try part.load() } } }
            let outcome = try loads.map { try $0.get() }.reduce(SnapshotReader.Outcome(), +)
            let took = start.duration(to: hub.loop.now())
            logger.info(
                "snapshot read",
                metadata: [
                    "path": "\(path)", "entries": "\(outcome.loaded)", "expired": "\(outcome.expired)",
                    "refused": "\(outcome.refused)", "took": "\(took)",
                ])
        } catch SocketError.notFound {
            // The first start.
        } catch let error as Interruption {
            throw error
        } catch SnapshotError.otherVersion(let version) where SnapshotReader.isNewer(version) {
            let reason = "\(SnapshotError.otherVersion(version)); it is kept with .version-\(version) at its name's end"
            logger.warning("snapshot left out: \(reason)", metadata: ["path": "\(path)"])
        } catch {
            logger.warning("snapshot left out: \(error)", metadata: ["path": "\(path)"])
        }
    }

    /// Begins to write it now and then.
    func begin() {
        writer = hub.spawn(name: "snapshot") { [self] in
            var next = hub.loop.now().advanced(by: plan.interval)
            // After a flush at once, but not after each of many.
            var soonest = hub.loop.now()
            while !isEnding {
                changed.clear()
                if try changed.wait(until: isOutdated ? min(next, soonest) : next) {
                    next = min(next, hub.loop.now().advanced(by: plan.interval))
                    if !isOutdated || hub.loop.now() < soonest { continue }
                }
                if isEnding { return }
                isOutdated = false
                try write(pausing: true)
                soonest = hub.loop.now().advanced(by: Self.leastDistance)
                next = hub.loop.now().advanced(by: plan.interval)
            }
        }
    }

    /// Something was flushed: after a crash the file would bring it back, so that it is written again at once, or when the
    /// last writing is ten seconds old.
    func flushed() {
        isOutdated = true
        changed.set()
    }

    /// Breaks off what is being written, and writes no more until `finish`.
    func breakOff() throws {
        isEnding = true
        isBreakingOff.value.store(true, ordering: .relaxed)
        changed.set()
        try writer?.join()
        isBreakingOff.value.store(false, ordering: .relaxed)
    }

    /// Writes it for the last time.
    func finish() throws {
        try write(pausing: false)
    }

    /// Writes it. What goes wrong is said once.
    private func write(pausing: Bool) throws {
        guard let path = plan.path, !cache.isOff else { return }
        let (files, breakOff) = (hub.loop.files, isBreakingOff)
        let writer = SnapshotWriter(cache, at: moment(), epoch: epoch() ?? 0, upstreams: upstreams().namesByNumber)
        let start = hub.loop.now()
        do {
            let count = try blocking {
                var writer = writer
                try files.replace(path, over: Self.fate) {
                    try writer.nextPiece {
                        guard pausing else { return }
                        if breakOff.value.load(ordering: .relaxed) { throw BrokenOff() }
                        SnapshotWriter.pause()
                    }
                }
                return writer.count
            }
            lastProblem = nil
            let took = start.duration(to: hub.loop.now())
            logger.debug("snapshot written", metadata: ["path": "\(path)", "entries": "\(count)", "took": "\(took)"])
        } catch let error as Interruption {
            throw error
        } catch is BrokenOff {
            return
        } catch {
            let problem = "\(error)"
            if problem != lastProblem {
                logger.error("snapshot not written: \(problem)", metadata: ["path": "\(path)"])
            }
            lastProblem = problem
        }
    }

    /// What becomes of a file that is where the snapshot belongs: none is replaced that holds anything but a snapshot.
    private static func fate(_ head: [UInt8]) throws -> FileFate {
        if head.isEmpty { return .replaced }
        let version = try SnapshotReader.version(of: head)
        return SnapshotReader.isNewer(version) ? .keptAside(suffix: ".version-\(version)") : .replaced
    }

    private func moment() -> SnapshotMoment {
        let boot = BootSeconds(rawValue: UInt32(truncatingIfNeeded: hub.loop.bootTime() / 1_000_000_000))
        return SnapshotMoment(wallSeconds: hub.loop.wallTime() / 1_000_000_000, boot: boot)
    }
}

/// A flag that the writing thread looks at.
private final class BreakOff: Sendable {
    let value = Atomic(false)
}
