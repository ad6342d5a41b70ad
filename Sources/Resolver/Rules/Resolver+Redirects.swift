internal import AnswerCache
internal import DNSWire
internal import Green
internal import NameRules
internal import Observation
internal import Upstream

/// Names that stand for others by our own word: rewrites, aliases of our own and of lists, safe searches. The other name is looked
/// up like any, and its answer stands behind a CNAME record.
extension Resolver {
    /// For so long clients may keep that a name stands for another, unless its record says otherwise.
    static var redirectTTL: UInt32 { 300 }

    /// The answer to a question whose name stands for another; nil where it does not. Waits.
    func resolveRedirect(_ pending: PendingQuery) -> Resolution? {
        guard !pending.isRedirected, let book = policy.rules, pending.key.class == .internet else { return nil }
        guard pending.unlistedBy != book.number else { return nil }
        let group = book.group(of: pending.address, named: pending.clientName)
        let name = pending.key.wireName
        return book.redirect(name.span, pending.key.type, group: group).map { follow($0, pending, book) }
    }

    /// What to do with an answer that the cache has, and which cannot be judged in the buffer: it is written later, but where it
    /// may be that a list has an alias in its place, that is waited for.
    func laterStep(_ query: inout QueryView, from client: UInt128) -> Step {
        let mayBeAlias = policy.rules?.hasListAliases == true && !Self.hasNoLists(client)
        guard mayBeAlias, query.flags.recursionDesired else { return .tooLong }
        query.isKept = true
        return .wait
    }

    /// The answer that the cache has, or the one in its place, where a list denies it by an alias of its own: for another name in
    /// it, or an address. Nil where nothing is kept, or no list has aliases. Waits.
    func resolveKept(_ pending: PendingQuery, orStale: Bool = false) -> Resolution? {
        guard let book = bookWithAliases(for: pending) else { return nil }
        var kept = look(for: pending, under: pending.key, orStale: orStale)
        // As it is written.
        if case .nothing = kept, orStale, let key = cache.borrowedKey(for: pending.key) {
            kept = look(for: pending, under: key, orStale: true)
        }
        switch kept {
        case .nothing: return nil
        case .denied(let denial): return followDenied(denial, pending, book) ?? (orStale ? .stale : .cached)
        case .passes: return orStale ? .stale : .cached
        }
    }

    /// What the cache has for a client.
    private enum Kept {
        /// Nothing.
        case nothing
        /// An answer that the client may have.
        case passes
        /// An answer that it may not have.
        case denied(Denial)
    }

    /// Most answers are no longer.
    private static var usualLength: Int { 1024 }

    /// Looks under a key for what a client will be given.
    private func look(for pending: PendingQuery, under key: CacheKey, orStale: Bool) -> Kept {
        let now = BootSeconds(rawValue: hub.bootSeconds)
        var room = Self.usualLength
        while true {
            var bytes = [UInt8](repeating: 0, count: room)
            var buffer = bytes.mutableSpan
            let end = AnswerWriter(pending).writeQuestion(into: &buffer)
            switch cache.answerLate(key, orStale: orStale, isCounted: false, at: now, into: &buffer, at: end) {
            case .miss, .stale: return .nothing
            case .tooLarge(let byteCount): room = end + byteCount
            case .hit(let stored):
                return denial(pending, key, stored, &buffer, at: end, now, counting: nil).map { .denied($0) } ?? .passes
            }
        }
    }

    /// The same for what a flight has brought, or what is past its time.
    func resolveDenied(_ resolution: Resolution, _ pending: PendingQuery) -> Resolution? {
        switch resolution.content {
        case .landed(let flight):
            guard let book = bookWithAliases(for: pending) else { return nil }
            return followDenied(denial(pending, flight, counting: nil), pending, book)
        case .stale: return resolveKept(pending, orStale: true)
        case .cached, .redirected, .failed: return nil
        }
    }

    /// The rules in force, where a list of them has aliases, and they have a say in the answer to a query.
    private func bookWithAliases(for pending: PendingQuery) -> RuleBook? {
        guard let book = policy.rules, book.hasListAliases, !pending.isPastLists, pending.address != Self.nobody,
            pending.key.class == .internet
        else { return nil }
        return book
    }

