internal import Green

extension Settings {
    /// The keys for those who watch the daemon.
    static let observingKeys: [SettingKey<Settings>] = [
        .value(
            "http", \.http, .optional(.httpAddress),
            SettingFacts(
                "Where metrics (/metrics), health (/health/live, /health/ready) and the page (/) are served over HTTP. Without this key: nowhere.",
                example: "127.0.0.1:9153", needsRestart: true)),
        .value(
            "http-token", \.httpToken, .optional(.token),
            SettingFacts(
                "What those must say who ask there (Authorization: Bearer …), health excepted; needed where others can ask, and to change things.",
                example: "a-long-random-word", isSecret: true)),
        .value(
            "http-token-file", \.httpTokenFile, .optional(.path),
            SettingFacts(
                "A file with that word, or the name of a systemd credential (LoadCredential=).", example: "/etc/vireo/http.token")
        ),
        .value(
            "http-page", \.httpPage, .flag,
            SettingFacts(
                "Whether all users of this machine may see the page, with names and clients, where there is no http-token.")),
    ]

    /// The keys for whole messages and for traces.
    static let exportKeys: [SettingKey<Settings>] = [
        .value(
            "dnstap", \.dnstap, .optional(.dnstapPlace),
            SettingFacts(
                "Who takes a copy of each message, of clients and to upstreams, as dnstap over frame streams. Without this key: nobody.",
                example: "unix:/run/dnstap.sock")),
        .value(
            "otlp", \.otlp, .optional(.otlp),
            SettingFacts(
                "The OpenTelemetry collector that takes traces of slow and of sampled questions (OTLP/HTTP): a URL, or a mapping.",
                example: "{to: \"http://127.0.0.1:4318\", sample: 0.001, slow: 1s, headers-file: /etc/vireo/otlp.headers}",
                isSecret: true)),
    ]

    /// Refuses to show others than this machine's users what goes on, unless they know the token.
    func checkObserving(_ node: ConfigurationNode) throws(ConfigurationError) {
        try checkObserving(at: (node.value(of: "http") ?? node).place)
    }

    /// The same for settings that are in force in part: where it listens stays as it was until a restart.
    func checkObserving(at place: ConfigurationPlace) throws(ConfigurationError) {
        guard let http, !http.ip.isLoopback, httpToken == nil, httpTokenFile == nil else { return }
        throw .badValue(
            place, problem: "other machines can ask at \(http), and there is no http-token",
            expected: "http-token, or an address such as 127.0.0.1:9153")
    }
}

extension SettingKind where Value == SocketAddress {
    /// An address to serve HTTP at.
    fileprivate static var httpAddress: SettingKind {
        let expected = "an address such as 127.0.0.1:9153"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                return try AddressText(node: node, expected: expected, usualPort: 9153).read(Substring(text))
            },
            print: { "\"\($0)\"" })
    }
}

extension SettingKind where Value == String {
    /// A secret word.
    fileprivate static var token: SettingKind {
        secret(
            "a word of 16 to 256 printable characters without spaces", read: { ConfigurationLoader.isToken($0) ? $0 : nil })
    }
}
