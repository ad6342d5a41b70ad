internal import AnswerCache
internal import DNSWire
internal import Green
internal import Resolver

extension SettingKind where Value == Name {
    /// A domain name: with all below it, so that a leading `*.` says nothing more; international labels as they are typed.
    static var domain: SettingKind {
        let expected = "a domain name such as corp.example"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                if let name = DomainText.read(text) { return name }
                if let zones = DomainText.reverseZones(of: text) {
                    throw node.failure("\(quoted(text)) is an address range, not a name", expected: "its reverse zone, \(zones)")
                }
                if let plain = DomainText.plainName(in: text) {
                    throw node.failure("\(quoted(text)) is not a name", expected: "\(plain), which holds for all below it")
                }
                throw node.failure("\(quoted(text)) is not that", expected: expected)
            },
            print: { quoted($0.description) })
    }
}

/// Domain names as operators write them.
enum DomainText {
    /// What other programs put around a name, and no name holds.
    private static let marks: Set<Character> = ["*", "|", "^", "@", "~", ":", ",", " ", "\t", "?", "=", "#", "!"]

    /// Reads a name; nil for what is none, or is meant otherwise.
    static func read(_ given: String) -> Name? {
        let text = given.hasPrefix("*.") ? String(given.dropFirst(2)) : given
        guard !text.contains(where: { marks.contains($0) }), text.first != "/", text.last != "/" else { return nil }
        guard AddressPrefix(text) == nil else { return nil }
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return Name(text) }
        return InternationalName.read(text)
    }

    /// The name that is left of `/a.example/`, `||a.example^` or `.a.example`; nil where none is.
    static func plainName(in text: String) -> Name? {
        let isAround: (Character) -> Bool = { marks.contains($0) || $0 == "/" || $0 == "." }
        let inner = text.drop(while: isAround).reversed().drop(while: isAround).reversed()
        let name = read(String(inner))
        return name?.isRoot == false ? name : nil
    }

    /// The reverse zones of an address or a prefix, as words for a message; nil where it is none.
    static func reverseZones(of text: String) -> String? {
        guard let prefix = AddressPrefix(text) else { return nil }
        let (bits, all) = prefix.family == .v4 ? (8, 32) : (4, 128)
        let length = prefix.length
        // A name ends at a whole byte or hexadecimal digit: a prefix between two of them has several.
        let digits = (length + bits - 1) / bits
        let range = prefix.numbers
        func name(_ number: UInt128) -> String {
            let labels = (0..<digits).reversed().map { place in
                let digit = (number >> UInt128(all - (place + 1) * bits)) & ((1 << UInt128(bits)) - 1)
                return String(digit, radix: bits == 8 ? 10 : 16)
            }
            return (labels + [bits == 8 ? "in-addr" : "ip6", "arpa"]).joined(separator: ".")
        }
        let (first, last) = (name(range.lowerBound), name(range.upperBound))
        return first == last ? first : "of which it has several: \(first) to \(last), a rule for each"
    }
}
