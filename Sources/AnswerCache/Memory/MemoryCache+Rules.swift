package import DNSWire
internal import Synchronization

/// What the rules said of an answer in the cache.
package enum JudgedAnswer: Sendable {
    /// By the rule set with this mark every client may have it; 0 takes a mark off. Marks come again, each time in another
    /// round.
    case passed(UInt8, round: UInt32)
    /// Some may not: what whoever judges has made of it.
    case judged(any AnyObject & Sendable)
}

/// An answer that is being judged, to say later what came of it.
package struct JudgingTicket: Sendable {
    /// Which of the two keys it stands under: its own, or that of its name.
    fileprivate let isForAllTypes: Bool
    /// Where it stands.
    fileprivate let entry: UInt32
    /// How many answers had been put into its shard.
    fileprivate let stores: UInt64
    /// What was made of it before, where that is remembered.
    package let verdict: (any AnyObject & Sendable)?
}

/// What the rules said of answers. An entry that every client may have carries the mark of the rule set that said so; what they
/// said of another is remembered beside it. Whatever takes an entry's place has neither.
extension MemoryCache {
    /// Copies the answer that was just given out for a query once more, to be judged: the same bytes, unless others have taken
    /// their place in the meantime, which look alike to the byte before them. Nil where there is no such answer any longer.
    package func recall(
        _ query: inout QueryView, _ answer: StoredAnswer, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>,
        at offset: Int
    ) -> JudgingTicket? {
        let own = KeyView(query.nameBytes, hash: query.hash, type: query.type, view: query.keyView, flags: query.keyFlags)
        return recall(own, answer, at: now, into: &buffer, at: offset)
    }

    /// The same for an answer that was given out late.
    package func recall(
        _ key: borrowing CacheKey, _ answer: StoredAnswer, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>,
        at offset: Int
    ) -> JudgingTicket? {
        recall(key.view, answer, at: now, into: &buffer, at: offset)
    }

    private func recall(
        _ own: KeyView, _ answer: StoredAnswer, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> JudgingTicket? {
        guard !isOff, !answer.isFailure, offset + answer.length <= buffer.count else { return nil }
        for isForAllTypes in [false, true] {
            let key = isForAllTypes ? own.forAllTypes(seed: seed) : own
            guard let ticket = copy(key, answer, isForAllTypes, at: now, into: &buffer, at: offset) else { continue }
            if answer.isStale {
                TTLCountdown.set(Self.staleTTL, answer, in: &buffer, at: offset)
            } else if answer.ageSeconds > 0 {
                TTLCountdown.apply(answer, to: &buffer, at: offset)
            }
            return ticket
        }
        return nil
    }

    /// What happens under the shard's lock.
    private func copy(
        _ key: KeyView, _ answer: StoredAnswer, _ isForAllTypes: Bool, at now: BootSeconds,
        into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> JudgingTicket? {
        let locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false) else { return nil }
        let header = locked.shard.blocks[entry]
        guard StoredAnswer(header, at: now).looks(like: answer) else { return nil }
        locked.shard.blocks.copyPayload(
            of: entry, from: Int(header.nameLength), count: answer.length, into: &buffer, at: offset)
        return JudgingTicket(
            isForAllTypes: isForAllTypes, entry: entry, stores: locked.shard.counters.stores,
            verdict: locked.shard.verdicts.find(entry))
    }

    /// Remembers what came of an answer for a query. Not where another may have taken its place: that is judged by itself.
    package func note(_ judged: JudgedAnswer, _ query: inout QueryView, _ ticket: JudgingTicket) {
        let own = KeyView(query.nameBytes, hash: query.hash, type: query.type, view: query.keyView, flags: query.keyFlags)
        note(judged, own, ticket)
    }

    /// The same for an answer that was given out late.
    package func note(_ judged: JudgedAnswer, _ key: borrowing CacheKey, _ ticket: JudgingTicket) {
        note(judged, key.view, ticket)
    }

    private func note(_ judged: JudgedAnswer, _ own: KeyView, _ ticket: JudgingTicket) {
        let key = ticket.isForAllTypes ? own.forAllTypes(seed: seed) : own
        var locked = shards.lock(shards.number(forHash: key.hash))
        // Nothing was put in since, so that what stands there is what was judged.
        guard locked.shard.counters.stores == ticket.stores, locked.shard.find(key, isFailure: false) == ticket.entry else {
            return
        }
        switch judged {
        case .passed(let mark, let round):
            // Under the lock: whoever began another round has not been here yet, or this sees it.
            guard mark == 0 || round == markRound.load(ordering: .relaxed) else { return }
            locked.shard.blocks[ticket.entry].passedBy = mark
            locked.shard.verdicts.forget(ticket.entry)
        case .judged(let verdict):
            locked.shard.blocks[ticket.entry].passedBy = 0
            locked.shard.verdicts.note(verdict, of: ticket.entry)
        }
    }

    /// Begins another round of marks: none of those before is noted any more. Then all that there are must be taken off, by
    /// `forgetPassed`, before a mark comes again.
    package func beginMarkRound(_ round: UInt32) { markRound.store(round, ordering: .relaxed) }

    /// Takes the marks off the next few dozen entries; false at the end.
    package func forgetPassed(_ cursor: inout WalkCursor) -> Bool {
        guard cursor.shard < shards.count else { return false }
        var locked = shards.lock(cursor.shard)
        let next = locked.shard.visit(from: cursor.bucket, upTo: Shard.stepLimit) { shard, entry in
            shard.blocks[entry].passedBy = 0
        }
        advance(&cursor, to: next)
        return true
    }
}
