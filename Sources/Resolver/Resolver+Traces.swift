internal import AnswerCache
package import DNSWire
internal import Green
package import Observation

/// Traces for who takes them (OpenTelemetry): of some queries from the first look on, by the same walk as any (`Watch`), and of
/// questions that have become slow from then on.
extension Resolver {
    /// Answers a query where messages are read, or some queries are traced.
    @inline(never)
    func beginWatched(
        _ query: inout QueryView, _ length: Int, in buffer: inout MutableSpan<UInt8>, from client: UInt128,
        over transport: QueryTransport
    ) -> Step {
        beginAside(&query, length, in: &buffer, from: TappedClient(client, query.clientName, over: transport)) { _, _ in .whole }
    }

    /// The walk of a query off the path of a hit, where it may be traced, and what comes of it may not go out: `allowed` says what of
    /// an answer may, and may put another in its place. What is told of the answer is what became of it.
    package func beginAside(
        _ query: inout QueryView, _ length: Int, in buffer: inout MutableSpan<UInt8>, from asker: TappedClient,
        _ allowed: (inout QueryView, inout MutableSpan<UInt8>) -> Allowance
    ) -> Step {
        let (tapped, client, streams) = (tap.word, asker.address, asker.transport.streams)
        if QueryTap.hasMessages(tapped) { tellQuery(buffer.span.extracting(first: length), from: asker) }
        let trace = beginTrace(tapped, client, query.clientName)
        let sight: Sight
        if let trace {
            let watch = Watch(trace: trace, skipsCache: false)
            sight = look(&query, length: length, in: &buffer, from: client, streams: streams, watchedBy: watch)
        } else {
            sight = look(&query, length: length, in: &buffer, from: client, streams: streams)
        }
        let step = sight.step
        if case .hit = sight { answeredBy = .memory }
        guard case .answered(let count) = step else {
            if step == .drop, let trace { finish(trace, &query, asker, answeredBy, buffer.span.extracting(first: 0)) }
            if step == .wait || step == .tooLong { begunTrace = trace }
            return noted(step, buffer.span, asker)
        }
        let source = answeredBy
        let (sent, outcome) = Self.sent(count, allowed(&query, &buffer))
        _ = noted(.answered(max(sent, count)), buffer.span, asker, outcome)
        if let trace { finish(trace, &query, asker, source, buffer.span.extracting(first: sent)) }
        return sent > 0 ? .answered(sent) : .drop
    }

    /// The trace of a query that is picked; nil for any other.
    private func beginTrace(_ tapped: UInt32, _ client: UInt128, _ name: ClientName) -> QuestionTrace? {
        // That of a query before, which nobody kept, is nobody else's.
        begunTrace = nil
        guard QueryTap.hasTraces(tapped), tapping.isPicked(tap.traces.sharePicked) else { return nil }
        guard tap.traces.takes(at: hub.now, isSlow: false) else {
            traceRing.dropped.add()
            return nil
        }
        let trace = QuestionTrace(at: hub.loop.now(), owedTo: tap.traces)
        noteGroup(of: client, named: name, trace)
        return trace
    }

    /// What is to be kept of a query that `begin` could not answer at once.
    package func pending(
        _ query: inout QueryView, _ message: Span<UInt8>, from client: UInt128, over transport: QueryTransport
    ) -> PendingQuery {
        let trace = begunTrace
        if trace != nil { begunTrace = nil }
        return PendingQuery(&query, message, from: client, over: transport, trace: trace)
    }

    // MARK: - Queries

    /// Hands over the trace of a query that was answered, or not where `answer` is empty, at once.
    private func finish(
        _ trace: QuestionTrace, _ query: inout QueryView, _ client: TappedClient, _ source: AnswerSource, _ answer: Span<UInt8>
    ) {
        let question = query.hasQuestion ? ([UInt8](copying: query.nameBytes), query.type) : nil
        finish(trace, question, client, source, answer)
    }

