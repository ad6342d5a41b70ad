internal import DNSWire

/// What can be done for a question when no answer to it is known whose time is not over.
package enum StaleStanding: Hashable, Sendable {
    /// There is nothing that could be given out.
    case nothing
    /// There is a stale answer, and it is time to ask for a better one.
    case refreshable
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
        let epoch = currentFailureEpoch
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key.view, isFailure: false), locked.shard.canBecomeStale(entry, at: now) else {
            return .nothing
        }
        return locked.shard.isResting(key.view, at: now, epoch: epoch) ? .resting : .refreshable
    }

    /// For how many seconds the answer that is kept for a question holds, below zero where its time has been over for so
    /// long; nil where there is none.
    package func secondsLeft(_ key: borrowing CacheKey, at now: BootSeconds) -> Int64? {
        guard !isOff else { return nil }
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key.view, isFailure: false) else { return nil }
        return Int64(locked.shard.blocks[entry].lifetime) - Int64(locked.shard.blocks[entry].age(at: now))
    }

    /// So long after a failed refresh an answer is left alone (RFC 8767 5, the failure recheck timer).
    static var failureRecheckSeconds: UInt32 { 30 }

    /// Whether asking for a better answer has failed so lately that it is left alone for now. That is another time than the
    /// one for which a failure is remembered (RFC 9520), which clients are told of.
    package func isResting(_ key: borrowing CacheKey, at now: BootSeconds) -> Bool {
        guard !isOff else { return false }
        let locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.isResting(key.view, at: now, epoch: currentFailureEpoch)
    }

    /// Whether a failure is remembered for a question, beside a good answer or alone.
    package func isFailing(_ key: borrowing CacheKey, at now: BootSeconds) -> Bool {
        guard !isOff else { return false }
        let locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.isFailing(key.view, at: now, epoch: currentFailureEpoch)
    }

    /// Answers a question that was waited for, or whose answer was too long at first: like `answer`, but what is known is
    /// counted neither as a hit nor as a miss. A failure may be the answer; with `orStale`, a stale answer instead of it,
    /// all its TTLs `staleTTL`.
    package func answerLate(
        _ key: borrowing CacheKey, orStale: Bool = false, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>,
        at offset: Int
    ) -> CacheOutcome {
        guard !isOff else { return .miss }
        let outcome = lookUpLate(key, orStale, now, &buffer, offset)
        guard case .hit(let answer) = outcome else { return outcome }
        if answer.isStale {
            TTLCountdown.set(Self.staleTTL, answer, in: &buffer, at: offset)
        } else if answer.ageSeconds > 0 {
            TTLCountdown.apply(answer, to: &buffer, at: offset)
        }
        return outcome
    }

    /// What happens under the shard's lock.
    private func lookUpLate(
        _ key: borrowing CacheKey, _ orStale: Bool, _ now: BootSeconds, _ buffer: inout MutableSpan<UInt8>, _ offset: Int
    ) -> CacheOutcome {
        let epoch = orStale ? nil : currentFailureEpoch
        var locked = shards.lock(shards.number(forHash: key.hash))
        return locked.shard.answerLate(key.view, at: now, epoch: epoch, into: &buffer, at: offset)
    }

    /// Removes the stale answer to a question, if there is one: what it says is known to be no longer so.
    func discardStale(_ key: borrowing CacheKey, at now: BootSeconds) {
        var locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key.view, isFailure: false), locked.shard.blocks[entry].isExpired(at: now),
            locked.shard.canBecomeStale(entry, at: now)
        else { return }
        locked.shard.remove(entry)
        locked.shard.counters.replaced += 1
    }
}
