internal import Green
internal import Resolver
internal import Upstream

extension SettingKind where Value == SocketAddress {
    /// An address to listen on.
    static var listener: SettingKind {
        let expected = "an address such as 127.0.0.1, 0.0.0.0:5300 or [::1]:53"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                return try AddressText(node: node, expected: expected).read(text[...])
            },
            print: { "\"\($0)\"" })
    }
}

extension SettingKind where Value == UpstreamAddress {
    /// An address to ask, with `tcp://` before it when it is to be asked over TCP only.
    static var upstream: SettingKind {
        let expected = "an address such as 192.0.2.1, 192.0.2.2:5353, [2001:db8::1]:53 or tcp://192.0.2.3"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                var transport = UpstreamAddress.Transport.udp
                var rest = text[...]
                if let scheme = text.range(of: "://") {
                    let name = text[..<scheme.lowerBound]
                    guard let known = UpstreamAddress.Transport(rawValue: String(name)) else {
                        throw node.failure("\(quoted(name)) is not a transport", expected: "udp:// or tcp://")
                    }
                    transport = known
                    rest = text[scheme.upperBound...]
                }
                let address = try AddressText(node: node, expected: expected).read(rest)
                if address.ip.isWildcard {
                    throw node.failure("\(quoted(text)) is no address of a server", expected: expected)
                }
                return UpstreamAddress(address, transport: transport)
            },
            print: { "\"\($0)\"" })
    }
}

/// An address with a port, read with a message that says which part is wrong.
private struct AddressText {
    let node: ConfigurationNode
    let expected: String

    /// Reads it, with port 53 unless another is given.
    func read(_ text: Substring) throws(ConfigurationError) -> SocketAddress {
        guard let address = SocketAddress(text, defaultPort: 53) else { throw node.failure(fault(in: text), expected: expected) }
        if address.port == 0 { throw node.failure("\(quoted(text)) has port 0", expected: "a port from 1 to 65535") }
        return address
    }

    /// What is wrong with the text, as closely as can be told.
    private func fault(in text: Substring) -> String {
        let unscoped = text.prefix { $0 != "%" }.drop { $0 == "[" }
        if text.contains("%"), IPAddress(unscoped)?.family == .v6 {
            return "\(quoted(text)) names an interface that this machine does not have"
        }
        let host = text.prefix { $0 != ":" }
        if IPAddress(host) != nil, text.contains(":") {
            return "\(quoted(text)) has a port that is not from 1 to 65535"
        }
        let isName = host.contains { $0.isLetter } && host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
        let isSixLike = text.count { $0 == ":" } > 1 || text.first == "["
        return isName && !isSixLike ? "\(quoted(text)) is a host name, not an address" : "\(quoted(text)) is not an address"
    }
}

extension StringProtocol where SubSequence == Substring {
    /// Where `pattern` stands for the first time.
    func range(of pattern: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(pattern) { return start..<index(start, offsetBy: pattern.count) }
            start = index(after: start)
        }
        return nil
    }
}
