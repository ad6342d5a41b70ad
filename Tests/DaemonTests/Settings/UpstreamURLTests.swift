import GreenTLS
import Testing
import Upstream

@testable import Daemon

/// How upstreams are written.
@Suite struct UpstreamURLTests {
    /// What a text is read as.
    private func upstream(_ text: String) throws -> UpstreamAddress {
        try #require(read("upstreams: [\"\(text)\"]").upstreams.first)
    }

    @Test(arguments: [
        ("tls://9.9.9.9#dns.quad9.net", "tls://9.9.9.9:853#dns.quad9.net"),
        ("tls://9.9.9.9", "tls://9.9.9.9:853"),
        ("tls://9.9.9.9#9.9.9.9", "tls://9.9.9.9:853#9.9.9.9"),
        ("tls://DNS.Quad9.net.:8853", "tls://dns.quad9.net:8853"),
        ("tls://[2620:fe::9]:8853#dns.quad9.net", "tls://[2620:fe::9]:8853#dns.quad9.net"),
        ("tls://9.9.9.9?tls-name=dns.quad9.net", "tls://9.9.9.9:853#dns.quad9.net"),
        ("tls://9.9.9.9?ca=/a.pem#dns.quad9.net", "tls://9.9.9.9:853#dns.quad9.net"),
        ("tls://dns.example/", "tls://dns.example:853"),
    ])
    func `an encrypted upstream is read, and shown in one form`(text: String, shown: String) throws {
        let upstream = try upstream(text)
        #expect(upstream.description == shown)
        #expect(upstream.transport == .tls)
        #expect(try self.upstream(shown) == self.upstream(shown))
    }

    @Test(arguments: [
        ("https://dns.quad9.net/dns-query", "https://dns.quad9.net:443/dns-query"),
        ("https://dns.quad9.net", "https://dns.quad9.net:443/dns-query"),
        ("https://9.9.9.9/dns-query#dns.quad9.net", "https://9.9.9.9:443/dns-query#dns.quad9.net"),
        ("https://9.9.9.9/q#dns.quad9.net?method=GET", "https://9.9.9.9:443/...#dns.quad9.net"),
        ("https://[2620:fe::9]:5053/dns-query?tls-name=dns.quad9.net", "https://[2620:fe::9]:5053/dns-query#dns.quad9.net"),
        ("https://dns.example/a/b{?dns}", "https://dns.example:443/..."),
    ])
    func `an upstream over HTTPS is read, and shown in one form`(text: String, shown: String) throws {
        let upstream = try upstream(text)
        #expect(upstream.description == shown)
        #expect(upstream.transport == .https)
        #expect(upstream.encryption?.usesGet == text.contains("GET"))
    }

    @Test func `a path that may say whose account this is is asked for, and shown to nobody`() throws {
        let upstream = try upstream("https://dns.example/abc123")
        #expect(upstream.encryption?.path == "/abc123")
        #expect(!upstream.description.contains("abc123") && upstream.description == "https://dns.example:443/...")
        #expect(try upstream != self.upstream("https://dns.example/abc124"))
    }

