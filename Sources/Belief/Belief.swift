// What of a reply counts.
//
// A reply is read once, in the flight's greenlet, and becomes an `Answer` before anybody is told. For a question for
// `www.example.com A` without DO, this reply
//
//     answer      www.example.com.  300 CNAME web.example.net.      kept: the alias of the name asked for
//                 web.example.net.   60 A     192.0.2.1             kept: what the alias leads to, of the type asked for
//                 web.example.net.   90 A     192.0.2.2             kept, with TTL 60, as an RRset has one TTL
//                 other.example.     60 A     192.0.2.3             dropped: nothing leads there
//     authority   example.net.        0 NS    ns.example.net.       dropped, and its TTL says nothing about the answer
//     additional  OPT                                               read, never passed on
//
// comes to three records and a life of 60 s. The steps:
//
//     DirectAnswer        nearly all replies: the records of the name and type asked for, one after the other
//     ReplyIndex          any other: finds every record, under a budget of work
//     AliasChain          goes from the question through its aliases to their end, and picks what belongs to it
//     Authority           the SOA of a negative answer, the proofs that DO asks for, the NS of a referral
//     AnswerRecords       leaves the records as they stand, where that is how they would be written, or writes them anew
//
// Invariants:
// - Work is bounded by the reply's bytes, whatever they are (`WorkBudget`).
// - What is not needed and cannot be read is left out. What is needed and breaks the form of its type makes the reply broken.
// - Nothing of an answer belongs to another name, class or type than the question leads to; OPT, TSIG and SIG(0) never do.
// - TTLs are within their bounds and equal within an RRset. The answer section decides how long an answer lives (RFC 2181 5.2).
// - The letters in which a question went upstream (0x20) are in no answer.
// - Pure: no clock, no I/O. The same reading is for what comes from Redis.

package import DNSWire

