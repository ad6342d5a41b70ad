/// Writing names, compressed against what was written before.
extension MessageBuilder {
    /// Writes a name. What is new of it is remembered for later names; with `compress` its known tail becomes a pointer.
    @_lifetime(self: copy self)
    mutating func writeName(_ name: borrowing NameView, compress: Bool = true) throws(WireError) {
        let start = count
        // Where each label starts in the name's message, and the hash of the suffix from it on. Through spans: subscripts
        // of an inline array itself would copy all of it each time.
        var startStorage = InlineArray<128, UInt16>(repeating: 0)
        var hashStorage = InlineArray<128, UInt16>(repeating: 0)
        var starts = startStorage.mutableSpan
        var hashes = hashStorage.mutableSpan
        var position = name.resolve(name.offset)
        for index in 0..<name.labelCount {
            starts[index] = UInt16(truncatingIfNeeded: position)
            position = name.resolve(position + Int(name.message[position]) + 1)
        }
        var hash: UInt32 = 2_166_136_261
        for index in (0..<name.labelCount).reversed() {
            let label = Int(starts[index])
            for byte in label...label + Int(name.message[label]) {
                hash = (hash ^ UInt32(lowercased(name.message[byte]))) &* 16_777_619
            }
            hashes[index] = UInt16(truncatingIfNeeded: hash ^ hash >> 16)
        }
        for index in 0..<name.labelCount {
            let label = Int(starts[index])
            if compress, let target = findSuffix(name, from: label, hash: hashes[index], before: start) {
                return try write(UInt16(0xC000) | UInt16(truncatingIfNeeded: target))
            }
            table.push(hashes[index], at: count)
            try write(name.message.extracting(label..<label + Int(name.message[label]) + 1))
        }
        try write(UInt8(0))
    }

    /// Where a suffix already stands in the message, before an offset: letter for letter, or as part of the question's
    /// name without regard to case.
    private func findSuffix(
        _ name: borrowing NameView, from position: Int, hash: UInt16, before limit: Int
    ) -> Int? {
        var index = table.first(hash)
        while index != 0 {
            let entry = table.entry(index)
            if entry.hash == hash, Int(entry.offset) < limit, matches(name, from: position, at: Int(entry.offset)) {
                return Int(entry.offset)
            }
            index = entry.next
        }
        return nil
    }

    /// Whether the suffix of a name equals the name written at an offset.
    private func matches(_ name: borrowing NameView, from position: Int, at offset: Int) -> Bool {
        let written = buffer.span
        var position = position
        var mine = offset
        let ignoringCase = offset < MessageView.headerLength + questionNameLength
        while true {
            while written[mine] >= 0xC0 { mine = Int(written.loadUInt16(at: mine) & 0x3FFF) }
            let length = Int(name.message[position])
            for index in 0...length {
                let left = name.message[position + index]
                let right = written[mine + index]
                if left != right, !ignoringCase || lowercased(left) != lowercased(right) { return false }
            }
            if length == 0 { return true }
            mine += length + 1
            position = name.resolve(position + length + 1)
        }
    }
}