    /// A stamp of some bytes, each field with its length before it.
    private func stamp(_ kind: UInt8, _ fields: [[UInt8]], tail: [UInt8] = []) -> String {
        let bytes = [kind, 3, 0, 0, 0, 0, 0, 0, 0] + fields.flatMap { [UInt8($0.count)] + $0 } + tail
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = "sdns://"
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0...group.count { text.append(digits[bits >> (18 - 6 * place) & 63]) }
        }
        return text
    }

    private func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `stamps are read, their hashes as pins`() throws {
        let hash = [UInt8](repeating: 0xFE, count: 32)
        let published =
            "sdns://AgMAAAAAAAAABzkuOS45LjkgKhX11qy258CQGt5Ou8dDsszUiQMrRuFkLwaTaDABJYoTZG5zOS5xdWFkOS5uZXQ6NTA1MwovZG5zLXF1ZXJ5"
        let trials: [(String, String, Int)] = [
            (published, "https://9.9.9.9:5053/dns-query#dns9.quad9.net", 1),
            (stamp(0, [ascii("9.9.9.9:5353")]), "9.9.9.9:5353", 0), (stamp(0, [ascii("[2620:fe::9]")]), "[2620:fe::9]:53", 0),
            (stamp(3, [ascii("9.9.9.9"), hash, ascii("dns.quad9.net")]), "tls://9.9.9.9:853#dns.quad9.net", 1),
            (stamp(3, [ascii(":8853"), [], ascii("dns.quad9.net")]), "tls://dns.quad9.net:8853", 0),
            (stamp(2, [[], [], ascii("dns.quad9.net"), ascii("/q")]), "https://dns.quad9.net:443/...", 0),
            (
                stamp(2, [[], [], ascii("dns.quad9.net:8443"), ascii("/q"), ascii("9.9.9.9")]), "https://dns.quad9.net:8443/...",
                0
            ),
        ]
        for (text, shown, pins) in trials {
            let upstream = try upstream(text)
            #expect(upstream.description == shown)
            #expect((upstream.encryption?.pins.count ?? 0) == pins)
        }
        #expect(try upstream(trials[3].0).encryption?.pins == [.certificate(hash)])
        #expect(try upstream(trials[3].0).encryption?.isNamed == true)
    }

    @Test func `stamps of other kinds, and broken ones, are told as what they are`() {
        let trials: [(String, String)] = [
            (stamp(1, [ascii("9.9.9.9")]), "is a stamp for DNSCrypt, which is not spoken; expected one for plain DNS"),
            (stamp(4, [[]]), "DNS over QUIC"), (stamp(5, [[]]), "Oblivious DNS over HTTPS"),
            (stamp(0x81, [[]]), "a DNSCrypt relay"),
            (stamp(9, [[]]), "of a kind that is not known, 9"), ("sdns://", "is not in base64, or empty"),
            ("sdns://A!", "is not in base64"), ("sdns://AgM", "is cut short"), (stamp(2, [ascii("9.9.9.9")]), "is cut short"),
            (stamp(3, [[], [1, 2, 3], ascii("a.example")]), "hashes that are not of 32 bytes"),
            (stamp(0, [ascii("9.9.9.9")], tail: [1]), "has a tail"), (stamp(0, [ascii("dns.example")]), "is a host name"),
            (stamp(2, [[], [], ascii("a.example"), ascii("q")]), "has no path"),
            (stamp(3, [[], [], ascii("a#b")]), "is cut short"),
        ]
        for (text, message) in trials {
            let said = complaint("upstreams: [\"\(text)\"]")
            #expect(said.contains(message), "\(said)")
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>) func `no stamp is a trap`(_ seed: UInt64) {
        var state = seed
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        let kind = [0, 2, 3][Int(seed % 3)] as UInt8
        let fields = (0..<Int(next() % 6)).map { _ in (0..<Int(next() % 40)).map { _ in next() } }
        _ = complaint("upstreams: [\"\(stamp(kind, fields, tail: [next()]))\"]")
    }

    @Test func `names, pins and files reach their places`() throws {
        let pin = "NCCQaRolHBaXKZQWw6Ew/DaybNDrPdeOoGfZv00wBFA="
        let upstream = try upstream(
            "tls://dns.example:853#other.example?ca=/etc/a%20b.pem&pin-sha256=\(pin)&pin-sha256=\(pin.dropLast())&cert=/c&key=/k")
        #expect(upstream.host == "dns.example")
        let encryption = try #require(upstream.encryption)
        #expect(encryption.name == "other.example" && encryption.isNamed)
        #expect(encryption.trustFile == "/etc/a b.pem")
        #expect(encryption.certificateFile == "/c" && encryption.keyFile == "/k")
        #expect(encryption.pins.count == 2 && encryption.pins[0] == encryption.pins[1])
        #expect(try self.upstream("tls://192.0.2.1").encryption?.isNamed == false)
        #expect(try self.upstream("tls://192.0.2.1").encryption?.name == "192.0.2.1")
    }

    @Test(arguments: [
        ("tsl://9.9.9.9#dns.quad9.net", "\"tsl\" is not a transport; expected tls://9.9.9.9#dns.quad9.net"),
        ("dot://9.9.9.9", "expected tls://9.9.9.9"),
        ("quic://9.9.9.9", "(DNS over QUIC) is not spoken; expected tls://9.9.9.9"),
        ("gopher://9.9.9.9", "is not a transport; expected udp://, tcp://, tls://"),
        ("9.9.9.9#dns.quad9.net", "expected tls://9.9.9.9#dns.quad9.net"),
        ("9.9.9.9@853#dns.quad9.net", "expected tls://9.9.9.9:853#dns.quad9.net"),
        ("2620:fe::9@853#dns.quad9.net", "expected tls://[2620:fe::9]:853#dns.quad9.net"),
        ("9.9.9.9@5353", "has its port behind an @; expected 9.9.9.9:5353"),
        ("tls://9.9.9.9@853", "has port 853 behind an @; expected tls://9.9.9.9:853"),
        ("tcp://9.9.9.9?ca=/x", "which only an encrypted upstream can have; expected tls://9.9.9.9?ca=/x"),
        ("tls://9.9.9.9:0", "has port 0"),
        ("tls://dns.example:99999", "has a port that is not from 1 to 65535"),
        ("tls://dns.example:", "has a port that is not from 1 to 65535"),
        ("tls://dns_.exa mple", "is not the name of a host"),
        ("tls://", "is not an address"),
        ("tls://9.9.9", "is not an address"),
        ("tls://2620:fe::9:853", "may be an address with a port or one without"),
        ("tls://0.0.0.0", "is no address of a server"),
        ("tls://9.9.9.9?pin-sha265=AAAA", "an option \"pin-sha265\", which is not known; expected pin-sha256=…"),
        ("tls://9.9.9.9?pin-sha256=AAAA", "is not the SHA-256 of a key; expected 32 bytes in base64"),
        ("tls://9.9.9.9?ca=", "has an option ca without a value"),
        ("tls://9.9.9.9?ca=%zz", "has an option ca without a value"),
        ("tls://9.9.9.9?ca=/a&ca=/b", "has ca twice"),
        ("tls://9.9.9.9?cert=/a", "a certificate without a key"),
        ("tls://9.9.9.9#a.example?tls-name=b.example", "has two names for its certificate"),
        ("tls://9.9.9.9#", "is not the name of a host"),
        ("tls://9.9.9.9/dns-query", "has a path"),
        ("doh://9.9.9.9/dns-query", "expected https://9.9.9.9/dns-query"),
        ("http://9.9.9.9/dns-query", "expected https://9.9.9.9/dns-query"),
        ("htps://9.9.9.9/dns-query", "expected https://9.9.9.9/dns-query"),
        ("https://9.9.9.9/dns query", "a path that cannot be asked for"),
        ("https://9.9.9.9/q?method=put", "has the method \"put\"; expected get or post"),
        ("tls://9.9.9.9?method=get", "an option \"method\", which is not known"),
    ])
    func `a wrong one is told what was meant`(text: String, message: String) {
        let said = complaint("upstreams: [\"\(text)\"]")
        #expect(said.contains(message), "\(said)")
    }

    @Test(arguments: ["", "AA", "AAA=", "AAAA", "_-8", "/+8=", "AQID"]) func `base64 is read in both alphabets`(_ text: String)
        throws
    {
        let bytes: [String: [UInt8]] = [
            "": [], "AA": [0], "AAA=": [0, 0], "AAAA": [0, 0, 0], "_-8": [255, 239], "/+8=": [255, 239], "AQID": [1, 2, 3],
        ]
        #expect(Base64Text.read(text) == bytes[text])
    }

    @Test(arguments: ["A", "AB", "AAAAA", "A A=", "AA===", "AA=A", "é", "=", "A\u{0}A="]) func `what is no base64 is refused`(
        _ text: String
    ) {
        #expect(Base64Text.read(text) == nil || text == "=")
    }

    @Test func `a name is never this server, whatever it listens on`() throws {
        var settings = try read("listen: [\"0.0.0.0:853\"]\nupstreams: [\"tls://dns.example\"]")
        try settings.checkUpstreams(at: ConfigurationPlace(source: "x"), on: [])
        settings = try read("listen: [\"127.0.0.1:853\"]\nupstreams: [\"tls://127.0.0.1\"]")
        #expect(throws: ConfigurationError.self) { try settings.checkUpstreams(at: ConfigurationPlace(source: "x"), on: []) }
    }

    @Test func `who is asked for addresses has an address, and is not this server`() throws {
        #expect(try read("bootstrap: [192.0.2.1, \"tls://192.0.2.2#dns.example\"]").bootstrap.count == 2)
        #expect(complaint("bootstrap: [\"tls://dns.example\"]").contains("is known by name itself; expected an address"))
        let settings = try read("listen: [\"127.0.0.1:53\"]\nbootstrap: [127.0.0.1]")
        #expect(throws: ConfigurationError.self) { try settings.checkUpstreams(at: ConfigurationPlace(source: "x"), on: []) }
    }

    @Test func `files that are not there are told before the daemon serves`() throws {
        let loader = ConfigurationLoader(text: { "upstreams: [\"tls://192.0.2.1?ca=/nowhere/ca.pem\"]" }, machine: { [] })
        _ = try loader.load()
        #expect { try loader.check() } throws: { error in
            "\(error)".hasPrefix("the text:1:13: upstreams[0]: tls://192.0.2.1:853: /nowhere/ca.pem")
                && !"\(error)".contains("\n")
        }
    }
}
