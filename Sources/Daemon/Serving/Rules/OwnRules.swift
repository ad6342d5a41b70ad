internal import DNSWire
internal import Green
internal import NameRules

/// Rules that an operator has given to the running daemon: for a while, or for good. They go before all lists, for all groups.
struct OwnRules: Sendable, Equatable {
    /// A rule about a name and all below it.
    struct Rule: Sendable, Equatable {
        /// The name, in lower case.
        var name: Name
        /// Whether it lets the name pass, rather than denies it.
        var isAllow: Bool
        /// When it ends: seconds since 1970; nil for never.
        var endsAt: Int64?
    }

    /// The rules, each name once.
    private(set) var rules: [Rule] = []

    /// What stands for their list.
    static let listName = "own rules"
    /// So many may there be.
    static let most = 10_000
    /// So long may the file be that they are kept in.
    static let sizeLimit = 4 << 20

    /// None.
    init() {}

    /// Reads what `bytes` wrote; what cannot be read is left out, and a name that stands there twice counts once.
    init(_ bytes: [UInt8]) {
        var names: Set<Name> = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let name = Name(String(words[1])), Self.isPlain(name),
                words[0] == "allow" || words[0] == "deny",
                words[2] == "never" || Int64(words[2]) != nil
            else { continue }
            guard rules.count < Self.most, names.insert(name.lowercased).inserted else { continue }
            rules.append(Rule(name: name.lowercased, isAllow: words[0] == "allow", endsAt: Int64(words[2])))
        }
    }

    /// Those that a file keeps; nil where there is no such file, an error where it cannot be read. May block.
    static func kept(_ path: String, _ access: any FileAccess) throws(SocketError) -> OwnRules? {
        do throws(SocketError) {
            return OwnRules(try access.read(path, limit: sizeLimit))
        } catch .notFound {
            return nil
        }
    }

    /// A line for each.
    var bytes: [UInt8] {
        Array(
            rules.map { "\($0.isAllow ? "allow" : "deny") \($0.name) \($0.endsAt.map(String.init) ?? "never")\n" }.joined().utf8)
    }

    /// Whether a name can stand in a rule: letters, digits, hyphens, underscores and dots, as nearly all have.
    static func isPlain(_ name: Name) -> Bool {
        name.labels.count > 0
            && name.labels.allSatisfy { label in
                label.allSatisfy { byte in
                    byte | 0x20 &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2D || byte == 0x5F
                }
            }
    }

    /// Puts a rule in, in place of another for the same name; false where there are too many.
    mutating func add(_ rule: Rule) -> Bool {
        rules.removeAll { $0.name == rule.name }
        guard rules.count < Self.most else { return false }
        rules.append(rule)
        return true
    }

    /// Takes the rule for a name out; false where there is none.
    mutating func remove(_ name: Name) -> Bool {
        let count = rules.count
        rules.removeAll { $0.name == name }
        return rules.count < count
    }

    /// Takes out what is over at a moment; whether there was anything.
    mutating func expire(at seconds: Int64) -> Bool {
        let count = rules.count
        rules.removeAll { rule in rule.endsAt.map { $0 <= seconds } ?? false }
        return rules.count < count
    }

    /// Their table.
    func table(_ key: RuleKey) -> RuleTable {
        var list = ListCompiler(format: .adblock, key: key)
        for rule in rules {
            let text = "\(rule.name)".dropLast()
            list.read(Array("\(rule.isAllow ? "@@" : "")||\(text)^$important\n".utf8).span)
        }
        list.end()
        return list.finish()
    }
}
