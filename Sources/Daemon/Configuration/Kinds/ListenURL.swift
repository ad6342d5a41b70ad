internal import DNSWire
internal import Green
internal import Resolver

extension SettingKind where Value == ListenAddress {
    /// An address to listen on, or a URL that says how.
    static var listener: SettingKind {
        let expected =
            "an address such as 127.0.0.1, 0.0.0.0:5300 or \"[::1]:53\", tls://0.0.0.0:853, or https://0.0.0.0:443/dns-query"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                return try ListenURL(node: node, expected: expected, text: text).read()
            },
            print: { "\"\($0)\"" })
    }
}

/// A listener as it is written, with messages that say what was meant by what is wrong: `[transport://]address[:port][/path]`.
struct ListenURL {
    let node: ConfigurationNode
    let expected: String
    let text: String

    /// The longest path.
    private static let mostPathBytes = 256

    /// Reads it.
    func read() throws(ConfigurationError) -> ListenAddress {
        let (transport, rest) = try scheme()
        let place = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let address = try AddressText(node: node, expected: expected, usualPort: transport.usualPort).read(place)
        if !address.ip.isWildcard, let fault = address.ip.faultOfServer {
            throw node.failure("\(quoted(text)) is no address to listen on, but \(fault)", expected: expected)
        }
        return ListenAddress(address, transport: transport, path: try path(rest[place.endIndex...], transport))
    }

    private func scheme() throws(ConfigurationError) -> (ListenAddress.Transport, Substring) {
        guard let mark = text.range(of: "://") else { return (.plain, text[...]) }
        let (name, rest) = (text[..<mark.lowerBound].lowercased(), text[mark.upperBound...])
        if let known = ListenAddress.Transport(rawValue: name), known != .plain { return (known, rest) }
        if ["udp", "tcp", "dns"].contains(name) {
            throw node.failure(
                "\(quoted(text)) names a transport, and an address without one is served over UDP and TCP", expected: "\(rest)")
        }
        if ["quic", "doq", "h3", "http3"].contains(name) {
            throw node.failure("\(quoted(name)) (QUIC) is not spoken", expected: "tls://\(rest)")
        }
        let others = ["dot": "tls", "ssl": "tls", "doh": "https", "h2": "https", "h2c": "http"]
        let known = ListenAddress.Transport.allCases.filter { $0 != .plain }.map(\.rawValue)
        let nearest = others[name] ?? ConfigurationError.nearest(to: name, among: known)
        throw node.failure(
            "\(quoted(name)) is not a transport",
            expected: nearest.map { "\($0)://\(rest)" } ?? known.map { "\($0)://" }.joined(separator: ", "))
    }

    /// The path, with that of RFC 8484 where none is written.
    private func path(_ text: Substring, _ transport: ListenAddress.Transport) throws(ConfigurationError) -> String {
        // What clients are told may be a template (RFC 8484 4.1).
        let path = text.hasSuffix("{?dns}") ? text.dropLast(6) : text
        guard transport.isHTTP else {
            if path.isEmpty || path == "/" { return "" }
            throw node.failure(
                "\(quoted(self.text)) has a path, which only https:// and http:// have", expected: "it without \(path)")
        }
        if path.isEmpty { return ListenAddress.usualPath }
        let ending = "/" + ListenAddress.clientMark
        let fixed = path.hasSuffix(ending) ? path.dropLast(ListenAddress.clientMark.count) : path
        let isPlain = fixed.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x2D...0x39).contains(byte) || byte == 0x5F || byte == 0x7E
        }
        guard path.first == "/", isPlain, path.utf8.count <= Self.mostPathBytes else {
            throw node.failure(
                "\(quoted(self.text)) has a path that cannot be served",
                expected: "one such as /dns-query, or /dns-query/\(ListenAddress.clientMark)")
        }
        return String(path)
    }
}
