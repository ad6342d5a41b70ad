internal import Green
internal import GreenHTTP
internal import Resolver

/// Who takes traces of questions, and of which.
package struct OTLPSettings: Sendable, Equatable {
    /// The URL of the collector, as the operator writes it.
    package var url = ""
    /// Which share of the queries is traced.
    package var sample = 0.001
    /// Questions that take so long are traced; 0: none.
    package var slow = Duration.seconds(1)
    /// Headers of each request, such as `Authorization: Bearer …`.
    package var headers: [String] = []
    /// The file with further ones.
    package var headersFile: String?
    /// Those that stand there.
    package var headersOfFile: [String] = []

    /// The file with the certificates that an https collector's may be signed by; nil for those that the system trusts.
    package var ca: String?
    /// What stands there, in PEM.
    package var authorities: String?

    /// The defaults.
    package init() {}

    /// Where requests go: as OpenTelemetry's own programs have it, below the URL unless it is the whole of it.
    var target: String { Self.target(url) ?? url }

    /// All headers of a request that are the operator's.
    var fields: [HTTPField] { (headers + headersOfFile).compactMap(Self.header) }

    /// Whether what the headers say can be read on the way: they go to another machine in clear.
    var tellsHeaders: Bool {
        guard let url = HTTPURL(url), !url.isSecure, !(headers + headersOfFile).isEmpty else { return false }
        return url.host.lowercased() != "localhost" && IPAddress(url.host)?.isLoopback != true
    }

    /// Questions that are traced for their slowness.
    var slowness: Duration? { slow > .zero ? slow : nil }

    /// The URL that requests go to; nil for what is no URL of a collector.
    static func target(_ text: String) -> String? {
        let isPlain = !text.contains { "?#".contains($0) } && text.utf8.count <= 1_000
        guard isPlain, let url = HTTPURL(text) else { return nil }
        let text = "\(url)"
        if text.hasSuffix("/v1/traces") { return text }
        return text + (text.hasSuffix("/") ? "" : "/") + "v1/traces"
    }

    /// Headers that are not the operator's to set.
    private static let own: Set<String> = [
        "host", "connection", "content-type", "content-length", "content-encoding", "transfer-encoding", "expect", "te",
        "trailer", "upgrade", "user-agent",
    ]

    /// Reads `Name: value`; nil for what is no header that may be set.
    static func header(_ text: String) -> HTTPField? {
        guard let colon = text.firstIndex(of: ":"), text.utf8.count <= 4_096 else { return nil }
        let name = String(text[..<colon])
        let value = String(text[text.index(after: colon)...].drop { $0 == " " })
        let isName =
            !name.isEmpty && name.utf8.allSatisfy { $0 | 0x20 &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == 0x2D || $0 == 0x5F }
        let isValue = !value.isEmpty && value.last != " " && value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        return isName && isValue && !own.contains(name.lowercased()) ? HTTPField(name, value) : nil
    }

    /// The keys below `otlp`.
    static let table = SettingsTable<OTLPSettings>(
        [
            .value(
                "to", \.url, .collector,
                SettingFacts("The collector; /v1/traces is put behind it.", example: "http://127.0.0.1:4318")),
            .value(
                "sample", \.sample, .share(orNone: true),
                SettingFacts("Which share of the queries is traced, picked by chance: 0.001 is one in a thousand; 0: none.")),
            .value(
                "slow", \.slow, .duration(.zero...(.seconds(60))),
                SettingFacts("Questions that take so long are traced, from when they have taken half of it; 0s: none.")),
            .value(
                "headers", \.headers, .list(of: .header, "headers such as \"Authorization: Bearer a-word\""),
                SettingFacts(
                    "Headers of each request.", example: "[\"Authorization: Bearer a-long-random-word\"]", isSecret: true)),
            .value(
                "headers-file", \.headersFile, .optional(.path),
                SettingFacts(
                    "A file with such headers, one a line, or the name of a systemd credential.",
                    example: "/etc/vireo/otlp.headers")),
            .value(
                "ca", \.ca, .optional(.path),
                SettingFacts(
                    "A PEM file with the authorities that may sign an https collector's certificate. Without this key: those of the system.",
                    example: "/etc/vireo/otlp-ca.pem")),
        ],
        check: { otlp, node throws(ConfigurationError) in
            if otlp.url.isEmpty { throw node.failure("to is missing", expected: "{to: \"http://127.0.0.1:4318\", …}") }
            if otlp.ca != nil, HTTPURL(otlp.url)?.isSecure != true {
                throw node.failure("there is ca, and to is no https URL", expected: "https, or no ca")
            }
        })
}

extension SettingKind where Value == OTLPSettings {
    /// A URL, or a mapping.
    static var otlp: SettingKind {
        SettingKind(
            expected: "a URL such as http://127.0.0.1:4318, or {to: URL, sample: …, slow: …}",
            read: { node throws(ConfigurationError) in
                var settings = OTLPSettings()
                try OTLPSettings.table.read(node, into: &settings)
                return settings
            },
            print: { settings in
                let slow = DurationText.print(settings.slow)
                let sample = SettingKind<Double>.share().print(settings.sample) ?? ""
                return "{to: \(quoted(settings.url)), sample: \(sample), slow: \(slow)}"
            }, members: OTLPSettings.table.entries(of: OTLPSettings())
        ).orScalar { node throws(ConfigurationError) in
            var settings = OTLPSettings()
            settings.url = try SettingKind<String>.collector.read(node)
            return settings
        }
    }
}

extension SettingKind where Value == String {
    /// The URL of a collector, which may hold a password.
    fileprivate static var collector: SettingKind {
        secret(
            "a URL such as http://127.0.0.1:4318, without a user, ? or #: what is secret belongs into headers",
            print: { $0.isEmpty ? "" : quoted($0) }, read: { OTLPSettings.target($0) == nil ? nil : $0 })
    }

    /// A header.
    fileprivate static var header: SettingKind {
        secret("a header such as \"Authorization: Bearer a-word\"", read: { OTLPSettings.header($0) == nil ? nil : $0 })
    }
}
