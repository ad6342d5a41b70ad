package import DNSWire

/// What a reply comes to once it is believed: what the cache keeps, what other instances get, and what every client that
/// waited is sent a copy of. Whether it is kept changes nothing of how it looks.
package struct Answer: Sendable {
    /// What it says.
    package enum Kind: Hashable, Sendable {
        /// There is data of the type asked for, or of the name where any was asked for; or a DNAME that leads too far.
        case positive
        /// The name where the aliases end exists, and has no data of the type (RFC 2308 2.2).
        case noData
        /// The name where the aliases end does not exist (RFC 2308 2.1).
        case nxDomain
        /// It only says who else to ask.
        case referral
        /// Aliases whose end the upstream did not say.
        case alias
    }

    /// Why it is not to be kept.
    package enum NotKept: Hashable, Sendable {
        /// It only says who else to ask.
        case referral
        /// It is negative and has no SOA of a zone around the name (RFC 2308 5).
        case noSOA
        /// Its aliases lead to a name of which it says nothing.
        case openAlias
        /// A TTL in it is 0.
        case zeroTTL
        /// It has records of our own, which are as the settings say at each moment.
        case ownRecords
    }

    /// What it says.
    package private(set) var kind: Kind
    /// The rcode, all twelve bits.
    package private(set) var responseCode: ResponseCode
    /// AA as the upstream gave it.
    package let isAuthoritative: Bool
    /// AD as the upstream gave it, where it is trusted with that.
    package private(set) var authenticData: Bool
    /// Records in the answer, authority and additional section. There is never an OPT among them.
    package let counts: (answers: UInt16, authorities: UInt16, additionals: UInt16)
    /// For how many seconds it may be kept; 0 for not at all.
    package private(set) var lifetimeSeconds: UInt32
    /// Why it may not be kept.
    package private(set) var notKept: NotKept?
    /// How many aliases lead from the name asked for to the name that it is about.
    package let aliasCount: Int
    /// Where the aliases end, lower-cased wire form: the name asked for where there are none.
    package let target: [UInt8]
    /// Records that the reply had and the answer has not, OPT not counted.
    package let droppedCount: Int

    /// Holds the records.
    private let storage: [UInt8]
    /// Where they stand in it.
    private let range: Range<Int>

    /// The records as they stand behind the question: names compressed against the question in lower case and against each
    /// other, TTLs within bounds and equal within an RRset.
    package var records: Span<UInt8> {
        @_lifetime(borrow self) get { storage.span.extracting(range) }
    }

    /// How many bytes the records are.
    package var recordByteCount: Int { range.count }

    /// NXDOMAIN or NODATA.
    package var isNegative: Bool { kind == .noData || kind == .nxDomain }
    /// Whether it says that the name asked for does not exist, whatever type is asked for (RFC 2308 5): the cache keeps it for
    /// all of them but DS, which is asked on the other side of a zone cut.
    package var isForAllTypes: Bool { kind == .nxDomain && aliasCount == 0 }

    /// The same from somebody who is not trusted with AD.
    package func withoutAD() -> Answer {
        var answer = self
        answer.authenticData = false
        return answer
    }

    /// The same for a name that does not exist upstream but is known here to be something: there is no data of the type.
    package func asNoData() -> Answer {
        var answer = self
        answer.kind = .noData
        answer.responseCode = .noError
        return answer
    }

    /// The same with records of our own among its own: not to be kept.
    package func asOwn() -> Answer {
        var answer = self
        answer.notKept = .ownRecords
        answer.lifetimeSeconds = 0
        return answer
    }

    /// What is known besides the records.
    struct Head {
        var kind: Kind
        var responseCode: ResponseCode
        var flags: HeaderFlags
        var authenticData: Bool
        var lifetimeSeconds: UInt32
        var notKept: NotKept?
        var aliasCount: Int
        var target: [UInt8]
        var droppedCount: Int
    }

    /// Puts an answer together from records that stand in `storage`.
    init(_ head: Head, counts: (UInt16, UInt16, UInt16), storage: [UInt8], range: Range<Int>) {
        kind = head.kind
        responseCode = head.responseCode
        isAuthoritative = head.flags.isAuthoritative
        authenticData = head.authenticData
        lifetimeSeconds = head.notKept == nil ? head.lifetimeSeconds : 0
        notKept = head.notKept ?? (head.lifetimeSeconds == 0 ? .zeroTTL : nil)
        aliasCount = head.aliasCount
        target = head.target
        droppedCount = head.droppedCount
        self.counts = counts
        self.storage = storage
        self.range = range
    }

    /// The whole message with the question in lower case, id 0, QR, RD and RA set: what a client without EDNS would be sent.
    package func message(to asked: Asked) -> [UInt8] {
        let start = asked.recordsStart
        var bytes = [UInt8](repeating: 0, count: start + range.count)
        var span = bytes.mutableSpan
        span.copy(records, to: start)
        var flags = HeaderFlags()
        flags.isResponse = true
        flags.isAuthoritative = isAuthoritative
        flags.recursionDesired = true
        flags.recursionAvailable = true
        flags.authenticData = authenticData
        flags.checkingDisabled = asked.flags.checkingDisabled
        flags.responseCode = responseCode
        MessagePatch.setFlags(flags, in: &span)
        MessagePatch.setQuestionCount(1, in: &span)
        MessagePatch.setRecordCount(counts.answers, of: .answer, in: &span)
        MessagePatch.setRecordCount(counts.authorities, of: .authority, in: &span)
        MessagePatch.setRecordCount(counts.additionals, of: .additional, in: &span)
        span.copy(asked.name.span, to: MessageView.headerLength)
        span.storeUInt16(asked.type.rawValue, at: start - 4)
        span.storeUInt16(asked.class.rawValue, at: start - 2)
        return bytes
    }
}
