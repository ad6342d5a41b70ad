internal import DNSWire

/// Brings the records of an answer into the form in which they are kept and sent: as they stand in the reply where that is how
/// they would be written here, else written anew, names compressed against the question and against each other.
enum AnswerRecords {
    /// The answer with its records.
    static func answer(
        _ head: Answer.Head, _ reply: consuming [UInt8], to asked: Asked, _ rules: Belief.Rules, _ kept: KeptRecords
    ) throws(BrokenReply) -> Answer {
        let start = asked.recordsStart
        if StandingRecords(asked, in: reply.span).mayStay(kept, reply.span) {
            for record in kept.records {
                var message = reply.mutableSpan
                message.storeUInt32(kept.ttls[record.set], at: record.place.ttlOffset)
            }
            var counts: (UInt16, UInt16, UInt16) = (0, 0, 0)
            for record in kept.records {
                switch record.section {
                case .answer: counts.0 += 1
                case .authority: counts.1 += 1
                case .additional: counts.2 += 1
                }
            }
            let end = kept.records.last?.place.endOffset ?? start
            return Answer(head, counts: counts, storage: reply, range: start..<end)
        }
        let written = try written(reply, to: asked, rules, kept)
        return try answer(head, written: written, to: asked)
    }

    /// The answer whose records stand in a message of our own.
    static func answer(_ head: Answer.Head, written: [UInt8], to asked: Asked) throws(BrokenReply) -> Answer {
        guard let view = try? MessageView(written.span) else { throw .unreadable }
        let counts = (view.recordCount(.answer), view.recordCount(.authority), view.recordCount(.additional))
        // A cache entry has room for so many.
        guard counts.0 < 4096, counts.1 < 1024, counts.2 < 1024 else { throw .tooLarge }
        return Answer(
            head,
            counts: (
                UInt16(truncatingIfNeeded: counts.0), UInt16(truncatingIfNeeded: counts.1),
                UInt16(truncatingIfNeeded: counts.2)
            ), storage: written, range: asked.recordsStart..<written.count)
    }

    /// Calls `write` with a builder that has the question, and gives what was written. Nearly all messages fit into twice their
    /// length when names are written out; where one does not, it may be as long as a message can be.
    static func message(
        of length: Int, to asked: Asked, seed: UInt64, _ write: (inout MessageBuilder) throws(WireError) -> Void
    ) throws(BrokenReply) -> [UInt8] {
        for room in [min(65_535, 2 * length + 512), 65_535] {
            var scratch = [UInt8](repeating: 0, count: room)
            do throws(WireError) {
                var builder = MessageBuilder(scratch.mutableSpan, id: 0, flags: HeaderFlags(), seed: seed)
                try builder.appendQuestion(
                    NameView(lowercased: asked.name.span, labelCount: asked.labelCount), asked.type, asked.class)
                try write(&builder)
                let end = builder.count
                scratch.removeLast(scratch.count - end)
                return scratch
            } catch {
                guard error == .doesNotFit else { throw .unreadable }
            }
        }
        throw .tooLarge
    }

    /// Writes all records that are kept anew.
    private static func written(
        _ reply: [UInt8], to asked: Asked, _ rules: Belief.Rules, _ kept: KeptRecords
    ) throws(BrokenReply) -> [UInt8] {
        try message(of: reply.count, to: asked, seed: rules.seed) { (builder) throws(WireError) in
            var set = -1
            var owner = 0
            for record in kept.records {
                let view = RecordView(reply.span, record.place)
                let ttl = kept.ttls[record.set]
                // An RRset's owner is written once; the others point to it.
                if record.set == set, owner < 0x4000, !record.hasMadeData {
                    try builder.append(view, to: record.section, ttl: ttl, ownerAt: owner)
                    continue
                }
                set = record.set
                owner = try builder.append(
                    view, to: record.section, ttl: ttl, lowercasingOwner: record.hasMadeOwner,
                    lowercasingName: record.hasMadeData)
            }
        }
    }
}

extension Answer {
    /// The answer to a question whose alias the upstream did not follow, with that to the question for its target behind it, which
    /// came so many seconds later.
    package func followed(
        by other: Answer, to target: Asked, asked: Asked, after seconds: UInt32 = 0, _ rules: Belief.Rules
    ) throws(BrokenReply) -> Answer {
        var mine = message(to: asked)
        if seconds > 0 { try Self.countDown(&mine, by: seconds) }
        let others = other.message(to: target)
        let written = try AnswerRecords.message(of: mine.count + others.count, to: asked, seed: rules.seed) {
            (builder) throws(WireError) in
            var records = try MessageView(mine.span).records()
            while let record = try records.next(), record.section == .answer { try builder.append(record, to: .answer) }
            records = try MessageView(others.span).records()
            while let record = try records.next() { try builder.append(record, to: record.section) }
        }
        let lifetime = min(smallestTTL(of: mine), other.notKept == nil ? other.lifetimeSeconds : .max)
        var flags = HeaderFlags()
        flags.isAuthoritative = false
        let head = Answer.Head(
            kind: other.kind, responseCode: other.responseCode, flags: flags,
            authenticData: authenticData && other.authenticData, lifetimeSeconds: lifetime, notKept: other.notKept,
            aliasCount: aliasCount + other.aliasCount, target: other.target,
            droppedCount: droppedCount + other.droppedCount)
        return try AnswerRecords.answer(head, written: written, to: asked)
    }

    /// Takes an age off all TTLs of a message of our own; what is used up is 0.
    private static func countDown(_ message: inout [UInt8], by seconds: UInt32) throws(BrokenReply) {
        var places: [(offset: Int, ttl: UInt32)] = []
        do throws(WireError) {
            var records = try MessageView(message.span).records()
            while let record = try records.next() { places.append((record.ttlOffset, record.ttl - min(record.ttl, seconds))) }
        } catch {
            throw .unreadable
        }
        var span = message.mutableSpan
        for place in places { span.storeUInt32(place.ttl, at: place.offset) }
    }

    /// The smallest TTL in a message of our own.
    private func smallestTTL(of message: [UInt8]) -> UInt32 {
        var smallest = TTLLimits.largest
        guard var records = try? MessageView(message.span).records() else { return 0 }
        while let record = try? records.next() { smallest = min(smallest, record.ttl) }
        return smallest
    }
}
