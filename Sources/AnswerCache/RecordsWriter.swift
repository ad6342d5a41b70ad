internal import DNSWire

/// Writes a reply's records anew for keeping: without OPT and TSIG, names compressed against the question in lower case
/// and against each other, TTLs within bounds.
struct RecordsWriter {
    /// The records, as they stand after the question.
    private(set) var records: [UInt8] = []
    /// How many there are in each section.
    private(set) var counts = RecordCounts()
    /// The smallest TTL written.
    private(set) var smallestTTL = TTLLimits.largest

    /// Signatures of the message itself mean nothing in another one.
    private static var transactionSignature: UInt16 { 250 }

    /// Writes the records of a reply that was read to its end. Throws `.doesNotFit` when they take more than `limit`.
    init(
        _ reply: Span<UInt8>, to key: borrowing CacheKey, _ kind: ReplyReading.Kind, _ limits: TTLLimits, limit: Int
    ) throws(WireError) {
        let start = MessageView.headerLength + key.name.count + 4
        // Expanded names can make it longer, but hardly ever twice as long.
        let capacity = min(start + limit, 2 * reply.count + 512)
        var scratch = [UInt8](repeating: 0, count: capacity)
        var builder = MessageBuilder(scratch.mutableSpan, id: 0, flags: HeaderFlags())
        try builder.appendQuestion(key.name.view, key.type, key.class)
        try write(MessageView(reply), to: &builder, kind, limits)
        let end = builder.count
        records = Array(scratch[start..<end])
    }

    /// Writes all sections.
    private mutating func write(
        _ message: MessageView, to builder: inout MessageBuilder, _ kind: ReplyReading.Kind, _ limits: TTLLimits
    ) throws(WireError) {
        var perSection = (answers: 0, authorities: 0, additionals: 0)
        var cursor = try message.records()
        while let record = try cursor.next() {
            if record.type == .opt || record.type.rawValue == Self.transactionSignature { continue }
            var ttl = limits.clamp(record.ttl)
            if case .negative(_, let minimum) = kind, record.type == .soa, record.section == .authority {
                ttl = limits.clampNegative(ttl: record.ttl, minimum: minimum)
            }
            try builder.append(record, to: record.section, ttl: ttl)
            smallestTTL = min(smallestTTL, ttl)
            switch record.section {
            case .answer: perSection.answers += 1
            case .authority: perSection.authorities += 1
            case .additional: perSection.additionals += 1
            }
        }
        guard
            let packed = RecordCounts(
                answers: perSection.answers, authorities: perSection.authorities, additionals: perSection.additionals)
        else { throw .doesNotFit }
        counts = packed
    }
}
