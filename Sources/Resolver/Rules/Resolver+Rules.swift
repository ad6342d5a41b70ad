internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import NameRules
internal import Observation
internal import Upstream

/// Questions and answers judged by the rules in force (`RuleBook`).
extension Resolver {
    /// Who asks where no client does: what is found goes into an answer for all, so that no group's rules hold.
    static var nobody: UInt128 { .max }
    /// Who asks for what an alias of a list leads to: no list holds, but what is found goes out as it is. No client's number.
    static var pastLists: UInt128 { .max - 1 }

    /// Whether no group's lists hold for who asks.
    static func hasNoLists(_ client: UInt128) -> Bool { client >= pastLists }

    /// Judges a hit that does not carry the mark in force, whose answer stands behind its question in the buffer; says what to do
    /// in its stead, or nil where the client may have it. Once for each answer and book: what comes of it is remembered.
    @inline(never)
    func judgeHit(
        _ query: inout QueryView, _ stored: StoredAnswer, from client: UInt128, _ buffer: inout MutableSpan<UInt8>,
        at now: BootSeconds, streams: Bool
    ) -> Step? {
        let book = policy.rules
        if let book, stored.isFailure {
            // There is nothing but its name.
            guard mayConcern(query.nameBytes, book) else { return nil }
            return judge(&query, from: client, &buffer, streams: streams)
        }
        let group = Self.hasNoLists(client) ? nil : book?.group(of: client, named: query.clientName)
        let end = MessageView.headerLength + query.questionLength
        guard let ticket = cache.recall(&query, stored, at: now, into: &buffer, at: end) else {
            return book == nil ? nil : laterStep(&query, from: client)
        }
        guard let book else {
            cache.note(.passed(0, round: 0), &query, ticket)
            return nil
        }
        let verdict: AnswerVerdict
        if let known = ticket.verdict as? AnswerVerdict, known.isOf(book) {
            verdict = known
        } else {
            verdict = judged(query.nameBytes, stored, buffer.span, at: end, book)
            cache.note(remembered(verdict, book), &query, ticket)
        }
        if verdict.passesForAll { return nil }
        if verdict.isTouched || verdict.deniesQuestion(group) {
            if let step = rule(&query, group, isNobody: Self.hasNoLists(client), &buffer, streams: streams) { return step }
        }
        // What others are told is judged where it goes out.
        guard client != Self.nobody else { return nil }
        guard let denial = verdict.denial(group, query.nameBytes, book, explains: query.edns != nil, counting: nil) else {
            return nil
        }
        if denial.alias(for: query.type) != nil {
            query.isKept = true
            return awaitAlias(query, &buffer)
        }
        if let list = denial.list { listHits?.note(list) }
        return deny(ToldDenial(denial, to: query.type), &query, &buffer, streams: streams)
    }

