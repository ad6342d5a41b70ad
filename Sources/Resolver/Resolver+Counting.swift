internal import DNSWire
internal import Green
internal import Observation

/// Counting of answers that are no hits: those are counted where they are made.
extension Resolver {
    /// Counts what came of a client's query, whose answer stands at the front of a message, by `answeredBy`;
    /// `outcome` is what limits made of it.
    @inline(never)
    func noted(_ step: Step, _ message: Span<UInt8>, _ client: TappedClient, _ outcome: AnswerOutcome? = nil) -> Step {
        let given = answeredBy
        answeredBy = .local
        switch step {
        case .answered(let count) where message.count >= MessageView.headerLength:
            let code = UInt16(message[3] & 15)
            let source = Self.source(given, code)
            let whole = Self.wholeCode(code, of: source)
            let isSent = outcome?.isSent ?? true
            if isSent { figures.note(source, whole) } else { figures.dropped.add() }
            if tap.isOpen {
                tell(message.extracting(first: min(count, message.count)), whole, source, client, outcome)
            }
            if isSent, message[2] & 2 != 0 { figures.truncated.add() }
        case .drop: figures.dropped.add()
        case .answered, .wait, .tooLong: break
        }
        return step
    }

    /// A refusal of our own is no local answer.
    private static func source(_ source: AnswerSource, _ code: UInt16) -> AnswerSource {
        guard source == .local else { return source }
        switch ResponseCode(rawValue: code) {
        case .formErr, .servFail, .notImp, .refused, .yxRRSet: return .error
        default: return .local
        }
    }

    /// The header has four bits of an rcode. Of our own errors two have more: BADVERS (RFC 6891 9), whose four are those of NOERROR,
    /// and BADCOOKIE (RFC 7873 8), whose four are those of YXRRSET; neither of these is an error of ours.
    private static func wholeCode(_ code: UInt16, of source: AnswerSource) -> UInt16 {
        guard source == .error else { return code }
        switch ResponseCode(rawValue: code) {
        case .noError: return ResponseCode.badVers.rawValue
        case .yxRRSet: return ResponseCode.badCookie.rawValue
        default: return code
        }
    }
}