    /// The same for a query that waited.
    @inline(never)
    func finish(_ trace: QuestionTrace, _ pending: PendingQuery, _ source: AnswerSource, _ answer: Span<UInt8>) {
        watched = nil
        finish(trace, (pending.name, pending.key.type), TappedClient(pending), source, answer)
    }

    private func finish(
        _ trace: QuestionTrace, _ question: ([UInt8], RecordType)?, _ client: TappedClient, _ source: AnswerSource,
        _ answer: Span<UInt8>
    ) {
        let isAnswered = answer.count >= MessageView.headerLength
        trace.note("answer", at: hub.loop.now(), isAnswered ? "from \(source.name)" : "none is given")
        var subject = TraceSpans.Subject("dns.query", isClients: true)
        if let question { Self.add(RuleBook.name(question.0.span), question.1, to: &subject) }
        subject.attributes.append(("client.address", client.identity.addressText))
        if let name = client.identity.nameText { subject.attributes.append(("vireo.client", name)) }
        subject.attributes.append(("vireo.transport", client.transport.name))
        subject.attributes.append(("vireo.source", source.name))
        if isAnswered {
            let code = ResponseCode(rawValue: UInt16(answer[3] & 15))
            subject.attributes.append(("dns.response_code", "\(code)"))
            subject.isFailure = code == .servFail
        }
        trace.settle()
        tell(trace, subject)
    }

    private static func add(_ name: Name?, _ type: RecordType, to subject: inout TraceSpans.Subject) {
        if let name { subject.attributes.append(("dns.question.name", "\(name)")) }
        subject.attributes.append(("dns.question.type", "\(type)"))
    }

    // MARK: - Slow questions

    /// Has a flight be watched once it has taken half as long as what is slow: little was to be seen before, and most flights are
    /// over by then.
    func watchSlow(_ flight: Flight) {
        let slow = tap.traces.slow
        guard slow < .max else { return }
        let half = Duration.nanoseconds(Int64(clamping: slow / 2))
        flight.watchSlow(tap.traces, since: flight.openedAt, from: flight.openedAt.advanced(by: half))
    }

    /// Hands over the trace of a flight that was slow, also where it is that of the client which opened it: that client may be gone.
    func traceSlow(_ flight: Flight) {
        let slow = tap.traces.slow
        guard slow < .max, flight.openedAt.nanoseconds(to: hub.now) >= slow else { return }
        noteSlow(flight)
    }

    @inline(never)
    private func noteSlow(_ flight: Flight) {
        guard let trace = flight.trace(at: hub.loop.now()) else { return }
        if flight.slowness == .none, !tap.traces.takes(at: hub.now, isSlow: true) { return tap.traces.noteLost() }
        let question = AskedQuestion(flight, clients: flight.clientCount, at: hub.now)
        var subject = TraceSpans.Subject("dns.question", isClients: false)
        Self.add(question.name, question.type, to: &subject)
        subject.attributes.append(("vireo.clients", "\(question.clients)"))
        subject.attributes.append(("vireo.outcome", question.outcome ?? "ended"))
        if case .upstream(let number) = question.waitsFor, let upstream = policy.upstream(numbered: number) {
            subject.attributes.append(("vireo.upstream", "\(upstream.address)"))
        }
        if case .failure = flight.result { subject.isFailure = true }
        tell(trace, subject)
    }

    /// Writes a trace that is over into the worker's queue.
    private func tell(_ trace: QuestionTrace, _ subject: TraceSpans.Subject) {
        let ended = hub.loop.wallTime()
        let took = Int64(clamping: trace.begunAt.nanoseconds(to: hub.loop.now()))
        let loop = hub.loop
        let record = TraceSpans.record(subject, trace.all, (ended &- took, ended)) { loop.random() }
        tap.traces.tell(record, by: traceRing)
    }

    /// The worker's own queue of traces.
    private var traceRing: RecordRing {
        let ring = tapping.traceRing ?? tap.traces.rings.take()
        tapping.traceRing = ring
        return ring
    }
}
