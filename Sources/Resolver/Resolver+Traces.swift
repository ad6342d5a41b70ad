internal import AnswerCache
package import DNSWire
internal import Green
internal import Observation

/// Traces for who takes them (OpenTelemetry): of some queries from the first look on, by the same walk as any (`Watch`), and of
/// questions that have become slow from then on.
extension Resolver {
    /// Does what is due before a query is looked at, where messages are read or some queries are traced: what came of it where it
    /// is traced, nil for any other.
    @inline(never)
    func beginWatched(
        _ query: inout QueryView, _ length: Int, in buffer: inout MutableSpan<UInt8>, from client: UInt128, streams: Bool
    ) -> Step? {
        let tapped = tap.word
        if QueryTap.hasMessages(tapped) { tellQuery(buffer.span.extracting(first: length), from: client, streams: streams) }
        guard QueryTap.hasTraces(tapped), tapping.isPicked(tap.traces.sharePicked), tap.traces.takes(at: hub.now) else {
            return nil
        }
        let trace = QuestionTrace(at: hub.loop.now())
        noteGroup(of: client, trace)
        let watch = Watch(trace: trace, skipsCache: false)
        let asker = TappedClient(client, streams: streams)
        switch look(&query, length: length, in: &buffer, from: client, streams: streams, watchedBy: watch) {
        case .hit(let count, let code):
            figures.noteHit(code)
            let answer = buffer.span.extracting(first: count)
            if tap.isOpen { tell(answer, code, .memory, asker) }
            finish(trace, &query, client, .memory, answer)
            return .answered(count)
        case .other(let step):
            let source = answeredBy
            _ = noted(step, buffer.span, asker)
            switch step {
            case .answered(let count): finish(trace, &query, client, source, buffer.span.extracting(first: count))
            case .drop: finish(trace, &query, client, source, buffer.span.extracting(first: 0))
            case .wait, .tooLong: begunTrace = trace
            }
            return step
        }
    }

    /// What is to be kept of a query that `begin` could not answer at once.
    package func pending(_ query: inout QueryView, _ message: Span<UInt8>, from client: UInt128) -> PendingQuery {
        let trace = begunTrace
        if trace != nil { begunTrace = nil }
        return PendingQuery(&query, message, from: client, trace: trace)
    }

    // MARK: - Queries

    /// Hands over the trace of a query that was answered, or not where `answer` is empty, at once.
    private func finish(
        _ trace: QuestionTrace, _ query: inout QueryView, _ client: UInt128, _ source: AnswerSource, _ answer: Span<UInt8>
    ) {
        let question = query.hasQuestion ? ([UInt8](copying: query.nameBytes), query.type) : nil
        finish(trace, question, client, source, answer)
    }

    /// The same for a query that waited.
    @inline(never)
    func finish(_ trace: QuestionTrace, _ pending: PendingQuery, _ source: AnswerSource, _ answer: Span<UInt8>) {
        watched = nil
        finish(trace, (pending.name, pending.key.type), pending.address, source, answer)
    }

    private func finish(
        _ trace: QuestionTrace, _ question: ([UInt8], RecordType)?, _ client: UInt128, _ source: AnswerSource,
        _ answer: Span<UInt8>
    ) {
        let isAnswered = answer.count >= MessageView.headerLength
        trace.note("answer", at: hub.loop.now(), isAnswered ? "from \(source.name)" : "none is given")
        var subject = TraceSpans.Subject("dns.query", isClients: true)
        if let question { Self.add(RuleBook.name(question.0.span), question.1, to: &subject) }
        subject.attributes.append(("client.address", "\(IPAddress(number: client))"))
        subject.attributes.append(("vireo.source", source.name))
        if isAnswered {
            let code = ResponseCode(rawValue: UInt16(answer[3] & 15))
            subject.attributes.append(("dns.response_code", "\(code)"))
            subject.isFailure = code == .servFail
        }
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

    /// Hands over the trace of a flight that was slow, unless that of its client has it.
    func traceSlow(_ flight: Flight) {
        let slow = tap.traces.slow
        guard slow < .max, flight.openedAt.nanoseconds(to: hub.now) >= slow else { return }
        noteSlow(flight)
    }

    @inline(never)
    private func noteSlow(_ flight: Flight) {
        guard let trace = flight.trace(at: hub.loop.now()), flight.slowness == .watched else { return }
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
        let ring = tapping.traceRing ?? tap.traces.rings.take()
        tapping.traceRing = ring
        let ended = hub.loop.wallTime()
        let took = Int64(clamping: trace.begunAt.nanoseconds(to: hub.loop.now()))
        let loop = hub.loop
        let record = TraceSpans.record(subject, trace.all, (ended &- took, ended)) { loop.random() }
        tap.traces.tell(record, by: ring)
    }
}
