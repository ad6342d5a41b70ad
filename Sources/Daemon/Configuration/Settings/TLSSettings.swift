internal import DNSWire
internal import Resolver

/// What clients are shown over TLS, and what is asked of them.
package struct TLSSettings: Sendable, Equatable {
    /// A certificate with its key.
    package struct Pair: Sendable, Hashable {
        /// The PEM file with the certificate, then its chain.
        package var certificate = ""
        /// The PEM file with the key.
        package var key = ""
    }

    /// Certificates; a client that asks for a name gets the first that is for it, all others the first.
    package var pairs: [Pair] = []
    /// The PEM file with those who vouch for clients; nil where clients need no certificate.
    package var clients: String?
    /// The name that this server is known by.
    package var name: String?
    /// The file with the secret that the keys of session tickets are derived from; nil for a random one.
    package var sessionSecret: String?

    /// No TLS.
    package init() {}

    /// Whether there is any.
    package var isGiven: Bool { !pairs.isEmpty }

    /// The files that it names.
    var files: [String] { pairs.flatMap { [$0.certificate, $0.key] } + [clients, sessionSecret].compactMap(\.self) }
}

/// One mapping of `tls`.
private struct TLSEntry: Sendable {
    var certificate: String?
    var key: String?
    var clients: String?
    var name: String?
    var sessionSecret: String?

    /// Its keys.
    static let table = SettingsTable<TLSEntry>(
        [
            .value("certificate", \.certificate, .optional(.path), SettingFacts("The certificate, then its chain (PEM).")),
            .value("key", \.key, .optional(.path), SettingFacts("Its key (PEM).")),
            .value("clients", \.clients, .optional(.path), SettingFacts("Those who vouch for clients (PEM).")),
            .value("name", \.name, .optional(.serverName), SettingFacts("The name that this server is known by.")),
            .value("session-secret", \.sessionSecret, .optional(.path), SettingFacts("32 random bytes or more.")),
        ],
        check: { entry, node throws(ConfigurationError) in
            for (value, key) in [(entry.certificate, "certificate"), (entry.key, "key")] where value == nil {
                throw node.failure("\(key) is missing", expected: SettingKind<TLSSettings>.example)
            }
        })
}

extension SettingKind where Value == TLSSettings {
    /// What it looks like.
    static var example: String { "{certificate: /etc/vireo/cert.pem, key: /etc/vireo/key.pem}" }

    /// One mapping, or a list of them.
    static var serverTLS: SettingKind {
        let expected = "\(example), or a list of such"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                if case .empty = node.content { return TLSSettings() }
                var nodes = [node]
                if case .list(let elements) = node.content { nodes = elements }
                if nodes.isEmpty { throw node.failure("the list is empty", expected: expected) }
                var settings = TLSSettings()
                var faults = ConfigurationFaults()
                for item in nodes {
                    faults.collect { () throws(ConfigurationError) in
                        var entry = TLSEntry()
                        try TLSEntry.table.read(item, into: &entry)
                        let pair = TLSSettings.Pair(certificate: entry.certificate ?? "", key: entry.key ?? "")
                        if settings.pairs.contains(pair) { throw item.failure("it stands there twice", expected: "each once") }
                        settings.pairs.append(pair)
                        try join(entry.clients, &settings.clients, "clients", item)
                        try join(entry.name, &settings.name, "name", item)
                        try join(entry.sessionSecret, &settings.sessionSecret, "session-secret", item)
                    }
                }
                try faults.check()
                return settings
            },
            print: { _ in nil }, members: TLSEntry.table.entries(of: TLSEntry()))
    }

    /// What holds for all elements may stand in any.
    private static func join(
        _ value: String?, _ place: inout String?, _ key: String, _ node: ConfigurationNode
    ) throws(ConfigurationError) {
        guard let value else { return }
        if let place, place != value { throw node.failure("\(key) is given twice, differently", expected: "one for all of tls") }
        place = value
    }
}

extension SettingKind where Value == String {
    /// The name of a server, in lower case without the dot at its end.
    fileprivate static var serverName: SettingKind {
        word("the name of a host such as dns.example", print: { $0 }) { text in
            guard text.contains("."), let name = DomainText.read(text), !name.isRoot else { return nil }
            let labels = "\(name.lowercased)"
            return labels.last == "." ? String(labels.dropLast()) : labels
        }
    }
}
