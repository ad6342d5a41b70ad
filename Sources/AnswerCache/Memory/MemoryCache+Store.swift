package import DNSWire

/// Keeping what upstreams say.
extension MemoryCache {
    /// A failure is kept this long the first time (RFC 9520 3.2: at least one second).
    private static var firstFailureSeconds: UInt32 { 1 }
    /// A failure is kept this long at most (RFC 9520 3.2: five minutes).
    private static var longestFailureSeconds: UInt32 { 300 }

    /// Keeps a reply, if it is one to keep. `limits` are those of the name's domain where it has its own. Off the path of
    /// a hit: allocates, and holds the shard's lock for a few hundred nanoseconds.
    @discardableResult
    package func store(
        _ key: borrowing CacheKey, reply: [UInt8], from provenance: Provenance, at now: BootSeconds,
        limits: TTLLimits? = nil
    ) -> StoreResult {
        guard !isOff else { return .notKept(.cacheIsOff) }
        let reading = ReplyReading(reply.span, to: key)
        switch reading.kind {
        case .notKept(let reason):
            // It cannot be kept, but says what is so now.
            if reason == .noSOA || reason == .referral { discardStale(key, at: now) }
            return .notKept(reason)
        case .failure:
            return storeFailure(
                key, reading.responseCode, extendedError: reading.extendedError, from: provenance, at: now)
        case .positive, .negative:
            let result = storeAnswer(key, reply, reading, from: provenance, at: now, limits: limits ?? self.limits)
            if result == .notKept(.tooLarge) || result == .notKept(.noRoom) { discardStale(key, at: now) }
            return result
        }
    }

    /// Keeps a failure: what an upstream said, or SERVFAIL when none said anything. For a second at first, then for twice
    /// as long each time, up to five minutes. Never takes the place of a good answer. `text` is the number of a text that
    /// whoever reads it knows.
    @discardableResult
    package func storeFailure(
        _ key: borrowing CacheKey, _ responseCode: ResponseCode, extendedError: ExtendedErrorCode? = nil, text: UInt8 = 0,
        from provenance: Provenance, at now: BootSeconds
    ) -> StoreResult {
        guard !isOff else { return .notKept(.cacheIsOff) }
        let epoch = currentFailureEpoch
        var header = header(key, provenance, now)
        header.flags.insert(.failure)
        header.counts = RecordCounts(epoch: epoch, text: text)
        header.codes |= responseCode.rawValue & 0x0FFF
        if let extendedError, extendedError.rawValue < .max { header.detail = extendedError.rawValue + 1 }
        header.lifetime = Self.firstFailureSeconds
        var locked = shards.lock(shards.number(forHash: key.hash))
        if let last = locked.shard.find(key.view, isFailure: true), locked.shard.blocks[last].counts.isOf(epoch: epoch) {
            let before = locked.shard.blocks[last]
            if before.age(at: now) < before.lifetime {
                // Found by several at once: still one failure.
                header.lifetime = before.lifetime
            } else if before.age(at: now) - before.lifetime <= Self.longestFailureSeconds {
                header.lifetime = min(2 * before.lifetime, Self.longestFailureSeconds)
            }
        }
        if let answer = locked.shard.find(key.view, isFailure: false), locked.shard.canBecomeStale(answer, at: now) {
            // Nobody is told of it before the stale answer's time is over, and then it is to be over soon.
            header.lifetime = Self.firstFailureSeconds
        }
        let payload = BlockStore.blocks(forPayload: key.wireName.count)
        guard locked.shard.makeRoom(forBlocks: payload, at: now),
            locked.shard.insert(key.view, header, records: Span<UInt8>())
        else { return .notKept(.noRoom) }
        return .stored(seconds: header.lifetime)
    }

    /// Keeps a positive or negative answer that was read to its end.
    private func storeAnswer(
        _ key: borrowing CacheKey, _ reply: [UInt8], _ reading: ReplyReading, from provenance: Provenance,
        at now: BootSeconds, limits: TTLLimits
    ) -> StoreResult {
        let writer: RecordsWriter
        do throws(WireError) {
            writer = try RecordsWriter(reply, to: key, reading, limits)
        } catch {
            return .notKept(error == .doesNotFit ? .tooLarge : .malformed)
        }
        var lifetime = writer.smallestTTL
        var header = header(key, provenance, now)
        if case .negative = reading.kind {
            header.flags.insert(.negative)
            lifetime = min(lifetime, limits.negativeSeconds)
        }
        guard lifetime > 0 else {
            discardStale(key, at: now)
            return .notKept(.zeroTTL)
        }
        if !limits.mayBecomeStale { header.flags.insert(.neverStale) }
        header.lifetime = lifetime
        header.counts = writer.counts
        header.codes |= reading.responseCode.rawValue & 0x0FFF
        if reading.flags.isAuthoritative { header.flags.insert(.authoritative) }
        if reading.flags.authenticData { header.flags.insert(.authenticData) }
        if let reason = put(key, header, writer.records, at: now) { return .notKept(reason) }
        return .stored(seconds: lifetime)
    }

    /// Makes room for an entry and puts it in; the lock is opened between one bounded search for room and the next.
    /// Returns why it could not be done.
    func put(
        _ key: borrowing CacheKey, _ header: EntryHeader, _ records: Span<UInt8>, at now: BootSeconds
    ) -> NotKept? {
        var header = header
        header.detail = UInt16(truncatingIfNeeded: records.count)
        let length = key.wireName.count + records.count
        let needed = BlockStore.blocks(forPayload: length)
        let number = shards.number(forHash: key.hash)
        for _ in 0..<64 {
            var locked = shards.lock(number)
            guard length <= locked.shard.payloadLimit else { return .tooLarge }
            guard locked.shard.makeRoom(forBlocks: needed, at: now) else { continue }
            return locked.shard.insert(key.view, header, records: records) ? nil : .noRoom
        }
        return .noRoom
    }

    /// A header with everything that does not depend on the answer.
    private func header(_ key: borrowing CacheKey, _ provenance: Provenance, _ now: BootSeconds) -> EntryHeader {
        var header = EntryHeader()
        header.hash = UInt32(truncatingIfNeeded: key.hash)
        header.storedAt = now.rawValue
        header.type = key.type.rawValue
        header.recordClass = key.class.rawValue
        header.flags = key.view.flags
        header.nameLength = UInt8(truncatingIfNeeded: key.wireName.count)
        header.upstream = provenance.upstream
        header.transport = provenance.transport.rawValue
        header.view = provenance.view
        header.codes = UInt16(provenance.security.rawValue) << 12
        return header
    }
}
