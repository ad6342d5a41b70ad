internal import DNSWire
internal import Logging
internal import Resolver

extension SettingKind where Value == String {
    /// The path of a file.
    static var path: SettingKind {
        word("the path of a file", print: { quoted($0) }) { text in
            text.isEmpty || text.utf8.contains(0) ? nil : text
        }
    }

    /// A text that fits into one string of a TXT record.
    static var txt: SettingKind {
        word("a text of at most 255 bytes", print: { quoted($0) }) { text in
            text.utf8.count <= 255 ? text : nil
        }
    }
}

extension SettingKind where Value == Logger.Level {
    /// A level of swift-log.
    static var logLevel: SettingKind {
        let names = Logger.Level.allCases.map(\.rawValue)
        return word("one of " + names.joined(separator: ", "), print: { $0.rawValue }) { Logger.Level(rawValue: $0) }
    }
}

extension SettingKind where Value == Name {
    /// A domain name.
    static var domain: SettingKind {
        word("a domain name such as corp.example", print: { quoted($0.description) }) { Name($0) }
    }
}
