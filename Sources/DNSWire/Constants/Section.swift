/// The three sections of a message that hold records (RFC 1035 4.1).
public enum Section: UInt8, Hashable, Sendable, CaseIterable {
    /// Records that answer the question.
    case answer
    /// Records about authority: NS of a referral, SOA and proofs of a negative answer.
    case authority
    /// Everything else, OPT included.
    case additional

    /// Where the section's record count stands in the header.
    @inlinable package var countOffset: Int { 6 + 2 * Int(rawValue) }
}
