/// Where a record stands in its message and where its parts do, as plain numbers that outlive the view of it. Owner and
/// lengths have been checked; what the rdata means was not looked at.
package struct RecordPlace: Sendable {
    /// Where the record starts: its owner's first byte.
    package let offset: Int
    /// The first byte after the owner as it stands there.
    package let ownerEnd: Int
    /// The shape of its owner.
    package let owner: NameView.Shape
    /// The section it stands in.
    package let section: Section
    /// Its type.
    package let type: RecordType
    /// The length of its rdata.
    package let rdataLength: Int

    /// Where its TTL stands.
    package var ttlOffset: Int { ownerEnd + 4 }
    /// Where its rdata starts.
    package var rdataOffset: Int { ownerEnd + 10 }
    /// The first byte after the record.
    package var endOffset: Int { rdataOffset + rdataLength }
    /// Whether its owner stands there without a pointer.
    package var hasWholeOwner: Bool { ownerEnd - offset == owner.wireLength }

    /// Finds the record at an offset. `question` is the shape of the first question's name, where it is known: most owners
    /// are nothing but a pointer to it. `repeated` is that of an owner that is the same pointer as another before.
    @inline(__always)
    init(
        _ message: Span<UInt8>, at offset: Int, _ section: Section, question: NameView.Shape?,
        repeated: NameView.Shape? = nil
    ) throws(WireError) {
        guard offset >= 0 else { throw .truncated }
        self.offset = offset
        self.section = section
        if let question, offset + 2 <= message.count, message.loadUInt16(at: offset) == NameView.questionPointer {
            ownerEnd = offset + 2
            owner = question
        } else if let repeated {
            ownerEnd = offset + 2
            owner = repeated
        } else if offset < message.count, message[offset] == 0 {
            ownerEnd = offset + 1
            owner = .root
        } else {
            let name = try NameView(message, at: offset)
            ownerEnd = name.endOffset
            owner = name.shape
        }
        guard ownerEnd + 10 <= message.count else { throw .truncated }
        type = RecordType(rawValue: message.loadUInt16(at: ownerEnd))
        rdataLength = Int(message.loadUInt16(at: ownerEnd + 8))
        guard ownerEnd + 10 + rdataLength <= message.count else { throw .truncated }
    }
}
