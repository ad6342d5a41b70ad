package import DNSWire

/// The names under which answers stand in Redis: `vireo:1:example.com.:A:IN`, with `:do` and `:cd` behind where the
/// question had these flags.
package enum RedisKey {
    /// What all keys and channels begin with; the number is that of the layout.
    package static let prefix = "vireo:1:"
    /// The key that tells one time between flushes from another: a number that each flush replaces. The only one that stays.
    static let epoch = prefix + "epoch"

    /// What a key stands for.
    package struct Parts: Hashable, Sendable {
        /// The name.
        package var name: Name
        /// The type asked for.
        package var type: RecordType
        /// The class asked for.
        package var `class`: RecordClass
        /// DO and CD.
        package var flags: KeyFlags
    }

    /// The key for a question.
    static func text(for key: borrowing CacheKey) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(key.wireName.count + 32)
        text.append(contentsOf: prefix.utf8)
        append(key.wireName.span, to: &text)
        text.append(UInt8(ascii: ":"))
        text.append(contentsOf: key.type.description.utf8)
        text.append(UInt8(ascii: ":"))
        text.append(contentsOf: key.class.description.utf8)
        if key.flags.dnssecOK { text.append(contentsOf: ":do".utf8) }
        if key.flags.checkingDisabled { text.append(contentsOf: ":cd".utf8) }
        return text
    }

    /// Reads a key; nil for what is no key of an answer.
    package static func parse(_ key: [UInt8]) -> Parts? {
        guard let text = String(validating: key, as: UTF8.self), text.hasPrefix(prefix) else { return nil }
        var words = text.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        var flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        if words.count > 3, words.last == "cd" {
            flags.checkingDisabled = true
            words.removeLast()
        }
        if words.count > 3, words.last == "do" {
            flags.dnssecOK = true
            words.removeLast()
        }
        guard words.count >= 3, let recordClass = RecordClass(String(words.removeLast())),
            let type = RecordType(String(words.removeLast()))
        else { return nil }
        let name = words.joined(separator: ":")
        guard name.hasSuffix("."), let name = Name(name) else { return nil }
        return Parts(name: name, type: type, class: recordClass, flags: flags)
    }

    /// The pattern that finds all keys of a removal, and perhaps more: what is found must be looked at again.
    static func pattern(_ filter: FleetFilter) -> [UInt8] {
        var text: [UInt8] = Array(prefix.utf8)
        switch filter {
        case .everything, .upstream, .answers:
            break
        case .name(let name), .question(let name, _):
            text += escaped(name)
            text.append(UInt8(ascii: ":"))
        case .pattern(let pattern, _):
            return Self.pattern(beginning: pattern.letters)
        case .subtree(let top):
            text.append(UInt8(ascii: "*"))
            if !top.isRoot { text += escaped(top) }
            text.append(UInt8(ascii: ":"))
        }
        text.append(UInt8(ascii: "*"))
        return text
    }

    /// The pattern that finds all keys of names that begin with a text in which `*` and `?` stand for other letters.
    package static func pattern(beginning letters: [UInt8]) -> [UInt8] {
        Array(prefix.utf8) + letters.flatMap { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") ? [$0] : escaped($0) }
            + [UInt8(ascii: "*")]
    }

    /// A name's text with what Redis takes for patterns escaped.
    private static func escaped(_ name: Name) -> [UInt8] {
        var text: [UInt8] = []
        append(name.lowercased.wire.span, to: &text)
        return text.flatMap { escaped($0) }
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        switch byte {
        case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "^"),
            UInt8(ascii: "-"), UInt8(ascii: "\\"):
            [UInt8(ascii: "\\"), byte]
        default: [byte]
        }
    }

    /// A name as people write it, from its wire form; the same text as `Name.description`.
    private static func append(_ wire: Span<UInt8>, to text: inout [UInt8]) {
        if wire.count <= 1 { text.append(UInt8(ascii: ".")) }
        var position = 0
        while position < wire.count, wire[position] > 0 {
            let end = position + 1 + Int(wire[position])
            position += 1
            while position < end {
                append(wire[position], to: &text)
                position += 1
            }
            text.append(UInt8(ascii: "."))
        }
    }

    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            text.append(UInt8(ascii: "\\"))
            text.append(byte)
        case 0x21...0x7E:
            text.append(byte)
        default:
            text.append(UInt8(ascii: "\\"))
            text.append(UInt8(ascii: "0") + byte / 100)
            text.append(UInt8(ascii: "0") + byte / 10 % 10)
            text.append(UInt8(ascii: "0") + byte % 10)
        }
    }
}
