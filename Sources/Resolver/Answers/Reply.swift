internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Upstream

/// What the header and OPT of an answer to a client say.
struct Reply {
    /// The rcode.
    var responseCode = ResponseCode.noError
    /// The upstream validated it, and the client wants to know.
    var authenticData = false
    /// Records were left out because they did not fit.
    var isTruncated = false
    /// Records in the three sections, OPT not counted.
    var counts: (UInt16, UInt16, UInt16) = (0, 0, 0)
    /// Why it is as it is.
    var extendedError: ExtendedErrorCode?
    /// A few words beside the extended error.
    var text: StaticString = ""

    /// The payload size that clients are told: what a datagram can carry without fragments nearly everywhere.
    static let payloadSize: UInt16 = 1232

    /// An error.
    init(_ responseCode: ResponseCode, _ extendedError: ExtendedErrorCode? = nil, _ text: StaticString = "") {
        self.responseCode = responseCode
        self.extendedError = extendedError
        self.text = text
    }

    /// Nothing but that the answer is too long for a datagram (RFC 2181 9).
    static var tooLong: Reply {
        var reply = Reply(.noError)
        reply.isTruncated = true
        return reply
    }

    /// A stored answer, for a client with these flags.
    @inline(__always)
    init(_ answer: borrowing StoredAnswer, to flags: HeaderFlags, _ edns: EDNSSummary?) {
        responseCode = answer.responseCode
        authenticData = answer.authenticData && (flags.authenticData || edns?.dnssecOK == true)
        counts = (answer.answerCount, answer.authorityCount, answer.additionalCount)
        extendedError = answer.extendedError
        if answer.isFailure { text = UpstreamFailure.text(ofRemembered: answer.failureText) }
    }

    /// An answer that was waited for, for a client with these flags.
    init(_ answer: borrowing Answer, to flags: HeaderFlags, _ edns: EDNSSummary?) {
        responseCode = answer.responseCode
        authenticData = answer.authenticData && (flags.authenticData || edns?.dnssecOK == true)
        counts = answer.counts
    }

    /// The answer's flags for a query with these: id, opcode, RD and CD are the client's; it has recursion; AA is never
    /// set, for nothing here is authoritative.
    @inline(__always)
    func flags(for query: HeaderFlags) -> HeaderFlags {
        // QR and RA; opcode, RD and CD stay.
        var flags = HeaderFlags(rawValue: query.rawValue & 0x7910 | 0x8080)
        flags.responseCode = responseCode
        flags.authenticData = authenticData
        flags.isTruncated = isTruncated
        return flags
    }

    /// Whether the query was not looked into at all.
    var isRefusal: Bool {
        switch responseCode {
        case .formErr, .notImp, .refused, .badVers: true
        default: false
        }
    }

    /// The refusal's flags for a query with these: there is no recursion for it, and nothing whose checking could be disabled.
    func flags(ofRefusalFor query: HeaderFlags) -> HeaderFlags {
        HeaderFlags(rawValue: flags(for: query).rawValue & ~0x0090)
    }

    /// The OPT record, for a client that sent one.
    @inline(__always)
    func opt(for edns: EDNSSummary) -> OPTReply {
        OPTReply(
            udpPayloadSize: Self.payloadSize, dnssecOK: edns.dnssecOK, responseCode: responseCode,
            extendedError: extendedError, extraText: text)
    }

    /// Writes header and OPT around what stands in `buffer` up to `end`: the answer's length, nil where OPT does not fit
    /// within `limit`.
    @inline(__always)
    func finish(
        _ buffer: inout MutableSpan<UInt8>, flags query: HeaderFlags, edns: EDNSSummary?, end: Int, limit: Int
    ) -> Int? {
        MessagePatch.setFlags(flags(for: query), in: &buffer)
        MessagePatch.setRecordCount(counts.0, of: .answer, in: &buffer)
        MessagePatch.setRecordCount(counts.1, of: .authority, in: &buffer)
        MessagePatch.setRecordCount(counts.2, of: .additional, in: &buffer)
        guard let edns else { return end <= limit ? end : nil }
        return opt(for: edns).append(to: &buffer, at: end, limit: limit)
    }
}
