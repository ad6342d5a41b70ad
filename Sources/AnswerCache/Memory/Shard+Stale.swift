/// Answers whose time is over (RFC 8767), and answers to who has waited.
extension Shard {
    /// Whether an entry may be given out after its time, and its last moment for that is not over.
    func canBecomeStale(_ entry: UInt32, at now: BootSeconds) -> Bool {
        blocks[entry].mayBecomeStale(staleSeconds: staleSeconds) && !blocks[entry].isOver(at: now, staleSeconds: staleSeconds)
    }

    /// Whether a failure is remembered for a key.
    func isFailing(_ key: KeyView, at now: BootSeconds, epoch: UInt32) -> Bool { failure(key, at: now, epoch: epoch) != nil }

    /// Whether asking failed for a key so lately that a refresh rests, whether or not the failure is still remembered.
    func isResting(_ key: KeyView, at now: BootSeconds, epoch: UInt32, lastAnswer: BootSeconds) -> Bool {
        guard let entry = find(key, isFailure: true), blocks[entry].counts.isOf(epoch: epoch) else { return false }
        guard blocks[entry].age(at: now) < MemoryCache.failureRecheckSeconds else { return false }
        return blocks[entry].flags.contains(.failsAlone) || !blocks[entry].isBefore(lastAnswer)
    }

    /// Copies the answer to a question that was waited for into a buffer: a good one, then a stale one where that is wanted,
    /// then a failure. Counts neither a hit nor a miss, for the question was counted when it came; a stale answer, and that an
    /// entry was used, where it `isCounted`.
    mutating func answerLate(
        _ key: KeyView, at now: BootSeconds, epoch: UInt32?, isCounted: Bool = true, into buffer: inout MutableSpan<UInt8>,
        at offset: Int
    ) -> CacheOutcome {
        var found = find(key, isFailure: false)
        if let good = found, blocks[good].isExpired(at: now) {
            if epoch != nil || !canBecomeStale(good, at: now) { found = nil }
        }
        if found == nil, let epoch { found = failure(key, at: now, epoch: epoch) }
        guard let found else { return .miss }
        let needed = blocks[found].tailLength
        guard needed <= buffer.count - offset else { return .tooLarge(byteCount: needed) }
        guard isCounted else { return .hit(show(found, at: now, into: &buffer, at: offset)) }
        let answer = give(found, at: now, into: &buffer, at: offset)
        if answer.isStale { counters.staleHits += 1 }
        return .hit(answer)
    }

    /// The failure that is remembered for a key.
    private func failure(_ key: KeyView, at now: BootSeconds, epoch: UInt32) -> UInt32? {
        guard let entry = find(key, isFailure: true), !blocks[entry].isExpired(at: now),
            blocks[entry].counts.isOf(epoch: epoch)
        else { return nil }
        return entry
    }
}
