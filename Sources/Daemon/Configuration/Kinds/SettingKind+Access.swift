extension SettingKind where Value == AccessRule {
    /// Clients: a word or a prefix.
    static var accessRule: SettingKind {
        word("local, any, or a prefix such as 192.0.2.0/24 or 2001:db8::/32", print: { $0.settingText }) { AccessRule($0) }
    }
}

extension SettingKind where Value == [AccessRule] {
    /// Clients: one of them, or a list.
    static var accessRules: SettingKind {
        oneOrMore(of: .accessRule, "local, any, or prefixes such as 192.0.2.0/24 or 2001:db8::/32")
    }
}

extension AccessRule {
    /// As the YAML file has it.
    fileprivate var settingText: String {
        if case .network(let prefix) = self { return "\"\(prefix)\"" }
        return description
    }
}
