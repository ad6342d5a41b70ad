/// A lower-cased name in its wire form, in a fixed buffer of its own: a plain value that needs no memory elsewhere.
/// It is 264 bytes large: hand it on as `borrowing` or `inout`, do not pass copies around.
public struct FixedName: Sendable {
    /// The name's bytes, lower case, uncompressed; zero after its end up to the next multiple of eight.
    @usableFromInline var storage: InlineArray<256, UInt8>
    /// The length of the wire form, root label included; 1 for the root.
    public internal(set) var count: Int
    /// The number of labels, the root not counted.
    public internal(set) var labelCount: Int

    /// The root.
    public init() {
        storage = InlineArray(repeating: 0)
        count = 1
        labelCount = 0
    }

    /// A copy of a name, in lower case.
    public init(_ name: borrowing NameView) {
        self.init()
        assign(name)
    }

    /// A copy of a name, in lower case.
    public init(_ name: Name) {
        self.init(name.view)
    }

    /// Replaces this name by a copy of another, in lower case.
    public mutating func assign(_ name: borrowing NameView) {
        count = name.wireLength
        labelCount = name.labelCount
        var target = storage.mutableSpan
        name.copyLowercased(into: &target)
        clearPadding()
    }

    /// Replaces this name by wire form in a message that is known to be good and without pointers, in lower case. Eight
    /// bytes at a time: the bytes that say how long labels are pass for letters in neither case.
    @inline(__always) mutating func assign(lowercasing wire: Range<Int>, of message: Span<UInt8>, labelCount: Int) {
        count = wire.count
        self.labelCount = labelCount
        var target = storage.mutableSpan
        var index = 0
        while index < count {
            let word = message.loadWord(at: wire.lowerBound + index, count: count - index)
            target.storeWord(lowercased(word), at: index)
            index += 8
        }
    }

    /// Turns this into the root, whatever it held.
    mutating func becomeRoot() {
        var bytes = storage.mutableSpan
        bytes[0] = 0
        count = 1
        labelCount = 0
        clearPadding()
    }

    /// Zeroes what the last word of the name holds after its end.
    @inline(__always) mutating func clearPadding() {
        var index = count
        var bytes = storage.mutableSpan
        while index & 7 != 0 {
            bytes[index] = 0
            index += 1
        }
    }

    /// The wire form.
    public var span: Span<UInt8> {
        @_lifetime(borrow self) get { storage.span.extracting(first: count) }
    }

    /// The name as a view.
    public var view: NameView {
        @_lifetime(borrow self) get { NameView(checked: span, labelCount: labelCount) }
    }

    /// Whether both are the same name.
    public static func == (left: borrowing FixedName, right: borrowing FixedName) -> Bool {
        left.span.hasSameBytes(as: right.span)
    }
}
