/// Writing names, compressed against what was written before.
extension MessageBuilder {
    /// Writes a name. What is new of it is remembered for later names; with `compress` its known tail becomes a pointer.
    @_lifetime(self: copy self)
    mutating func writeName(_ name: borrowing NameView, compress: Bool = true) throws(WireError) {
        let start = count
        // Where each label starts in the name's message, and the hash of the suffix from it on.
        var starts = InlineArray<128, Int>(repeating: 0)
        var hashes = InlineArray<128, UInt16>(repeating: 0)
        var position = name.resolve(name.offset)
        for index in 0..<name.labelCount {
            starts[index] = position
            position = name.resolve(position + Int(name.message[position]) + 1)
        }
        var hash: UInt32 = 2_166_136_261
        for index in (0..<name.labelCount).reversed() {
            for byte in 0...Int(name.message[starts[index]]) {
                hash = (hash ^ UInt32(name.message[starts[index] + byte])) &* 16_777_619
            }
            hashes[index] = UInt16(truncatingIfNeeded: hash ^ hash >> 16)
        }
        for index in 0..<name.labelCount {
            if compress, let target = findSuffix(name, from: starts[index], hash: hashes[index], before: start) {
                return try write(UInt16(0xC000) | UInt16(truncatingIfNeeded: target))
            }
            table.push(hashes[index], at: count)
            try write(name.message.extracting(starts[index]..<starts[index] + Int(name.message[starts[index]]) + 1))
        }
        try write(UInt8(0))
    }

    /// Writes a record's owner: a pointer to the question's name when they are equal without regard to case.
    @_lifetime(self: copy self)
    mutating func writeOwner(_ name: borrowing NameView) throws(WireError) {
        if questionNameLength > 1, isQuestionName(name) {
            try write(UInt16(0xC000) | UInt16(MessageView.headerLength))
        } else {
            try writeName(name)
        }
    }

    /// Whether a name is the question's, without regard to case. The question's name stands uncompressed at offset 12.
    private func isQuestionName(_ name: borrowing NameView) -> Bool {
        guard name.wireLength == questionNameLength else { return false }
        let written = buffer.span
        var position = name.resolve(name.offset)
        var mine = MessageView.headerLength
        while true {
            let length = Int(name.message[position])
            for index in 0...length
            where lowercased(name.message[position + index]) != lowercased(written[mine + index]) { return false }
            if length == 0 { return true }
            mine += length + 1
            position = name.resolve(position + length + 1)
        }
    }

    /// Where a suffix already stands in the message, letter for letter, before an offset.
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

    /// Whether the suffix of a name equals the name written at an offset, letter for letter.
    private func matches(_ name: borrowing NameView, from position: Int, at offset: Int) -> Bool {
        let written = buffer.span
        var position = position
        var mine = offset
        while true {
            while written[mine] >= 0xC0 { mine = Int(written.loadUInt16(at: mine) & 0x3FFF) }
            let length = Int(name.message[position])
            for index in 0...length where name.message[position + index] != written[mine + index] { return false }
            if length == 0 { return true }
            mine += length + 1
            position = name.resolve(position + length + 1)
        }
    }
}
