package import DNSWire

/// What names a listing or a flush is about: a name, or a pattern in which `*` stands for any letters, dots among them, and `?` for
/// one. Case makes no difference.
package struct NamePattern: Hashable, Sendable {
    /// In lower case, and without a dot at the end.
    package let letters: [UInt8]

    /// Reads a pattern; nil for what could be no name whatever the wildcards stood for.
    package init?(_ text: String) {
        let hasWildcard = Self.hasWildcard(text)
        let sample = String(text.map { $0 == "*" || $0 == "?" ? "x" : $0 })
        guard let name = Name(sample) else { return nil }
        letters = hasWildcard ? Self.normalized(text) : Self.normalized(name.description)
    }

    /// Whether a text is a pattern rather than a name.
    package static func hasWildcard(_ text: String) -> Bool { text.contains { $0 == "*" || $0 == "?" } }

    /// The pattern as it is read again.
    package var text: String { String(decoding: letters, as: UTF8.self) }

    /// Whether a name fits.
    package func matches(_ name: borrowing FixedName) -> Bool {
        if let text = Self.plainText(name) { return matches(text) }
        return matches(Self.normalized(Name(name).description))
    }

    /// The text of a name all of whose letters stand for themselves, as nearly all do; nil for others and the root.
    private static func plainText(_ name: borrowing FixedName) -> [UInt8]? {
        let wire = name.span
        var text: [UInt8] = []
        text.reserveCapacity(wire.count)
        var labelEnd = Int(wire[0])
        for index in 1..<max(1, wire.count - 1) {
            if index > labelEnd {
                text.append(UInt8(ascii: "."))
                labelEnd = index + Int(wire[index])
                continue
            }
            switch wire[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                text.append(wire[index])
            default: return nil
            }
        }
        return text.isEmpty ? nil : text
    }

    /// Goes along both; after a mismatch the last `*` takes one letter more.
    private func matches(_ text: [UInt8]) -> Bool {
        var (position, index) = (0, 0)
        var star: Int?
        var resume = 0
        while index < text.count {
            if position < letters.count, letters[position] == UInt8(ascii: "*") {
                star = position
                resume = index
                position += 1
            } else if position < letters.count, letters[position] == text[index] || letters[position] == UInt8(ascii: "?") {
                position += 1
                index += 1
            } else if let star {
                position = star + 1
                resume += 1
                index = resume
            } else {
                return false
            }
        }
        return letters[position...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Lower case, and no dot at the end but the root's own.
    private static func normalized(_ text: String) -> [UInt8] {
        var bytes = text.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        if bytes.count > 1, bytes.last == UInt8(ascii: "."), bytes[bytes.count - 2] != UInt8(ascii: "\\") {
            bytes.removeLast()
        }
        return bytes
    }
}
