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
                if case .mapping = node.content { return try ListenEntry.read(node) }
                let text = try node.text(expected: expected)
                return try ListenURL(node: node, expected: expected, text: text).read()
            },
            print: { listener in
                guard listener.access != ListenerAccess() else { return "\"\(listener)\"" }
                var text = "{address: \"\(listener)\""
                for (key, rules) in [("allow", listener.access.allow), ("deny", listener.access.deny)] {
                    if let rules { text += ", \(key): \(SettingKind<[AccessRule]>.accessRules.print(rules) ?? "[]")" }
                }
                return text + "}"
            })
    }
}

/// A listener with who may ask there.
private struct ListenEntry: Sendable {
    var address: ListenAddress?
    var access = ListenerAccess()

    /// Its keys.
    static let table = SettingsTable<ListenEntry>(
        [
            .value("address", \.address, .optional(.listener), SettingFacts("Where, and what is spoken.")),
            .value("allow", \.access.allow, .optional(.accessRules), SettingFacts("Who may ask there.")),
            .value("deny", \.access.deny, .optional(.accessRules), SettingFacts("Who may not.")),
        ],
        check: { entry, node throws(ConfigurationError) in
            guard entry.address != nil else {
                throw node.failure("address is missing", expected: #"{address: "192.0.2.1:53", allow: [192.0.2.0/24]}"#)
            }
        })

    /// Reads one.
    static func read(_ node: ConfigurationNode) throws(ConfigurationError) -> ListenAddress {
        if let address = node.value(of: "address"), case .mapping = address.content {
            throw address.failure("a mapping is given", expected: "an address such as 127.0.0.1:53")
        }
        var entry = ListenEntry()
        try table.read(node, into: &entry)
        var listener = entry.address ?? ListenAddress(SocketAddress(.loopback, port: 53))
        listener.access = entry.access
        return listener
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
