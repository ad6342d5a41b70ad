internal import DNSWire
internal import GreenRedis
internal import Logging
internal import Resolver

extension SettingKind where Value == String {
    /// The path of a file.
    static var path: SettingKind {
        word("the path of a file", print: { quoted($0) }) { text in
            text.isEmpty || text.utf8.contains(0) ? nil : text
        }
    }

    /// The name of a user.
    static var user: SettingKind {
        word("the name of a user", print: { $0 }) { text in
            let isName = (1...32).contains(text.utf8.count) && text.first != "-"
            return isName && text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A && $0 != 0x2F }) ? text : nil
        }
    }

    /// A text that fits into one string of a TXT record.
    static var txt: SettingKind {
        word("a text of at most 255 bytes", print: { quoted($0) }) { text in
            text.utf8.count <= 255 ? text : nil
        }
    }
}

extension SettingKind where Value == ServerCookies.Mode {
    /// What is done with cookies.
    static var cookieMode: SettingKind {
        word("answer, require or off", words: ["answer", "require", "off"], print: { $0.rawValue }) {
            ServerCookies.Mode(rawValue: $0)
        }
    }
}

extension SettingKind where Value == Bool {
    /// Yes or no.
    static var flag: SettingKind {
        word("true or false", words: ["true", "false"], print: { $0 ? "true" : "false" }) { ["true": true, "false": false][$0] }
    }
}

extension SettingKind where Value == RedisURL {
    /// Where a Redis is. A message about a bad one does not repeat it: who knows what of it is the password.
    static var redisURL: SettingKind {
        secret(
            "a URL such as redis://192.0.2.6:6379/0, rediss://… or redis+unix:///run/redis.sock?db=0",
            print: { quoted($0.description) }, read: { RedisURL($0) })
    }
}

extension SettingKind where Value == Logger.Level {
    /// A level of swift-log.
    static var logLevel: SettingKind {
        let names = Logger.Level.allCases.map(\.rawValue)
        return word("one of " + names.joined(separator: ", "), words: names, print: { $0.rawValue }) {
            Logger.Level(rawValue: $0)
        }
    }
}

extension SettingKind where Value == ControlSocket.Setting {
    /// The path of a Unix socket, or `off`.
    static var controlSocket: SettingKind {
        let limit = 107
        let expected = "an absolute path of at most \(limit) bytes, or off"
        let kind = word(expected, print: { $0.path.map { quoted($0) } ?? "off" }) { text in
            if text == "off" { return .off }
            let isPath = text.hasPrefix("/") && text.utf8.count <= limit && !text.utf8.contains(0)
            return isPath ? .path(text) : nil
        }
        return SettingKind(expected: expected, read: kind.read, print: { $0 == .usual ? nil : kind.print($0) })
    }
}

extension SettingKind where Value == UInt32 {
    /// The mode of the control socket's file.
    static var socketMode: SettingKind {
        word("0600 or 0660", print: { quoted("0" + String($0, radix: 8)) }) { text in
            ["0600": 0o600, "0660": 0o660][text]
        }
    }
}
