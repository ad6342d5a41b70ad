internal import AnswerCache
internal import Glibc
internal import Green
internal import GreenRedis
internal import Logging

/// The daemon's part in what instances at one Redis do together: it hears of flushes and forgets what they name.
final class RedisWatch: Part {
    let name = "redis"
    private let tier: RedisTier
    private let logger: Logger
    private let instanceName: String?
    private let loadedEpoch: () -> Int64?
    private let remove: (FleetFilter) throws -> Int
    /// Publishes flushes, and hears of them; nil before the start.
    private(set) var fleet: RedisFleet?
    private let hub = Hub.current
    private var checking: Greenlet<Void>?
    /// Counts the flushes that follow one that was said.
    private var counting: Greenlet<Void>?
    private var more = (flushes: 0, entries: 0)

    /// The tier that settings ask for; what an operator should know of it goes to the log.
    static func tier(_ settings: CacheSettings, _ logger: Logger) -> RedisTier? {
        settings.redis.map { url in
            RedisTier(url, budget: settings.redisTimeout) { Self.log($0, "\(url)", logger) }
        }
    }

    /// The part for a tier; `epoch` is that of a snapshot, if one was read. `remove` removes from the memory. Without a name it
    /// goes by a usual one.
    init(
        _ tier: RedisTier, name: String? = nil, epoch: @escaping () -> Int64?, _ logger: Logger,
        remove: @escaping (FleetFilter) throws -> Int
    ) {
        instanceName = name
        self.tier = tier
        self.logger = logger
        self.remove = remove
        loadedEpoch = epoch
    }

    /// Listens, on the running hub.
    func start() throws {
        let (place, logger, remove) = (tier.place, logger, remove)
        let fleet = RedisFleet(tier, name: instanceName ?? Self.usualName, epoch: loadedEpoch()) {
            Self.log($0, place, logger)
        } flushed: { [weak self] filter in
            let count = try remove(filter)
            self?.noteFlush(count)
            return count
        }
        self.fleet = fleet
        checking = hub.spawn(name: "redis check") { [self] in try check(fleet) }
    }

    /// Says at once whether Redis is reached and takes the password: where it does not it is out of use, as it is for a worker
    /// that it has failed too often.
    private func check(_ fleet: RedisFleet) throws {
        var isOut = false
        while true {
            do {
                try fleet.check()
                if isOut { return tier.isBack() }
                return logger.info("redis reached", metadata: ["redis": "\(tier.place)"])
            } catch let error as Interruption {
                throw error
            } catch {
                if !isOut { tier.isOut(because: error as? RedisError ?? .closed) }
                isOut = true
            }
            try hub.sleep(until: hub.loop.now().advanced(by: .seconds(1)))
        }
    }

    /// Says that something was flushed: the first at once, those that follow it within ten seconds in one line.
    private func noteFlush(_ count: Int) {
        guard counting == nil else {
            more = (more.flushes + 1, more.entries + count)
            return
        }
        let (place, logger) = (tier.place, logger)
        logger.info("flushed", metadata: ["entries": "\(count)", "redis": "\(place)"])
        let greenlet = hub.spawn(name: "flush count") { [self] in
            defer { counting = nil }
            repeat {
                more = (0, 0)
                try hub.sleep(until: hub.loop.now().advanced(by: .seconds(10)))
                if more.flushes > 0 {
                    logger.info(
                        "flushed again",
                        metadata: ["times": "\(more.flushes)", "entries": "\(more.entries)", "redis": "\(place)"])
                }
            } while more.flushes > 0
        }
        if !greenlet.isDone { counting = greenlet }
    }

    func adopt(_ settings: Settings) throws {
        tier.budget = settings.cache.redisTimeout
    }

    func status() throws -> [StatusField] {
        [StatusField("place", tier.place), StatusField("listening", fleet?.isListening == true)]
    }

    /// Listens no more.
    func stop() throws {
        checking?.kill()
        counting?.kill()
        fleet?.close()
    }

    /// This instance's name among those at one Redis, without spaces. In containers all may have the same host and number.
    private static var usualName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        let found = unsafe gethostname(&buffer, buffer.count - 1) == 0
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let host = found ? String(decoding: bytes, as: UTF8.self) : "host"
        return "\(host)/\(getpid())/\(String(Hub.current.loop.random() % 46_656, radix: 36))"
    }

    private static func log(_ news: RedisNews, _ place: String, _ logger: Logger) {
        switch news {
        case .leftOut(let reason):
            logger.warning("redis is left out until it answers again", metadata: ["redis": "\(place)", "reason": "\(reason)"])
        case .back:
            logger.notice("redis is used again", metadata: ["redis": "\(place)"])
        case .refusesStores(let words):
            logger.warning("redis takes no answers any more", metadata: ["redis": "\(place)", "reason": "\(words)"])
        case .takesAgain(let count):
            logger.notice("redis takes answers again", metadata: ["redis": "\(place)", "refused": "\(count)"])
        case .flushedLate:
            logger.notice("flushed the memory: a flush may have been missed", metadata: ["redis": "\(place)"])
        }
    }
}
