/// Writing names, compressed against what was written before.
extension MessageBuilder {
    /// A name's suffix that stands in the message already.
    private struct Known {
        /// The first label of the name that belongs to it; the number of labels where nothing but the root is known.
        var label: Int
        /// Where it starts in the message; 0 for the root.
        var offset = 0
        /// How many pointers lead from there to the root.
        var depth: UInt8 = 0
    }

    /// Writes a name. What is new of it is remembered for later names; with `compress` its known tail becomes a pointer.
    /// Without, the part of it that the question's name has too is written in the question's letters.
    @_lifetime(self: copy self)
    mutating func writeName(_ name: borrowing NameView, compress: Bool = true) throws(WireError) {
        // Through spans: subscripts of an inline array itself would copy all of it each time.
        var startStorage = InlineArray<128, UInt16>(repeating: 0)
        var hashStorage = InlineArray<128, UInt16>(repeating: 0)
        var starts = startStorage.mutableSpan
        var hashes = hashStorage.mutableSpan
        name.noteLabels(&starts)
        let known = findKnown(name, starts.span, &hashes)
        let pointsBack = compress && known.label < name.labelCount
        let depth = pointsBack ? known.depth + 1 : 0
        for index in 0..<name.labelCount {
            if index == known.label, pointsBack {
                return try write(UInt16(0xC000) | UInt16(truncatingIfNeeded: known.offset))
            }
            if index < known.label {
                table.push(hashes[index], at: count, depth: depth)
            } else if isInQuestion(known.offset) {
                // To the end of the question's name, which has no pointers; one never overlaps what is written.
                return try writeAgain(known.offset..<MessageView.headerLength + questionNameLength)
            }
            let label = Int(starts[index])
            try write(name.message.extracting(label..<label + Int(name.message[label]) + 1))
        }
        try write(UInt8(0))
    }

    /// Finds the longest suffix of a name that stands in the message, in one walk from its end, and the hash of each of its
    /// suffixes: a suffix is known only where the shorter ones are, so that each label is compared once.
    private func findKnown(
        _ name: borrowing NameView, _ starts: Span<UInt16>, _ hashes: inout MutableSpan<UInt16>
    ) -> Known {
        var known = Known(label: name.labelCount)
        var hash = NameHash(seed: seed)
        var candidates = CompressionTable.mostCandidates
        var index = name.labelCount
        while index > 0 {
            index -= 1
            hash.add(name.message, at: Int(starts[index]))
            let short = UInt16(truncatingIfNeeded: hash.value ^ hash.value >> 32)
            hashes[index] = short
            guard known.label == index + 1 else { continue }
            var next = table.first(short)
            while next != 0, candidates > 0 {
                let entry = table.entry(next)
                candidates -= 1
                if entry.hash == short, entry.depth < CompressionTable.mostPointers,
                    matches(name.message, at: Int(starts[index]), Int(entry.offset), tail: known.offset)
                {
                    known = Known(label: index, offset: Int(entry.offset), depth: entry.depth)
                    break
                }
                next = entry.next
            }
        }
        return known
    }

    /// Whether the label at an offset of another message is the one that stands at `offset`, where `tail` follows it.
    private func matches(_ message: Span<UInt8>, at start: Int, _ offset: Int, tail: Int) -> Bool {
        let written = buffer.span
        let length = Int(message[start])
        let ignoresCase = isInQuestion(offset)
        for index in 0...length {
            let left = message[start + index]
            let right = written[offset + index]
            if left != right, !ignoresCase || lowercased(left) != lowercased(right) { return false }
        }
        let end = offset + length + 1
        if written[end] == 0 { return tail == 0 }
        return (written[end] >= 0xC0 ? Int(written.loadUInt16(at: end) & 0x3FFF) : end) == tail
    }

    /// Whether an offset lies in the question's name.
    private func isInQuestion(_ offset: Int) -> Bool {
        offset >= MessageView.headerLength && offset < MessageView.headerLength + questionNameLength
    }

    /// Writes bytes of the message once more at its end.
    @_lifetime(self: copy self)
    private mutating func writeAgain(_ range: Range<Int>) throws(WireError) {
        guard range.count <= limit - count else { throw .doesNotFit }
        for index in range {
            buffer[count] = buffer[index]
            count += 1
        }
    }
}
