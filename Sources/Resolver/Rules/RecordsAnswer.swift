internal import AnswerCache
internal import DNSWire

/// Writes messages of records: those of our own, and what stands behind a name that stands for another.
struct RecordsAnswer {
    /// The client's id.
    let id: UInt16
    /// The client's flags.
    let flags: HeaderFlags
    /// What the client said in OPT.
    let edns: EDNSSummary?
    /// The name as the client wrote it.
    let name: [UInt8]
    /// The type asked for.
    let type: RecordType

    /// The answer to a query that stands in a buffer.
    init(_ query: borrowing QueryView, _ buffer: Span<UInt8>) {
        (id, flags, edns, type) = (query.id, query.flags, query.edns, query.type)
        let start = MessageView.headerLength
        name = [UInt8](copying: buffer.extracting(start..<start + query.questionLength - 4))
    }

    /// The answer to a query that waited.
    init(_ pending: PendingQuery) {
        (id, flags, edns, name, type) = (pending.id, pending.flags, pending.edns, pending.name, pending.key.type)
    }

    /// Writes records, then those of another message's answer: its length. What does not fit is left out, and TC set. OPT says
    /// why it is so, where there is a reason, and with its words where they fit; a message that could not be written has no OPT.
    func write(
        _ records: [ResourceRecord], and other: [UInt8] = [], _ reply: Reply, _ reason: ToldReason? = nil,
        into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        var reply = reply
        let limit = min(limit, buffer.count)
        if let reason { (reply.extendedError, reply.text) = (reason.code, "") }
        do throws(WireError) {
            let (count, words) = try writeRecords(records, and: other, reply, reason, into: &buffer, limit: limit)
            return words?.append(to: &buffer, end: count) ?? count
        } catch {
            MessagePatch.setQuestionCount(0, in: &buffer)
            return Reply(.servFail, .invalidData)
                .finish(&buffer, flags: flags, edns: nil, end: MessageView.headerLength, limit: buffer.count)
                ?? MessageView.headerLength
        }
    }

    /// Writes all but the words of the reason: the length, and the reason where its words are to be appended.
    private func writeRecords(
        _ records: [ResourceRecord], and other: [UInt8], _ reply: Reply, _ reason: ToldReason?,
        into buffer: inout MutableSpan<UInt8>, limit: Int
    ) throws(WireError) -> (count: Int, words: ToldReason?) {
        var builder = MessageBuilder(
            buffer._mutatingExtracting(0...), id: id, flags: reply.flags(for: flags), limit: limit)
        try builder.appendQuestion(try NameView(name.span, at: 0), type, .internet)
        guard let edns else {
            try append(records, and: other, to: &builder)
            return (builder.bytes.count, nil)
        }
        // Room for the code goes before records, which go before the words.
        let length = reply.opt(for: edns).length
        try builder.reserve(length)
        try append(records, and: other, to: &builder)
        try builder.reserve(-length)
        let words = reason?.fits(behind: builder.bytes.count, limit: limit) == true ? reason : nil
        var reply = reply
        if words != nil { reply.extendedError = nil }
        try builder.appendOPT(reply.opt(for: edns))
        return (builder.bytes.count, words)
    }

    /// Appends records, then those of another message, as far as they fit.
    private func append(
        _ records: [ResourceRecord], and other: [UInt8], to builder: inout MessageBuilder
    ) throws(WireError) {
        do throws(WireError) {
            for record in records { try builder.append(record, to: .answer) }
            if !other.isEmpty { try append(other, to: &builder) }
        } catch {
            guard error == .doesNotFit else { throw error }
            builder.flags.isTruncated = true
        }
    }

    /// Appends the records of another message but for its OPT and what is only additional.
    private func append(_ other: [UInt8], to builder: inout MessageBuilder) throws(WireError) {
        var records = try MessageView(other.span).records()
        while let record = try records.next(), record.section != .additional { try builder.append(record, to: record.section) }
    }
}
