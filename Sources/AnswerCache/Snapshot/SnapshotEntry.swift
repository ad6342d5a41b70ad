internal import Belief
internal import DNSWire

/// Reads entries of a snapshot, one after the other, each as if a stranger had written it: a wrong one is refused.
struct SnapshotEntry {
    /// What became of an entry.
    enum Outcome {
        /// It is in the cache, as far as there was room.
        case loaded
        /// Its time is over.
        case expired
        /// It cannot be right.
        case refused
    }

    private let moment: SnapshotMoment
    private let writtenAt: Int64
    private let upstreams: [UInt16: UInt16]
    private let views: [UInt16: ViewNumber]
    /// The entry as a message, so that its records can be read as any message's are.
    private var message = [UInt8](repeating: 0, count: 12 + 255 + 4 + 65_535)

    /// A reader of entries that were written at a time by the wall clock; `upstreams` and `views` are the numbers of now.
    init(_ moment: SnapshotMoment, writtenAt: Int64, upstreams: [UInt16: UInt16], views: [UInt16: ViewNumber]) {
        self.views = views
        self.moment = moment
        self.writtenAt = writtenAt
        self.upstreams = upstreams
    }

    /// Reads one entry, its lengths known to fit, and puts it into the cache.
    mutating func read(_ bytes: Span<UInt8>, into cache: MemoryCache) -> Outcome {
        guard let header = header(bytes) else { return .refused }
        // A view that is no more.
        if header.viewNumber == .none { return .expired }
        if header.isOver(at: moment.boot, staleSeconds: cache.staleSeconds) { return .expired }
        let nameEnd = SnapshotFormat.entryHeadLength + Int(header.nameLength)
        guard let name = try? NameView(bytes, at: SnapshotFormat.entryHeadLength, limit: nameEnd), name.isUncompressed,
            name.endOffset == nameEnd, Self.isLowerCase(bytes.extracting(SnapshotFormat.entryHeadLength..<nameEnd)),
            hasGoodRecords(bytes, header, nameEnd)
        else { return .refused }
        let flags = KeyFlags(
            dnssecOK: header.flags.contains(.dnssecOK), checkingDisabled: header.flags.contains(.checkingDisabled))
        let key = CacheKey(
            FixedName(name), RecordType(rawValue: header.type), .internet, flags: flags, seed: cache.seed
        ).inView(header.viewNumber, seed: cache.seed)
        var kept = header
        kept.hash = UInt32(truncatingIfNeeded: key.hash)
        _ = cache.put(key, kept, bytes.extracting(nameEnd...), at: moment.boot)
        return .loaded
    }

    /// The header as the cache is to have it; nil when it says what no header says.
    private func header(_ bytes: Span<UInt8>) -> EntryHeader? {
        var header = EntryHeader()
        header.nameLength = bytes[2]
        header.flags = EntryFlags(rawValue: bytes[3])
        header.type = bytes.number(at: 4)
        header.viewNumber = views[bytes.number(at: 6)] ?? .none
        header.codes = bytes.number(at: 8)
        header.upstream = upstreams[bytes.number(at: 10)] ?? .max
        header.uses = bytes.number(at: 12)
        header.transport = bytes[14]
        header.counts.rawValue = bytes.number(at: 16)
        header.lifetime = bytes.number(at: 20)
        let code = ResponseCode(rawValue: header.codes & 0x0FFF)
        guard !header.flags.contains(.failure), code == .noError || code == .nxDomain || code == .yxDomain,
            SecurityStatus(rawValue: UInt8(header.codes >> 12)) != nil, AnswerTransport(rawValue: header.transport) != nil,
            header.lifetime > 0, header.lifetime <= TTLLimits.largest
        else { return nil }
        let storedAt: Int64 = bytes.number(at: 24)
        guard storedAt >= 0, storedAt <= writtenAt else { return nil }
        let age = min(max(0, moment.wallSeconds - storedAt), Int64(Int32.max))
        header.storedAt = moment.boot.rawValue &- UInt32(age)
        return header
    }

    /// Whether a name's wire form, whose lengths are below 64, has no capital letter.
    private static func isLowerCase(_ name: Span<UInt8>) -> Bool {
        for index in name.indices where name[index] &- 0x41 < 26 { return false }
        return true
    }

    /// Whether the records are as many as the header says, can be read, and are all there is.
    private mutating func hasGoodRecords(_ bytes: Span<UInt8>, _ header: EntryHeader, _ nameEnd: Int) -> Bool {
        let start = SnapshotFormat.entryHeadLength
        let recordsStart = MessageView.headerLength + Int(header.nameLength) + 4
        let end = recordsStart + bytes.count - nameEnd
        guard end <= 65_535 else { return false }
        // A name may not go on inside a TTL, which changes: with the largest one there it cannot be read.
        var stored = header
        stored.detail = UInt16(truncatingIfNeeded: bytes.count - nameEnd)
        let records = StoredAnswer(stored, at: moment.boot)
        var span = message.mutableSpan
        MessagePatch.setQuestionCount(1, in: &span)
        MessagePatch.setRecordCount(header.counts.answers, of: .answer, in: &span)
        MessagePatch.setRecordCount(header.counts.authorities, of: .authority, in: &span)
        MessagePatch.setRecordCount(header.counts.additionals, of: .additional, in: &span)
        span.copy(bytes.extracting(start..<nameEnd), to: MessageView.headerLength)
        span.storeUInt16(header.type, at: recordsStart - 4)
        span.storeUInt16(RecordClass.internet.rawValue, at: recordsStart - 2)
        span.copy(bytes.extracting(nameEnd...), to: recordsStart)
        TTLCountdown.set(.max, records, in: &span, at: recordsStart)
        do throws(WireError) {
            var cursor = try MessageView(message.span.extracting(first: end)).records()
            while let record = try cursor.next() {
                guard record.type != .opt, record.type != .tsig else { return false }
                try RDataForm.check(record.place, in: record.message)
            }
            return !cursor.hasMoreBytes
        } catch {
            return false
        }
    }
}
