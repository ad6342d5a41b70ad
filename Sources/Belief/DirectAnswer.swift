internal import DNSWire

/// A reply that answers directly: nothing in its answer section but records of the type asked for, whose rdata holds no
/// names, each behind a pointer to the question. They can stay as they stand, whatever follows them.
struct DirectAnswer {
    /// Where each TTL stands.
    private var ttlOffsets = InlineArray<32, UInt16>(repeating: 0)
    /// How many records there are.
    private var count = 0
    /// The smallest TTL.
    private var smallestTTL = UInt32.max
    /// Where the records end.
    private var end: Int
    /// How many records follow, OPT not counted.
    private var droppedCount = 0

    /// Looks at a reply whose question was compared; nil for any other than a direct answer.
    init?(_ reply: Span<UInt8>, to asked: Asked, _ rules: Belief.Rules, _ flags: HeaderFlags) {
        let answers = Int(reply.loadUInt16(at: Section.answer.countOffset))
        end = asked.recordsStart
        guard flags.responseCode == .noError, (1...32).contains(answers), asked.type != .any, rules.isMinimal,
            !asked.flags.dnssecOK, RDataLayout(asked.type) == nil
        else { return nil }
        do throws(WireError) {
            var cursor = try MessageView(reply).records(at: end, question: asked.shape)
            while count < answers {
                guard let place = try cursor.nextPlace(), reply.loadUInt16(at: place.offset) == NameView.questionPointer,
                    place.type == asked.type, reply.loadUInt16(at: place.ownerEnd + 2) == asked.class.rawValue
                else { return nil }
                try RDataForm.check(place, in: reply)
                ttlOffsets[count] = UInt16(truncatingIfNeeded: place.ttlOffset)
                smallestTTL = min(smallestTTL, reply.loadUInt32(at: place.ttlOffset))
                count += 1
                end = place.endOffset
            }
            guard try hasPlainRest(reply, &cursor) else { return nil }
        } catch {
            return nil
        }
    }

    /// Whether nothing behind the answer section changes what the reply is: OPT may, by its part of the rcode.
    private mutating func hasPlainRest(_ reply: Span<UInt8>, _ cursor: inout RecordCursor) throws(WireError) -> Bool {
        var work = 0
        while let place = try cursor.nextPlace() {
            work += place.owner.wireLength
            guard work < 4096 else { return false }
            guard place.type == .opt else {
                droppedCount += 1
                continue
            }
            guard place.section == .additional, reply[place.ttlOffset] == 0 else { return false }
        }
        return true
    }

    /// The answer.
    func answer(from reply: consuming [UInt8], to asked: Asked, _ rules: Belief.Rules, _ flags: HeaderFlags) -> Answer {
        let ttl = rules.limits.clamp(smallestTTL)
        for index in 0..<count {
            let offset = Int(ttlOffsets[index])
            guard reply.span.loadUInt32(at: offset) != ttl else { continue }
            var message = reply.mutableSpan
            message.storeUInt32(ttl, at: offset)
        }
        let head = Answer.Head(
            kind: .positive, responseCode: .noError, flags: flags, authenticData: flags.authenticData && rules.trustsAD,
            lifetimeSeconds: ttl, notKept: nil, aliasCount: 0, target: asked.name, droppedCount: droppedCount)
        let counts = (UInt16(truncatingIfNeeded: count), UInt16(0), UInt16(0))
        return Answer(head, counts: counts, storage: reply, range: asked.recordsStart..<end)
    }
}
