internal import AnswerCache
package import DNSWire
internal import Green
package import Observation

/// A query at first sight: the walk of a hit.
extension Resolver {
    /// What came of a query at first sight.
    package enum Step: Hashable, Sendable {
        /// The answer stands in the buffer and is this long.
        case answered(Int)
        /// No answer is due.
        case drop
        /// The answer must be waited for: keep a `PendingQuery` and call `resolve`.
        case wait
        /// The cache has an answer that is too long for the buffer or the client: call `writeCached`.
        case tooLong
    }

    /// No answer over UDP is longer, whatever the policy says.
    static let mostInDatagram = 4096

    /// The largest answer over UDP that a client with this OPT may get.
    @inline(__always)
    package func datagramLimit(_ edns: EDNSSummary?) -> Int {
        guard let edns else { return 512 }
        let limit = unsafe min(edns.effectivePayloadSize, largestDatagram)
        return edns.hasCookie ? limit - AnswerCookie.length : limit
    }

    /// Reads the query of `length` bytes at the front of `buffer` into `query` and answers it there where that needs no
    /// waiting. `client` is who asks, as `IPAddress.number` has it; over a datagram an answer may be no longer than it can take.
    @inline(__always)
    package func begin(
        _ query: inout QueryView, length: Int, in buffer: inout MutableSpan<UInt8>, from client: UInt128,
        over transport: QueryTransport = .udp
    ) -> Step {
        let tapped = tap.word
        if QueryTap.isWatched(tapped) { return beginWatched(&query, length, in: &buffer, from: client, over: transport) }
        switch look(&query, length: length, in: &buffer, from: client, streams: transport.streams) {
        case .hit(let count, let code):
            figures.noteHit(code)
            if QueryTap.tellsAnswers(tapped) {
                tell(buffer.span.extracting(first: count), code, .memory, TappedClient(client, query.clientName, over: transport))
            }
            return .answered(count)
        case .other(let step):
            return noted(step, buffer.span, TappedClient(client, query.clientName, over: transport))
        }
    }

    /// What `look` sees.
    enum Sight {
        /// The cache's answer, so long, with this rcode.
        case hit(Int, UInt16)
        /// Anything else, by `answeredBy`.
        case other(Step)

        /// What is to be done.
        var step: Step {
            switch self {
            case .hit(let count, _): .answered(count)
            case .other(let step): step
            }
        }
    }

    /// The same without counting it. Where `nobody` asks, it is in the view `within`.
    @inline(__always)
    func look(
        _ query: inout QueryView, length: Int, in buffer: inout MutableSpan<UInt8>, from client: UInt128, streams: Bool,
        watch: Watch? = nil, within view: ViewNumber = .general
    ) -> Sight {
        switch query.read(buffer.span.extracting(first: length), seed: cache.seed) {
        case .query: break
        case .drop: return .other(.drop)
        case .cookieOnly:
            let step = checkCookie(&query, &buffer, from: client, streams: streams)
            return .other(step ?? answer(Reply(.noError), query, &buffer))
        case .refuse(let code):
            if query.flags.opcode == .notify, let own = notified(length, &buffer, from: client) { return .other(own) }
            answeredBy = .error
            return .other(answer(Reply(refusing: code), query, &buffer))
        }
        if unsafe query.edns?.hasCookie == true || requiresCookies,
            let step = checkCookie(&query, &buffer, from: client, streams: streams)
        {
            return .other(step)
        }
        var limit = streams ? buffer.count : datagramLimit(query.edns)
        if let own = ownReply(&query, &buffer, limit: &limit) { return .other(own) }
        if unsafe hasViews { enterView(&query, from: client, within: view) }
        if watch == nil, recentDenials.mayHave(query.hash),
            let step = denyAgain(&query, from: client, &buffer, streams: streams)
        {
            return .other(step)
        }
        let end = MessageView.headerLength + query.questionLength
        let now = BootSeconds(rawValue: hub.bootSeconds)
        let stored: StoredAnswer
        let outcome = watch?.skipsCache == true ? .miss : cache.answer(&query, at: now, into: &buffer, at: end)
        if let watch { note(outcome, &query, watch) }
        switch outcome {
        case .hit(let answer): stored = answer
        case .tooLarge(let count): return .other(tooLarge(&query, count, from: client, &buffer, streams: streams))
        case .miss, .stale:
            return .other(judge(&query, from: client, &buffer, streams: streams) ?? missed(&query, &buffer))
        }
        // Judged once for each answer and rule set.
        if unsafe stored.passedBy != rulesMark,
            let step = judgeHit(&query, stored, from: client, &buffer, at: now, streams: streams)
        {
            return .other(step)
        }
        let reply = Reply(stored, to: query.flags, query.edns)
        let count = reply.finish(&buffer, flags: query.flags, edns: query.edns, end: end + stored.length, limit: limit)
        if stored.isDueForRefresh { prefetch(&query) }
        return count.map { .hit($0, stored.responseCode.rawValue) } ?? .other(.tooLong)
    }
}