/// Judges replies.
package enum Belief {
    /// By what a reply is judged, besides its question.
    package struct Rules: Sendable {
        /// The bounds of TTLs.
        package var limits: TTLLimits
        /// Whether a positive answer goes without its authority and additional records, a DO client's proofs excepted.
        package var isMinimal = true
        /// Whether AD is believed of who sent it.
        package var trustsAD = false
        /// Keys the hashes of names.
        package var seed: UInt64

        /// Rules with these bounds and this seed.
        package init(limits: TTLLimits = TTLLimits(), seed: UInt64) {
            self.limits = limits
            self.seed = seed
        }
    }

    /// Reads a whole reply to a question. Waits for nothing; allocates as little as an answer takes.
    package static func read(_ reply: consuming [UInt8], to asked: Asked, _ rules: Rules) -> Judgement {
        guard reply.count >= MessageView.headerLength, reply.count <= 65_535 else { return .broken(.unreadable) }
        let flags = HeaderFlags(rawValue: reply.span.loadUInt16(at: 2))
        guard flags.isResponse, flags.opcode == .query else { return .broken(.otherQuestion) }
        if flags.isTruncated { return .truncated }
        guard hasQuestion(reply.span, asked) else { return withoutQuestion(reply.span) }
        if let direct = DirectAnswer(reply.span, to: asked, rules, flags) {
            return .answer(direct.answer(from: reply, to: asked, rules, flags))
        }
        do throws(BrokenReply) {
            let index = try ReplyIndex(reply.span, to: asked, rules)
            let code = ResponseCode(low: flags.responseCode, extendedHigh: index.extendedHigh)
            if let failure = failure(code, index.extendedError) { return failure }
            return .answer(try answer(reply, to: asked, rules, index, code))
        } catch {
            // A failure often comes with the query's counts but without its records.
            return failure(flags.responseCode, .invalidData) ?? .broken(error)
        }
    }

    /// What a reply is that leaves the question out, as some servers do where they fail: its rcode means what it says. Of the
    /// rest only OPT is read, for its part of the rcode.
    private static func withoutQuestion(_ reply: Span<UInt8>) -> Judgement {
        var code = HeaderFlags(rawValue: reply.loadUInt16(at: 2)).responseCode
        if reply.loadUInt16(at: 4) == 0, let message = try? MessageView(reply) {
            var records = message.records(at: MessageView.headerLength, question: .root)
            while let place = try? records.nextPlace() {
                guard place.type == .opt, place.section == .additional else { continue }
                code = ResponseCode(low: code, extendedHigh: reply[place.ttlOffset])
                break
            }
        }
        return failure(code, nil) ?? .broken(.otherQuestion)
    }

    /// What an rcode means that is no answer.
    private static func failure(_ code: ResponseCode, _ reason: ExtendedErrorCode?) -> Judgement? {
        switch code {
        case .noError, .nxDomain, .yxDomain: nil
        case .formErr, .notImp, .badVers: .withoutEDNS(code)
        case .servFail where reason?.saysBogus == true: .bogus(reason!)
        default: .failure(code, reason)
        }
    }

    /// Whether a reply has the question, and no other, in whatever letters, written out.
    private static func hasQuestion(_ reply: Span<UInt8>, _ asked: Asked) -> Bool {
        let name = asked.name.span
        let end = MessageView.headerLength + name.count
        guard reply.loadUInt16(at: 4) == 1, reply.count >= end + 4, reply.loadUInt16(at: end) == asked.type.rawValue,
            reply.loadUInt16(at: end + 2) == asked.class.rawValue
        else { return false }
        var index = 0
        while index < name.count {
            let word = reply.loadWord(at: MessageView.headerLength + index, count: name.count - index)
            guard lowercased(word) == name.loadWord(at: index, count: name.count - index) else { return false }
            index += 8
        }
        return true
    }

    /// Picks what belongs to the answer, and writes it.
    private static func answer(
        _ reply: consuming [UInt8], to asked: Asked, _ rules: Rules, _ index: consuming ReplyIndex, _ code: ResponseCode
    ) throws(BrokenReply) -> Answer {
        let flags = HeaderFlags(rawValue: reply.span.loadUInt16(at: 2))
        var chain = AliasChain(index, asked, rules)
        let isFound = try chain.follow(reply.span)
        let total = chain.index.recordCount
        let authority = try Authority(&chain, reply.span, code, isFound: isFound)
        var head = Answer.Head(
            kind: authority.kind, responseCode: code, flags: flags, authenticData: flags.authenticData && rules.trustsAD,
            lifetimeSeconds: chain.kept.smallestTTL, notKept: authority.notKept, aliasCount: chain.aliasCount,
            target: chain.aliasCount == 0 ? asked.name : chain.targetName(reply.span), droppedCount: 0)
        if chain.kept.count == 0 {
            if head.kind == .positive { head.kind = .noData }
            if head.notKept == nil { head.notKept = .noSOA }
        }
        head.droppedCount = total - chain.kept.count
        return try AnswerRecords.answer(head, reply, to: asked, rules, chain.kept)
    }
}

/// What a reply is.
package enum Judgement: Sendable {
    /// An answer.
    case answer(Answer)
    /// Cut short by its transport (TC): to be asked again over another.
    case truncated
    /// The server does not understand EDNS: FORMERR or BADVERS (RFC 6891 7), in old ones NOTIMP (RFC 2671 5.3).
    case withoutEDNS(ResponseCode)
    /// The server failed, or will not answer.
    case failure(ResponseCode, ExtendedErrorCode?)
    /// The server found that the data does not validate (RFC 8914 4.7 to 4.13): no other server is asked.
    case bogus(ExtendedErrorCode)
    /// It is no answer to the question, or cannot be read.
    case broken(BrokenReply)
}

/// What is wrong with a reply.
package enum BrokenReply: Error, Hashable, Sendable {
    /// Its records cannot be read, or a record that is needed breaks the form of its type.
    case unreadable
    /// It has another question, or none.
    case otherQuestion
    /// Nothing in its answer section belongs to the question.
    case unrelated
    /// Its aliases lead in a circle, or to more names than are followed.
    case aliasLoop
    /// It says that the name does not exist, and has data of it.
    case contradiction
    /// Its names are longer and deeper than a message of its size needs.
    case tooMuchWork
    /// With its names written out it is longer than a message can be.
    case tooLarge
}

/// How much work a reply may make: one unit for each byte of a name that is walked along.
struct WorkBudget {
    private var left: Int

    /// The budget for a message. A real one has a few bytes of names for each byte; only compression that means harm has more.
    init(messageLength: Int) { left = 4096 + 4 * messageLength }

    /// Takes from it; throws where it is spent.
    mutating func spend(_ units: Int) throws(BrokenReply) {
        left -= units
        guard left >= 0 else { throw .tooMuchWork }
    }
}
