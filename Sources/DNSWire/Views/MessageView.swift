/// A message read in place. Making one checks only that there is a header; questions and records are checked as a
/// cursor reaches them, so that nothing is paid for what is not looked at.
public struct MessageView: ~Escapable {
    /// The whole message.
    public let bytes: Span<UInt8>

    /// The length of a header (RFC 1035 4.1.1).
    public static var headerLength: Int { 12 }

    /// Looks at a message; throws when it is shorter than a header or longer than DNS allows.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>) throws(WireError) {
        guard bytes.count >= Self.headerLength else { throw .truncated }
        guard bytes.count <= 65_535 else { throw .badMessage }
        self.bytes = bytes
    }

    /// The message's id.
    public var id: UInt16 { bytes.loadUInt16(at: 0) }
    /// Flags, opcode and the low rcode.
    public var flags: HeaderFlags { HeaderFlags(rawValue: bytes.loadUInt16(at: 2)) }
    /// How many questions the header promises.
    public var questionCount: Int { Int(bytes.loadUInt16(at: 4)) }
    /// How many records the header promises for a section.
    public func recordCount(_ section: Section) -> Int { Int(bytes.loadUInt16(at: section.countOffset)) }

    /// The first question; nil when the header promises none.
    @_lifetime(copy self)
    public func question() throws(WireError) -> QuestionView? {
        guard questionCount > 0 else { return nil }
        return try QuestionView(bytes, at: Self.headerLength)
    }

    /// A cursor over all records of a message whose only question was read.
    @_lifetime(copy self)
    package func records(after question: QuestionView) -> RecordCursor {
        RecordCursor(self, at: question.endOffset, question: question.name.shape)
    }

    /// A cursor over all records of a message whose only question is known: where its records start, and its name's shape.
    @_lifetime(copy self)
    package func records(at offset: Int, question: NameView.Shape) -> RecordCursor {
        RecordCursor(self, at: offset, question: question)
    }

    /// A cursor over all records; checks and skips the questions.
    @_lifetime(copy self)
    public func records() throws(WireError) -> RecordCursor {
        var offset = Self.headerLength
        var shape: NameView.Shape?
        for number in 0..<questionCount {
            let question = try QuestionView(bytes, at: offset)
            if number == 0 { shape = question.name.shape }
            offset = question.endOffset
        }
        return RecordCursor(self, at: offset, question: shape)
    }
}

/// A question read in place.
public struct QuestionView: ~Escapable {
    /// The name asked for, as the client wrote it.
    public let name: NameView
    /// The type asked for.
    public let type: RecordType
    /// The class asked for.
    public let `class`: RecordClass

    /// Where the question starts.
    public var offset: Int { name.offset }
    /// The first byte after the question.
    public var endOffset: Int { name.endOffset + 4 }

    /// Reads the question at an offset of a message.
    @_lifetime(copy message)
    public init(_ message: Span<UInt8>, at offset: Int) throws(WireError) {
        name = try NameView(message, at: offset)
        guard name.endOffset + 4 <= message.count else { throw .truncated }
        type = RecordType(rawValue: message.loadUInt16(at: name.endOffset))
        `class` = RecordClass(rawValue: message.loadUInt16(at: name.endOffset + 2))
    }
}
