/// Walks over the records of a message, section after section. A record takes at least 11 bytes, so the message's length
/// bounds the walk whatever the counts in the header say.
public struct RecordCursor: ~Escapable {
    /// The whole message.
    private let bytes: Span<UInt8>
    /// Where the next record starts; after the last one, where the message should end.
    public private(set) var offset: Int
    /// The section of the next record.
    package private(set) var section: Section
    /// How many records of that section are left.
    private var remaining: Int
    /// The shape of the first question's name.
    private let question: NameView.Shape?
    /// The last owner that was nothing but a pointer, and its shape: an RRset's records often share it. 0 where there is none.
    private var pointer: UInt16 = 0
    private var shape = NameView.Shape.root

    /// Starts at the first record of a message.
    @_lifetime(copy message)
    init(_ message: MessageView, at offset: Int, question: NameView.Shape? = nil) {
        bytes = message.bytes
        self.question = question
        self.offset = offset
        section = .answer
        remaining = message.recordCount(.answer)
    }

    /// The next record; nil after the last one that the header promises.
    @_lifetime(copy self)
    public mutating func next() throws(WireError) -> RecordView? {
        guard let place = try nextPlace() else { return nil }
        return RecordView(bytes, place)
    }

    /// The place of the next record; nil after the last one that the header promises.
    package mutating func nextPlace() throws(WireError) -> RecordPlace? {
        while remaining == 0 {
            guard let following = Section(rawValue: section.rawValue + 1) else { return nil }
            section = following
            remaining = Int(bytes.loadUInt16(at: section.countOffset))
        }
        let isRepeated = pointer != 0 && offset + 2 <= bytes.count && bytes.loadUInt16(at: offset) == pointer
        let place = try RecordPlace(bytes, at: offset, section, question: question, repeated: isRepeated ? shape : nil)
        if !isRepeated, place.ownerEnd == offset + 2, bytes[offset] >= 0xC0 {
            (pointer, shape) = (bytes.loadUInt16(at: offset), place.owner)
        }
        remaining -= 1
        offset = place.endOffset
        return place
    }

    /// Whether bytes are left after the place reached; after the last record, whether the message has a tail it should not.
    public var hasMoreBytes: Bool { offset < bytes.count }
}
