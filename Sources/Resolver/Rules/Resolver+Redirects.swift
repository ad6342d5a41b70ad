internal import AnswerCache
internal import DNSWire
internal import Green
internal import NameRules
internal import Upstream

/// Names that stand for others by our own word: rewrites, aliases of our own, safe searches. The other name is looked up like
/// any, and its answer stands behind a CNAME record.
extension Resolver {
    /// So many names that stand for others are followed.
    private static var mostRedirects: Int { 8 }
    /// So long an answer for the other name may be; what is longer is cut.
    private static var longestAnswer: Int { 16_384 }
    /// For so long clients may keep that a name stands for another, unless its record says otherwise.
    private static var ttl: UInt32 { 300 }

    /// The answer to a question whose name stands for another; nil where it does not. Waits.
    func resolveRedirect(_ pending: PendingQuery) -> Resolution? {
        guard !pending.isRedirected, let book = policy.rules, pending.key.class == .internet else { return nil }
        let group = book.group(of: pending.address)
        guard var next = redirect(from: pending.key.wireName, pending.key.type, group, book) else { return nil }
        var records: [ResourceRecord] = []
        var owner = pending.key.wireName
        for _ in 0..<Self.mostRedirects {
            guard let name = RuleBook.name(owner.span) else { return nil }
            records.append(ResourceRecord(name, ttl: next.ttl ?? Self.ttl, .cname(RecordData.CNAME(target: next.target))))
            owner = next.target.lowercased.wire
            switch book.localRuling(owner.span, pending.key.type) {
            case .redirect(let target, let ttl, _): next = (target, ttl, next.isSafeSearch)
            case .local(let own): return .redirected(Redirect(records: records + own, isSafeSearch: next.isSafeSearch))
            case .deny: return .redirected(Redirect(records: records, isSafeSearch: next.isSafeSearch))
            case .pass, nil:
                let other = PendingQuery(pending, redirectedTo: FixedName(next.target), seed: cache.seed)
                return .redirected(Redirect(records: records, other: message(for: other), isSafeSearch: next.isSafeSearch))
            }
        }
        return .failed(.noAnswer(.refused(.servFail, .other)))
    }

    /// Where a name leads to.
    private func redirect(
        from name: [UInt8], _ type: RecordType, _ group: Int?, _ book: RuleBook
    ) -> (target: Name, ttl: UInt32?, isSafeSearch: Bool)? {
        guard case .redirect(let target, let ttl, let isSafe) = book.redirect(name.span, type, group: group) else { return nil }
        return (target, ttl, isSafe)
    }

    /// The answer to a query as a message of its own. Waits.
    private func message(for query: PendingQuery) -> [UInt8] {
        var resolution = Resolution.cached
        if cache.secondsLeft(query.key, at: BootSeconds(rawValue: hub.bootSeconds)) == nil { resolution = resolve(query) }
        // Not before the wait, of which there may be many.
        var bytes = [UInt8](repeating: 0, count: Self.longestAnswer)
        var span = bytes.mutableSpan
        let count = writeUnjudged(query, resolution, into: &span, limit: Self.longestAnswer)
        return Array(bytes[..<count])
    }
}

/// What stands in place of an answer whose question's name stands for another.
final class Redirect: Sendable {
    /// The aliases from the name on, and our own records behind them.
    let records: [ResourceRecord]
    /// The answer for the last name, where it is not our own.
    let other: [UInt8]
    /// Whether it is for a search without what is not for children.
    let isSafeSearch: Bool

    /// Puts both together.
    init(records: [ResourceRecord], other: [UInt8] = [], isSafeSearch: Bool) {
        self.records = records
        self.other = other
        self.isSafeSearch = isSafeSearch
    }

    /// What the answer's head says.
    var reply: Reply {
        var reply = Reply(.noError)
        if other.count >= MessageView.headerLength { reply.responseCode = ResponseCode(rawValue: UInt16(other[3] & 0x0F)) }
        if other.count >= MessageView.headerLength { reply.isTruncated = other[2] & 2 != 0 }
        if isSafeSearch { (reply.extendedError, reply.text) = (.forgedAnswer, "safe search") }
        return reply
    }
}
