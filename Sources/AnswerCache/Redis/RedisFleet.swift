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
}

/// Keeps the memories of all instances at one Redis in step: flushes are published, and counted in an epoch that each
/// instance compares whenever it has come to listen again. On one hub of the daemon.
package final class RedisFleet {
    private let hub: Hub
    private let tier: RedisTier
    /// What tells this instance from others.
    package let name: String
    private let connection: RedisConnection
    private var subscription: RedisSubscription?
    /// The epoch of the last flush that this instance knows of; nil before it has first looked.
    private var epoch: Int64?
    private let flushed: (FleetFilter) throws -> Int
    private let report: (RedisNews) -> Void

    /// How long a command may take; flushes are not in anybody's path.
    private static let limit = Duration.seconds(2)
    /// How long instances are waited for that heard of a flush.
    private static let patience = Duration.milliseconds(500)

    /// Listens from now on. `name` tells this instance from others; `flushed` removes from the memory and says how much
    /// that was: it may wait. `report` is told of late flushes.
    package init(
        _ tier: RedisTier, name: String, hub: Hub = .current, report: @escaping (RedisNews) -> Void = { _ in },
        flushed: @escaping (FleetFilter) throws -> Int
    ) {
        self.hub = hub
        self.tier = tier
        self.name = name
        self.flushed = flushed
        self.report = report
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

    // MARK: - Flushing

    /// Removes answers from Redis and has every instance forget them, this one too. Waits; throws `RedisError` where Redis
    /// cannot be reached, and the wait's interruption.
    package func flush(_ filter: FleetFilter) throws -> FleetFlush {
        var result = FleetFlush()
        // The epoch first: who comes to listen from here on flushes everything.
        guard case .integer(let epoch) = try ask(["INCR", RedisArgument(RedisKey.epoch)]) else {
            throw RedisError.refused("\(RedisKey.epoch) is no number")
        }
        result.removedFromRedis = try removeKeys(filter)
        let message = FlushMessage(number: String(hub.loop.random(), radix: 36), epoch: epoch, filter: filter)
        if case .integer(let count) = try ask(["PUBLISH", RedisArgument(FlushMessage.channel), RedisArgument(message.text)]) {
            result.listeners = Int(clamping: count)
        }
        let list = FlushMessage.acknowledgements(message.number)
        let deadline = hub.loop.now().advanced(by: Self.patience)
        while result.instances.count < result.listeners, hub.loop.now() < deadline {
            try hub.sleep(until: hub.loop.now().advanced(byNanoseconds: 5_000_000))
            guard case .array(let lines) = try ask(["LRANGE", RedisArgument(list), "0", "-1"]) else { break }
            for line in lines {
                let words = line.text?.split(separator: " ") ?? []
                if words.count == 2, let count = Int(words[1]) { result.instances[String(words[0])] = count }
            }
        }
        return result
    }

    /// Goes once through all keys; those that come or go meanwhile may be met or not.
    private func removeKeys(_ filter: FleetFilter) throws -> Int {
        let pattern = RedisArgument(RedisKey.pattern(filter))
        var cursor = "0"
        var count = 0
        repeat {
            let reply = try ask(["SCAN", RedisArgument(cursor), "MATCH", pattern, "COUNT", "500"])
            guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text, case .array(let keys) = parts[1]
            else { throw RedisError.protocolViolation("SCAN") }
            let wanted = keys.compactMap { key -> RedisArgument? in
                guard case .bytes(let key) = key, let parts = RedisKey.parse(key), filter.includes(parts) else { return nil }
                return RedisArgument(key)
            }
            if !wanted.isEmpty, case .integer(let removed) = try ask(["UNLINK"] + wanted) { count += Int(clamping: removed) }
            cursor = next
        } while cursor != "0"
        return count
    }

    private func ask(_ command: [RedisArgument]) throws -> RedisReply {
        let reply = try connection.command(command, until: hub.loop.now().advanced(by: Self.limit))
        if case .error(let words) = reply { throw RedisError.refused(words) }
        return reply
    }

    // MARK: - Hearing of flushes

    /// Somebody flushed, perhaps this instance itself.
    private func heard(_ bytes: [UInt8]) {
        guard let message = FlushMessage(bytes) else { return tier.count(.invalid) }
        let isNext = epoch.map { message.epoch == $0 + 1 } ?? false
        epoch = message.epoch
        do {
            // Where one was missed in between, nobody knows what it was.
            let count = try flushed(isNext ? message.filter : .everything)
            let list = RedisArgument(FlushMessage.acknowledgements(message.number))
            try connection.post(["RPUSH", list, RedisArgument("\(name) \(count)")])
            try connection.post(["PEXPIRE", list, "60000"])
        } catch {
            // The connection is away, and with it who wanted to know; or the hub ends.
        }
    }

    /// Messages may have been missed before now: the epoch tells.
    private func compareEpoch() {
        do {
            let reply = try ask(["GET", RedisArgument(RedisKey.epoch)])
            let now = reply == .null ? 0 : reply.text.flatMap { Int64($0) } ?? 0
            let known = epoch
            epoch = now
            guard let known, known != now else { return }
            _ = try flushed(.everything)
            report(.flushedLate)
        } catch {
            // The next time that the subscription stands it is tried again; meanwhile nothing is known.
            if epoch != nil { epoch = -1 }
        }
    }
}
