internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import Upstream

/// Aliases whose target an upstream left out (RFC 1034 5.2.2).
extension Resolver {
    /// So many times a target is asked for.
    private static var mostFollowed: Int { 11 }

    /// Asks for the target of an answer's alias, and for that of the next, until one is answered: all of it as one answer. An
    /// alias that leads in a circle, or to a name that nobody answers for, is no answer. All until the question's deadline. Waits.
    func follow(
        _ reply: UpstreamReply, _ key: CacheKey, _ rules: Belief.Rules, until deadline: Instant
    ) throws(UpstreamFailure) -> UpstreamReply {
        guard reply.answer.kind == .alias else { return reply }
        var whole = reply
        for _ in 0..<Self.mostFollowed {
            let target = Asked(whole.answer.target, key.type, key.class, flags: key.flags)
            guard target.name != key.wireName else { break }
            let here = try known(target, rules)
            let next = if let here { here } else { try ask(target, of: domain(of: target), rules, until: deadline) }
            let joined = try? whole.answer.followed(by: next.answer, to: target, asked: key.asked, rules)
            guard let joined, joined.aliasCount <= Self.mostFollowed else { break }
            whole = UpstreamReply(joined, upstream: next.upstream, transport: next.transport)
            guard joined.kind == .alias else { return whole }
        }
        throw .refused(.servFail, .other)
    }

    /// What is known here of an alias's target, as a client would be told that asked for it: the hosts file, locally served
    /// zones and the cache come before upstreams. Nil where others must be asked.
    @inline(never)
    private func known(_ target: Asked, _ rules: Belief.Rules) throws(UpstreamFailure) -> UpstreamReply? {
        var message = [UInt8](repeating: 0, count: 65_535)
        var query = QueryView()
        var buffer = message.mutableSpan
        let length = UpstreamQuestion(target).write(into: &buffer)
        guard case .answered(let count) = begin(&query, length: length, in: &buffer, from: Self.nobody, streams: true) else {
            return nil
        }
        message.removeLast(message.count - count)
        var rules = rules
        rules.trustsAD = true
        guard case .answer(let answer) = Belief.read(message, to: target, rules) else { throw .refused(.servFail, .other) }
        return UpstreamReply(answer, upstream: .max, transport: .udp)
    }
}
