internal import AnswerCache
internal import DNSWire
internal import NameRules

/// Writes answers that the rules make behind a question that stands in a buffer.
struct RuledAnswer {
    /// The flags of the client's query.
    private let flags: HeaderFlags
    /// What the client said in OPT.
    private let edns: EDNSSummary?
    /// The type asked for.
    private let type: RecordType
    /// Where the question ends.
    private let end: Int
    /// The longest answer that the client takes.
    private let limit: Int

    /// For so long clients may keep what they are told: lists change.
    private static var ttl: UInt32 { 10 }
    /// An SOA's rdata, MNAME a pointer to the question's name.
    private static let soa: [UInt8] = [0xC0, 0x0C] + LocalRecord.soaRest(minimum: ttl)

    /// The answer to a query whose question stands at the front of the buffer.
    init(_ query: borrowing QueryView, limit: Int) {
        (flags, edns, type, self.limit) = (query.flags, query.edns, query.type, limit)
        end = MessageView.headerLength + query.questionLength
    }

    /// The answer to a query that waited, whose question was written up to `end`.
    init(_ pending: PendingQuery, end: Int, limit: Int) {
        (flags, edns, type, self.limit, self.end) = (pending.flags, pending.edns, pending.key.type, limit, end)
    }

    /// Writes a denial: the answer's length.
    func write(_ told: ToldDenial, into buffer: inout MutableSpan<UInt8>) -> Int {
        let denial = told.denial
        MessagePatch.setQuestionCount(1, in: &buffer)
        var reply = Reply(.noError)
        reply.extendedError = denial.code
        var writer = (end: end, count: UInt16(0))
        var isRefused = false
        switch denial.action {
        case .nxdomain, .answer(.nxdomain): reply.responseCode = .nxDomain
        case .nodata, .drop, .answer(.nodata), .data: break
        case .refuse, .answer(.refused): (reply.responseCode, isRefused) = (.refused, true)
        case .tcpOnly: (reply.isTruncated, isRefused) = (true, true)
        case .answer(.zero):
            append(ipv4: IPAddress(ipv4: 0), ipv6: IPAddress(high: 0, low: 0), &writer, &buffer)
        case .answer(.addresses(let ipv4, let ipv6)): append(ipv4: ipv4, ipv6: ipv6, &writer, &buffer)
        }
        reply.counts.0 = writer.count
        if writer.count == 0, !isRefused {
            let record = LocalRecord(type: .soa, ttl: Self.ttl)
            if let next = record.append(Self.soa.span, to: &buffer, at: writer.end, limit: buffer.count) {
                (writer.end, reply.counts.1) = (next, 1)
            }
        }
        return finish(reply, told.reason, &buffer, end: writer.end)
    }

    /// Appends the addresses that a type asks for.
    private func append(
        ipv4: IPAddress?, ipv6: IPAddress?, _ writer: inout (end: Int, count: UInt16), _ buffer: inout MutableSpan<UInt8>
    ) {
        if let ipv4, type == .a || type == .any { append(.a, ipv4, bytes: 4, &writer, &buffer) }
        if let ipv6, type == .aaaa || type == .any { append(.aaaa, ipv6, bytes: 16, &writer, &buffer) }
    }

    /// Appends a record of the question's name with an address, or its last bytes.
    private func append(
        _ type: RecordType, _ address: IPAddress, bytes: Int, _ writer: inout (end: Int, count: UInt16),
        _ buffer: inout MutableSpan<UInt8>
    ) {
        var rdata = InlineArray<16, UInt8>(repeating: 0)
        for index in 0..<16 {
            let half = index < 8 ? address.high : address.low
            rdata[index] = UInt8(truncatingIfNeeded: half &>> UInt64(truncatingIfNeeded: 56 - 8 * (index % 8)))
        }
        let record = LocalRecord(type: type, ttl: Self.ttl)
        let last = rdata.span.extracting((16 - bytes)...)
        guard let next = record.append(last, to: &buffer, at: writer.end, limit: buffer.count) else { return }
        writer.end = next
        writer.count += 1
    }

