/// The name of a client, as its connection says it, in the form in which this process knows it: a keyed hash. Names are compared
/// and no more, and a number costs neither memory nor a reference in the path of a query.
package struct ClientName: Hashable, Sendable {
    /// The hash, by which it is known elsewhere in this process; 0 for nobody.
    package let number: UInt64
    /// Whether a certificate proves it; else it is what a client says of itself.
    package private(set) var isProven = false

    /// Nobody's.
    package static let none = ClientName(number: 0)
    /// No name is longer.
    package static let longest = 64

    private init(number: UInt64) { self.number = number }

    /// A name of at most 64 letters, digits, hyphens and underscores, in whatever case; anything else is nobody's.
    package init(_ bytes: Span<UInt8>) {
        guard Self.isName(bytes) else {
            self = .none
            return
        }
        var hasher = Hasher()
        for index in 0..<bytes.count { hasher.combine(bytes[index] | 0x20) }
        number = UInt64(bitPattern: Int64(hasher.finalize())) | 1
    }

    /// The same, proven.
    package var proven: ClientName {
        var name = self
        name.isProven = true
        return name
    }

    /// The same, whoever says so.
    package var claimed: ClientName { ClientName(number: number) }

    /// The same of a text.
    package init(_ text: String) { self.init(Array(text.utf8).span) }

    /// Whether bytes are a name.
    package static func isName(_ bytes: Span<UInt8>) -> Bool {
        guard (1...longest).contains(bytes.count) else { return false }
        for index in 0..<bytes.count {
            let byte = bytes[index]
            guard byte | 0x20 &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2D || byte == 0x5F else { return false }
        }
        return true
    }
}
