internal import DNSWire
internal import Glibc
internal import NameRules
internal import Resolver

extension SettingKind where Value == [ListSettings] {
    /// Lists by name.
    static var lists: SettingKind {
        let expected = "a mapping such as {ads: {from: [\"/etc/vireo/lists/*.txt\"]}}"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                guard case .mapping(let pairs) = node.content else {
                    throw node.failure("\(node.content) is given", expected: expected)
                }
                var lists: [ListSettings] = []
                var faults = ConfigurationFaults()
                for (name, value) in pairs {
                    faults.collect { () throws(ConfigurationError) in
                        guard RuleWord.isName(name) else {
                            throw value.failure("\(quoted(name)) is no name for a list", expected: RuleWord.expected)
                        }
                        var list = ListSettings()
                        list.name = name
                        try ListSettings.table.read(value, into: &list)
                        lists.append(list)
                    }
                }
                try faults.check()
                guard lists.count <= RuleSet.maximumLists else {
                    throw node.failure("\(lists.count) lists", expected: "at most \(RuleSet.maximumLists)")
                }
                return lists
            },
            print: { _ in nil }, members: ListSettings.table.entries(of: ListSettings()))
    }
}

extension SettingKind where Value == [GroupSettings] {
    /// Groups of clients.
    static var groups: SettingKind {
        elements("a list of {name: …, clients: […], block: […]}", of: GroupSettings.table) { GroupSettings() }
    }
}

extension SettingKind where Value == [RewriteSettings] {
    /// Names that stand for others, each once.
    static var rewrites: SettingKind {
        let all = elements("a list of {from: …, to: …}", of: RewriteSettings.table) { RewriteSettings() }
        return SettingKind(
            expected: all.expected,
            read: { node throws(ConfigurationError) in
                let rewrites = try all.read(node)
                var seen: Set<Name> = []
                for rewrite in rewrites where !seen.insert(rewrite.from.lowercased).inserted {
                    throw node.failure("\(quoted(rewrite.from.description)) stands there twice", expected: "each name once")
                }
                return rewrites
            },
            print: { _ in nil }, members: all.members)
    }
}

extension SettingKind where Value == [RuleTest] {
    /// Statements about names.
    static var ruleTests: SettingKind { elements("a list of {name: …, expect: …}", of: RuleTest.table) { RuleTest() } }
}

extension SettingKind where Value == [String] {
    /// The files of a list: one, or several.
    static var listFiles: SettingKind {
        oneOrMore(of: .listFile, "paths of files such as /etc/vireo/lists/*.txt, or URLs")
    }

    /// Names of lists.
    static var words: SettingKind { list(of: .word, "names of lists") }
}

extension SettingKind where Value == String {
    /// A list's file.
    fileprivate static var listFile: SettingKind {
        let path = SettingKind<String>.path
        return SettingKind(
            expected: path.expected,
            read: { node throws(ConfigurationError) in
                let text = try path.read(node)
                if ListURL.isURL(text), ListURL(text) == nil {
                    throw node.failure(
                        "\(quoted(ListURL.shown(text))) is no URL that lists are downloaded from",
                        expected: "https://…, http://…, axfr://192.0.2.1/rpz.example, or a file")
                }
                return text
            },
            print: path.print)
    }

    /// A name of a list or a group.
    static var word: SettingKind {
        word(RuleWord.expected, print: { $0 }) { RuleWord.isName($0) ? $0 : nil }
    }

    /// Records as in a zone file.
    static var localRecords: SettingKind {
        let expected = "lines such as nas.home. 300 IN A 192.0.2.10, or printer.home.: nxdomain"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                var faults = ConfigurationFaults()
                for fault in NameRules.LocalZone(text).faults {
                    faults.collect { () throws(ConfigurationError) in
                        switch fault.kind {
                        case .loop:
                            throw node.failure(
                                "line \(fault.line) is an alias that leads back to itself: \(quoted(fault.text))",
                                expected: "aliases that end at a name that is none")
                        case .tooLong:
                            throw node.failure(
                                "line \(fault.line) is an alias with too many behind it: \(quoted(fault.text))",
                                expected: "at most \(AliasWays.longest) aliases, one behind the other")
                        case .unreadable:
                            throw node.failure("line \(fault.line) cannot be read: \(quoted(fault.text))", expected: expected)
                        }
                    }
                }
                try faults.check()
                return text
            },
            print: { _ in nil })
    }
}

/// Names of lists and groups.
enum RuleWord {
    /// What one looks like.
    static let expected = "a name of at most 64 letters, digits, hyphens and underscores"

