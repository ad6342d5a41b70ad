internal import AnswerCache
internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// Answers that were waited for.
extension Resolver {
    /// Writes the answer to a query that waited: its length. `limit` is the longest answer the client takes: what does not
    /// fit is left out, whole RRsets at a time, and TC set. 0 where the rules say that no answer is due. Waits for nothing.
    /// `allowed` says what of it may go out, and may put another in its place.
    package func write(
        _ pending: PendingQuery, _ resolution: Resolution, into buffer: inout MutableSpan<UInt8>, limit: Int,
        _ allowed: (inout MutableSpan<UInt8>) -> Allowance = { _ in .whole }
    ) -> Int {
        answeredBy = resolution.source
        watched = pending.trace
        let count = writeQuietly(pending, resolution, into: &buffer, limit: limit)
        let source = answeredBy
        let took = resolution.begunAt?.nanoseconds(to: hub.now)
        let client = TappedClient(pending, took: took ?? 0)
        let (sent, outcome) = count > 0 ? Self.sent(count, allowed(&buffer)) : (0, nil)
        _ = noted(count > 0 ? .answered(max(sent, count)) : .drop, buffer.span, client, outcome)
        if let took, sent > 0 || count == 0 { figures.noteWait(source, nanoseconds: took) }
        if let trace = watched { finish(trace, pending, source, buffer.span.extracting(first: sent)) }
        return sent
    }

    /// How long what goes out of an answer is, and what limits made of it.
    static func sent(_ count: Int, _ allowance: Allowance) -> (Int, AnswerOutcome?) {
        switch allowance {
        case .whole: (count, nil)
        case .slipped(let length) where length > 0: (length, .slipped)
        case .slipped, .nothing: (0, .limited)
        }
    }

    /// The same, not counted.
    func writeQuietly(
        _ pending: PendingQuery, _ resolution: Resolution, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        let limit = min(limit, buffer.count)
        if case .redirected(let redirect) = resolution.content, redirect.other == nil { return 0 }
        let judges = unsafe rulesMark != 0
        if judges, case .landed(let flight) = resolution.content, let denial = denial(pending, flight, counting: listHits),
            let count = write(denial, pending, into: &buffer, limit: limit)
        {
            return count
        }
        return write(pending, resolution, judges: judges, into: &buffer, limit: limit)
    }

    /// Writes the answer; what the cache has is judged where that is wanted.
    private func write(
        _ pending: PendingQuery, _ resolution: Resolution, judges: Bool, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        switch written(pending, resolution, judges: judges, into: &buffer, limit: limit) {
        case .answered(let count):
            return count
        case .denied(let denial):
            return write(denial, pending, into: &buffer, limit: limit)
                ?? write(pending, resolution, judges: false, into: &buffer, limit: limit)
        case .needs(let room):
            // Longer than the buffer before it is cut to what the client takes.
            var whole = [UInt8](repeating: 0, count: room)
            var span = whole.mutableSpan
            let count: Int
            switch written(pending, resolution, judges: judges, into: &span, limit: limit) {
            case .answered(let length): count = length
            case .denied(let denial):
                if let length = write(denial, pending, into: &buffer, limit: limit) { return length }
                guard case .answered(let length) = written(pending, resolution, judges: false, into: &span, limit: limit) else {
                    fallthrough
                }
                count = length
            case .needs: return AnswerWriter(pending).write(Reply(.evicted), into: &buffer)
            }
            buffer.copy(span.span.extracting(first: count), to: 0)
            return count
        }
    }

    /// What writing an answer came to.
    private enum Written {
        /// The answer stands in the buffer and is this long.
        case answered(Int)
        /// The answer is longer than the buffer; with one of this many bytes it can be written.
        case needs(Int)
        /// The rules do not let the client have it.
        case denied(Denial)
    }

