/// What a query asks, read in place into plain values: header, question, EDNS. Make one and read many messages into it;
/// reading allocates nothing. A server does what `read` returns, and answers with what could be read.
///
/// Functions that read it take it `inout`: a value of its size that is only lent would be copied for each call (ADR 9).
public struct QueryView: ~Copyable, Sendable {
    /// The query's id.
    public private(set) var id: UInt16 = 0
    /// The query's flags and opcode.
    public private(set) var flags = HeaderFlags()
    /// Whether there is exactly one question and it could be read; else name, type and class mean nothing.
    public private(set) var hasQuestion = false
    /// The name asked for, lower-cased; the client's letters stand in the message from offset 12 on.
    public internal(set) var name = FixedName()
    /// The type asked for.
    public private(set) var type = RecordType(rawValue: 0)
    /// The class asked for.
    public private(set) var `class` = RecordClass(rawValue: 0)
    /// What the OPT record says, where there is one.
    public private(set) var edns: EDNSSummary?
    /// The keyed hash of the question, DO and CD.
    public private(set) var hash: UInt64 = 0

    /// In which view it is asked; the general one until `enter` says otherwise.
    package private(set) var viewNumber = ViewNumber.general

    /// The cookie for the answer, as whoever answers has made it of the one in `edns`; means nothing where that has none.
    package var cookie = AnswerCookie()

    /// What whoever asks is called, as the connection says; reading a message leaves it as it is.
    package var clientName = ClientName.none

    /// Whether an answer is known that has to be looked at once more before anybody is asked, as whoever answers has found.
    package var isKept = false

    /// The number of the rules of which none is about the name, as whoever answers has found; 0 where that is not known.
    package var unlistedBy: UInt64 = 0

    /// Makes a view of nothing, to read into.
    public init() {}

    /// The length of the question, type and class included; it starts at offset 12.
    public private(set) var questionLength = 0
    /// The bytes of `name`, borrowed: other modules would copy all of it to reach them.
    package var nameBytes: Span<UInt8> {
        @_lifetime(borrow self) get { name.storage.span.extracting(first: name.count) }
    }
    /// The number of labels of `name`.
    package var labelCount: Int { name.labelCount }
    /// DO and CD, as they are part of the cache's key.
    public var keyFlags: KeyFlags {
        KeyFlags(dnssecOK: edns?.dnssecOK ?? false, checkingDisabled: flags.checkingDisabled)
    }
    /// The largest answer the client takes over UDP (512 without EDNS).
    public var payloadSize: Int { edns?.effectivePayloadSize ?? 512 }

    /// What a server should do with a message it has read.
    public enum Verdict: Hashable, Sendable {
        /// Answer the question.
        case query
        /// There is no question, only a COOKIE option: answer NOERROR without one (RFC 7873 5.4).
        case cookieOnly
        /// Answer with this rcode and nothing else.
        case refuse(ResponseCode)
        /// Do not answer: no header, or a response.
        case drop
    }

    /// Has the question be asked in a view rather than the general one; `seed` is the same as that of `read`. Once after each.
    package mutating func enter(_ view: ViewNumber, seed: UInt64) {
        viewNumber = view
        hash = QuestionHash.hash(hash, in: view, seed: seed)
    }

    /// Reads a message that came from a client; `seed` keys the hash.
    public mutating func read(_ message: Span<UInt8>, seed: UInt64) -> Verdict {
        guard message.count >= MessageView.headerLength else { return .drop }
        id = message.loadUInt16(at: 0)
        flags = HeaderFlags(rawValue: message.loadUInt16(at: 2))
        hasQuestion = false
        questionLength = 0
        edns = nil
        viewNumber = .general
        isKept = false
        unlistedBy = 0
        if flags.isResponse { return .drop }
        let wellFormed: Bool
        do {
            try readBody(message)
            wellFormed = true
        } catch {
            wellFormed = false
        }
        if !hasQuestion { name.becomeRoot() }
        if flags.opcode != .query { return .refuse(.notImp) }
        guard wellFormed else { return .refuse(.formErr) }
        if let edns, edns.version != 0 { return .refuse(.badVers) }
        guard hasQuestion else {
            let isCookieOnly = message.loadUInt16(at: 4) == 0 && edns?.hasCookie == true
            return isCookieOnly ? .cookieOnly : .refuse(.formErr)
        }
        hash = QuestionHash.hash(name, type, `class`, flags: keyFlags, seed: seed)
        return .query
    }

    /// More additional records than this are in no query: OPT, TSIG and SIG(0) are all that one can carry.
    private static var mostAdditionalRecords: UInt16 { 8 }

    /// Reads the question and the additional section up to the end, keeping what was read when something is wrong. Counts
    /// that no query has are refused before anything that they count is read: several questions (RFC 9619), answer or
    /// authority records, a crowd of additional ones.
    private mutating func readBody(_ message: Span<UInt8>) throws(WireError) {
        let questions = message.loadUInt16(at: 4)
        guard questions <= 1 else { throw .badMessage }
        var offset = MessageView.headerLength
        if questions == 1 { offset = try readQuestion(message) }
        // Answer and authority count in one word.
        guard message.loadUInt32(at: 6) == 0 else { throw .badMessage }
        let additional = message.loadUInt16(at: 10)
        guard additional <= Self.mostAdditionalRecords else { throw .badMessage }
        for _ in 0..<additional { offset = try readAdditional(message, at: offset) }
        guard offset == message.count else { throw .badMessage }
    }

    /// Reads the only question: a name without pointers (there is nothing before it to point to), type and class.
    private mutating func readQuestion(_ message: Span<UInt8>) throws(WireError) -> Int {
        let start = MessageView.headerLength
        var end = start
        var labels = 0
        while true {
            guard end < message.count else { throw .truncated }
            let length = Int(message[end])
            end += 1 + length
            if length == 0 { break }
            guard length < 0x40, end - start < NameView.maximumLength else { throw .badName }
            labels += 1
        }
        guard end + 4 <= message.count else { throw .truncated }
        name.assign(lowercasing: start..<end, of: message, labelCount: labels)
        type = RecordType(rawValue: message.loadUInt16(at: end))
        `class` = RecordClass(rawValue: message.loadUInt16(at: end + 2))
        hasQuestion = true
        questionLength = end + 4 - start
        return end + 4
    }

    /// Reads a record of the additional section: OPT at most once; TSIG, SIG(0) and the rest are skipped.
    private mutating func readAdditional(_ message: Span<UInt8>, at offset: Int) throws(WireError) -> Int {
        // OPT of the only legal owner, the root, is read without a record view: it is in nearly every query.
        if offset + 11 <= message.count, message[offset] == 0, message.loadUInt16(at: offset + 1) == RecordType.opt.rawValue {
            let end = offset + 11 + Int(message.loadUInt16(at: offset + 9))
            guard end <= message.count else { throw .truncated }
            guard edns == nil else { throw .badMessage }
            edns = try EDNSSummary(message, ttlOffset: offset + 5)
            return end
        }
        let record = try RecordView(message, at: offset, section: .additional)
        guard record.type != .opt else { throw .badMessage }
        return record.endOffset
    }
}
