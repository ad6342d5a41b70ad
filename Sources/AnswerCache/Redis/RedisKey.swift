package import DNSWire

/// The names under which answers stand in Redis: `vireo:1:example.com.:A:IN`, with `:do` and `:cd` behind where the
/// question had these flags, and then `:view=0123456789abcdef` where it was asked in a view.
package enum RedisKey {
    /// What all keys and channels begin with; the number is that of the layout.
    package static let prefix = "vireo:1:"
    /// The key that tells one time between flushes from another: a number that each flush replaces. The only one that stays.
    static let epoch = prefix + "epoch"
    /// The key that says that some instance has kept answers of views.
    static let views = prefix + "views"
    /// What stands before the id of a view.
    private static let viewMark = "view="

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
        /// The id of the view; 0 for the general one.
        package var view: UInt64 = 0

        /// What a key stands for.
        package init(name: Name, type: RecordType, class: RecordClass, flags: KeyFlags, view: UInt64 = 0) {
            (self.name, self.type, self.flags, self.view) = (name, type, flags, view)
            self.class = `class`
        }
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
        guard key.viewNumber != .general else { return text }
        let id = ViewDirectory.shared.identity(of: key.viewNumber)?.id ?? .max
        let digits = String(id, radix: 16)
        text.append(UInt8(ascii: ":"))
        text.append(contentsOf: viewMark.utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, 16 - digits.utf8.count)))
        text.append(contentsOf: digits.utf8)
        return text
    }

    /// Reads a key; nil for what is no key of an answer.
    package static func parse(_ key: [UInt8]) -> Parts? {
        guard let text = String(validating: key, as: UTF8.self), text.hasPrefix(prefix) else { return nil }
        var words = text.dropFirst(prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        var flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        var view: UInt64 = 0
        if words.count > 3, let last = words.last, last.hasPrefix(viewMark) {
            let digits = last.dropFirst(viewMark.count)
            // As it is written, and not otherwise: each key stands for one thing, and one thing for one key.
            guard digits.utf8.count == 16, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 || $0 &- 0x61 < 6 }),
                let id = UInt64(digits, radix: 16), id != 0
            else { return nil }
            view = id
            words.removeLast()
        }
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
        return Parts(name: name, type: type, class: recordClass, flags: flags, view: view)
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
