import AnswerCache
import Foundation
import Green
import GreenHTTP
import Testing

@testable import Daemon

/// What `vireo config` and `vireo reload` say.
@Suite struct SettingsListingTests {
    /// What the loader makes of a file with `yaml` and the options.
    private func load(_ yaml: String, _ overrides: [ConfigurationLoader.Override] = []) throws -> Settings {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("vireo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("vireo.yaml")
        try yaml.write(to: file, atomically: true, encoding: .utf8)
        return try ConfigurationLoader(file: file.path, usualFile: nil, overrides: overrides, machine: { [] }).load()
    }

    /// Settings with something of everything.
    private static let rich = """
        listen: ["127.0.0.1:5300", "[::1]:5300", "tls://127.0.0.1:8853"]
        tls:
          certificate: "/etc/vireo/a \\"quoted\\" cert.pem"
          key: /etc/vireo/key.pem
        upstreams:
          - 192.0.2.1
          - tls://192.0.2.2#dns.example
        verify: {with: ["tls://192.0.2.3#dns.example"], suspect: [early]}
        cache:
          max-ttl: 2h
          redis: "redis://:topsecret@192.0.2.6:6379/0"
        lists: {ads: {from: ["/etc/vireo/lists/*.txt", "https://lists.example/a"], refresh: 12h}}
        groups: [{name: kids, clients: [192.0.2.64/26, "2001:db8::/64"], block: [ads]}, {name: default}]
        local: |
          nas.home.  300 IN A 192.0.2.10
          printer.home.: nxdomain
        forward: [{domain: "*.bücher.example", upstreams: [192.0.2.53]}]
        private-addresses: {except: [plex.direct]}
        block-answer: 192.0.2.80
        """

    @Test func `each key is shown with the line, the option or the default that it comes from`() throws {
        let settings = try load(Self.rich, [.value("--workers", "workers", "3")])
        let text = SettingsListing(settings).text
        #expect(text.contains(#/(?m)^upstreams: \["?192\.0\.2\.1"?, "tls:.*dns\.example"\]  # /.*/vireo\.yaml:5$/#), "\(text)")
        #expect(text.contains(#/(?m)^  max-ttl: 2h  # /.*/vireo\.yaml:10$/#), "\(text)")
        #expect(text.contains("\nworkers: 3  # --workers\n"), "\(text)")
        #expect(text.contains("\n  min-ttl: 0  # default\n"), "\(text)")
        #expect(text.contains("\n# control: not set\n"), "\(text)")
    }

    @Test func `what is shown says the same as the file when it is read`() throws {
        for yaml in [Self.rich, "workers: 2", ExampleFile.text] {
            var settings = try load(yaml)
            settings.cache.redis = nil
            settings.origins["cache.redis"] = nil
            var read = try load(SettingsListing(settings).text)
            (read.origins, read.openFile) = (settings.origins, settings.openFile)
            #expect(read == settings, "\(SettingsListing(settings).text)")
        }
    }

    @Test func `no password is shown, neither for people nor for programs`() throws {
        let listing = SettingsListing(try load(Self.rich))
        var writer = JSONWriter()
        writer.object { listing.write(to: &$0) }
        for text in [listing.text, String(decoding: writer.bytes, as: UTF8.self)] {
            #expect(!text.contains("topsecret") && text.contains("***@192.0.2.6"), "\(text)")
        }
        let json = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: [[String: Any]]]
        let redis = try #require(json?["settings"]?.first { $0["key"] as? String == "cache.redis" })
        #expect((redis["from"] as? String)?.hasSuffix("vireo.yaml:11") == true)
    }

    @Test func `every setting that can hold a password leaves it out when it is printed`() throws {
        let text = SettingsListing(try load("cache: {redis: \"redis://someone:p%40ss@192.0.2.6\"}")).text
        #expect(!text.contains("p%40ss") && !text.contains("p@ss"), "\(text)")
        let given = try load("cache: {redis: \"redis://:topsecret@192.0.2.6\"}")
        #expect(ConfigurationNode.written("https://me:topsecret@lists.example/a") == "\"https://***@lists.example/a\"")
        let report = ReloadReport(from: Settings(), to: given, waiting: ["cache.redis"])
        #expect(!report.text.contains("topsecret") && report.text.contains("cache.redis"), "\(report.text)")
    }