    /// Follows the alias by which an answer is denied; nil where it is not, or by something else. Waits.
    private func followDenied(_ denial: Denial?, _ pending: PendingQuery, _ book: RuleBook) -> Resolution? {
        guard let denial, let alias = denial.alias(for: pending.key.type) else { return nil }
        if let list = denial.list { listHits?.note(list) }
        return follow(alias, pending, book)
    }

    /// Follows a name that stands for another to the end of its aliases. What stands behind an alias of a list is no matter of
    /// lists any more: our own records, the hosts file, safe searches and the care for private addresses go on to count. Waits.
    private func follow(_ first: RuleBook.Alias, _ pending: PendingQuery, _ book: RuleBook) -> Resolution {
        let group = book.group(of: pending.address, named: pending.clientName)
        var next = first
        var records: [ResourceRecord] = []
        var owner = pending.key.wireName
        var cause: Denial?
        var isPastLists = false
        for _ in 0..<AliasWays.longest {
            guard let name = RuleBook.name(owner.span) else { break }
            cause = cause ?? next.cause
            isPastLists = isPastLists || next.cause?.list != nil
            if let trace = pending.trace { note(next, of: name, trace) }
            records.append(ResourceRecord(name, ttl: next.ttl ?? Self.redirectTTL, .cname(RecordData.CNAME(target: next.target))))
            owner = next.target.lowercased.wire
            if !isInHosts(owner.span, pending.key.type),
                let further = book.redirect(owner.span, pending.key.type, group: group, isPastLists: isPastLists)
            {
                next = further
                continue
            }
            let other = PendingQuery(
                pending, redirectedTo: FixedName(next.target), seed: cache.seed, isPastLists: isPastLists)
            return .redirected(Redirect(records: records, other: message(for: other), cause: cause))
        }
        return .failed(.noAnswer(.refused(.servFail, .other)))
    }

    /// Tells who watches that a name stands for another.
    private func note(_ alias: RuleBook.Alias, of name: Name, _ trace: QuestionTrace) {
        let reason = alias.cause.map { $0.isSafeSearch ? ", for safe search" : ", by \($0.text)" } ?? ""
        trace.note(
            alias.cause == nil ? "local" : "rules", at: hub.loop.now(), "\(name) stands for \(alias.target)\(reason)")
    }

    /// What the client of a query is told about its name, as a message of its own; nil for nothing at all. Waits.
    private func message(for query: PendingQuery) -> [UInt8]? {
        let resolution: Resolution
        let client = query.isPastLists ? Self.pastLists : query.address
        switch told(of: query.key.asked, to: client, named: query.clientName, in: query.key.viewNumber) {
        case .message(let message, _): return message
        case .silence: return nil
        case .kept: resolution = .cached
        case .unknown: resolution = resolveQuietly(query)
        }
        // Not before the wait, of which there may be many.
        var bytes = [UInt8](repeating: 0, count: 65_535)
        var span = bytes.mutableSpan
        let count = writeQuietly(query, resolution, into: &span, limit: span.count)
        return count == 0 ? nil : Array(bytes[..<count])
    }
}

/// What stands in place of an answer whose question's name stands for another.
final class Redirect: Sendable {
    /// The aliases from the name on.
    let records: [ResourceRecord]
    /// The answer for the last name; nil where its client is told nothing at all.
    let other: [UInt8]?
    /// Why, where it is not by the settings' own records or rewrites.
    let reason: ToldReason?

    /// Puts them together.
    init(records: [ResourceRecord], other: [UInt8]?, cause: Denial?) {
        self.records = records
        self.other = other
        reason = cause.flatMap(ToldReason.init)
    }

    /// What the answer's head says.
    var reply: Reply {
        var reply = Reply(.noError)
        if let other, other.count >= MessageView.headerLength {
            reply.responseCode = ResponseCode(rawValue: UInt16(other[3] & 0x0F))
            reply.isTruncated = other[2] & 2 != 0
            reply.extendedError = Self.extendedError(of: other)
        }
        return reply
    }

    /// The extended error that a message of our own tells.
    private static func extendedError(of message: [UInt8]) -> ExtendedErrorCode? {
        guard var records = try? MessageView(message.span).records() else { return nil }
        while let record = try? records.next() {
            guard record.type == .opt, record.rdata.count >= 6,
                record.rdata.loadUInt16(at: 0) == EDNSOptionCode.extendedError.rawValue
            else { continue }
            return ExtendedErrorCode(rawValue: record.rdata.loadUInt16(at: 4))
        }
        return nil
    }
}
