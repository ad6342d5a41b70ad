internal import DNSWire

/// What names a listing is about: a name, or a pattern in which `*` stands for any letters, dots among them, and `?` for
/// one. Case makes no difference.
struct NamePattern {
    private let letters: [UInt8]

    /// Reads a pattern; nil for what could be no name whatever the wildcards stood for.
    init?(_ text: String) {
        let hasWildcard = text.contains { $0 == "*" || $0 == "?" }
        let sample = String(text.map { $0 == "*" || $0 == "?" ? "x" : $0 })
        guard let name = Name(sample) else { return nil }
        letters = hasWildcard ? Self.normalized(text) : Self.normalized(name.description)
    }

    /// Whether a name fits.
    func matches(_ name: Name) -> Bool {
        matches(Self.normalized(name.description))
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
