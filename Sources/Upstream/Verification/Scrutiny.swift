// Where the network lies.
//
// Plain DNS to a far server may be answered by somebody on the way, who sees the question with its id, port and letters: none
// of the other defences help. Such an answer is known by what its sender cannot do: it comes before the true one.
//
//     Forwarder.ask      a name that was forged before goes to the verifying upstreams at once
//     Asking.run         a plain upstream's answer
//     Scrutiny.judge     does it come much too soon, does another follow, has it an address of a list?
//     verifier.ask       then the verifying upstreams are asked, and what they say is the answer
//     ForgedNames        the name, and all below it, is theirs from now on
//
// Invariants: what is suspicious is never given out nor kept; where nobody confirms anything the question fails. What is learnt
// of an upstream's round trips is learnt from believed answers alone. A group without `verify` and `bogus` pays a comparison
// with nil.

internal import Belief
internal import DNSWire
internal import Green
internal import Observation

/// Looks at the answers of one group, of one hub.
final class Scrutiny {
    private let suspicions: Suspicions
    private let bogus: AddressRanges
    private let hub: Hub
    private let watch: UpstreamWatch?
    private let forged: ForgedNames
    /// Who is asked where an answer is suspicious; nil where only `bogus` addresses are looked for.
    let verifier: Forwarder?
    /// Answers that were suspicious, and those of them that turned out to be others than the verifying upstream's.
    private(set) var suspiciousCount: UInt64 = 0
    private(set) var forgedCount: UInt64 = 0

    /// After an answer a second one is waited for by a part of the round trip, within these bounds.
    static let shortestWait: UInt64 = 1_000_000
    static let longestWait: UInt64 = 10_000_000
    static let waitPart: UInt64 = 8
    /// An answer that comes sooner than usual is waited past for so long at most.
    static let longestEarlyWait: UInt64 = 100_000_000
    /// So long a denial is kept that stands for a bogus address.
    static let denialSeconds: UInt32 = 60

    init(_ policy: ForwardPolicy, verifier: Forwarder?, hub: Hub, watch: UpstreamWatch?) {
        suspicions = policy.suspicions
        bogus = policy.bogus
        self.verifier = verifier
        self.hub = hub
        self.watch = watch
        forged = watch?.forged ?? ForgedNames(seed: hub.loop.random())
    }

    /// Whether each answer's sender may be followed by another.
    private var looksForSecond: Bool { verifier != nil && suspicions.twice }
    /// Whether exchanges go on after their answer, so that a second one is seen.
    var watchesOthers: Bool { looksForSecond || !bogus.isEmpty }

    /// The answer of the verifying upstreams to a question that is theirs; nil for all others. Waits.
    func answerOfVerifier(
        _ question: UpstreamQuestion, _ rules: Belief.Rules, until deadline: Instant
    ) throws(UpstreamFailure) -> UpstreamReply? {
        guard let verifier, forged.contains(question.name.span, at: hub.now) else { return nil }
        return withoutBogus(try verifier.ask(question, rules, until: deadline), question)
    }

    /// The answer to give out where an upstream gave `found`. Waits where a second answer may come, or another upstream must
    /// be asked.
    func judge(_ found: Asking.Found, of asking: Asking, until deadline: Instant) throws(UpstreamFailure) -> UpstreamReply {
        let isBogus = isBogus(found.answer)
        guard let exchange = asking.answered, !found.transport.isEncrypted else {
            return withoutBogus(found.reply, asking.question)
        }
        var suspicion = verifier == nil ? nil : firstSuspicion(found, exchange)
        var other: Answer?
        if suspicion == nil || suspicion == .unmeasured, looksForSecond || isBogus, found.transport == .udp {
            let end = end(of: exchange, isBogus: isBogus)
            while let judgement = try asking.other(than: found.answer, until: end) {
                if looksForSecond { suspicion = .twice }
                if case .answer(let answer) = judgement, !self.isBogus(answer) { other = answer }
                if looksForSecond || other != nil { break }
            }
        }
        // Where the second was lost or late, that the first came much too soon says the same; it must not teach the round trip.
        if verifier != nil, suspicion == nil, looksForSecond, found.transport == .udp,
            exchange.server.quickest.isEarly(exchange.age)
        {
            suspicion = .early
        }
        if let verifier, let suspicion {
            return try confirm(found, suspicion, by: verifier, of: asking, until: deadline)
        }
        if found.transport == .udp { exchange.server.quickest.record(exchange.age) }
        guard isBogus else { return found.reply }
        // Another's answer, which may be the true one; else the name does not exist.
        guard let other else { return withoutBogus(found.reply, asking.question) }
        return UpstreamReply(other, upstream: found.server.id, transport: found.transport)
    }

