internal import Upstream

extension SettingKind where Value == UpstreamAddress {
    /// Whom to ask: an address, or a URL that says how.
    static var upstream: SettingKind {
        let expected =
            "an address such as 192.0.2.1 or \"[2001:db8::1]:53\", tls://192.0.2.4#dns.example, or https://dns.example/dns-query"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                return try UpstreamURL(node: node, expected: expected, text: text).read()
            },
            print: { "\"\($0)\"" })
    }

    /// Whom to ask where an upstream is: not one of which the same must be asked.
    static var bootstrap: SettingKind {
        let upstream = SettingKind.upstream
        return SettingKind(
            expected: upstream.expected,
            read: { node throws(ConfigurationError) in
                let address = try upstream.read(node)
                guard address.host == nil else {
                    throw node.failure("\(address) is known by name itself", expected: "an address such as 192.0.2.1")
                }
                return address
            },
            print: upstream.print)
    }
}
