internal import AnswerCache
internal import Belief
internal import DNSWire

/// Writes answers to one query off the path of a hit: errors, and copies of whole messages that may have to be cut.
struct AnswerWriter {
    private let pending: PendingQuery

    init(_ pending: PendingQuery) {
        self.pending = pending
    }

    /// Writes id and question, as the client wrote it: where it ends. The buffer has room for 12 + 259 bytes and more.
    func writeQuestion(into buffer: inout MutableSpan<UInt8>) -> Int {
        MessagePatch.setID(pending.id, in: &buffer)
        MessagePatch.setQuestionCount(1, in: &buffer)
        let name = pending.name
        let end = MessageView.headerLength + name.count
        buffer.copy(name.span, to: MessageView.headerLength)
        buffer.storeUInt16(pending.key.type.rawValue, at: end)
        buffer.storeUInt16(pending.key.class.rawValue, at: end + 2)
        return end + 4
    }

    /// Writes an answer without records: its length.
    func write(_ reply: Reply, into buffer: inout MutableSpan<UInt8>) -> Int {
        let end = writeQuestion(into: &buffer)
        return reply.finish(&buffer, flags: pending.flags, edns: pending.edns, end: end, limit: buffer.count) ?? end
    }

    /// Writes a copy of an answer within `limit`: its length. What does not fit is left out as below.
    func write(_ answer: borrowing Answer, into buffer: inout MutableSpan<UInt8>, limit: Int) -> Int {
        let reply = Reply(answer, to: pending.flags, pending.edns)
        let end = writeQuestion(into: &buffer)
        let records = answer.records
        if records.count <= buffer.count - end, !isOneSet(limit) {
            buffer.copy(records, to: end)
            let length = end + records.count
            if let count = reply.finish(&buffer, flags: pending.flags, edns: pending.edns, end: length, limit: limit) {
                return count
            }
        }
        // Each of those who wait would have thousands of records read for nothing.
        if limit <= Resolver.mostInDatagram, records.count > Resolver.mostInDatagram { return write(.tooLong, into: &buffer) }
        let whole = answer.message(to: pending.key.asked)
        return copy(whole.span, reply, plainly: false, into: &buffer, limit: limit)
    }

    /// Writes a copy of `message` with this client's id and letters, within `limit`: its length. What does not fit is
    /// left out, whole RRsets at a time (RFC 2181 9): TC tells so, unless it was only additional. With `plainly` so are
    /// DNSSEC's records that were not asked for (RFC 4035 3.2.1).
    func copy(
        _ message: Span<UInt8>, _ reply: Reply, plainly: Bool, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        do throws(WireError) {
            return try copyRecords(message, reply, plainly: plainly, into: &buffer, limit: limit)
        } catch {
            return write(Reply(.servFail, .invalidData), into: &buffer)
        }
    }

    /// Whether records of a type are for clients with DO alone, unless the question is for them.
    private func isUnaskedProof(_ type: RecordType) -> Bool {
        guard type == .rrsig || type == .nsec || type == .nsec3 else { return false }
        return type != pending.key.type && pending.key.type != .any
    }

    /// Whether one RRset of the answer is all that the client gets: to ANY over UDP (RFC 8482 4.1).
    func isOneSet(_ limit: Int) -> Bool { pending.key.type == .any && limit <= Resolver.mostInDatagram }

    /// Whether a record belongs to the one RRset that answers ANY, whose type is noted: its signatures do, and what proves that
    /// there is nothing.
    private func isChosen(_ record: borrowing RecordView, _ chosen: inout RecordType?) -> Bool {
        guard record.section == .answer else { return chosen == nil }
        if record.type == .rrsig {
            return record.rdata.count > 1 && record.rdata.loadUInt16(at: 0) == chosen?.rawValue
        }
        if chosen == nil { chosen = record.type }
        return record.type == chosen
    }

    private func copyRecords(
        _ message: Span<UInt8>, _ reply: Reply, plainly: Bool, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) throws(WireError) -> Int {
        var builder = MessageBuilder(
            buffer._mutatingExtracting(0...), id: pending.id, flags: reply.flags(for: pending.flags), limit: limit)
        let written = pending.name
        let name = try NameView(written.span, at: 0)
        try builder.appendQuestion(name, pending.key.type, pending.key.class)
        let opt = pending.edns.map(reply.opt)
        if let opt { try builder.reserve(opt.length) }
        let view = try MessageView(message)
        var records = try view.records()
        var setStart = builder.mark()
        var setType = RecordType(rawValue: 0)
        var setOwner = -1
        var chosen: RecordType?
        while let record = try records.next() {
            if isOneSet(limit), !isChosen(record, &chosen) { continue }
            if record.type == .opt || plainly && isUnaskedProof(record.type) { continue }
            var isSameSet = false
            if setOwner >= 0, record.type == setType {
                isSameSet = record.owner.isEqual(to: try NameView(message, at: setOwner))
            }
            if !isSameSet {
                setStart = builder.mark()
                setType = record.type
                setOwner = record.offset
            }
            do throws(WireError) {
                try builder.append(record, to: record.section)
            } catch {
                guard error == .doesNotFit else { throw error }
                builder.roll(back: setStart)
                if record.section != .additional { builder.flags.isTruncated = true }
                break
            }
        }
        if let opt {
            try builder.reserve(-opt.length)
            try builder.appendOPT(opt)
        }
        return builder.bytes.count
    }
}
