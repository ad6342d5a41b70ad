internal import AnswerCache
internal import DNSWire
internal import Green
internal import NameRules
internal import Observation
internal import Upstream

/// Names that stand for others by our own word: rewrites, aliases of our own, safe searches. The other name is looked up like
/// any, and its answer stands behind a CNAME record.
extension Resolver {
    /// So many names that stand for others are followed.
    private static var mostRedirects: Int { 8 }
    /// For so long clients may keep that a name stands for another, unless its record says otherwise.
    static var redirectTTL: UInt32 { 300 }

    /// The answer to a question whose name stands for another; nil where it does not. Waits.
    func resolveRedirect(_ pending: PendingQuery) -> Resolution? {
        guard !pending.isRedirected, let book = policy.rules, pending.key.class == .internet else { return nil }
        let group = book.group(of: pending.address, named: pending.clientName)
        guard var next = redirect(from: pending.key.wireName, pending.key.type, group, book) else { return nil }
        var records: [ResourceRecord] = []
        var owner = pending.key.wireName
        var isSafeSearch = false
        for _ in 0..<Self.mostRedirects {
            guard let name = RuleBook.name(owner.span) else { return nil }
            isSafeSearch = isSafeSearch || next.isSafeSearch
            if let trace = pending.trace {
                let reason = next.isSafeSearch ? ", for safe search" : ""
                trace.note(
                    next.isSafeSearch ? "rules" : "local", at: hub.loop.now(), "\(name) stands for \(next.target)\(reason)")
            }
            records.append(ResourceRecord(name, ttl: next.ttl ?? Self.redirectTTL, .cname(RecordData.CNAME(target: next.target))))
            owner = next.target.lowercased.wire
            if !isInHosts(owner.span, pending.key.type), let further = redirect(from: owner, pending.key.type, group, book) {
                next = further
                continue
            }
            let other = PendingQuery(pending, redirectedTo: FixedName(next.target), seed: cache.seed)
            return .redirected(Redirect(records: records, other: message(for: other), isSafeSearch: isSafeSearch))
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

    /// What the client of a query is told about its name, as a message of its own; nil for nothing at all. Waits.
    private func message(for query: PendingQuery) -> [UInt8]? {
        let resolution: Resolution
        switch told(of: query.key.asked, to: query.address, named: query.clientName) {
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
    /// Whether it is for a search without what is not for children.
    let isSafeSearch: Bool

    /// Puts both together.
    init(records: [ResourceRecord], other: [UInt8]?, isSafeSearch: Bool) {
        self.records = records
        self.other = other
        self.isSafeSearch = isSafeSearch
    }

    /// What the answer's head says.
    var reply: Reply {
        var reply = Reply(.noError)
        if let other, other.count >= MessageView.headerLength {
            reply.responseCode = ResponseCode(rawValue: UInt16(other[3] & 0x0F))
            reply.isTruncated = other[2] & 2 != 0
            reply.extendedError = Self.extendedError(of: other)
        }
        if isSafeSearch { (reply.extendedError, reply.text) = (.forgedAnswer, "safe search") }
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
