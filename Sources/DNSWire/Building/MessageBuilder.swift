/// Writes a message into a buffer of the caller's: header, questions, then records, section after section.
///
/// Each `append` either writes all of its thing and counts it in the header, or throws and leaves the message as it was,
/// so that "whole RRsets only" is: take a `mark`, append the set, `roll(back:)` when it throws. What has been written is
/// a valid message at any time.
///
/// Names are compressed against names written before with the same letters, and against the question's name without
/// regard to case: the letters of whoever asks now win, and those of whoever asked first do not show (0x20).
public struct MessageBuilder: ~Copyable, ~Escapable {
    /// The caller's buffer.
    var buffer: MutableSpan<UInt8>
    /// The most bytes that may be written; room can be kept back for an OPT record.
    public private(set) var limit: Int
    /// How many bytes are written.
    public internal(set) var count: Int
    /// Where suffixes of names stand.
    var table = CompressionTable()
    /// The section that records were last written to, so that the order is kept.
    var section = Section.answer
    /// The wire length of the question's name, once it is written.
    var questionNameLength = 0

    /// Keys the hash by which known suffixes are found.
    let seed: UInt64

    /// Keys the hash of messages that are written without a seed of their own.
    public static let processSeed = UInt64.random(in: .min ... .max)

    /// Starts a message with an id and flags. The buffer must have room for the header; `limit` caps the message. `seed`, a
    /// number that nobody else knows, keeps strangers from choosing names that are dear to compress.
    @_lifetime(copy buffer)
    public init(
        _ buffer: consuming MutableSpan<UInt8>, id: UInt16, flags: HeaderFlags, limit: Int = 65_535,
        seed: UInt64 = MessageBuilder.processSeed
    ) {
        self.seed = seed
        precondition(buffer.count >= MessageView.headerLength, "a message needs room for its header")
        self.limit = max(MessageView.headerLength, min(limit, buffer.count, 65_535))
        self.buffer = buffer
        count = MessageView.headerLength
        for index in 4..<MessageView.headerLength { self.buffer[index] = 0 }
        self.buffer.storeUInt16(id, at: 0)
        self.buffer.storeUInt16(flags.rawValue, at: 2)
    }

    /// What has been written.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self) get { buffer.span.extracting(first: count) }
    }

    /// Flags, opcode and the low rcode, as they stand in the message.
    public var flags: HeaderFlags {
        get { HeaderFlags(rawValue: buffer.span.loadUInt16(at: 2)) }
        set { buffer.storeUInt16(newValue.rawValue, at: 2) }
    }

    /// Keeps bytes back, for an OPT record to be written last, or gives them back when negative.
    @_lifetime(self: copy self)
    public mutating func reserve(_ bytes: Int) throws(WireError) {
        let changed = limit - bytes
        guard changed >= count, changed <= buffer.count else { throw .doesNotFit }
        limit = changed
    }

    /// A place to which writing can be rolled back.
    public struct Mark: Sendable {
        /// How many bytes were written.
        let count: Int
        /// The record counts of the three sections and the number of questions.
        let counts: (UInt16, UInt16, UInt16, UInt16)
        /// The section then.
        let section: Section
    }

    /// The place reached, whole records only.
    public func mark() -> Mark {
        let span = buffer.span
        let counts = (span.loadUInt16(at: 4), span.loadUInt16(at: 6), span.loadUInt16(at: 8), span.loadUInt16(at: 10))
        return Mark(count: count, counts: counts, section: section)
    }

    /// Takes back everything written since a mark.
    @_lifetime(self: copy self)
    public mutating func roll(back mark: Mark) {
        count = mark.count
        section = mark.section
        table.removeEntries(from: count)
        if mark.counts.0 == 0 { questionNameLength = 0 }
        buffer.storeUInt16(mark.counts.0, at: 4)
        buffer.storeUInt16(mark.counts.1, at: 6)
        buffer.storeUInt16(mark.counts.2, at: 8)
        buffer.storeUInt16(mark.counts.3, at: 10)
    }

    /// Writes a question. Questions come before all records.
    @_lifetime(self: copy self)
    public mutating func appendQuestion(
        _ name: borrowing NameView, _ type: RecordType, _ class: RecordClass = .internet
    ) throws(WireError) {
        let mark = mark()
        do {
            let isFirst = count == MessageView.headerLength
            try writeName(name)
            try write(type.rawValue)
            try write(`class`.rawValue)
            if isFirst { questionNameLength = name.wireLength }
            buffer.storeUInt16(mark.counts.0 + 1, at: 4)
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Counts a record in a section's header field. Sections are written in order.
    @_lifetime(self: copy self)
    mutating func countRecord(in section: Section) {
        precondition(section.rawValue >= self.section.rawValue, "sections are written in order")
        self.section = section
        let present = buffer.span.loadUInt16(at: section.countOffset)
        buffer.storeUInt16(present + 1, at: section.countOffset)
    }
}