    private func written(
        _ pending: PendingQuery, _ resolution: Resolution, judges: Bool, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written {
        if case .redirected(let redirect) = resolution.content {
            let writer = RecordsAnswer(pending)
            return .answered(
                writer.write(
                    redirect.records, and: redirect.other ?? [], redirect.reply, redirect.reason, into: &buffer, limit: limit))
        }
        if case .failed(let failure) = resolution.content {
            return .answered(AnswerWriter(pending).write(Reply(failure), into: &buffer))
        }
        guard case .landed(let flight) = resolution.content else {
            return writeCached(pending, orStale: resolution.isStale, judges: judges, into: &buffer, limit: limit)
                ?? .answered(AnswerWriter(pending).write(Reply(.evicted), into: &buffer))
        }
        switch flight.result {
        case .success(let reply):
            return .answered(AnswerWriter(pending).write(reply.answer, into: &buffer, limit: limit))
        case .failure(let reason): return .answered(AnswerWriter(pending).write(Reply(.noAnswer(reason)), into: &buffer))
        case nil: return .answered(AnswerWriter(pending).write(Reply(.noAnswer(.timedOut)), into: &buffer))
        }
    }

    /// An answer that is longer than the buffer: one that is longer than any datagram as well is asked for over TCP, and is
    /// not looked at for that.
    @inline(never)
    func tooLarge(
        _ query: inout QueryView, _ byteCount: Int, from client: UInt128, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step {
        if let step = judge(&query, from: client, &buffer, streams: streams) { return step }
        answeredBy = .memory
        return streams || byteCount <= Self.mostInDatagram ? laterStep(&query, from: client) : answer(.tooLong, query, &buffer)
    }

    /// The longest answer over UDP that the client may get.
    package func datagramLimit(_ pending: PendingQuery) -> Int { datagramLimit(pending.edns) }

    /// Writes what the cache has, past its time where that is wanted: nil when that is nothing. Then what it has for the
    /// question with DO the other way round may do as well.
    private func writeCached(
        _ pending: PendingQuery, orStale: Bool, judges: Bool, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written? {
        let cached = CachedKey(key: pending.key, orStale: orStale, judges: judges)
        if let own = writeCached(pending, cached, into: &buffer, limit: limit) { return own }
        guard orStale, let key = cache.borrowedKey(for: pending.key) else { return nil }
        return writeCached(pending, CachedKey(key: key, orStale: true, judges: judges), into: &buffer, limit: limit)
    }

    /// What is looked for in the cache.
    private struct CachedKey {
        /// The query's own key but for DO.
        var key: CacheKey
        /// Whether its time may be over.
        var orStale: Bool
        /// Whether the rules have a say.
        var judges: Bool
    }

    /// Writes what the cache has under a key.
    private func writeCached(
        _ pending: PendingQuery, _ wanted: CachedKey, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written? {
        let key = wanted.key
        let writer = AnswerWriter(pending)
        let now = BootSeconds(rawValue: hub.bootSeconds)
        let end = writer.writeQuestion(into: &buffer)
        switch cache.answerLate(key, orStale: wanted.orStale, at: now, into: &buffer, at: end) {
        case .miss, .stale:
            return nil
        case .tooLarge(let byteCount):
            return .needs(end + byteCount + 512)
        case .hit(let stored):
            if wanted.judges, let denial = denial(pending, key, stored, &buffer, at: end, now, counting: listHits) {
                return .denied(denial)
            }
            var reply = Reply(stored, to: pending.flags, pending.edns)
            if stored.isStale { reply.extendedError = stored.responseCode == .nxDomain ? .staleNXDomainAnswer : .staleAnswer }
            let wantsProofs = pending.key.flags.dnssecOK
            // Nobody can check what was asked for without signatures.
            if wantsProofs, !key.flags.dnssecOK { reply.authenticData = false }
            let plainly = key.flags.dnssecOK && !wantsProofs
            let length = end + stored.length
            if !plainly, !writer.isOneSet(limit),
                let count = reply.finish(&buffer, flags: pending.flags, edns: pending.edns, end: length, limit: limit)
            {
                return .answered(count)
            }
            // Too long for the client, or with more than it takes: written anew, whole RRsets only.
            var plain = reply
            plain.extendedError = nil
            _ = plain.finish(&buffer, flags: pending.flags, edns: nil, end: length, limit: buffer.count)
            let whole = [UInt8](copying: buffer.span.extracting(first: length))
            return .answered(writer.copy(whole.span, reply, plainly: plainly, into: &buffer, limit: limit))
        }
    }
}