    @Test func `every setting that is a secret says so, and is not shown`() throws {
        func secrets(_ entries: [SettingEntry]) -> [String] {
            entries.flatMap { entry in
                let isSecretByName = entry.name.contains(#/password|token|secret/#) && entry.expected?.contains("file") == false
                #expect(!isSecretByName || entry.facts.isSecret, "\(entry.name)")
                return (entry.facts.isSecret ? [entry.name] : []) + secrets(entry.members)
            }
        }
        #expect(Set(secrets(Settings.table.entries(of: Settings()))) == ["redis", "http-token", "otlp", "headers"])
        let traced = try load("otlp: {to: \"http://127.0.0.1:4318\", headers: [\"Authorization: topsecret\"]}")
        #expect(traced.secret != nil && !SettingsListing(traced).text.contains("topsecret"))
        let settings = try load("http-token: topsecret-topsecret")
        #expect(settings.secret != nil)
        let text = SettingsListing(settings).text
        #expect(text.contains("\n# http-token: ***  # ") && !text.contains("topsecret"), "\(text)")
    }

    @Test func `a key that waits for a restart is shown as it is in force`() throws {
        let running = try load("workers: 1\ncache: {max-ttl: 60}")
        var new = try load("cache: {max-ttl: 70}\nhosts: /etc/hosts\nworkers: 2")
        let given = new
        let waiting = new.keepFixed(of: running)
        let text = SettingsListing(new).text
        #expect(text.contains(#/\nworkers: 1  # .*:1\n/#) && text.contains(#/\n  max-ttl: 70  # .*:1\n/#), "\(text)")
        let report = ReloadReport(from: running, to: given, waiting: waiting)
        #expect(
            report.text == """
                changed: cache.max-ttl: 70 now, 60 before
                changed: hosts: /etc/hosts now, not set before
                needs a restart: workers: 2 in the file, 1 in force

                """)
        #expect(ReloadReport(from: running, to: running, waiting: []).text == "nothing changed\n")
    }

    @Test func `upstreams that nobody has set are shown as resolv.conf names them`() throws {
        let found = ["upstreams": SettingOrigin(place: "/etc/resolv.conf", text: "[192.0.2.1]")]
        #expect(SettingsListing(Settings(), found: found).text.contains("\nupstreams: [192.0.2.1]  # /etc/resolv.conf\n"))
        let set = try load("upstreams: [192.0.2.9]")
        #expect(SettingsListing(set, found: found).text.contains("\nupstreams: [192.0.2.9]  # "))
    }

    @Test func `a reload that is refused is a mistake of the file, with its words, and one that takes too long is said to`()
        throws
    {
        let world = VirtualWorld(seed: 1)
        try withExtendedLifetime(world) {
            try Hub(loop: world.host.makeLoop()).run {
                let cache = try MemoryCache(sizeBytes: 32 << 20, seed: 42)
                let tiers = CacheTiers(memory: cache, redis: nil, fleet: { nil }, upstreams: { UpstreamDirectory([:]) }) { _ in 0
                }
                let settings = SettingsAPI()
                let api = ControlAPI(tiers, settings: settings)
                let request = HTTPRequest("POST", "/v1/reload", query: [], headers: [HTTPField("accept", "text/plain")])
                func ask() throws -> (Int, String) {
                    let response = try api.answer(request)
                    guard case .bytes(let bytes) = response.body else { return (response.status, "") }
                    return (response.status, String(decoding: bytes, as: UTF8.self))
                }
                #expect(try ask().0 == 503)
                settings.reload = { .refused("vireo.yaml:2: workers: \"many\" is not that") }
                #expect(try ask() == (422, "vireo.yaml:2: workers: \"many\" is not that\n"))
                settings.reload = { .taken(ReloadReport(from: Settings(), to: Settings(), waiting: [])) }
                #expect(try ask() == (200, "nothing changed\n"))
                settings.reload = { try SettingsAPI.Reload().result() }
                #expect(try ask().0 == 503)
                let get = HTTPRequest("GET", "/v1/reload", query: [], headers: [])
                #expect(try api.answer(get).status == 405)
            }
        }
    }
}
