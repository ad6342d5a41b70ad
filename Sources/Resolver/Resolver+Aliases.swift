internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// Aliases whose target an upstream left out (RFC 1034 5.2.2).
extension Resolver {
    /// So many times a target is asked for.
    private static var mostFollowed: Int { 11 }

    /// Asks for the target of an answer's alias, and for that of the next, until one is answered: all of it as one answer. An
    /// alias that leads in a circle, or to a name that nobody answers for, is no answer. All until the question's deadline. Waits.
    func follow(
        _ reply: UpstreamReply, _ key: CacheKey, _ rules: Belief.Rules, until deadline: Instant, for flight: Flight
    ) throws(UpstreamFailure) -> UpstreamReply {
        guard reply.answer.kind == .alias else { return reply }
        var whole = reply
        var isOwn = false
        // By the clock of those who count down what is kept.
        var toldAt = hub.bootSeconds
        for _ in 0..<Self.mostFollowed {
            let target = Asked(whole.answer.target, key.type, key.class, flags: key.flags)
            guard target.name != key.wireName else { break }
            let next: UpstreamReply
            flight.trace(at: hub.loop.now())?.note(
                "alias", at: hub.loop.now(),
                "leads to \(RuleBook.text(target.name.span, labels: 127)), which the upstream did not follow")
            switch told(of: target, to: Self.nobody, in: key.viewNumber) {
            case .message(let message, let ownRecords):
                next = try read(message, target, rules, isOwn: ownRecords)
                isOwn = isOwn || ownRecords
            case .silence: throw .refused(.servFail, .other)
            case .kept, .unknown:
                next = try ask(target, of: domain(of: target, in: key.viewNumber), rules, until: deadline, for: flight)
            }
            let age = hub.bootSeconds &- toldAt
            toldAt &+= age
            let joined = try? whole.answer.followed(by: next.answer, to: target, asked: key.asked, after: age, rules)
            guard let joined, joined.aliasCount <= Self.mostFollowed else { break }
            whole = UpstreamReply(joined, upstream: next.upstream, transport: next.transport)
            guard joined.kind == .alias else {
                // Our own records may be others with the next reload, and are nobody else's.
                return isOwn ? UpstreamReply(joined.asOwn(), upstream: next.upstream, transport: next.transport) : whole
            }
        }
        throw .refused(.servFail, .other)
    }

    /// Reads what is known here of an alias's target.
    private func read(
        _ message: [UInt8], _ target: Asked, _ rules: Belief.Rules, isOwn: Bool
    ) throws(UpstreamFailure) -> UpstreamReply {
        var rules = rules
        rules.trustsAD = true
        // The bounds of TTLs are for what others say.
        if isOwn { rules.limits = TTLLimits() }
        guard case .answer(let answer) = Belief.read(message, to: target, rules) else { throw .refused(.servFail, .other) }
        return UpstreamReply(answer, upstream: .max, transport: .udp)
    }

    /// What is known here of a name that another's leads to.
    enum Told {
        /// A whole message; whether it is of our own records: those of the hosts file, or of the rules.
        case message([UInt8], isOwn: Bool)
        /// The rules let nobody be told anything.
        case silence
        /// The cache has something that is longer than a message.
        case kept
        /// Others must be asked.
        case unknown
    }

    /// What a client would be told that asked for the name that another leads to, as far as that needs no waiting: by the hosts
    /// file, our own records, the rules, the cache and locally served zones. For an alias in an answer that all share the client
    /// is `nobody`, for whom no group's rules hold, in the view of the question; for what stands for another by our own word it
    /// is who asked, whose view tells itself.
    @inline(never)
    func told(
        of target: Asked, to client: UInt128, named name: ClientName = .none, in view: ViewNumber = .general
    ) -> Told {
        var message = [UInt8](repeating: 0, count: 65_535)
        var query = QueryView()
        query.clientName = name
        var buffer = message.mutableSpan
        let length = UpstreamQuestion(target).write(into: &buffer)
        let source = answeredBy
        defer { answeredBy = source }
        switch look(&query, length: length, in: &buffer, from: client, streams: true, within: view).step {
        case .answered(let count):
            message.removeLast(message.count - count)
            let name = target.name
            let isOwn = isInHosts(name.span, target.type) || policy.rules?.localRuling(name.span, target.type) != nil
            return .message(message, isOwn: isOwn)
        case .drop: return .silence
        case .tooLong: return .kept
        case .wait: return .unknown
        }
    }

    /// Whether the hosts file answers a question.
    func isInHosts(_ name: Span<UInt8>, _ type: RecordType) -> Bool {
        guard let hosts = unsafe hosts else { return false }
        if case .unknown = hosts.find(name, type: type) { return false }
        return true
    }
}