    /// Answers a query that was denied lately to the client's group; nil where it was not.
    @inline(never)
    func denyAgain(
        _ query: inout QueryView, from client: UInt128, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step? {
        guard !Self.hasNoLists(client), let book = policy.rules,
            let told = recentDenials.find(&query, book.group(of: client, named: query.clientName)),
            let step = deny(told, &query, &buffer, streams: streams)
        else { return nil }
        if let list = told.list { listHits?.note(list) }
        return step
    }

    /// Whether the rules in force may have to do with a name.
    private func mayConcern(_ name: Span<UInt8>, _ book: RuleBook) -> Bool {
        GroupTable.denials(book.content.lists.verdicts(of: name), book.content.active) != 0 || book.isTouched(name)
    }

    /// What the rules make of an answer whose records stand in a message from an offset on.
    private func judged(
        _ name: Span<UInt8>, _ stored: StoredAnswer, _ message: Span<UInt8>, at start: Int, _ book: RuleBook
    ) -> AnswerVerdict {
        let count = Int(stored.answerCount) + Int(stored.authorityCount) + Int(stored.additionalCount)
        judgedCount &+= 1
        return AnswerVerdict(
            book, name, isUnlisted: false, mayBePrivate: mayBePrivate(name, book), message, at: start, count: count)
    }

    /// How a verdict is remembered.
    private func remembered(_ verdict: AnswerVerdict, _ book: RuleBook) -> JudgedAnswer {
        verdict.passesForAll ? .passed(book.mark, round: book.round) : .judged(verdict)
    }

    /// Answers a query that is denied: what to do, or nil where its client gets what it asked for, for it comes over TCP.
    private func deny(
        _ told: ToldDenial, _ query: inout QueryView, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step? {
        let limit = streams ? buffer.count : datagramLimit(query.edns)
        answeredBy = .rule
        if let watched { note(told.denial, watched) }
        switch told.kind {
        case .drop: return .drop
        case .tcpOnly where streams:
            answeredBy = .local
            return nil
        case .answer, .tcpOnly: break
        case .records:
            let own = told.denial.records(of: query.nameBytes, query.type)
            guard !own.isEmpty else { break }
            let writer = RecordsAnswer(query, buffer.span)
            return .answered(writer.write(own, Reply(.noError), told.reason, into: &buffer, limit: limit))
        }
        let end = MessageView.headerLength + query.questionLength
        return .answered(told.write(to: query.flags, query.edns, into: &buffer, at: end, limit: limit))
    }

    /// Tells who watches why an answer is denied.
    @inline(never)
    private func note(_ denial: Denial, _ trace: QuestionTrace) {
        let now = hub.loop.now()
        // Our own records deny as well: a type that is not among them, a name that is not to be.
        if denial.list == nil, denial.code == nil { return trace.note("local", at: now, "the settings: \(denial.action)") }
        trace.note("rules", at: now, denial.text.isEmpty ? "denied: \(denial.action)" : "denied by \(denial.text)")
    }

    /// Tells who watches whose records answer: those of the settings, or of a list.
    private func noteRecords(_ denial: Denial?) {
        guard let watched else { return }
        guard let denial else { return watched.note("local", at: hub.loop.now(), "records of the settings") }
        watched.note("rules", at: hub.loop.now(), "records of \(denial.text)")
    }

    /// What to do with a question whose name, or whose answer, stands for another name's: that is waited for.
    private func awaitAlias(_ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step {
        query.flags.recursionDesired ? .wait : answer(.withoutRecursion, query, &buffer)
    }

    /// Answers a question that the rules have to do with, or may have; nil where they let it pass.
    @inline(never)
    func judge(
        _ query: inout QueryView, from client: UInt128, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step? {
        guard let book = policy.rules else { return nil }
        let isNobody = Self.hasNoLists(client)
        let group = isNobody ? nil : book.group(of: client, named: query.clientName)
        return rule(&query, group, isNobody: isNobody, &buffer, streams: streams)
    }

    /// The same for a group, which was not denied the question lately.
    private func rule(
        _ query: inout QueryView, _ group: Int?, isNobody: Bool, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step? {
        guard let book = policy.rules else { return nil }
        let limit = streams ? buffer.count : datagramLimit(query.edns)
        let ruling: RuleBook.Ruling? =
            isNobody
            ? book.localRuling(query.nameBytes, query.type)
            : book.ruling(query.nameBytes, query.type, group: group, explains: query.edns != nil, counting: listHits)
        switch ruling {
        case .local(let records, let denial):
            noteRecords(denial)
            if denial != nil { answeredBy = .rule }
            let writer = RecordsAnswer(query, buffer.span)
            return .answered(writer.write(records, Reply(.noError), denial.flatMap(ToldReason.init), into: &buffer, limit: limit))
        case .deny(let denial):
            let told = ToldDenial(denial, to: query.type)
            if !isNobody { recentDenials.note(told, &query, group) }
            return deny(told, &query, &buffer, streams: streams)
        case .redirect(let alias):
            guard isNobody else { return awaitAlias(query, &buffer) }
            // Whoever asked goes on from there.
            let alias = ResourceRecord(
                RuleBook.name(query.nameBytes) ?? .root, ttl: alias.ttl ?? Self.redirectTTL,
                .cname(RecordData.CNAME(target: alias.target)))
            let writer = RecordsAnswer(query, buffer.span)
            return .answered(writer.write([alias], Reply(.noError), into: &buffer, limit: limit))
        case .unlisted:
            query.unlistedBy = book.number
            return nil
        case .pass, nil: return nil
        }
    }

    /// What the rules in force make of an answer that a flight has brought; nil where there are none.
    func verdict(on answer: borrowing Answer, of flight: Flight) -> AnswerVerdict? {
        guard let book = policy.rules else { return nil }
        let asked = flight.key.asked
        judgedCount &+= 1
        return AnswerVerdict(
            book, answer, to: asked, isUnlisted: flight.unlistedBy == book.number,
            mayBePrivate: mayBePrivate(asked.name.span, book))
    }

    /// Why a client is not to have what a flight has brought; nil where it is. Judged by whoever flew, unless other rules hold
    /// here: then once for all who wait here.
    func denial(_ pending: PendingQuery, _ flight: Flight, counting hits: LocalListHits?) -> Denial? {
        guard let book = policy.rules, case .success(let reply) = flight.result else { return nil }
        var verdict = flight.verdict
        if verdict?.isOf(book) != true {
            if lastJudged?.flight !== flight || lastJudged?.verdict.isOf(book) != true {
                lastJudged = self.verdict(on: reply.answer, of: flight).map { (flight, $0) }
            }
            verdict = lastJudged?.verdict
        }
        guard let verdict, !verdict.deniesNobody else { return nil }
        let name = pending.key.wireName
        return verdict.denial(group(of: pending, book), name.span, book, explains: pending.edns != nil, counting: hits)
    }

    /// Why a client is not to have what the cache has given out under a key, and which stands in the buffer, to be judged before
    /// anything is cut off; nil where it is.
    func denial(
        _ pending: PendingQuery, _ key: CacheKey, _ stored: StoredAnswer, _ buffer: inout MutableSpan<UInt8>,
        at start: Int, _ now: BootSeconds, counting hits: LocalListHits?
    ) -> Denial? {
        guard let book = policy.rules, stored.passedBy != book.mark, !stored.isFailure else { return nil }
        let verdict: AnswerVerdict
        let name = pending.key.wireName
        let ticket = cache.recall(key, stored, at: now, into: &buffer, at: start)
        if let known = ticket?.verdict as? AnswerVerdict, known.isOf(book) {
            verdict = known
        } else {
            verdict = judged(name.span, stored, buffer.span, at: start, book)
            if let ticket { cache.note(remembered(verdict, book), key, ticket) }
        }
        return verdict.denial(group(of: pending, book), name.span, book, explains: pending.edns != nil, counting: hits)
    }

    /// The group whose lists hold for a query.
    private func group(of pending: PendingQuery, _ book: RuleBook) -> Int? {
        pending.isPastLists ? nil : book.group(of: pending.address, named: pending.clientName)
    }

    /// Writes a denial to a query that waited: its length; 0 for nothing at all, nil where its client gets what it asked for.
    func write(
        _ denial: Denial, _ pending: PendingQuery, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int? {
        switch denial.action {
        case .drop:
            if let watched { note(denial, watched) }
            return 0
        case .tcpOnly where limit > Int(UInt16.max) / 2: return nil
        default:
            answeredBy = .rule
            if let watched { note(denial, watched) }
        }
        switch denial.action {
        case .data:
            let name = pending.key.wireName
            let own = denial.records(of: name.span, pending.key.type)
            guard own.isEmpty else {
                return RecordsAnswer(pending).write(own, Reply(.noError), ToldReason(denial), into: &buffer, limit: limit)
            }
            if denial.alias(for: pending.key.type) != nil {
                // The answer, or the rules, are others than a moment ago, and nothing can be waited for any more.
                answeredBy = .error
                let reply = pending.flags.recursionDesired ? Reply(.evicted) : .withoutRecursion
                return AnswerWriter(pending).write(reply, into: &buffer)
            }
        default: break
        }
        let end = AnswerWriter(pending).writeQuestion(into: &buffer)
        let told = ToldDenial(denial, to: pending.key.type)
        return told.write(to: pending.flags, pending.edns, into: &buffer, at: end, limit: limit)
    }

    /// Whether an answer for a name may have private addresses: its domain has upstreams of its own, or is an exception.
    private func mayBePrivate(_ name: Span<UInt8>, _ book: RuleBook) -> Bool {
        if index.find(name)?.route != nil { return true }
        guard !book.content.privateExceptions.isEmpty else { return false }
        var start = 0
        while start < name.count {
            if book.content.privateExceptions.contains([UInt8](copying: name.extracting(start...))) { return true }
            guard name[start] > 0 else { return false }
            start += Int(name[start]) + 1
        }
        return false
    }
}
