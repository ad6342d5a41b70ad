package import DNSWire

/// What the rules said of answers. An entry that every client may have carries the mark of the rule set that said so; whatever
/// takes its place has none.
extension MemoryCache {
    /// Notes that by a rule set every client may have the answer that was just given out for a query.
    package func notePassed(_ query: inout QueryView, _ answer: StoredAnswer, by mark: UInt8, at now: BootSeconds) {
        let own = KeyView(query.nameBytes, hash: query.hash, type: query.type, class: query.class, flags: query.keyFlags)
        let isForAllTypes = answer.responseCode == .nxDomain && answer.answerCount == 0
        let key = isForAllTypes ? own.forAllTypes(seed: seed) : own
        var locked = shards.lock(shards.number(forHash: key.hash))
        guard let entry = locked.shard.find(key, isFailure: false) else { return }
        // Another answer may have taken its place meanwhile: one that came later, or says something else.
        let header = locked.shard.blocks[entry]
        guard header.uses == answer.uses, header.age(at: now) == answer.ageSeconds, header.tailLength == answer.length else {
            return
        }
        locked.shard.blocks[entry].passedBy = mark
    }

    /// Takes the marks off the next few dozen entries, before a number is given to another rule set; false at the end.
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
