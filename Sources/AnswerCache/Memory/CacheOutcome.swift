package import Belief
package import DNSWire

/// What looking for an answer came to.
package enum CacheOutcome: Sendable {
    /// Nothing is known, or no longer.
    case miss
    /// Nothing is known any longer, but there is an answer whose time is over and which may be given out stale, by
    /// `answerLate`, if no better one can be had.
    case stale
    /// The answer stands in the buffer; the header is to be written from what is said here.
    case hit(StoredAnswer)
    /// There is an answer, of this many bytes, and the buffer is too small for it.
    case tooLarge(byteCount: Int)
}

/// What is known of an answer whose records were copied out. Of a failure there are none.
package struct StoredAnswer: Sendable {
    /// How many bytes were written after the question.
    package let length: Int
    /// The rcode, all twelve bits.
    package let responseCode: ResponseCode
    /// Records in the answer section.
    package let answerCount: UInt16
    /// Records in the authority section.
    package let authorityCount: UInt16
    /// Records in the additional section. There is never an OPT among them.
    package let additionalCount: UInt16
    /// AA as the upstream gave it.
    package let isAuthoritative: Bool
    /// AD as the upstream gave it; to be shown only to who asked for it.
    package let authenticData: Bool
    /// NXDOMAIN or NODATA.
    package let isNegative: Bool
    /// A failure that is remembered (RFC 9520).
    package let isFailure: Bool
    /// Why it failed, where the upstream said so.
    package let extendedError: ExtendedErrorCode?
    /// The number of a failure's text, or the mark of the rule set by which every client may have another answer: one byte for
    /// both, because each value of a hit is copied several times.
    package let textOrMark: UInt8
    /// For how long it could be given out when it came.
    package let lifetimeSeconds: UInt32
    /// How long ago it came.
    package let ageSeconds: UInt32
    /// How often it was given out, this time included.
    package let uses: UInt16
    /// The stable id of the upstream it came from.
    package let upstream: UInt16

    /// The number of the text that a failure was stored with, 0 for none.
    package var failureText: UInt8 { isFailure ? textOrMark : 0 }
    /// The mark of the rule set by which every client may have it; 0 where none has judged it. A failure has none.
    @inline(__always)
    package var passedBy: UInt8 { isFailure ? 0 : textOrMark }

    /// Whether what is said of another answer is the same, uses apart.
    func looks(like other: StoredAnswer) -> Bool {
        length == other.length && ageSeconds == other.ageSeconds && lifetimeSeconds == other.lifetimeSeconds
            && responseCode == other.responseCode && answerCount == other.answerCount
            && authorityCount == other.authorityCount && additionalCount == other.additionalCount
            && authenticData == other.authenticData && isFailure == other.isFailure
    }

    /// Whether its time is over: it was given out because no better answer was to be had (RFC 8767).
    package var isStale: Bool { !isFailure && ageSeconds >= lifetimeSeconds }

    /// Whether it is asked for often, and the last tenth of its time has begun: worth asking for anew before it ends.
    /// What lives for less than ten seconds never is.
    @inline(__always)
    package var isDueForRefresh: Bool {
        uses >= Self.popularUses && secondsLeft <= lifetimeSeconds / 10 && !isFailure
    }

    /// So many uses make an answer one that is asked for often.
    package static var popularUses: UInt16 { 3 }

    /// For how long it can still be given out.
    package var secondsLeft: UInt32 { lifetimeSeconds > ageSeconds ? lifetimeSeconds - ageSeconds : 0 }

    /// Reads an entry's header.
    @inline(__always)
    init(_ header: EntryHeader, at now: BootSeconds) {
        let isFailure = header.isFailure
        length = header.tailLength
        responseCode = ResponseCode(rawValue: header.codes & 0x0FFF)
        answerCount = isFailure ? 0 : header.counts.answers
        authorityCount = isFailure ? 0 : header.counts.authorities
        additionalCount = isFailure ? 0 : header.counts.additionals
        isAuthoritative = header.flags.contains(.authoritative)
        authenticData = header.flags.contains(.authenticData)
        isNegative = header.flags.contains(.negative)
        self.isFailure = isFailure
        extendedError = isFailure && header.detail > 0 ? ExtendedErrorCode(rawValue: header.detail - 1) : nil
        textOrMark = isFailure ? header.counts.failureText : header.passedBy
        lifetimeSeconds = header.lifetime
        ageSeconds = header.age(at: now)
        uses = header.uses
        upstream = header.upstream
    }
}

/// What became of a reply that was to be stored.
package enum StoreResult: Hashable, Sendable {
    /// It is kept for this many seconds.
    case stored(seconds: UInt32)
    /// It is not kept.
    case notKept(NotKept)
}

/// Why a reply is not kept.
package enum NotKept: Hashable, Sendable {
    /// The cache has no memory (`size: 0`).
    case cacheIsOff
    /// What it says is not to be kept by anybody.
    case answer(Answer.NotKept)
    /// It takes more than one entry may.
    case tooLarge
    /// Others took the memory faster than it could be freed.
    case noRoom
    /// It is of another class than IN.
    case otherClass
}
