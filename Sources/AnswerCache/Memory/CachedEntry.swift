internal import DNSWire

/// A copy of an entry, for who wants to look at the cache.
package struct CachedEntry: Sendable {
    /// What it is kept under.
    package let key: CacheKey
    /// What is known of it; `length` is that of `records`.
    package let answer: StoredAnswer
    /// Whether its time is over.
    package let isExpired: Bool
    /// When it came.
    package let storedAt: BootSeconds
    /// Where it came from.
    package let provenance: Provenance
    /// How many bytes it takes in the cache.
    package let byteCount: Int
    /// Its records as they were stored, as they stand after the question; their TTLs are not counted down.
    package let records: [UInt8]

    /// The whole message with the question in lower case, TTLs counted down: what a client without EDNS would be sent, QR,
    /// RD and RA set.
    package func message() -> [UInt8] {
        let question = key.wireName.count + 4
        let start = MessageView.headerLength + question
        var bytes = [UInt8](repeating: 0, count: start + records.count)
        bytes.replaceSubrange(start..., with: records)
        var span = bytes.mutableSpan
        var flags = HeaderFlags()
        flags.isResponse = true
        flags.isAuthoritative = answer.isAuthoritative
        flags.recursionDesired = true
        flags.recursionAvailable = true
        flags.authenticData = answer.authenticData
        flags.checkingDisabled = key.flags.checkingDisabled
        flags.responseCode = answer.responseCode
        MessagePatch.setFlags(flags, in: &span)
        MessagePatch.setQuestionCount(1, in: &span)
        MessagePatch.setRecordCount(answer.answerCount, of: .answer, in: &span)
        MessagePatch.setRecordCount(answer.authorityCount, of: .authority, in: &span)
        MessagePatch.setRecordCount(answer.additionalCount, of: .additional, in: &span)
        span.copy(key.wireName.span, to: MessageView.headerLength)
        span.storeUInt16(key.type.rawValue, at: start - 4)
        span.storeUInt16(key.class.rawValue, at: start - 2)
        TTLCountdown.apply(answer, to: &span, at: start)
        return bytes
    }
}
