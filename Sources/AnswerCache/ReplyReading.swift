internal import DNSWire

/// A reply as the cache judges it: what kind of answer it is and what there is to know before its records are written.
struct ReplyReading {
    /// What a reply is to the cache.
    enum Kind {
        /// Records of the type asked for.
        case positive
        /// NXDOMAIN or NODATA, with the SOA's MINIMUM.
        case negative(soaMinimum: UInt32)
        /// A failure (RFC 9520).
        case failure
        /// Nothing to keep.
        case notKept(NotKept)
    }

    /// What it is.
    private(set) var kind = Kind.notKept(.malformed)
    /// The header's flags.
    private(set) var flags = HeaderFlags()
    /// The whole rcode.
    private(set) var responseCode = ResponseCode.noError
    /// The first extended error among the options.
    private(set) var extendedError: ExtendedErrorCode?
    /// How its records stand in it, where it is an answer.
    private(set) var layout = ReplyLayout(recordsStart: 0, .root)

    /// The type of a question for everything (RFC 8482 lets a server answer it with any one RRset).
    private static var anyType: UInt16 { 255 }

    /// What has been seen on the way through the records.
    private struct Seen {
        /// The answer section has a record of the type asked for.
        var wantedType = false
        /// The authority section has NS records.
        var nameServers = false
        /// The answer section is empty.
        var noAnswers = true
        /// Where the first SOA of the authority section stands.
        var soaOffset: Int?
        /// OPT's eight bits of the rcode.
        var extendedHigh: UInt8 = 0
    }

    /// Reads a reply to a question, to its end.
    init(_ bytes: Span<UInt8>, to key: borrowing CacheKey) {
        do throws(WireError) {
            let message = try MessageView(bytes)
            flags = message.flags
            guard flags.isResponse, flags.opcode == .query, message.questionCount == 1,
                let question = try message.question()
            else { return }
            guard question.type == key.type, question.class == key.class, question.name.isEqual(toLowercased: key.view.name)
            else {
                kind = .notKept(.otherQuestion)
                return
            }
            guard !flags.isTruncated else {
                kind = .notKept(.truncated)
                return
            }
            layout = ReplyLayout(recordsStart: question.endOffset, question.name.shape)
            let seen = try look(through: message, after: question, for: key.type)
            responseCode = ResponseCode(low: flags.responseCode, extendedHigh: seen.extendedHigh)
            kind = try judge(message, question, seen)
        } catch {
            kind = .notKept(.malformed)
        }
    }

    /// Goes once over all records.
    private mutating func look(
        through message: MessageView, after question: QuestionView, for type: RecordType
    ) throws(WireError) -> Seen {
        var seen = Seen()
        var records = message.records(after: question)
        while let place = try records.nextPlace() {
            layout.note(place, in: message.bytes)
            switch place.section {
            case .answer:
                seen.noAnswers = false
                if place.type == type || type.rawValue == Self.anyType { seen.wantedType = true }
            case .authority:
                if place.type == .ns { seen.nameServers = true }
                if place.type == .soa, seen.soaOffset == nil { seen.soaOffset = place.offset }
            case .additional:
                guard place.type == .opt else { continue }
                let opt = try EDNSSummary(message.bytes, place)
                seen.extendedHigh = opt.extendedHigh
                extendedError = opt.extendedError(in: message.bytes)
            }
        }
        return seen
    }

    /// Says what the reply is.
    private func judge(_ message: MessageView, _ question: QuestionView, _ seen: Seen) throws(WireError) -> Kind {
        guard responseCode == .noError || responseCode == .nxDomain else { return .failure }
        if responseCode == .noError, seen.wantedType { return .positive }
        if let offset = seen.soaOffset {
            let soa = try RecordView(message.bytes, at: offset, section: .authority)
            // Two names of at least one byte and five numbers, MINIMUM the last (RFC 1035 3.3.13).
            guard soa.rdataLength >= 22 else { return .notKept(.malformed) }
            if try Self.isZone(soa.owner, around: question, in: message) {
                return .negative(soaMinimum: message.bytes.loadUInt32(at: soa.endOffset - 4))
            }
        } else if responseCode == .noError, seen.noAnswers, seen.nameServers {
            return .notKept(.referral)
        }
        return .notKept(.noSOA)
    }

    /// Whether a zone holds the name asked for or, since an alias may end in another zone, the target of an alias.
    private static func isZone(
        _ zone: NameView, around question: QuestionView, in message: MessageView
    ) throws(WireError) -> Bool {
        if question.name.isSubdomain(of: zone) { return true }
        var records = try message.records()
        while let record = try records.next(), record.section == .answer {
            guard record.type == .cname else { continue }
            let target = try NameView(message.bytes, at: record.rdataOffset, limit: record.endOffset)
            if target.isSubdomain(of: zone) { return true }
        }
        return false
    }
}
