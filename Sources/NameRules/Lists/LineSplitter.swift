internal import DNSWire

/// Cuts a stream of bytes into lines, wherever the stream's pieces end. A line ends with LF, CR, or both. Lines in the middle
/// of a piece are read where they stand; only what goes over a border is kept.
struct LineSplitter {
    /// The beginning of a line whose end has not come yet.
    private(set) var begun: [UInt8] = []
    /// Whether that line is too long already: its end is still to be found.
    private(set) var isTooLong = false
    /// Whether the last byte was a CR.
    private var endedInReturn = false

    /// The longest line that is read: longer than any rule that has a meaning.
    static var maximumLine: Int { 65536 }

    /// What comes next in a piece.
    enum Step {
        /// A line that stands in the piece.
        case whole(Range<Int>)
        /// The end of a line whose beginning is in `begun`.
        case end(Range<Int>)
        /// The end of a line that is too long, which begins like this.
        case tooLong([UInt8])
        /// The piece is over.
        case over
    }

    /// Goes to the end of the line that begins at a position of a piece.
    mutating func next(_ piece: Span<UInt8>, _ position: inout Int) -> Step {
        if endedInReturn, position < piece.count {
            endedInReturn = false
            if piece[position] == 0x0A { position += 1 }
        }
        let start = position
        let end = Self.lineEnd(piece, from: start)
        guard end < piece.count else {
            keep(piece.extracting(start..<end))
            position = end
            return .over
        }
        endedInReturn = piece[end] == 0x0D
        position = end + 1
        if isTooLong || begun.count + end - start > Self.maximumLine {
            keepExample(piece.extracting(start..<end))
            let example = begun
            begun = []
            isTooLong = false
            return .tooLong(example)
        }
        return begun.isEmpty ? .whole(start..<end) : .end(start..<end)
    }

    /// Takes the line out that was begun, with its end.
    mutating func take(_ end: Span<UInt8>) -> [UInt8] {
        var line = begun
        begun = []
        for index in end.indices { line.append(end[index]) }
        return line
    }

    /// Keeps the beginning of a line, unless it is too long.
    private mutating func keep(_ part: Span<UInt8>) {
        guard !isTooLong, part.count > 0 else { return }
        if begun.count + part.count > Self.maximumLine {
            // Its beginning stays, to be shown.
            isTooLong = true
            keepExample(part)
        } else {
            for index in part.indices { begun.append(part[index]) }
        }
    }

    /// Keeps of a line that is too long what is shown of it.
    private mutating func keepExample(_ part: Span<UInt8>) {
        if begun.count > ListReport.exampleBytes { begun = Array(begun.prefix(ListReport.exampleBytes)) }
        var index = 0
        while index < part.count, begun.count < ListReport.exampleBytes {
            begun.append(part[index])
            index += 1
        }
    }

    /// Where the next LF or CR is, or the end.
    @inline(__always) private static func lineEnd(_ piece: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= piece.count {
            let word = piece.loadWord(at: index)
            let (feeds, returns) = (zeros(word ^ 0x0A0A_0A0A_0A0A_0A0A), zeros(word ^ 0x0D0D_0D0D_0D0D_0D0D))
            guard feeds | returns == 0 else { return index &+ (feeds | returns).trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < piece.count {
            let byte = piece[index]
            if byte == 0x0A || byte == 0x0D { return index }
            index &+= 1
        }
        return index
    }

    /// The highest bit of each byte that is zero; above the lowest such byte others may be marked.
    @inline(__always) private static func zeros(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}
