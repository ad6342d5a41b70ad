internal import DNSWire

/// Whether a reply's records may be kept as they stand in it, and where their TTLs are: found out on the one walk over a
/// reply. They may, where they stand as they would be written here: names compressed, an owner that is the question's name
/// a pointer to it, nothing behind OPT, no signature of the message. The letters of the question are none of its business:
/// `LetterCase` takes them out where `mayHoldLetters` says so.
struct ReplyLayout {
    /// A signature of the message itself, which means nothing in another one.
    static var transactionSignature: UInt16 { 250 }

    /// Whether the records may stay as they are.
    private(set) var mayStay = true
    /// Whether there is a capital letter in a name behind the question, which may be one that went upstream. Known where
    /// `mayStay` holds.
    private(set) var mayHoldLetters = false
    /// Where the records end, OPT left out.
    private(set) var end: Int
    /// How many records there are in each section, OPT left out.
    private(set) var counts = (0, 0, 0)
    /// The TTLs' places, one after the other.
    private var offsets = InlineArray<32, UInt16>(repeating: 0)
    /// How many of them there are.
    private(set) var count = 0
    /// One bit for each: whether it is that of a SOA of the authority section.
    private var zones: UInt32 = 0
    private let question: NameView.Shape
    private var hasOPT = false

    /// The layout of a reply whose records start at `start`, before the first is noted.
    init(recordsStart start: Int, _ question: NameView.Shape) {
        end = start
        self.question = question
    }

    /// Where a TTL stands, and whether it is that of a SOA of the authority section.
    subscript(number: Int) -> (offset: Int, isZone: Bool) {
        (Int(offsets[number]), zones >> UInt32(number) & 1 == 1)
    }

    /// Looks at the next record of the reply.
    mutating func note(_ place: RecordPlace, in message: Span<UInt8>) {
        guard place.type != .opt else {
            hasOPT = true
            return
        }
        switch place.section {
        case .answer: counts.0 += 1
        case .authority: counts.1 += 1
        case .additional: counts.2 += 1
        }
        // What comes after OPT could not move up, for pointers lead only backwards.
        if hasOPT || count == offsets.count || place.type.rawValue == Self.transactionSignature { mayStay = false }
        end = place.endOffset
        guard mayStay else { return }
        offsets[count] = UInt16(truncatingIfNeeded: place.ttlOffset)
        if place.type == .soa, place.section == .authority { zones |= 1 << UInt32(count) }
        count += 1
        noteNames(of: place, in: message)
    }

    /// Whether the record's names stand as they would be written here.
    private mutating func noteNames(of place: RecordPlace, in message: Span<UInt8>) {
        if message.loadUInt16(at: place.offset) != NameView.questionPointer, place.ownerEnd - place.offset > 1 {
            if place.hasWholeOwner || isQuestion(place, in: message) || !isClear(place.offset, in: message) { mayStay = false }
            noteLetters(place.offset, place.ownerEnd, isWhole: place.hasWholeOwner, in: message)
        }
        guard let names = RDataLayout(place.type) else { return }
        guard mayStay, names.characterStrings == 0 else {
            mayStay = false
            return
        }
        var position = place.rdataOffset + names.fixedBytes
        for _ in 0..<names.names {
            guard let name = try? NameView(message, at: position, limit: place.endOffset),
                name.isRoot || name.isUncompressed != names.mayCompress, isClear(position, in: message)
            else {
                mayStay = false
                return
            }
            noteLetters(position, name.endOffset, isWhole: name.isUncompressed, in: message)
            position = name.endOffset
        }
    }

    /// Looks for capital letters in a name as it stands from `start` to `end`: with a pointer of two bytes, which are no
    /// letters, unless it is whole.
    private mutating func noteLetters(_ start: Int, _ end: Int, isWhole: Bool, in message: Span<UInt8>) {
        if message.hasCapital(in: start..<(isWhole ? end : end - 2)) { mayHoldLetters = true }
    }

    /// Whether a record's owner is the question's name in another place, which is always to be a pointer to the question.
    private func isQuestion(_ place: RecordPlace, in message: Span<UInt8>) -> Bool {
        guard place.owner.wireLength == question.wireLength, let owner = try? NameView(message, at: place.offset),
            let asked = try? NameView(message, at: MessageView.headerLength)
        else { return false }
        return owner.isEqual(to: asked)
    }

    /// Whether what a name points to, of a name that was checked, ends before the name begins and leads through no TTL. Those
    /// change when they are counted down, and what comes behind may go: the name would be another, or none.
    private func isClear(_ start: Int, in message: Span<UInt8>) -> Bool {
        var position = start
        var isElsewhere = false
        while true {
            let byte = Int(message[position])
            let next = position + (byte < 0xC0 ? 1 + byte : 2)
            if isElsewhere {
                guard next <= start else { return false }
                if isTTL(in: position..<next) { return false }
            }
            if byte == 0 { return true }
            position = next
            guard byte >= 0xC0 else { continue }
            position = Int(message.loadUInt16(at: next - 2) & 0x3FFF)
            isElsewhere = true
        }
    }

    /// Whether a byte of a TTL stands in a range. Nearly all lie before the first, in the question.
    private func isTTL(in range: Range<Int>) -> Bool {
        guard range.upperBound > Int(offsets[0]) else { return false }
        for number in 0..<count where range.overlaps(Int(offsets[number])..<Int(offsets[number]) + 4) { return true }
        return false
    }
}