    /// What is wrong with an answer by itself.
    private func firstSuspicion(_ found: Asking.Found, _ exchange: Exchange) -> Suspicion? {
        if !suspicions.listed.isEmpty, found.answer.hasAddress(where: suspicions.listed.contains) { return .listed }
        if isBogus(found.answer) { return .listed }
        // How long to wait for a second answer depends on the round trip as well, which the first answers tell, or whoever forges them.
        guard suspicions.early || suspicions.twice, found.transport == .udp else { return nil }
        if suspicions.early, exchange.server.quickest.isEarly(exchange.age) { return .early }
        return exchange.server.quickest.isMeasured ? nil : .unmeasured
    }

    /// Until when a second answer to a try is waited for.
    private func end(of exchange: Exchange, isBogus: Bool) -> Instant {
        let server = exchange.server
        let usual = max(server.roundTrip, server.quickest.nanoseconds)
        let short = min(max(usual / Self.waitPart, Self.shortestWait), Self.longestWait)
        // An answer with a bogus address is somebody's who answers first: the true one may take as long as any.
        let longest = isBogus ? server.resendWait(.udp) : usual + short
        let rest = longest > exchange.age ? longest - exchange.age : 0
        let wait = max(short, isBogus ? rest : min(Self.longestEarlyWait, rest))
        return exchange.sentAt.advanced(byNanoseconds: exchange.age).advanced(byNanoseconds: wait)
    }

    /// Asks the verifying upstreams, whose answer is the one that counts.
    private func confirm(
        _ found: Asking.Found, _ suspicion: Suspicion, by verifier: Forwarder, of asking: Asking, until deadline: Instant
    ) throws(UpstreamFailure) -> UpstreamReply {
        if suspicion != .unmeasured {
            suspiciousCount &+= 1
            found.server.figures.suspicious.add()
        }
        let exchange = asking.answered
        if asking.isWatched { asking.note(found.server, "suspicious (\(suspicion)): the verifying upstreams are asked") }
        let confirmed: UpstreamReply
        do throws(UpstreamFailure) {
            confirmed = try verifier.ask(asking.question, asking.rules, until: deadline, for: asking.standing)
        } catch {
            if error == .stopping { throw error }
            guard suspicion == .unmeasured else { throw .unconfirmed }
            // Nothing speaks against it: without the verifying upstream too its round trips are learnt.
            exchange?.server.quickest.record(exchange?.age ?? 0)
            return found.reply
        }
        let isTrue = confirmed.answer.agrees(with: found.answer)
        if asking.isWatched {
            asking.note(found.server, isTrue ? "says what they say" : "looks forged: the verifying upstreams say something else")
        }
        switch suspicion {
        case .unmeasured: if isTrue { exchange?.server.quickest.record(exchange?.age ?? 0) }
        case .early: exchange?.server.quickest.recordEarly(exchange?.age ?? 0, isTrue: isTrue)
        case .twice, .listed: break
        }
        if suspicion != .unmeasured { remember(found, asking.question, isTrue: isTrue) }
        return withoutBogus(confirmed, asking.question)
    }

    /// The name is the verifying upstream's from now on.
    private func remember(_ found: Asking.Found, _ question: UpstreamQuestion, isTrue: Bool) {
        let now = hub.now
        forged.insert(question.name.span, for: isTrue ? ForgedNames.shortMemory : ForgedNames.memory, at: now)
        guard !isTrue else { return }
        forgedCount &+= 1
        found.server.figures.forged.add()
        watch?.noteForged(question, by: found.server.address, at: now)
    }

    private func isBogus(_ answer: Answer) -> Bool { !bogus.isEmpty && answer.hasAddress(where: bogus.contains) }

    /// An answer as it is, or that the name does not exist where it has a bogus address.
    private func withoutBogus(_ reply: UpstreamReply, _ question: UpstreamQuestion) -> UpstreamReply {
        guard isBogus(reply.answer) else { return reply }
        let denial = Answer.denial(of: question.asked, seconds: min(Self.denialSeconds, reply.answer.lifetimeSeconds))
        return UpstreamReply(denial, upstream: reply.upstream, transport: reply.transport)
    }
}