    /// Whether a text is one.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte | 0x20 &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2D || byte == 0x5F
            }
    }
}

extension SettingKind where Value == ListFormat {
    /// A format of lists.
    static var listFormat: SettingKind {
        let names = ListFormat.allCases.map(\.rawValue)
        return word("one of " + names.joined(separator: ", "), words: names, print: { $0.rawValue }) { ListFormat(rawValue: $0) }
    }
}

extension SettingKind where Value == [ClientRule] {
    /// Who clients are: one, or several.
    static var clients: SettingKind {
        oneOrMore(of: .client, "addresses or prefixes such as 192.0.2.64/26, hardware addresses, or names")
    }
}

extension SettingKind where Value == ClientRule {
    /// A client.
    fileprivate static var client: SettingKind {
        word(
            "an address or a prefix such as 192.0.2.64/26, a hardware address such as 52:54:00:12:34:56, or a name such as kid-tablet",
            print: { _ in "" }
        ) {
            ClientRule($0)
        }
    }
}

extension SettingKind where Value == TestedClient {
    /// A client that asks.
    static var testedClient: SettingKind {
        word("an address such as 192.0.2.70, or a name", print: { _ in "" }) { TestedClient($0) }
    }
}

extension SettingKind where Value == [String: Schedule] {
    /// Times for lists.
    static var schedules: SettingKind {
        let expected = "a mapping such as {adult: \"mon-fri 07:00-20:00, sat+sun 22:00-06:00\"}"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                guard case .mapping(let pairs) = node.content else {
                    throw node.failure("\(node.content) is given", expected: expected)
                }
                var schedules: [String: Schedule] = [:]
                var faults = ConfigurationFaults()
                for (name, value) in pairs {
                    faults.collect { () throws(ConfigurationError) in
                        let text = try value.text(expected: expected)
                        guard let schedule = Schedule(text) else {
                            throw value.failure(
                                "\(quoted(text)) is not that", expected: "days and times: mon-fri 07:00-20:00, daily 22:00-06:00")
                        }
                        schedules[name] = schedule
                    }
                }
                try faults.check()
                return schedules
            },
            print: { _ in nil })
    }
}

extension SettingKind where Value == BlockAnswer {
    /// What a denied name is answered with.
    static var blockAnswer: SettingKind {
        word(
            "zero, nxdomain, nodata, refused, or one IPv4 and one IPv6 address at most",
            words: ["zero", "nxdomain", "nodata", "refused"], print: { $0.settingText }
        ) { BlockAnswer($0) }
    }
}

extension BlockAnswer {
    /// As the YAML file has it.
    var settingText: String {
        switch self {
        case .zero: "zero"
        case .nxdomain: "nxdomain"
        case .nodata: "nodata"
        case .refused: "refused"
        case .addresses(let ipv4, let ipv6):
            quoted([ipv4, ipv6].compactMap { $0?.text }.joined(separator: " "))
        }
    }
}

extension NameRules.IPAddress {
    /// As it is usually written.
    var text: String {
        isIPv4 ? DNSWire.AddressText.ipv4(UInt32(truncatingIfNeeded: low)) : DNSWire.AddressText.ipv6(high: high, low: low)
    }
}

extension SettingKind where Value == PrivateAddressSettings {
    /// Whether answers may have private addresses.
    static var privateAddresses: SettingKind {
        let expected = "allow, refuse, or {except: [plex.direct]}"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                var settings = PrivateAddressSettings()
                if case .scalar(let text) = node.content, ["allow", "refuse"].contains(text) {
                    settings.isRefused = text == "refuse"
                    return settings
                }
                guard case .mapping(let pairs) = node.content, pairs.allSatisfy({ $0.key == "except" }), let except = pairs.first
                else { throw node.failure("\(node.content) is not that", expected: expected) }
                settings.isRefused = true
                settings.exceptions = try SettingKind<[Name]>.list(of: .domain, "domains").read(except.value)
                return settings
            },
            print: { $0.isRefused ? $0.exceptions.isEmpty ? "refuse" : nil : "allow" })
    }
}

extension SettingKind where Value == RuleTest.Expectation {
    /// What is expected of a name.
    static var expectation: SettingKind {
        word("block, pass or local", words: ["block", "pass", "local"], print: { $0.rawValue }) {
            RuleTest.Expectation(rawValue: $0)
        }
    }
}

extension SettingKind where Value == Int64 {
    /// A moment in this machine's time.
    static var moment: SettingKind {
        word("a time such as 2026-11-27 18:00", print: { _ in "" }) { RuleClock.moment($0) }
    }
}
