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
    /// alias that leads in a circle, or to a name that nobody answers for, is no answer. All within one question's time. Waits.
    func follow(_ reply: UpstreamReply, _ key: CacheKey, _ rules: Belief.Rules) throws(UpstreamFailure) -> UpstreamReply {
        guard reply.answer.kind == .alias else { return reply }
        let deadline = hub.loop.now().advanced(by: Forwarder.questionLimit)
        var whole = reply
        for _ in 0..<Self.mostFollowed {
            let target = Asked(whole.answer.target, key.type, key.class, flags: key.flags)
            guard target.name != key.wireName, hub.loop.now() < deadline else { break }
            let domain = index.find(target.name.span) ?? DomainFacts()
            guard let forwarder = forwards[domain.route] else { throw .noUpstream }
            let next = try forwarder.ask(UpstreamQuestion(target), rules)
            let joined = try? whole.answer.followed(by: next.answer, to: target, asked: key.asked, rules)
            guard let joined, joined.aliasCount <= Self.mostFollowed else { break }
            whole = UpstreamReply(joined, upstream: next.upstream, transport: next.transport)
            guard joined.kind == .alias else { return whole }
        }
        throw .refused(.servFail, .other)
    }
}
