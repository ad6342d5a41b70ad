internal import DNSWire

/// What can be done for a question when no answer to it is known whose time is not over.
package enum StaleStanding: Hashable, Sendable {
    /// There is nothing that could be given out.
    case nothing
    /// There is a stale answer, and it is time to ask for a better one.
    case refreshable
    /// There is an answer without signatures, for a client that takes them: to be given out only where asking has failed.
    case lastResort
    /// There is a stale answer, and asking for a better one has failed so lately that it is left alone for now.
    case resting
}

/// Answers after their time (RFC 8767), and answers to who has waited.
extension MemoryCache {
    /// The TTL of stale answers (RFC 8767 4).
    package static var staleTTL: UInt32 { 30 }

    /// Says whether there is a stale answer, and whether asking anew is due.
    package func staleStanding(of key: borrowing CacheKey, at now: BootSeconds) -> StaleStanding {
        guard !isOff, staleSeconds > 0 else { return .nothing }
        if hasStaleForAnyType(key.view, at: now) { return isResting(key, at: now) ? .resting : .refreshable }
        guard hasBorrowed(key.view, at: now) else { return .nothing }
        if isResting(key, at: now) { return .resting }
        return key.flags.dnssecOK ? .lastResort : .refreshable
    }

    /// The key of the answer that may be given out where there is none to a question, stale or not: that to the same question
    /// with DO the other way round. CD is the same in both. Nil where there may be none.
    ///
    /// Any client without DO may have what was asked for with it: DNSSEC's records are left out (RFC 4035 3.2.1). A client with
    /// DO says that it can take signatures, not that it must have them (RFC 3225 3), and an answer without is better than
    /// SERVFAIL to most; so it is the last resort. Not with CD, by which a client says that it validates by itself, and not
    /// for DS and DNSKEY: a validator would take what lacks its signatures for forged, and remember that, where it gets over
    /// a SERVFAIL sooner.
    package func borrowedKey(for key: borrowing CacheKey) -> CacheKey? {
        key.view.mayBorrow ? key.withOtherDO(seed: seed) : nil
    }

    /// Whether there is such an answer.
    func hasBorrowed(_ key: KeyView, at now: BootSeconds) -> Bool {
        key.mayBorrow && hasStaleForAnyType(key.withOtherDO(seed: seed), at: now)
    }

    /// Whether a failure of a question is not told of, because there is an answer that may be given out.
    func hidesFailure(of key: KeyView, at now: BootSeconds) -> Bool {
        staleSeconds > 0 && (hasStaleForAnyType(key, at: now) || hasBorrowed(key, at: now))
    }

    /// Whether there is an answer that may be given out after its time, be it over or not: to the question, or one that says
    /// that the name does not exist.
    private func hasStaleForAnyType(_ key: KeyView, at now: BootSeconds) -> Bool {
        hasStale(key, at: now) || hasStale(key.forAllTypes(seed: seed), at: now)
    }

