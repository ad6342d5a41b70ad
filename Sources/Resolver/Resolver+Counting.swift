internal import DNSWire
internal import Observation

/// Counting of answers that are no hits: those are counted where they are made.
extension Resolver {
    /// Counts what came of a client's query, whose answer stands at the front of a message, by where it comes from.
    @inline(never)
    func noted(_ step: Step, _ message: Span<UInt8>, _ counts: Bool) -> Step {
        let source = answeredBy
        answeredBy = .local
        return noted(step, source, message, counts)
    }

    /// The same with the source given.
    @inline(never)
    func noted(_ step: Step, _ source: AnswerSource, _ message: Span<UInt8>, _ counts: Bool) -> Step {
        guard counts else { return step }
        switch step {
        case .answered where message.count >= MessageView.headerLength:
            let code = UInt16(message[3] & 15)
            figures.note(Self.source(source, code), Self.wholeCode(code, of: source))
            if message[2] & 2 != 0 { figures.truncated.add() }
        case .drop: figures.dropped.add()
        case .answered, .wait, .tooLong: break
        }
        return step
    }

    /// A refusal of our own is no local answer.
    private static func source(_ source: AnswerSource, _ code: UInt16) -> AnswerSource {
        guard source == .local else { return source }
        switch ResponseCode(rawValue: code) {
        case .formErr, .servFail, .notImp, .refused: return .error
        default: return .local
        }
    }

    /// An error whose four bits in the header are zero is BADVERS (RFC 6891 9), the only one of ours with more than four.
    private static func wholeCode(_ code: UInt16, of source: AnswerSource) -> UInt16 {
        source == .error && code == 0 ? ResponseCode.badVers.rawValue : code
    }
}
