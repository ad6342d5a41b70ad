import Foundation
import Green
import Resolver
import TestSupport
import Testing
import Upstream

@testable import Daemon

@Suite struct SettingsTests {
    /// What the loader makes of a file with `yaml` and the options, on a machine with some addresses.
    private func load(
        _ yaml: String?, _ overrides: [ConfigurationLoader.Override] = [], machine: [IPAddress] = []
    ) throws -> Settings {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("vireo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("vireo.yaml")
        try yaml?.write(to: file, atomically: true, encoding: .utf8)
        return try ConfigurationLoader(
            file: yaml == nil ? nil : file.path, usualFile: nil, overrides: overrides, machine: { machine }
        ).load()
    }

    @Test func `options replace what the file says, the rest of it stays`() throws {
        let settings = try load(
            "listen: [\"127.0.0.1:5300\"]\nlog: {level: debug}\ncache: {size: 2MiB}\nworkers: 1",
            [
                .list("--listen", "listen", ["127.0.0.1:5400", "127.0.0.1:5401"]), .value("--workers", "workers", "3"),
                .value("--log-level", "log.level", "error"), .list("--upstream", "upstreams", ["tcp://192.0.2.9"]),
            ])
        #expect(settings.listen.map(\.port) == [5400, 5401])
        #expect(settings.workers == 3)
        #expect(settings.log.level == .error)
        #expect(settings.upstreams.map(\.description) == ["tcp://192.0.2.9:53"])
        #expect(settings.cache.size == 2 << 20)
    }

    @Test func `the control socket is at a path, off, or where it usually is`() throws {
        #expect(try load("workers: 1").control == .usual)
        #expect(try load("control: off").control == .off)
        #expect(try load("control: /tmp/c.sock\ncontrol-mode: 0660").control == .path("/tmp/c.sock"))
        #expect(try load("control-mode: 0660").controlMode == 0o660)
        #expect(try load("control: off", [.value("--control", "control", "/c")]).control == .path("/c"))
        for bad in ["control: c.sock", "control: /\(String(repeating: "a", count: 107))", "control-mode: 0666", "control: [a]"] {
            #expect(throws: ConfigurationError.self) { try load(bad) }
        }
    }

    @Test func `each kind of locally served zone has a switch`() throws {
        #expect(try load("workers: 1").localZones == LocalZones())
        var zones = LocalZones()
        (zones.home, zones.singleLabels) = (false, false)
        #expect(try load("local-zones: {home-arpa: false, single-label: false}").localZones == zones)
        for bad in ["local-zones: true", "local-zones: {onion: false}", "local-zones: {localhost: 1}"] {
            #expect(throws: ConfigurationError.self) { try load(bad) }
        }
    }

    @Test func `a bad option is named as the option it is`() {
        #expect { try load(nil, [.value("--workers", "workers", "some")]) } throws: { error in
            "\(error)".hasPrefix("--workers: \"some\" is not that; expected a whole number")
        }
    }

    /// Whom resolv.conf names that the daemon may ask, with the settings of `yaml`.
    private func upstreams(_ yaml: String?, _ resolvConf: String, machine: [IPAddress] = []) throws -> [String] {
        try load(yaml).upstreams(of: ResolverConfiguration(resolvConf), on: machine).map(\.description)
    }

    @Test func `the daemon never takes itself from resolv conf, nor what cannot be asked`() throws {
        let text = "nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver 224.0.0.251\nnameserver fe80::1\n"
        #expect(try upstreams(nil, text) == ["192.0.2.1:53"])
        #expect(try upstreams("listen: [\"127.0.0.1:5300\"]", text) == ["127.0.0.1:53", "192.0.2.1:53"])
        #expect(try upstreams(nil, "nameserver ::ffff:127.0.0.1") == [])
    }

    @Test func `a wildcard listener counts as every address of the machine, of its family`() throws {
        let text = "nameserver 127.0.0.53\nnameserver ::1\nnameserver 192.168.1.2\nnameserver 192.168.1.3"
        let machine = [IPAddress("192.168.1.2")!]
        #expect(try upstreams("listen: [\"0.0.0.0\"]", text, machine: machine) == ["[::1]:53", "192.168.1.3:53"])
    }

    @Test func `domains have rules of their own, each once`() throws {
        let yaml = "upstreams: [\"192.0.2.1\"]\ndomains: "
        let settings = try load(
            yaml + "[{domain: Dyn.Example, no-cache: true}, {domain: b.example, no-stale: true, min-ttl: 60, max-ttl: 2m}]")
        #expect(settings.domains.map(\.noCache) == [true, false])
        #expect(settings.domains.map(\.noStale) == [false, true])
        #expect(settings.domains[0].domain == [3] + Array("dyn".utf8) + [7] + Array("example".utf8) + [0])
        #expect(settings.domains[1].minimumSeconds == 60 && settings.domains[1].maximumSeconds == 120)
        for (rules, problem) in [
            ("[{domain: a.example}, {domain: A.example}]", "domains[1].domain: \"A.example\" stands there twice"),
            ("[{no-cache: true}]", "domains[0]: domain is missing"),
            ("[{domain: a.example, no-cache: perhaps}]", "domains[0].no-cache: \"perhaps\" is not that; expected true or false"),
            ("[{domain: a.example, min-ttl: 9, max-ttl: 8}]", "domains[0].min-ttl: 9 is above max-ttl"),
        ] {
            #expect { try load(yaml + rules) } throws: { "\($0)".contains(problem) }
        }
    }