    /// Writes the header, and OPT with a reason in it where there is room for that.
    private func finish(_ reply: Reply, _ text: [UInt8], _ buffer: inout MutableSpan<UInt8>, end: Int) -> Int {
        guard let edns, let code = reply.extendedError, !text.isEmpty, end + 17 + text.count <= min(limit, buffer.count) else {
            let count = reply.finish(&buffer, flags: flags, edns: edns, end: end, limit: buffer.count) ?? end
            if reply.isRefusal { MessagePatch.setFlags(reply.flags(ofRefusalFor: flags), in: &buffer) }
            return count
        }
        _ = reply.finish(&buffer, flags: flags, edns: nil, end: end, limit: buffer.count)
        if reply.isRefusal { MessagePatch.setFlags(reply.flags(ofRefusalFor: flags), in: &buffer) }
        var opt = reply.opt(for: edns)
        opt.extendedError = nil
        guard let rdata = opt.append(to: &buffer, at: end, limit: buffer.count) else { return end }
        return OPTText.append(text, code, to: &buffer, end: rdata, limit: limit)
    }
}

/// Extended errors with words that are not known beforehand.
private enum OPTText {
    /// Puts an extended error behind an OPT record without options, at the end of a message: the message's new end, the old one
    /// where there is no room.
    static func append(
        _ text: [UInt8], _ code: ExtendedErrorCode, to buffer: inout MutableSpan<UInt8>, end: Int, limit: Int
    ) -> Int {
        guard end + 6 + text.count <= min(limit, buffer.count) else { return end }
        buffer.storeUInt16(UInt16(truncatingIfNeeded: 6 + text.count), at: end - 2)
        buffer.storeUInt16(EDNSOptionCode.extendedError.rawValue, at: end)
        buffer.storeUInt16(UInt16(truncatingIfNeeded: 2 + text.count), at: end + 2)
        buffer.storeUInt16(code.rawValue, at: end + 4)
        buffer.copy(text.span, to: end + 6)
        return end + 6 + text.count
    }
}

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
    /// why it is so, where there is a reason and room for it.
    func write(
        _ records: [ResourceRecord], and other: [UInt8] = [], _ reply: Reply, _ told: ToldDenial? = nil,
        into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        var reply = reply
        // With the reason it is appended behind all else.
        if let code = told?.denial.code { (reply.extendedError, reply.text) = (told?.reason.isEmpty == true ? code : nil, "") }
        let count = writeRecords(records, and: other, reply, into: &buffer, limit: limit)
        guard let told, edns != nil, let code = told.denial.code, !told.reason.isEmpty else { return count }
        return OPTText.append(told.reason, code, to: &buffer, end: count, limit: limit)
    }

    private func writeRecords(
        _ records: [ResourceRecord], and other: [UInt8], _ reply: Reply, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Int {
        do throws(WireError) {
            var builder = MessageBuilder(
                buffer._mutatingExtracting(0...), id: id, flags: reply.flags(for: flags), limit: limit)
            try builder.appendQuestion(try NameView(name.span, at: 0), type, .internet)
            let opt = edns.map(reply.opt)
            if let opt { try builder.reserve(opt.length) }
            do throws(WireError) {
                for record in records { try builder.append(record, to: .answer) }
                if !other.isEmpty { try append(other, to: &builder) }
            } catch {
                guard error == .doesNotFit else { throw error }
                builder.flags.isTruncated = true
            }
            if let opt {
                try builder.reserve(-opt.length)
                try builder.appendOPT(opt)
            }
            return builder.bytes.count
        } catch {
            MessagePatch.setQuestionCount(0, in: &buffer)
            return Reply(.servFail, .invalidData)
                .finish(&buffer, flags: flags, edns: nil, end: MessageView.headerLength, limit: buffer.count)
                ?? MessageView.headerLength
        }
    }

    /// Appends the records of another message but for its OPT and what is only additional.
    private func append(_ other: [UInt8], to builder: inout MessageBuilder) throws(WireError) {
        var records = try MessageView(other.span).records()
        while let record = try records.next(), record.section != .additional { try builder.append(record, to: record.section) }
    }
}
