/// A domain name where it stands in a message, perhaps compressed (RFC 1035 4.1.4). Checked once, when it is made:
/// afterwards every walk along it stays in bounds and ends.
public struct NameView: ~Escapable {
    /// The message that pointers of the name refer to.
    public let message: Span<UInt8>
    /// Where the name starts.
    public let offset: Int
    /// The first byte after the name as it stands there: after its root label or its first pointer.
    public let endOffset: Int
    /// The length of the name without compression, root label included: 1 to 255.
    public let wireLength: Int
    /// The number of labels, the root not counted.
    public let labelCount: Int

    /// The longest name, root label included (RFC 1035 2.3.4).
    public static var maximumLength: Int { 255 }

    /// The most pointers that are followed for one name: one before each label and the root. Longer chains say nothing
    /// that shorter ones could not, and would make a large message expensive to walk.
    private static var maximumPointers: Int { 128 }

    /// Reads and checks the name at an offset.
    ///
    /// Pointers must lead to before the start of what is being read, and not into the header, so that there are no loops.
    /// `limit` is where the name's own bytes must end (the end of rdata, say); what pointers lead to may be anywhere.
    @_lifetime(copy message)
    public init(
        _ message: Span<UInt8>, at offset: Int, limit: Int? = nil, allowingPointers: Bool = true
    ) throws(WireError) {
        var limit = limit ?? message.count
        var position = offset
        var floor = offset
        var end = -1
        var length = 1
        var labels = 0
        var pointers = 0
        guard offset >= 0, limit <= message.count else { throw .truncated }
        while true {
            guard position < limit else { throw .truncated }
            let byte = Int(message[position])
            if byte == 0 { break }
            if byte < 0x40 {
                length += byte + 1
                labels += 1
                position += byte + 1
                guard length <= 255 else { throw .badName }
            } else {
                guard byte >= 0xC0, allowingPointers else { throw .badName }
                guard position + 1 < limit else { throw .truncated }
                let target = (byte & 0x3F) << 8 | Int(message[position + 1])
                pointers += 1
                guard target < floor, target >= 12, pointers <= Self.maximumPointers else { throw .badName }
                if end < 0 { end = position + 2 }
                limit = message.count
                floor = target
                position = target
            }
        }
        self.message = message
        self.offset = offset
        self.endOffset = end < 0 ? position + 1 : end
        self.wireLength = length
        self.labelCount = labels
    }

    /// How long a name is, without compression, and of how many labels.
    package struct Shape: Sendable {
        package let wireLength: Int
        package let labelCount: Int

        /// A name of so many bytes and labels.
        package init(wireLength: Int, labelCount: Int) {
            self.wireLength = wireLength
            self.labelCount = labelCount
        }

        /// The root's.
        package static var root: Shape { Shape(wireLength: 1, labelCount: 0) }
    }

    /// What is to be known of the name to read another that only points to it.
    package var shape: Shape { Shape(wireLength: wireLength, labelCount: labelCount) }

    /// A pointer to the name of the first question: how the owner of most records stands in a reply.
    package static var questionPointer: UInt16 { 0xC000 | UInt16(MessageView.headerLength) }

    /// A name that was checked before.
    @_lifetime(copy message)
    init(_ message: Span<UInt8>, at offset: Int, endOffset: Int, _ shape: Shape) {
        self.message = message
        self.offset = offset
        self.endOffset = endOffset
        wireLength = shape.wireLength
        labelCount = shape.labelCount
    }

    /// A name that was read before and kept in lower case, without pointers: the whole of a span.
    @_lifetime(copy lowercased)
    package init(lowercased: Span<UInt8>, labelCount: Int) {
        self.init(checked: lowercased, labelCount: labelCount)
    }

    /// A name that is known to be good and without pointers, at the start of a span.
    @_lifetime(copy checked)
    init(checked: Span<UInt8>, labelCount: Int) {
        self.message = checked
        self.offset = 0
        self.endOffset = checked.count
        self.wireLength = checked.count
        self.labelCount = labelCount
    }

    /// Whether this is the root.
    public var isRoot: Bool { wireLength == 1 }

    /// Whether the name stands there without a pointer.
    public var isUncompressed: Bool { endOffset - offset == wireLength }

