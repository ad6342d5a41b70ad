internal import DNSWire

/// Brings a reply's records into the form in which they are kept: without OPT and TSIG, names compressed against the
/// question and against each other, TTLs within bounds.
struct RecordsWriter {
    /// Holds the records.
    private var bytes: [UInt8]
    /// Where the records stand in it.
    private let range: Range<Int>
    /// How many there are in each section.
    let counts: RecordCounts
    /// The smallest of their TTLs.
    let smallestTTL: UInt32

    /// The records, as they stand after the question.
    var records: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span.extracting(range) }
    }

    /// Takes the records of a reply as it was read. As they stand, if the upstream has compressed them; else they are written
    /// anew. Throws `.doesNotFit` when they become too long.
    init(
        _ reply: [UInt8], to key: borrowing CacheKey, _ reading: ReplyReading, _ limits: TTLLimits
    ) throws(WireError) {
        let start = MessageView.headerLength + key.wireName.count + 4
        var rules = Rules(kind: reading.kind, limits: limits)
        let layout = reading.layout
        // What is written anew may repeat the question's letters, to which a name only points.
        bytes = layout.mayHoldLetters || !layout.mayStay ? LetterCase.normalized(reply.span) : reply
        let count: (Int, Int, Int)
        if layout.mayStay {
            Self.bound(&bytes, layout, &rules)
            range = start..<layout.end
            count = layout.counts
        } else {
            let written = try Self.rewritten(bytes, key, &rules)
            let view = try MessageView(written.span)
            count = (view.recordCount(.answer), view.recordCount(.authority), view.recordCount(.additional))
            bytes = written
            range = start..<written.count
        }
        guard let counts = RecordCounts(answers: count.0, authorities: count.1, additionals: count.2) else { throw .doesNotFit }
        self.counts = counts
        smallestTTL = rules.smallestTTL
    }

    /// What holds for each record, and what they come to together.
    private struct Rules {
        /// What the reply is.
        let kind: ReplyReading.Kind
        /// The bounds of TTLs.
        let limits: TTLLimits
        /// The smallest TTL so far.
        var smallestTTL = TTLLimits.largest

        /// The TTL that a record is to have; `isZone` says that it is a SOA of the authority section.
        mutating func bound(_ ttl: UInt32, isZone: Bool) -> UInt32 {
            var bounded = limits.clamp(ttl)
            if case .negative(let minimum) = kind, isZone { bounded = limits.clampNegative(ttl: ttl, minimum: minimum) }
            smallestTTL = min(smallestTTL, bounded)
            return bounded
        }
    }

    /// Writes all records anew, behind room for header and question.
    private static func rewritten(
        _ reply: [UInt8], _ key: borrowing CacheKey, _ rules: inout Rules
    ) throws(WireError) -> [UInt8] {
        // Names written out can make it longer, but hardly ever twice as long.
        var scratch = [UInt8](repeating: 0, count: min(65_535, 2 * reply.count + 512))
        var builder = MessageBuilder(scratch.mutableSpan, id: 0, flags: HeaderFlags())
        try builder.appendQuestion(key.nameView, key.type, key.class)
        var cursor = try MessageView(reply.span).records()
        while let record = try cursor.next() {
            if record.type == .opt || record.type.rawValue == ReplyLayout.transactionSignature { continue }
            let ttl = rules.bound(record.ttl, isZone: record.type == .soa && record.section == .authority)
            try builder.append(record, to: record.section, ttl: ttl)
        }
        let end = builder.count
        scratch.removeLast(scratch.count - end)
        return scratch
    }

    /// Sets the TTLs of records that stay as they are. A reply in which none is out of bounds is not even copied.
    private static func bound(_ reply: inout [UInt8], _ layout: ReplyLayout, _ rules: inout Rules) {
        for number in 0..<layout.count {
            let place = layout[number]
            let ttl = reply.span.loadUInt32(at: place.offset)
            let bounded = rules.bound(ttl, isZone: place.isZone)
            guard bounded != ttl else { continue }
            var message = reply.mutableSpan
            message.storeUInt32(bounded, at: place.offset)
        }
    }
}
