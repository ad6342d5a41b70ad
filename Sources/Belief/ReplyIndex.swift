internal import DNSWire

/// Where the records of a reply stand, found in one walk over it.
struct ReplyIndex {
    /// A record of the answer section.
    struct Entry {
        /// Where it stands.
        let place: RecordPlace
        /// The keyed hash of its owner.
        let owner: UInt64
    }

    /// The records of the answer section that are of the class asked for.
    private(set) var answers: [Entry] = []
    /// The records of the authority section that are of the class asked for.
    private(set) var authorities: [RecordPlace] = []
    /// The records of the additional section that are of the class asked for, and of a type that is passed on.
    private(set) var additionals: [RecordPlace] = []
    /// How many records there are, OPT not counted.
    private(set) var recordCount = 0
    /// How many of them are in the answer section, of whatever class.
    private(set) var answerCount = 0
    /// The last owner that was nothing but a pointer, and its hash: an RRset's records often share it. 0 where there is none.
    private var pointer: UInt16 = 0
    private var pointerHash: UInt64 = 0
    /// The keyed hash of the question's name.
    let question: UInt64
    /// OPT's eight bits of the rcode.
    private(set) var extendedHigh: UInt8 = 0
    /// The extended error; where there are several, one that says that the data is bogus.
    private(set) var extendedError: ExtendedErrorCode?
    /// What the reply may still cost.
    private(set) var budget: WorkBudget

    private var hasOPT = false

    /// Goes over all records of a reply whose question was compared. Throws where the answer section cannot be read, or the
    /// authority section where nothing is in the answer section, for then that is the answer; what else cannot be read is as
    /// if it were not there.
    init(_ reply: Span<UInt8>, to asked: Asked, _ rules: Belief.Rules) throws(BrokenReply) {
        budget = WorkBudget(messageLength: reply.count)
        question = NameView(lowercased: asked.name.span, labelCount: asked.labelCount).hash(seed: rules.seed)
        guard let message = try? MessageView(reply) else { throw .unreadable }
        var cursor = message.records(at: asked.recordsStart, question: asked.shape)
        var left = message.recordCount(.answer)
        while true {
            let place: RecordPlace?
            do throws(WireError) {
                place = try cursor.nextPlace()
            } catch {
                guard left == 0, answerCount > 0 || cursor.section == .additional else { throw .unreadable }
                return
            }
            guard let place else { return }
            left -= place.section == .answer ? 1 : 0
            try note(place, in: reply, asked, rules)
        }
    }

    /// Takes in the next record.
    private mutating func note(
        _ place: RecordPlace, in reply: Span<UInt8>, _ asked: Asked, _ rules: Belief.Rules
    ) throws(BrokenReply) {
        let start = reply.loadUInt16(at: place.offset)
        let isQuestion = start == NameView.questionPointer
        let isRepeated = start == pointer && start != 0
        if !isQuestion, !isRepeated { try budget.spend(place.owner.wireLength) }
        if place.type == .opt { return try noteOPT(place, in: reply) }
        recordCount += 1
        if place.section == .answer { answerCount += 1 }
        if place.type == .tsig, place.section == .answer { throw .unreadable }
        guard reply.loadUInt16(at: place.ownerEnd + 2) == asked.class.rawValue else { return }
        switch place.section {
        case .answer:
            answers.append(Entry(place: place, owner: isQuestion ? question : hash(place, isRepeated, in: reply, rules)))
        case .authority:
            authorities.append(place)
        case .additional:
            let isSignature = place.type == .tsig || place.type == .sig
            if !rules.isMinimal, !isSignature { additionals.append(place) }
        }
    }

    /// The keyed hash of a record's owner; the one before where it is the same pointer.
    private mutating func hash(_ place: RecordPlace, _ isRepeated: Bool, in reply: Span<UInt8>, _ rules: Belief.Rules) -> UInt64 {
        if isRepeated { return pointerHash }
        let hash = RecordView(reply, place).owner.hash(seed: rules.seed)
        if place.ownerEnd == place.offset + 2, reply[place.offset] >= 0xC0 {
            (pointer, pointerHash) = (reply.loadUInt16(at: place.offset), hash)
        }
        return hash
    }

    /// Reads OPT, which stands in the additional section and nowhere else, and once (RFC 6891 6.1.1).
    private mutating func noteOPT(_ place: RecordPlace, in reply: Span<UInt8>) throws(BrokenReply) {
        guard place.section != .answer else { throw .unreadable }
        guard place.section == .additional, !hasOPT, let opt = try? EDNSSummary(reply, place) else { return }
        hasOPT = true
        extendedHigh = opt.extendedHigh
        guard opt.version == 0 else { return }
        // Its options, which fill it exactly (RFC 8914 2).
        var position = opt.optionsOffset
        while position < opt.optionsOffset + opt.optionsLength {
            let length = Int(reply.loadUInt16(at: position + 2))
            if reply.loadUInt16(at: position) == EDNSOptionCode.extendedError.rawValue, length >= 2 {
                let code = ExtendedErrorCode(rawValue: reply.loadUInt16(at: position + 4))
                if extendedError == nil || code.saysBogus { extendedError = code }
            }
            position += 4 + length
        }
    }
}
