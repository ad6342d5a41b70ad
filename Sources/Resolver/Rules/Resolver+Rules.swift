internal import AnswerCache
internal import DNSWire
internal import NameRules

/// Questions and answers judged by the rules in force (`RuleBook`).
extension Resolver {
    /// Who asks where no client does: what is found goes into an answer for all, so that no group's rules hold.
    static var nobody: UInt128 { .max }

    /// Whether every client may have an answer that stands behind its question in the buffer; then it is not judged again.
    @inline(never)
    func passes(
        _ query: inout QueryView, _ stored: StoredAnswer, _ buffer: inout MutableSpan<UInt8>, at now: BootSeconds
    ) -> Bool {
        if let book = policy.rules, !isPassed(query, stored, buffer.span, book) { return false }
        cache.notePassed(&query, stored, by: unsafe rulesMark, at: now)
        return true
    }

    /// Whether no group is denied an answer, and nothing else has to do with its name.
    private func isPassed(
        _ query: borrowing QueryView, _ stored: StoredAnswer, _ buffer: Span<UInt8>, _ book: RuleBook
    ) -> Bool {
        let name = query.nameBytes
        guard !book.isTouched(name) else { return false }
        let count = Int(stored.answerCount) + Int(stored.authorityCount) + Int(stored.additionalCount)
        let facts = AnswerFacts(book, buffer, at: MessageView.headerLength + query.questionLength, count: count)
        if facts.hasPrivateAddress, !mayBePrivate(name, book) { return false }
        var verdicts = book.content.lists.verdicts(of: name)
        verdicts.formUnion(facts.verdicts)
        return GroupTable.denials(verdicts, book.content.active) == 0
    }

    /// Answers a question that the rules have to do with, or may have; else says how to go on with what the cache `isKnown` to
    /// have, or without.
    @inline(never)
    func judge(
        _ query: borrowing QueryView, isKnown: Bool, from client: UInt128, _ buffer: inout MutableSpan<UInt8>, streams: Bool
    ) -> Step {
        guard let book = policy.rules else { return isKnown ? .tooLong : missed(query, &buffer) }
        guard client != Self.nobody else {
            if case .local(let records) = book.localRuling(query.nameBytes, query.type) {
                let writer = RecordsAnswer(query, buffer.span)
                return .answered(writer.write(records, Reply(.noError), into: &buffer, limit: buffer.count))
            }
            return isKnown ? .tooLong : missed(query, &buffer)
        }
        let group = book.group(of: client)
        let limit = streams ? buffer.count : datagramLimit(query.edns)
        switch book.ruling(query.nameBytes, query.type, group: group, explains: query.edns != nil) {
        case .local(let records):
            let writer = RecordsAnswer(query, buffer.span)
            return .answered(writer.write(records, Reply(.noError), into: &buffer, limit: limit))
        case .deny(let denial):
            if case .drop = denial.action { return .drop }
            if case .tcpOnly = denial.action, streams { break }
            return .answered(RuledAnswer(query, limit: limit).write(denial, into: &buffer))
        case .redirect:
            return query.flags.recursionDesired ? .wait : answer(.withoutRecursion, query, &buffer)
        case .pass: break
        }
        return isKnown ? .tooLong : missed(query, &buffer)
    }

    /// Judges an answer that was waited for and stands in the buffer: its length, or that of what is sent in its place; 0 for
    /// nothing at all.
    func judged(_ pending: PendingQuery, _ count: Int, _ buffer: inout MutableSpan<UInt8>, limit: Int) -> Int {
        guard let book = policy.rules else { return count }
        guard let denial = denial(pending, buffer.span.extracting(first: count), book) else { return count }
        switch denial.action {
        case .drop: return 0
        case .tcpOnly where limit > Int(UInt16.max) / 2: return count
        case .data(let records):
            let owner = (try? Name(wire: pending.key.wireName)) ?? .root
            let own = records.filter { $0.0.type == pending.key.type }.map { ResourceRecord(owner, ttl: $0.ttl, $0.0) }
            guard own.isEmpty else { return RecordsAnswer(pending).write(own, Reply(.noError), into: &buffer, limit: limit) }
        default: break
        }
        let end = AnswerWriter(pending).writeQuestion(into: &buffer)
        return RuledAnswer(pending, end: end, limit: limit).write(denial, into: &buffer)
    }

    /// Why a client is not to have an answer because of its aliases or addresses; nil where it is.
    private func denial(_ pending: PendingQuery, _ message: Span<UInt8>, _ book: RuleBook) -> Denial? {
        guard message.count >= MessageView.headerLength else { return nil }
        let count = (0..<3).reduce(0) { $0 + Int(message.loadUInt16(at: 6 + 2 * $1)) }
        let wire = pending.key.wireName
        let name = wire.span
        let start = MessageView.headerLength + name.count + 4
        let facts = AnswerFacts(book, message, at: start, count: count)
        // The name as well: lists may have changed since the question was asked.
        if facts.hasPrivateAddress, !mayBePrivate(name, book) { return .privateAddress }
        var verdicts = book.content.lists.verdicts(of: name)
        verdicts.formUnion(facts.verdicts)
        guard let group = book.group(of: pending.address), group < book.content.active.count,
            book.content.active[group].denies(verdicts)
        else { return nil }
        return book.denial(verdicts, group, explains: pending.edns != nil) { list in
            facts.reason(in: list, book) ?? book.reason(for: wire.span, in: list)
        }
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
