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

    /// A signature of the message itself, which means nothing in another one.
    private static var transactionSignature: UInt16 { 250 }

    /// Takes the records of a reply that was read to its end and whose question's letters were taken out. As they stand,
    /// if the upstream has compressed them; else they are written anew. Throws `.doesNotFit` when they become too long.
    init(
        _ reply: consuming [UInt8], to key: borrowing CacheKey, _ kind: ReplyReading.Kind, _ limits: TTLLimits
    ) throws(WireError) {
        let start = MessageView.headerLength + key.name.count + 4
        var rules = Rules(kind: kind, limits: limits)
        bytes = reply
        if let end = Self.adopt(&bytes, from: start, &rules) {
            range = start..<end
        } else {
            rules = Rules(kind: kind, limits: limits)
            bytes = try Self.rewritten(bytes, key, from: start, &rules)
            range = start..<bytes.count
        }
        guard let counts = RecordCounts(answers: rules.counts.0, authorities: rules.counts.1, additionals: rules.counts.2)
        else { throw .doesNotFit }
        self.counts = counts
        smallestTTL = rules.smallestTTL
    }

    /// What holds for each record, and what they come to together.
    private struct Rules {
        /// What the reply is.
        let kind: ReplyReading.Kind
        /// The bounds of TTLs.
        let limits: TTLLimits
        /// How many records were taken from each section.
        var counts = (0, 0, 0)
        /// The smallest TTL so far.
        var smallestTTL = TTLLimits.largest

        /// Counts a record; returns the TTL that it is to have.
        mutating func take(_ section: Section, _ type: RecordType, ttl: UInt32) -> UInt32 {
            switch section {
            case .answer: counts.0 += 1
            case .authority: counts.1 += 1
            case .additional: counts.2 += 1
            }
            var bounded = limits.clamp(ttl)
            if case .negative(let minimum) = kind, type == .soa, section == .authority {
                bounded = limits.clampNegative(ttl: ttl, minimum: minimum)
            }
            smallestTTL = min(smallestTTL, bounded)
            return bounded
        }
    }

    /// Writes all records anew, behind room for header and question.
    private static func rewritten(
        _ reply: [UInt8], _ key: borrowing CacheKey, from start: Int, _ rules: inout Rules
    ) throws(WireError) -> [UInt8] {
        // Names written out can make it longer, but hardly ever twice as long.
        var scratch = [UInt8](repeating: 0, count: min(65_535, 2 * reply.count + 512))
        var builder = MessageBuilder(scratch.mutableSpan, id: 0, flags: HeaderFlags())
        try builder.appendQuestion(key.name.view, key.type, key.class)
        var cursor = try MessageView(reply.span).records()
        while let record = try cursor.next() {
            if record.type == .opt || record.type.rawValue == transactionSignature { continue }
            let ttl = rules.take(record.section, record.type, ttl: record.ttl)
            try builder.append(record, to: record.section, ttl: ttl)
        }
        let end = builder.count
        scratch.removeLast(scratch.count - end)
        return scratch
    }

    /// Sets the TTLs of records that may stay as they are; returns where they end, or nil when one may not.
    private static func adopt(_ reply: inout [UInt8], from start: Int, _ rules: inout Rules) -> Int? {
        var offset = start
        for section in Section.allCases {
            guard var left = try? MessageView(reply.span).recordCount(section) else { return nil }
            while left > 0 {
                left -= 1
                guard let place = Place(reply.span, at: offset, section, question: start - MessageView.headerLength - 4)
                else { return nil }
                if place.type == .opt {
                    // What comes after it could not move up, and pointers lead only backwards.
                    return section == .additional && left == 0 ? offset : nil
                }
                let ttl = rules.take(section, place.type, ttl: place.ttl)
                if ttl != place.ttl {
                    for byte in 0..<4 {
                        reply[place.ttlOffset + byte] = UInt8(truncatingIfNeeded: ttl >> UInt32(24 - 8 * byte))
                    }
                }
                offset = place.end
            }
        }
        return offset
    }

    /// A record that may stay as it stands: its names are good, and as short as they would be written here.
    private struct Place {
        /// The record's type.
        let type: RecordType
        /// Its TTL.
        let ttl: UInt32
        /// Where its TTL stands.
        let ttlOffset: Int
        /// Where it ends.
        let end: Int

        /// Looks at the record at an offset; nil when it has to be written anew, or cannot be read. `question` is the
        /// length of the question's name.
        init?(_ message: Span<UInt8>, at offset: Int, _ section: Section, question: Int) {
            guard let record = try? RecordView(message, at: offset, section: section),
                record.type.rawValue != RecordsWriter.transactionSignature,
                Self.isShort(record.owner, question: question), Self.hasShortNames(record)
            else { return nil }
            type = record.type
            ttl = record.ttl
            ttlOffset = record.ttlOffset
            end = record.endOffset
        }

        /// Whether an owner is the root, a pointer to the question, or some other name with a pointer in it. A name as long
        /// as the question's may be the question's, and that is always to be a pointer to it.
        private static func isShort(_ owner: NameView, question: Int) -> Bool {
            if owner.isRoot { return true }
            guard owner.wireLength == question else { return !owner.isUncompressed }
            return owner.message.loadUInt16(at: owner.offset) == 0xC000 | UInt16(MessageView.headerLength)
        }

        /// Whether the names in a record's data, where it has any, have a pointer if they may and none if not.
        private static func hasShortNames(_ record: RecordView) -> Bool {
            guard let layout = RDataLayout(record.type) else { return true }
            guard layout.characterStrings == 0 else { return false }
            var position = record.rdataOffset + layout.fixedBytes
            for _ in 0..<layout.names {
                guard let name = try? NameView(record.message, at: position, limit: record.endOffset),
                    name.isRoot || name.isUncompressed != layout.mayCompress
                else { return false }
                position = name.endOffset
            }
            return true
        }
    }
}
