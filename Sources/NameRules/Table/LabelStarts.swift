/// Where the labels of a name in wire form stand, to go through them from the last to the first.
struct LabelStarts: ~Copyable {
    /// Where each label's length byte is.
    private var starts: InlineArray<128, UInt8>
    /// How many labels have not been handed out.
    private(set) var count = 0
    /// Where the label that was handed out last begins: where the root is, at first.
    private var end: Int

    /// Finds the labels. What is not a name (too long, with pointers, cut off) has those of the part that is one.
    @inline(__always) init(_ wire: Span<UInt8>) {
        starts = InlineArray(repeating: 0)
        var target = starts.mutableSpan
        var position = 0
        let limit = min(wire.count, 255)
        while position < limit, count < 128 {
            let length = Int(wire[position])
            guard length > 0, length < 64, position &+ length < limit else { break }
            target[count] = UInt8(truncatingIfNeeded: position)
            count &+= 1
            position &+= length &+ 1
        }
        end = position
    }

    /// Where the bytes of the label before stand; nil after the first.
    @inline(__always) mutating func previous() -> Range<Int>? {
        guard count > 0 else { return nil }
        count &-= 1
        let start = Int(starts.span[count])
        let label = start &+ 1..<end
        end = start
        return label
    }
}