    private func hasStale(_ key: KeyView, at now: BootSeconds) -> Bool {
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false) else { return false }
        return locked.shard.canBecomeStale(entry, at: now)
    }

    /// For how many seconds the answer that is kept for a question holds, below zero where its time has been over for so
    /// long; nil where there is none.
    package func secondsLeft(_ key: borrowing CacheKey, at now: BootSeconds) -> Int64? {
        guard !isOff else { return nil }
        return secondsLeft(key.view, at: now) ?? secondsLeft(key.view.forAllTypes(seed: seed), at: now)
    }

    private func secondsLeft(_ key: KeyView, at now: BootSeconds) -> Int64? {
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false) else { return nil }
        return Int64(locked.shard.blocks[entry].lifetime) - Int64(locked.shard.blocks[entry].age(at: now))
    }

    /// So long after a failed refresh an answer is left alone (RFC 8767 5, the failure recheck timer).
    static var failureRecheckSeconds: UInt32 { 30 }

    /// Whether asking for a better answer has failed so lately that it is left alone for now. That is another time than the
    /// one for which a failure is remembered (RFC 9520), which clients are told of. A first failure is the upstream's, and the
    /// rest ends when that answers anything; when it fails again while others are answered, the name is to blame.
    package func isResting(_ key: borrowing CacheKey, at now: BootSeconds) -> Bool {
        guard !isOff else { return false }
        let locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.isResting(key.view, at: now, epoch: currentFailureEpoch, lastAnswer: lastAnswer)
    }

    /// Whether a failure is remembered for a question, beside a good answer or alone.
    package func isFailing(_ key: borrowing CacheKey, at now: BootSeconds) -> Bool {
        guard !isOff else { return false }
        let locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.isFailing(key.view, at: now, epoch: currentFailureEpoch)
    }

    /// Answers a question that was waited for, or whose answer was too long at first: like `answer`, but what is known is
    /// counted neither as a hit nor as a miss. A failure may be the answer; with `orStale`, a stale answer instead of it,
    /// all its TTLs `staleTTL`. Who only looks at what others will be given says that it is not `isCounted`.
    package func answerLate(
        _ key: borrowing CacheKey, orStale: Bool = false, isCounted: Bool = true, at now: BootSeconds,
        into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        guard !isOff else { return .miss }
        var outcome = lookUpLate(key.view, orStale, isCounted, now, &buffer, offset)
        switch outcome {
        case .miss: outcome = lookUpLate(key.view.forAllTypes(seed: seed), orStale, isCounted, now, &buffer, offset)
        // That the name does not exist may have been learnt later, by a question for another type.
        case .hit(let own) where own.isStale && isYounger(key.view.forAllTypes(seed: seed), than: own, at: now):
            outcome = lookUpLate(key.view.forAllTypes(seed: seed), orStale, isCounted, now, &buffer, offset)
        default: break
        }
        guard case .hit(let answer) = outcome else { return outcome }
        if answer.isStale {
            TTLCountdown.set(Self.staleTTL, answer, in: &buffer, at: offset)
        } else if answer.ageSeconds > 0 {
            TTLCountdown.apply(answer, to: &buffer, at: offset)
        }
        return outcome
    }

    /// Whether an answer stands under a key that may be given out stale and was kept after another.
    private func isYounger(_ key: KeyView, than other: StoredAnswer, at now: BootSeconds) -> Bool {
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false), locked.shard.canBecomeStale(entry, at: now) else {
            return false
        }
        return locked.shard.blocks[entry].age(at: now) < other.ageSeconds
    }

    /// What happens under the shard's lock.
    private func lookUpLate(
        _ key: KeyView, _ orStale: Bool, _ isCounted: Bool, _ now: BootSeconds, _ buffer: inout MutableSpan<UInt8>,
        _ offset: Int
    ) -> CacheOutcome {
        let epoch = orStale ? nil : currentFailureEpoch
        var locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.answerLate(key, at: now, epoch: epoch, isCounted: isCounted, into: &buffer, at: offset)
    }

    /// Removes what stands for a question and is over, with DO and without: there is a better answer, which is not kept.
    package func endStale(_ key: borrowing CacheKey, at now: BootSeconds) {
        guard !isOff else { return }
        discardStale(key.view, at: now)
        discardStale(key.view.forAllTypes(seed: seed), at: now)
        let other = key.view.withOtherDO(seed: seed)
        discardStale(other, at: now)
        discardStale(other.forAllTypes(seed: seed), at: now)
    }

    /// Removes the answer that stands under a key and whose time is over, if there is one.
    private func discardStale(_ key: KeyView, at now: BootSeconds) {
        var locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false), locked.shard.blocks[entry].isExpired(at: now) else { return }
        locked.shard.remove(entry)
        locked.shard.counters.replaced += 1
    }

    /// Removes the answer that stands under a key, if there is one: what it says is known to be no longer so.
    func discard(_ key: KeyView) {
        var locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false) else { return }
        locked.shard.remove(entry)
        locked.shard.counters.replaced += 1
    }
}

extension KeyView {
    /// Whether the answer to the same question with DO the other way round may be given out where there is none to this one.
    var mayBorrow: Bool {
        guard flags.contains(.dnssecOK) else { return true }
        return !flags.contains(.checkingDisabled) && type != RecordType.ds.rawValue && type != RecordType.dnskey.rawValue
    }
}
