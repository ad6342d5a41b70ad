/// Joins the lines of a zone file into entries: parentheses go over line ends, comments end with their line (RFC 1035 5.1).
struct ZoneLines {
    /// What there is of the entry so far.
    private var begun: [UInt8] = []
    /// How many parentheses are open.
    private var depth = 0

    /// The longest entry.
    static var maximumEntry: Int { 65536 }

    /// Whether an entry goes on in the next line.
    var isOpen: Bool { depth > 0 }

    /// Takes a line; the entry, without comments, when it is complete. An entry that is too long is cut off, so that no
    /// record comes of it.
    mutating func take(_ line: Span<UInt8>) -> [UInt8]? {
        var isQuoted = false
        var index = 0
        while index < line.count {
            let byte = line[index]
            if byte == 0x5C {
                append(byte)
                index += 1
                if index < line.count { append(line[index]) }
                index += 1
                continue
            }
            if byte == 0x22 { isQuoted.toggle() }
            if !isQuoted {
                if byte == 0x3B { break }
                // A closing one too many stays in the entry, where it is an error.
                if byte == 0x28 || byte == 0x29, byte == 0x28 || depth > 0 {
                    depth += byte == 0x28 ? 1 : -1
                    append(0x20)
                    index += 1
                    continue
                }
            }
            append(byte)
            index += 1
        }
        if depth > 0 {
            append(0x20)
            return nil
        }
        let entry = begun
        begun = []
        return entry
    }

    /// Appends a byte, up to the limit; beyond it the entry is made one that cannot be read.
    private mutating func append(_ byte: UInt8) {
        if begun.count < Self.maximumEntry {
            begun.append(byte)
        } else {
            begun[0] = 0x29
        }
    }
}
