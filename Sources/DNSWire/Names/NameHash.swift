/// A keyed hash of names without regard to case, label by label from the end, so that one walk gives the hashes of all of a
/// name's suffixes. Worthless to who does not know the seed: nobody can choose names that fall together.
package struct NameHash: Sendable {
    /// The hash of the suffix taken in so far; that of the root at first.
    package private(set) var value: UInt64
    private let multiplier: UInt64

    /// The hash of the root.
    package init(seed: UInt64) {
        value = seed ^ 0x9E37_79B9_7F4A_7C15
        multiplier = (seed &* 0xD6E8_FEB8_6659_FD93) ^ (seed >> 32) | 1
    }

    /// Takes in the label whose length byte stands at an offset of a message, where it is known to be good.
    package mutating func add(_ message: Span<UInt8>, at offset: Int) {
        let count = 1 + Int(message[offset])
        var index = 0
        while index < count {
            let word = lowercased(message.loadWord(at: offset + index, count: count - index))
            value = QuestionHash.fold(value ^ word, multiplier)
            index += 8
        }
    }
}

extension NameView {
    /// The keyed hash of the whole name, without regard to case.
    package func hash(seed: UInt64) -> UInt64 {
        var storage = InlineArray<128, UInt16>(repeating: 0)
        var starts = storage.mutableSpan
        noteLabels(&starts)
        var hash = NameHash(seed: seed)
        var index = labelCount
        while index > 0 {
            index -= 1
            hash.add(message, at: Int(starts[index]))
        }
        return hash.value
    }

    /// Writes down where each label stands in the message, the first one first; there is room for 128.
    func noteLabels(_ starts: inout MutableSpan<UInt16>) {
        var position = resolve(offset)
        for index in 0..<labelCount {
            starts[index] = UInt16(truncatingIfNeeded: position)
            position = resolve(position + Int(message[position]) + 1)
        }
    }
}
