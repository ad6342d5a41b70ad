package import Belief
package import DNSWire

/// Keeping what upstreams say.
extension MemoryCache {
    /// A failure is kept this long the first time (RFC 9520 3.2: at least one second).
    private static var firstFailureSeconds: UInt32 { 1 }
    /// A failure is kept this long at most (RFC 9520 3.2: five minutes).
    private static var longestFailureSeconds: UInt32 { 300 }

    /// Keeps an answer, if it is one to keep; kept or not, it ends an answer whose time is over. Off the path of a hit: allocates,
    /// and holds a shard's lock for a few hundred nanoseconds.
    @discardableResult
    package func store(
        _ key: borrowing CacheKey, _ answer: Answer, from provenance: Provenance, at now: BootSeconds,
        mayBecomeStale: Bool = true
    ) -> StoreResult {
        guard !isOff else { return .notKept(.cacheIsOff) }
        guard key.class == .internet else { return .notKept(.otherClass) }
        guard let reason = answer.notKept.map(NotKept.answer) ?? put(key, answer, provenance, now, mayBecomeStale) else {
            return .stored(seconds: answer.lifetimeSeconds)
        }
        endStale(key, at: now)
        return .notKept(reason)
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
        guard key.class == .internet else { return .notKept(.otherClass) }
        let epoch = currentFailureEpoch
        let isHidden = hidesFailure(of: key.view, at: now)
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
                header.flags.formUnion(before.flags.intersection(.failsAlone))
            } else if before.age(at: now) - before.lifetime <= Self.longestFailureSeconds {
                header.lifetime = min(2 * before.lifetime, Self.longestFailureSeconds)
                if before.isBefore(lastAnswer) { header.flags.insert(.failsAlone) }
            }
        }
        // Nobody is told of it before the stale answer's time is over, and then it is to be over soon.
        if isHidden { header.lifetime = Self.firstFailureSeconds }
        let payload = BlockStore.blocks(forPayload: key.wireName.count)
        guard locked.shard.makeRoom(forBlocks: payload, at: now),
            locked.shard.insert(key.view, header, records: Span<UInt8>())
        else { return .notKept(.noRoom) }
        return .stored(seconds: header.lifetime)
    }

    /// Puts an answer in; returns why it could not be done.
    private func put(
        _ key: borrowing CacheKey, _ answer: Answer, _ provenance: Provenance, _ now: BootSeconds, _ mayBecomeStale: Bool
    ) -> NotKept? {
        guard
            let counts = RecordCounts(
                answers: Int(answer.counts.answers), authorities: Int(answer.counts.authorities),
                additionals: Int(answer.counts.additionals))
        else { return .tooLarge }
        var header = header(key, provenance, now)
        header.lifetime = answer.lifetimeSeconds
        header.counts = counts
        header.codes |= answer.responseCode.rawValue & 0x0FFF
        if answer.isNegative { header.flags.insert(.negative) }
        if answer.isAuthoritative { header.flags.insert(.authoritative) }
        if answer.authenticData { header.flags.insert(.authenticData) }
        if !mayBecomeStale { header.flags.insert(.neverStale) }
        guard answer.isForAllTypes, key.type != .ds else {
            // What exists now existed not, perhaps.
            discard(key.view.forAllTypes(seed: seed))
            return put(key, header, answer.records, at: now)
        }
        let name = key.forAllTypes(seed: seed)
        header.hash = UInt32(truncatingIfNeeded: name.hash)
        header.type = name.type.rawValue
        if let reason = put(name, header, answer.records, at: now) { return reason }
        // What stands under the question's own key is no longer so: the name does not exist.
        remove(key.view, countedAs: \.replaced)
        return nil
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
        header.viewNumber = key.view.viewNumber
        header.flags = key.view.flags
        header.nameLength = UInt8(truncatingIfNeeded: key.wireName.count)
        header.upstream = provenance.upstream
        header.transport = provenance.transport.rawValue
        header.codes = UInt16(provenance.security.rawValue) << 12
        return header
    }
}
