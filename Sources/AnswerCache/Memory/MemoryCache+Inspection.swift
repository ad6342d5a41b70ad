package import DNSWire
internal import Green

/// Looking at single entries, and removing those that only a look at their records can tell.
extension MemoryCache {
    /// Copies of what is kept for a name and type, and for the name whatever the type: with and without DO and CD, answers
    /// and failures. Finds them at once, and counts no use.
    package func entries(
        _ name: FixedName, _ type: RecordType, _ class: RecordClass = .internet, at now: BootSeconds
    ) -> [CachedEntry] {
        guard !isOff else { return [] }
        var entries: [CachedEntry] = []
        for key in keys(name, type, `class`) {
            let locked = shards.lock(shards.number(forHash: key.hash))
            for isFailure in [false, true] {
                guard let entry = locked.shard.find(key.view, isFailure: isFailure) else { continue }
                entries.append(locked.shard.copy(entry, seed: seed, at: now))
            }
        }
        return entries
    }

    /// The keys under which something may be kept for a name and type: with and without DO and CD, for the name whatever the
    /// type, and in each view.
    func keys(_ name: FixedName, _ type: RecordType, _ class: RecordClass) -> [CacheKey] {
        ViewDirectory.shared.numbers.flatMap { view in
            (0..<8).map { bits in
                let flags = KeyFlags(dnssecOK: bits & 1 != 0, checkingDisabled: bits & 2 != 0)
                let key = CacheKey(name, bits & 4 != 0 ? .allTypes : type, `class`, flags: flags, seed: seed)
                return key.inView(view, seed: seed)
            }
        }
    }

    /// Removes those of the next dozen entries or so that `isWanted` is true for; returns how many, or nil at the end. No
    /// lock is held while `isWanted` looks.
    package func remove(
        _ cursor: inout WalkCursor, at now: BootSeconds, where isWanted: (CachedEntry) -> Bool
    ) -> Int? {
        beginFlushStep()
        let shard = cursor.shard
        guard let wanted = walk(&cursor, at: now)?.filter(isWanted) else { return nil }
        return wanted.isEmpty ? 0 : remove(wanted, from: shard)
    }

    /// Removes what is kept where copied entries of one shard were; returns how many there still were.
    private func remove(_ entries: [CachedEntry], from shard: Int) -> Int {
        giveWay()
        var count = 0
        var locked = shards.lock(shard)
        for entry in entries {
            guard let found = locked.shard.find(entry.key.view, isFailure: entry.answer.isFailure) else { continue }
            locked.shard.remove(found)
            locked.shard.counters.removed += 1
            count += 1
        }
        return count
    }
}

extension CachedEntry {
    /// Whether an address record of its answer lies in a range.
    package func hasAnswer(in prefix: AddressPrefix) -> Bool {
        answer.answerCount > 0 && prefix.isAnswered(by: message().span)
    }
}