    /// The labels from left to right, the root left out.
    public var labels: LabelCursor {
        @_lifetime(copy self) get { LabelCursor(message: message, position: offset) }
    }

    /// Where the label that starts here really stands: follows pointers.
    func resolve(_ position: Int) -> Int {
        var position = position
        while message[position] >= 0xC0 { position = Int(message.loadUInt16(at: position) & 0x3FFF) }
        return position
    }

    /// Whether both are the same name, without regard to the case of letters (RFC 4343).
    public func isEqual(to other: NameView) -> Bool {
        guard wireLength == other.wireLength, labelCount == other.labelCount else { return false }
        return sameTail(other, position: offset, otherPosition: other.offset, ignoringCase: true)
    }

    /// Whether this is the name whose wire form, in lower case and without pointers, is given.
    package func isEqual(toLowercased wire: Span<UInt8>) -> Bool {
        guard wireLength == wire.count else { return false }
        guard isUncompressed else {
            return sameTail(
                NameView(checked: wire, labelCount: labelCount), position: offset, otherPosition: 0, ignoringCase: true)
        }
        var index = 0
        while index < wire.count {
            let word = message.loadWord(at: offset + index, count: wire.count - index)
            guard lowercased(word) == wire.loadWord(at: index, count: wire.count - index) else { return false }
            index += 8
        }
        return true
    }

    /// Whether both are the same name, letter case included.
    public func isIdentical(to other: NameView) -> Bool {
        guard wireLength == other.wireLength, labelCount == other.labelCount else { return false }
        return sameTail(other, position: offset, otherPosition: other.offset, ignoringCase: false)
    }

    /// Whether this name is the other one or below it, without regard to case.
    public func isSubdomain(of other: NameView) -> Bool {
        guard labelCount >= other.labelCount, wireLength >= other.wireLength else { return false }
        var position = resolve(offset)
        for _ in 0..<(labelCount - other.labelCount) { position = resolve(position + Int(message[position]) + 1) }
        return sameTail(other, position: position, otherPosition: other.offset, ignoringCase: true)
    }

    /// Compares two names label by label from given positions to their ends.
    private func sameTail(_ other: NameView, position: Int, otherPosition: Int, ignoringCase: Bool) -> Bool {
        var mine = resolve(position)
        var theirs = other.resolve(otherPosition)
        while true {
            let length = Int(message[mine])
            guard length == Int(other.message[theirs]) else { return false }
            if length == 0 { return true }
            for index in 1...length {
                let left = message[mine + index]
                let right = other.message[theirs + index]
                if left != right, !ignoringCase || lowercased(left) != lowercased(right) { return false }
            }
            mine = resolve(mine + length + 1)
            theirs = other.resolve(theirs + length + 1)
        }
    }

    /// Writes the name's uncompressed wire form to the start of a buffer of at least `wireLength` bytes.
    public func copy(into buffer: inout MutableSpan<UInt8>) {
        var labels = labels
        var written = 0
        while let label = labels.next() {
            buffer[written] = UInt8(truncatingIfNeeded: label.count)
            for index in label.indices { buffer[written + 1 + index] = label[index] }
            written += label.count + 1
        }
        buffer[written] = 0
    }

    /// Writes the name's uncompressed wire form in lower case to the start of a buffer of at least `wireLength` bytes.
    public func copyLowercased(into buffer: inout MutableSpan<UInt8>) {
        copy(into: &buffer)
        for index in 0..<wireLength { buffer[index] = lowercased(buffer[index]) }
    }
}

/// Walks along the labels of a name that was checked.
public struct LabelCursor: ~Escapable {
    /// The message the name stands in.
    private let message: Span<UInt8>
    /// Where the next label or pointer is.
    private var position: Int

    /// Starts at a position that a checked name has reached.
    @_lifetime(copy message)
    init(message: Span<UInt8>, position: Int) {
        self.message = message
        self.position = position
    }

    /// The next label without its length byte; nil at the root.
    @_lifetime(copy self)
    public mutating func next() -> Span<UInt8>? {
        while message[position] >= 0xC0 { position = Int(message.loadUInt16(at: position) & 0x3FFF) }
        let length = Int(message[position])
        guard length > 0 else { return nil }
        let label = message.extracting(position + 1..<position + 1 + length)
        position += length + 1
        return label
    }
}
