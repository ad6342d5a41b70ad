internal import DNSWire

/// Whether records may be kept as they stand in a reply. They may, where they stand one after the other behind the question
/// and as they would be written here: names compressed, an owner that is the question's name a pointer to it, no letters of
/// the question in them. A name that points into a TTL, which changes, or through many pointers, which some clients do not
/// follow, does not stay.
struct StandingRecords {
    /// No name stays that leads through more pointers than this.
    private static var mostPointers: Int { 4 }
    /// No more records than this stay.
    private static var mostRecords: Int { 32 }

    private let asked: Asked
    /// Whether the question went upstream with capital letters, which a name may repeat.
    private let hasLetters: Bool

    /// The records of a reply to a question.
    init(_ asked: Asked, in reply: Span<UInt8>) {
        self.asked = asked
        let start = MessageView.headerLength
        hasLetters = reply.hasCapital(in: start..<start + asked.name.count)
    }

    /// Whether these may stay. Their owners and data have been checked.
    func mayStay(_ kept: KeptRecords, _ reply: Span<UInt8>) -> Bool {
        guard kept.count <= Self.mostRecords else { return false }
        var end = asked.recordsStart
        for (number, record) in kept.records.enumerated() {
            guard record.place.offset == end, record.place.section == record.section, !record.hasMadeOwner, !record.hasMadeData,
                mayStay(record.place, reply, kept.records[..<number])
            else { return false }
            end = record.place.endOffset
        }
        return true
    }

    /// Whether a record's names stand as they would be written.
    private func mayStay(_ place: RecordPlace, _ reply: Span<UInt8>, _ before: ArraySlice<KeptRecords.Record>) -> Bool {
        if reply.loadUInt16(at: place.offset) != NameView.questionPointer, place.ownerEnd - place.offset > 1 {
            guard !place.hasWholeOwner, !isQuestion(RecordView(reply, place).owner),
                isClear(place.offset, reply, before), !mayHoldLetters(place.offset..<place.ownerEnd - 2, reply)
            else { return false }
        }
        guard let names = RDataLayout(place.type) else { return true }
        guard names.characterStrings == 0 else { return false }
        var position = place.rdataOffset + names.fixedBytes
        for _ in 0..<names.names {
            guard let name = try? NameView(reply, at: position, limit: place.endOffset),
                name.isRoot || name.isUncompressed != names.mayCompress, isClear(position, reply, before)
            else { return false }
            // A pointer's two bytes are no letters.
            let end = name.isUncompressed ? name.endOffset : name.endOffset - 2
            if mayHoldLetters(position..<end, reply) { return false }
            position = name.endOffset
        }
        return true
    }

    /// Whether a name is the question's, which is always to be a pointer to it.
    private func isQuestion(_ name: NameView) -> Bool {
        name.wireLength == asked.name.count && name.isEqual(toLowercased: asked.name.span)
    }

    /// Whether there is a capital letter among a name's own bytes that may be one that went upstream.
    private func mayHoldLetters(_ range: Range<Int>, _ reply: Span<UInt8>) -> Bool {
        hasLetters && reply.hasCapital(in: range)
    }

    /// Whether what a name points to ends before the name begins, leads through no TTL, and through few pointers.
    private func isClear(_ start: Int, _ reply: Span<UInt8>, _ before: ArraySlice<KeptRecords.Record>) -> Bool {
        var position = start
        var pointers = 0
        while true {
            let byte = Int(reply[position])
            let next = position + (byte < 0xC0 ? 1 + byte : 2)
            if pointers > 0 {
                guard next <= start else { return false }
                if isTTL(in: position..<next, before) { return false }
            }
            if byte == 0 { return true }
            position = next
            guard byte >= 0xC0 else { continue }
            position = Int(reply.loadUInt16(at: next - 2) & 0x3FFF)
            pointers += 1
            guard pointers <= Self.mostPointers else { return false }
        }
    }

    /// Whether a byte of a TTL stands in a range. Nearly all lie before the first record, in the question.
    private func isTTL(in range: Range<Int>, _ before: ArraySlice<KeptRecords.Record>) -> Bool {
        guard range.upperBound > asked.recordsStart else { return false }
        return before.contains { range.overlaps($0.place.ttlOffset..<$0.place.ttlOffset + 4) }
    }
}