    @Test func `what needs memory is good without it and does nothing, which is said`() throws {
        let yaml = "upstreams: [\"192.0.2.1\"]\ncache: "
        for (key, value) in [("serve-stale", "86400"), ("snapshot", "/tmp/x"), ("prefetch", "true")] {
            let warnings = try load(yaml + "{size: 0, \(key): \(value)}").warnings
            #expect(warnings.count == 1 && warnings[0].hasPrefix("cache.\(key) does nothing"), "\(warnings)")
        }
        for settings in ["{size: 0}", "{size: 1MiB, serve-stale: 86400}"] { #expect(try load(yaml + settings).warnings.isEmpty) }
    }

    @Test func `a file with a password that everybody can read is warned of, and no other`() throws {
        let path = NSTemporaryDirectory() + "vireo-\(UUID().uuidString).yaml"
        defer { unlink(path) }
        for (redis, mode, isWarned) in [
            (":secret@", 0o644, true), ("user:secret@", 0o604, true), (":secret@", 0o640, false), (":secret@", 0o600, false),
            ("", 0o644, false),
        ] {
            let yaml = "upstreams: [\"192.0.2.1\"]\ncache: {redis: \"redis://\(redis)192.0.2.6\"}"
            try yaml.write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, mode_t(mode))
            let warnings = try ConfigurationLoader(file: path, usualFile: nil, machine: { [] }).load().warnings
            #expect(warnings.count == (isWarned ? 1 : 0), "\(redis) \(mode)")
            #expect(warnings.allSatisfy { $0.contains(path) && $0.contains("0640") && !$0.contains("secret@") })
        }
    }

    @Test(arguments: [
        ("1.8s", 1800), ("0s", 0), ("0.5s", 500), ("4.5s", 4500), ("250ms", 250),
    ]) func `seconds may have one decimal`(_ text: String, _ milliseconds: Int) throws {
        let settings = try load("upstreams: [\"192.0.2.1\"]\ncache: {stale-client-timeout: \(text)}")
        #expect(settings.cache.staleClientTimeout == .milliseconds(milliseconds))
    }

