internal import Resolver
internal import Upstream

/// Where it is said whom to ask.
enum UpstreamSource: Sendable, Equatable {
    /// In the settings.
    case addresses([UpstreamAddress])
    /// In a file in the form of resolv.conf, which is followed.
    case file(String)
}

extension SettingKind where Value == UpstreamSource {
    /// A list of upstreams, or `from` and the path of a file.
    static var upstreamSource: SettingKind {
        let list = SettingKind<[UpstreamAddress]>.list(
            of: .upstream, "addresses such as 192.0.2.1 or tls://192.0.2.3#dns.example")
        return SettingKind(
            expected: list.expected + ", or from /run/NetworkManager/no-stub-resolv.conf",
            read: { node throws(ConfigurationError) in
                guard case .scalar(let text) = node.content, text == "from" || text.hasPrefix("from ") else {
                    return .addresses(try list.read(node))
                }
                let path = String(text.dropFirst(4).drop { $0 == " " })
                guard path.hasPrefix("/"), !path.utf8.contains(0) else {
                    throw node.failure("\(quoted(text)) names no file", expected: "from and an absolute path")
                }
                return .file(path)
            },
            print: { source in
                switch source {
                case .addresses(let addresses): list.print(addresses)
                case .file(let path): quoted("from " + path)
                }
            })
    }
}

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
