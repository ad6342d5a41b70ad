/// What readers of lists do with the bytes of a line. All of it takes time in proportion to the bytes.
enum TextLine {
    /// Whether a byte is white space within a line.
    @inline(__always) static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// A line without white space at its ends.
    @_lifetime(copy line)
    @inline(__always) static func trimmed(_ line: Span<UInt8>) -> Span<UInt8> {
        var start = 0
        var end = line.count
        while start < end, isSpace(line[start]) { start &+= 1 }
        while end > start, isSpace(line[end &- 1]) { end &-= 1 }
        return line.extracting(start..<end)
    }

    /// The bytes up to the first white space.
    @_lifetime(copy line)
    @inline(__always) static func firstWord(_ line: Span<UInt8>) -> Span<UInt8> {
        var end = 0
        while end < line.count, !isSpace(line[end]) { end &+= 1 }
        return line.extracting(0..<end)
    }

    /// Whether a line is a comment, as one list or another begins them: `#`, `;`, `!`, `//`.
    @inline(__always) static func isComment(_ line: Span<UInt8>) -> Bool {
        guard line.count > 0 else { return false }
        let first = line[0]
        return first == 0x23 || first == 0x3B || first == 0x21 || (first == 0x2F && line.count > 1 && line[1] == 0x2F)
    }

    /// A line without the comment that a mark begins: at its start, or after white space.
    @_lifetime(copy line)
    @inline(__always) static func withoutComment(_ line: Span<UInt8>, _ mark: UInt8) -> Span<UInt8> {
        var index = 0
        while index < line.count {
            if line[index] == mark, index == 0 || isSpace(line[index &- 1]) { return line.extracting(0..<index) }
            index &+= 1
        }
        return line
    }

    /// Where a byte stands first, from a place on.
    @inline(__always) static func find(_ line: Span<UInt8>, _ byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < line.count {
            if line[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    /// Whether a line begins with a text.
    static func begins(_ line: Span<UInt8>, _ text: StaticString) -> Bool {
        guard line.count >= text.utf8CodeUnitCount else { return false }
        var index = 0
        for byte in text.description.utf8 {
            guard line[index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// Whether a word is a text, whatever the case of its letters.
    static func equals(_ word: Span<UInt8>, _ text: StaticString) -> Bool {
        guard word.count == text.utf8CodeUnitCount else { return false }
        var index = 0
        for byte in text.description.utf8 {
            let own = word[index] &- 0x41 < 26 ? word[index] | 0x20 : word[index]
            guard own == (byte &- 0x41 < 26 ? byte | 0x20 : byte) else { return false }
            index += 1
        }
        return true
    }

    /// The line as text.
    static func text(_ line: Span<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.count)
        for index in line.indices { bytes.append(line[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