    @Test(arguments: ["1.85s", ".5s", "1.s", "-1.5s", "1.5m", "5s", "x.5s", "1.xs"])
    func `no other decimals are taken`(_ text: String) {
        #expect { try load("upstreams: [\"192.0.2.1\"]\ncache: {stale-client-timeout: \(text)}") } throws: { error in
            "\(error)".contains("expected a duration from 0s to 4.5s")
        }
    }

    @Test func `an upstream that is the daemon itself is refused`() {
        #expect { try load("listen: [\"127.0.0.1:5300\"]\nupstreams: [\"127.0.0.1:5300\"]") } throws: { error in
            "\(error)".contains("upstreams[0]: 127.0.0.1:5300 is an address that this server listens on itself")
        }
        let rule = "forward: [{domain: a.example, upstreams: [\"127.0.0.1\"]}]"
        #expect { try load("listen: [\"0.0.0.0\"]\nupstreams: [\"192.0.2.1\"]\n\(rule)") } throws: { error in
            "\(error)".contains("forward[0].upstreams[0]: 127.0.0.1:53 is an address")
        }
        let machine = ["192.168.1.2", "2001:db8::2", "fe80::2"].map { IPAddress($0)! }
        for (listen, upstream, isOwn) in [
            ("127.0.0.1:53", "::ffff:127.0.0.1", true), ("0.0.0.0:53", "192.168.1.2", true),
            ("0.0.0.0:53", "tcp://192.168.1.2", true), ("0.0.0.0:53", "[::ffff:192.168.1.2]:53", true),
            ("0.0.0.0:53", "192.168.1.3", false), ("0.0.0.0:53", "192.168.1.2:54", false), ("0.0.0.0:53", "2001:db8::2", false),
            ("[::]:53", "2001:db8::2", true), ("[::]:53", "fe80::2%lo", true), ("[::]:53", "192.168.1.2", false),
            ("192.168.1.2:53", "127.0.0.1", false),
        ] {
            let yaml = "listen: [\"\(listen)\"]\nupstreams: [\"\(upstream)\"]"
            let isGood = (try? load(yaml, machine: machine)) != nil
            #expect(isGood == !isOwn, "\(yaml)")
        }
    }

    @Test func `without a file the usual one is read if it is there, and a hyphen is standard input`() throws {
        let path = NSTemporaryDirectory() + "vireo-\(UUID().uuidString).yaml"
        #expect(try ConfigurationLoader(file: nil, usualFile: path).load() == Settings())
        try "workers: 7".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try ConfigurationLoader(file: nil, usualFile: path).load().workers == 7)
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        #expect(try TextFile("standard input").read(from: descriptor) == "workers: 7")
    }

    @Test func `a file that is missing, a directory or no text is named with the reason`() {
        #expect { try ConfigurationLoader(file: "/nonexistent.yaml").load() } throws: { error in
            "\(error)" == "/nonexistent.yaml: cannot be read: No such file or directory"
        }
        #expect { try ConfigurationLoader(file: "/").load() } throws: { error in "\(error)" == "/: is not a regular file" }
        #expect { try ConfigurationLoader(file: "/dev/zero").load() } throws: { error in
            "\(error)" == "/dev/zero: is not a regular file"
        }
        #expect { try ConfigurationLoader(file: "/proc/self/exe").load() } throws: { error in
            "\(error)".hasPrefix("/proc/self/exe: is ")
        }
    }

    @Test func `what differs is named, apart what needs a restart`() throws {
        let old = Settings()
        var new = old
        new.log.level = .error
        new.cache.maxTTLSeconds = 5
        #expect(new.changes(from: old).map(\.key) == ["cache.max-ttl", "log.level"])
        #expect(new.changesNeedingRestart(from: old) == [])
        new.cache.size = 1 << 20
        new.listen = []
        #expect(new.changesNeedingRestart(from: old) == ["listen", "cache.size"])
        #expect(old.changes(from: old) == [])
    }

    @Test func `a reload keeps what cannot change and takes the rest`() throws {
        let running = Settings()
        #expect(!running.namesListeners)
        #expect(try read("listen: [\"127.0.0.1\"]").namesListeners)
        var new = running
        new.workers = 77
        new.cache.size = 1 << 20
        new.cache.maxTTLSeconds = 5
        #expect(new.keepFixed(of: running) == ["workers", "cache.size"])
        #expect(new.workers == running.workers)
        #expect(new.cache.size == running.cache.size)
        #expect(new.cache.maxTTLSeconds == 5)
        #expect(new.keepFixed(of: running) == [])
    }

    @Test func `a reload that takes the token away from an address that stays open is refused`() throws {
        let running = try read("http: 0.0.0.0:9153\nhttp-token: 0123456789abcdef")
        for text in ["workers: 1", "http: 127.0.0.1:9153"] {
            var new = try read(text)
            #expect(new.keepFixed(of: running).contains("http"))
            #expect(throws: ConfigurationError.self) {
                try new.checkObserving(at: ConfigurationPlace(source: "settings", key: "http"))
            }
        }
    }
}

@Suite struct ResolverConfigurationTests {
    @Test func `nameserver lines are taken in order, the rest is passed over`() {
        let text = """
            # a remark
            ; another
            domain example.com
            nameserver 192.0.2.1
              nameserver\t2001:db8::1   trailing words
            nameserver bogus
            nameserver
            nameserver 192.0.2.1
            nameserver fe80::1%lo
            options edns0
            """
        #expect(ResolverConfiguration(text).nameservers.map(\.ip.bytes.count) == [4, 16, 16])
    }

    @Test func `the unspecified address stands for this machine, as it does for libc`() {
        #expect(ResolverConfiguration("nameserver 0.0.0.0\nnameserver ::").nameservers.map(\.ip) == [.loopback, .loopbackV6])
    }
}

@Suite struct ExampleFileTests {
    /// config/vireo.yaml in the source tree.
    private static let path = SourceTree.file("config/vireo.yaml")

    @Test func `the example file is what the table of settings says`() throws {
        if ProcessInfo.processInfo.environment["VIREO_WRITE_EXAMPLE"] != nil {
            try ExampleFile.text.write(to: Self.path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: Self.path, encoding: .utf8) == ExampleFile.text, "run make example-config")
    }

    @Test func `each example of README is a good configuration`() throws {
        let text = try String(contentsOf: SourceTree.file("README.md"), encoding: .utf8)
        let examples = text.matches(of: /(?m)^```yaml\n(?<lines>[^`]*)^```$/).map { String($0.output.lines) }
        #expect(examples.count > 10)
        // One is Prometheus's.
        for example in examples where !example.hasPrefix("scrape_configs:") {
            #expect(throws: Never.self, "\(example)") { try read(example) }
        }
    }

    @Test func `the example file sets every default as it is`() throws {
        #expect(try read(ExampleFile.text) == Settings())
    }

    @Test func `what the example file shows commented out can be uncommented`() throws {
        let lines = ExampleFile.text.split(separator: "\n").map { line in
            line.wholeMatch(of: /# ([a-z-]+:.*|  .*)/).map { String($0.1) } ?? String(line)
        }
        let settings = try read(lines.joined(separator: "\n"))
        #expect(settings.chaos.identity == "resolver-1")
        #expect(settings.upstreams.count == 4)
        #expect(settings.forward.count == 1)
        #expect(settings.hosts == "/etc/hosts")
    }
}
