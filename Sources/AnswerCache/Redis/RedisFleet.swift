package import Green
internal import GreenRedis

/// What came of a flush.
package struct FleetFlush: Hashable, Sendable {
    /// How many answers were removed from Redis.
    package var removedFromRedis = 0
    /// How many instances heard of it, this one among them where it listens.
    package var listeners = 0
    /// What each that said so in time removed from its memory, by its name.
    package var instances: [String: Int] = [:]
    /// How many that heard of it did not say so in time.
    package var silent = 0
}

/// Keeps the memories of all instances at one Redis in step: flushes are published, and each gives an epoch in Redis another
/// number, which an instance compares whenever it has come to listen again. On one hub of the daemon.
package final class RedisFleet {
    let hub: Hub
    private let tier: RedisTier
    /// What tells this instance from others.
    package let name: String
    private let connection: RedisConnection
    /// One flush at a time: of two that cross, each would hide from instances what the other was for.
    private let turn: Semaphore
    private var subscription: RedisSubscription?
    /// The epoch of the last flush that the memory has followed, 0 before any; nil where that is not known yet.
    package private(set) var epoch: Int64?
    /// What was heard and is not followed yet.
    private var heardMessages: [Heard] = []
    private var isFollowing = false
    private let flushed: (FleetFilter) throws -> Int
    private let report: (RedisNews) -> Void

    /// How long a command may take; flushes are not in anybody's path.
    private static let limit = Duration.seconds(2)
    /// How long instances are waited for that heard of a flush.
    private static let patience = Duration.milliseconds(500)
    /// So many messages wait to be followed; the last stands for those above.
    private static let mostHeard = 64
    /// So many different things are removed one after the other; above that, everything at once.
    private static let mostFilters = 8
    /// Where messages come faster than they are followed, those of so long a time are followed together.
    private static let gathering = Duration.milliseconds(100)
    /// The pause after a try to learn the epoch.
    private static let pause = Duration.milliseconds(200)

    /// Listens from now on. `name` tells this instance from others; `epoch` is that of what the memory has from an earlier run,
    /// if anything. `flushed` removes from the memory and says how much that was: it may wait. `report` is told of late flushes.
    package init(
        _ tier: RedisTier, name: String, epoch: Int64? = nil, report: @escaping (RedisNews) -> Void = { _ in },
        flushed: @escaping (FleetFilter) throws -> Int
    ) {
        hub = .current
        self.epoch = epoch
        self.tier = tier
        self.name = name
        self.flushed = flushed
        self.report = report
        turn = Semaphore(1, hub: hub)
        connection = RedisConnection(tier.options, hub: hub)
        subscription = RedisSubscription(tier.options, channels: [FlushMessage.channel], hub: hub) { [weak self] in
            self?.compareEpoch()
        } received: { [weak self] _, message in
            self?.heard(message)
        }
    }

    /// Whether it hears of flushes now.
    package var isListening: Bool { subscription?.isListening == true && epoch != nil }

    /// Listens no more.
    package func close() {
        subscription?.close()
        subscription = nil
        connection.close()
    }

    /// Asks Redis whether it is there and takes the password. Waits, for two seconds at most; throws why not.
    package func check() throws { _ = try ask(["PING"]) }

    /// How many keys Redis has in its database, and the figures of INFO; nil where it cannot be asked. Waits.
    package func serverFacts() throws(Interruption) -> (keys: UInt64, info: [String: UInt64])? {
        do {
            let replies = try askAll([["DBSIZE"], ["INFO", "memory"], ["INFO", "stats"]])
            guard case .integer(let keys) = replies[0] else { return nil }
            var info: [String: UInt64] = [:]
            for line in replies.dropFirst().compactMap(\.text).joined(separator: "\n").split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: ":")
                if parts.count == 2, let value = UInt64(parts[1]) { info[String(parts[0])] = value }
            }
            return (UInt64(clamping: keys), info)
        } catch let interruption as Interruption {
            throw interruption
        } catch {
            return nil
        }
    }

    // MARK: - Flushing

    /// Removes answers from Redis and has every instance forget them, this one too. Waits; throws `RedisError` where Redis
    /// cannot be reached, and the wait's interruption.
    ///
    /// An instance that had not heard of it yet may have put an answer into Redis behind the walk over the keys, and another
    /// may have taken it from there. So once all have heard, the keys are looked at again; where there were any, all forget
    /// once more. Where it ends early, with an error or because nobody waits any more, all are told first: the epoch tells only
    /// those that come to listen later.
    package func flush(_ filter: FleetFilter) throws -> FleetFlush { try turn.withPermit { try flushInTurn(filter) } }

    private func flushInTurn(_ filter: FleetFilter) throws -> FleetFlush {
        var result = FleetFlush()
        // The epoch first: who comes to listen from here on flushes everything.
        let next = Int64(hub.loop.random() >> 1 | 1)
        // While it is not known, `next` stands for it, and who hears of that forgets everything.
        var previous = next
        do {
            previous = Self.epoch(try ask(["GETSET", RedisArgument(RedisKey.epoch), RedisArgument("\(next)")]))
            result.removedFromRedis = try removeKeys(filter)
            try announce(filter, previous, next, &result)
            let late = try removeKeys(filter)
            if late > 0 {
                result.removedFromRedis += late
                try announce(filter, next, next, &result)
            }
        } catch RedisError.refused(let words) where previous == next {
            throw RedisError.refused(words)
        } catch {
            try? announce(filter, previous, next, &result)
            throw error
        }
        return result
    }

    /// Tells all instances of a flush, and waits for a while for what they say of it.
    private func announce(_ filter: FleetFilter, _ previous: Int64, _ next: Int64, _ result: inout FleetFlush) throws {
        let message = FlushMessage(
            number: String(hub.loop.random(), radix: 36), previous: previous, epoch: next, filter: filter)
        var listeners = 0
        if case .integer(let count) = try ask(["PUBLISH", RedisArgument(FlushMessage.channel), RedisArgument(message.text)]) {
            listeners = Int(min(max(0, count), 1_000_000))
        }
        var instances: [String: Int] = [:]
        let list = FlushMessage.acknowledgements(message.number)
        let deadline = hub.loop.now().advanced(by: Self.patience)
        while instances.count < listeners, hub.loop.now() < deadline {
            try hub.sleep(until: hub.loop.now().advanced(byNanoseconds: 5_000_000))
            guard case .array(let lines) = try ask(["LRANGE", RedisArgument(list), "0", "-1"]) else { break }
            for case let (name, count)? in lines.map({ $0.text.flatMap(FlushMessage.acknowledgement) }) {
                instances[name] = count
            }
        }
        // Who was silent once may have kept what it had, whatever it said another time.
        result.silent = max(result.silent, listeners - instances.count)
        result.listeners = max(result.listeners, listeners)
        result.instances.merge(instances, uniquingKeysWith: +)
    }

    private func removeKeys(_ filter: FleetFilter) throws -> Int {
        // Which views other instances have, nobody here knows: where there are any, all keys are looked at.
        if case .question(let name, let type) = filter, try !mayHaveViews() { return try remove(keys(name, type)) }
        var walk = RedisWalk(RedisKey.pattern(filter))
        var count = 0
        while var found = try keys(&walk, where: filter.includes) {
            if let isWanted = filter.includesEntry { found = try values(of: found).filter { isWanted($0.entry) }.map(\.key) }
            if !found.isEmpty { count += try remove(found) }
        }
        return count
    }

    /// Whether any instance may have kept answers of views.
    private func mayHaveViews() throws -> Bool { try ask(["EXISTS", RedisArgument(RedisKey.views)]) != .integer(0) }

    /// Removes keys: how many there were.
    private func remove(_ keys: [FoundKey]) throws -> Int {
        guard case .integer(let count) = try ask(["UNLINK"] + keys.map { RedisArgument($0.bytes) }) else { return 0 }
        return min(max(0, Int(clamping: count)), keys.count)
    }

    /// Sends a command and waits for its reply, for a while; an error reply is thrown.
    func ask(_ command: [RedisArgument]) throws -> RedisReply {
        try reply(to: connection.begin(command))
    }

    /// Sends several commands at once; the replies in their order, error replies among them.
    func askAll(_ commands: [[RedisArgument]]) throws -> [RedisReply] {
        let requests = try commands.map { try connection.begin($0) }
        return try requests.map { request in try reply(to: request, isErrorThrown: false) }
    }

    private func reply(to request: RedisRequest, isErrorThrown: Bool = true) throws -> RedisReply {
        guard try request.wait(until: hub.loop.now().advanced(by: Self.limit)), let outcome = request.outcome else {
            throw RedisError.timedOut
        }
        let reply = try outcome.get()
        if isErrorThrown, case .error(let words) = reply { throw RedisError.refused(words) }
        return reply
    }

    // MARK: - Hearing of flushes

    /// Somebody flushed, perhaps this instance itself. The first message is followed at once; what comes while one is
    /// followed is followed together, so that whoever publishes thousands makes no more work than the walks they ask for.
    private func heard(_ bytes: [UInt8]) {
        guard let message = FlushMessage(bytes) else { return tier.count(.invalid) }
        guard heardMessages.count < Self.mostHeard else { return heardMessages[Self.mostHeard - 1].include(message) }
        heardMessages.append(Heard(message))
        guard !isFollowing else { return }
        isFollowing = true
        let follower = hub.spawn(name: "flush") { [self] in
            defer { isFollowing = false }
            while !heardMessages.isEmpty { try followHeard() }
        }
        // Where no greenlet is to be had, the next message or the epoch makes up for it.
        if follower.isDone { isFollowing = false }
    }

    /// Follows all messages that were heard since the last time.
    private func followHeard() throws {
        let messages = heardMessages
        heardMessages = []
        var known = epoch
        var filters: [FleetFilter] = []
        for heard in messages {
            let message = heard.message
            // Where one was missed in between, nobody knows what it was. Or it crossed another: then only Redis knows the last.
            let isNext = (known == message.previous || known == message.epoch) && !heard.hidesOthers
            let filter = isNext ? message.filter : .everything
            if !filters.contains(filter) { filters.append(filter) }
            known = isNext ? message.epoch : (try? currentEpoch()) ?? heard.lastEpoch
        }
        if filters.count > Self.mostFilters || filters.contains(.everything) { filters = [.everything] }
        var count = 0
        do {
            for filter in filters { count += try flushed(filter) }
            // Not before: a snapshot that is begun meanwhile may have what is to be forgotten.
            epoch = known
            for (index, heard) in messages.enumerated() {
                let list = RedisArgument(FlushMessage.acknowledgements(heard.message.number))
                // In one, for a list without an end to its time would stay.
                try connection.post(["MULTI"])
                try connection.post(["RPUSH", list, RedisArgument("\(name) \(index == 0 ? count : 0)")])
                try connection.post(["PEXPIRE", list, "60000"])
                try connection.post(["EXEC"])
            }
        } catch let error as Interruption {
            throw error
        } catch {
            // The connection is away, and with it who wanted to know.
        }
        // What comes within a moment is followed together.
        if messages.count > 1 { try hub.sleep(until: hub.loop.now().advanced(by: Self.gathering)) }
    }

    /// A message that is to be followed.
    private struct Heard {
        let message: FlushMessage
        /// The epoch of the last message that it stands for.
        var lastEpoch: Int64
        /// Whether it stands for others, of which nobody knows what they were.
        var hidesOthers = false

        init(_ message: FlushMessage) {
            self.message = message
            lastEpoch = message.epoch
        }

        /// Stands for another as well, for which there is no room.
        mutating func include(_ other: FlushMessage) {
            hidesOthers = true
            lastEpoch = other.epoch
        }
    }

    /// Messages may have been missed before now: the epoch tells.
    private func compareEpoch() {
        do {
            let now = try awaitedEpoch()
            let isLate = epoch.map { $0 != now } ?? false
            if isLate { _ = try flushed(.everything) }
            epoch = now
            if isLate { report(.flushedLate) }
        } catch {
            // Nobody listens any more.
        }
    }

    /// The epoch in Redis. It is asked for until it comes: the commands' connection may be back later than the
    /// subscription's, whose messages wait meanwhile.
    private func awaitedEpoch() throws -> Int64 {
        while true {
            do {
                return try currentEpoch()
            } catch let interruption as Interruption {
                throw interruption
            } catch {
                try hub.sleep(until: hub.loop.now().advanced(by: Self.pause))
            }
        }
    }

    /// The epoch in Redis, where it can be asked.
    private func currentEpoch() throws -> Int64 { Self.epoch(try ask(["GET", RedisArgument(RedisKey.epoch)])) }

    /// An epoch as Redis gives it; 0 before the first flush.
    private static func epoch(_ reply: RedisReply) -> Int64 { reply.text.flatMap { Int64($0) } ?? 0 }
}
