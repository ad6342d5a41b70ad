import DNSWire
import NameRules
import Testing

@Suite struct ListTests {
    /// Compiles a list, in pieces of some bytes.
    static func compile(_ text: [UInt8], _ format: ListFormat? = nil, piece: Int = 1 << 20) throws -> (RuleSet, ListReport) {
        var list = ListCompiler(format: format, key: RuleKey(seed: 1))
        var start = 0
        while start < text.count {
            list.read(text.span.extracting(start..<min(text.count, start + piece)))
            start += piece
        }
        list.end()
        var sets = try RuleSetBuilder([list.finish()], number: 1)
        return (sets.finish(), list.report)
    }

    /// Compiles a list that is given as text.
    static func compile(_ text: String, _ format: ListFormat? = nil, piece: Int = 1 << 20) throws -> (RuleSet, ListReport) {
        try compile(Array(text.utf8), format, piece: piece)
    }

    static let domains =
        "\u{FEFF}# a list\r\nADS.Example.com\r\n*.below.example\rbücher.example.\n\nbad..name\n1.2.3.4\nx y\na*b.example\n"

    @Test(arguments: [1, 2, 3, 7, 1 << 20]) func `plain domains are read in pieces of any size`(piece: Int) throws {
        let (set, report) = try Self.compile(Self.domains, .domains, piece: piece)
        #expect(set.verdicts("ads.example.com").denied == 1 && set.verdicts("x.ads.example.com").isEmpty)
        #expect(set.verdicts("x.below.example").denied == 1 && set.verdicts("below.example").denied == 1)
        #expect(set.verdicts("xn--bcher-kva.example").denied == 1)
        #expect(report.lineCount == 9 && report.ruleCount == 3 && report.commentCount == 2)
        #expect(report[.badName].count == 2 && report[.address].count == 1 && report[.pattern].count == 1)
        #expect(report[.pattern].example == "a*b.example" && report[.pattern].line == 9)
    }

    @Test func `hosts files deny names and give addresses`() throws {
        let text = """
            127.0.0.1 localhost
            ::1 ip6-localhost
            0.0.0.0 a.example B.example # two
            ::\tc.example
            192.0.2.7 nas.example
            """
        let (set, report) = try Self.compile(text)
        for name in ["a.example", "b.example", "c.example"] { #expect(set.verdicts(name).denied == 1) }
        #expect(report[.localName].count == 2)
        #expect(set.verdicts("nas.example").special == 1)
        let data = RecordData.a(RecordData.A(address: 0xC000_0207))
        #expect(set.matches("nas.example").first?.rule.action == .data(data, ttl: 300))
    }

    @Test func `filter rules deny, allow, and are counted where they are a browser's`() throws {
        let text = """
            [Adblock Plus]
            ! a comment
            ||ads.example^
            @@||good.ads.example^
            ||worse.example^$important
            ||*.below.example^
            ||tld^$denyallow=fine.tld|also.tld
            ||all.example^$all
            ||ads.example^$script,third-party
            ||x.example^$dnstype=A
            ||path.example/ads^
            example.com##.banner
            /banner[0-9]+/
            ||open.example
            plain.example
            0.0.0.0 host.example
            -ad-banner.
            """
        let (set, report) = try Self.compile(text)
        #expect(set.verdicts("x.ads.example").denied == 1)
        let good = set.verdicts("good.ads.example")
        #expect(good.denied == 1 && good.allowed == 1)
        #expect(set.verdicts("worse.example").deniedImportantly == 1)
        #expect(set.verdicts("below.example").isEmpty && set.verdicts("x.below.example").denied == 1)
        #expect(set.verdicts("bad.tld").denied == 1 && set.verdicts("x.fine.tld").isEmpty)
        for name in ["all.example", "plain.example", "host.example"] { #expect(set.verdicts(name).denied == 1) }
        #expect(report[.browserModifier].count == 1 && report[.otherModifier].count == 1 && report[.path].count == 1)
        #expect(report[.cosmetic].count == 1 && report[.pattern].count == 1 && report[.notAnchored].count == 2)
        #expect(report.lineCount == 17)
    }

    @Test(arguments: [
        ["a.example", "c.example", "d.example"], ["0.0.0.0 a.example", "0.0.0.0 c.example", "127.0.0.1 d.example"],
        ["||a.example^", "||c.example^", "||d.example^"],
    ])
    func `lines of a file that can be of another format alone are read as that`(_ usual: [String]) throws {
        let text =
            (usual + [
                "||filter.example^", "@@||good.filter.example^", "name.example # a comment", "0.0.0.0 hosts.example",
                "::1 six.example",
                "*.below.example",
            ]).joined(separator: "\n")
        let (set, report) = try Self.compile(text + "\n")
        for name in ["a.example", "c.example", "d.example", "x.filter.example", "hosts.example", "six.example"] {
            #expect(set.verdicts(name).denied == 1, "\(name)")
        }
        #expect(set.verdicts("good.filter.example").allowed == 1)
        #expect(set.verdicts("name.example").denied == 1 && report.skippedCount == 0)
    }

    @Test func `settings of other programs between names are read as those`() throws {
        let text =
            "a.example\nb.example\nc.example\nd.example\naddress=/dnsmasq.example/\nlocal-zone: \"unbound.example\" always_nxdomain\n"
        let (set, report) = try Self.compile(text)
        #expect(set.verdicts("x.dnsmasq.example").denied == 1 && set.verdicts("x.unbound.example").denied == 1)
        #expect(report.skippedCount == 0)
    }

    @Test func `settings of dnsmasq deny and allow`() throws {
        let text = """
            # dnsmasq
            address=/a.example/b.example/
            address=/null.example/0.0.0.0
            address=/nas.example/192.0.2.1
            server=/c.example/
            server=/d.c.example/#
            server=/forward.example/192.0.2.53
            local=/e.example/
            cache-size=1000
            """
        let (set, report) = try Self.compile(text)
        #expect(set.matches("x.b.example").map(\.rule) == [Rule(.suffix, action: .nxdomain)])
        #expect(set.matches("null.example").map(\.rule) == [Rule(.suffix)])
        #expect(set.verdicts("e.example").special == 1 && set.verdicts("null.example").special == 0)
        #expect(set.verdicts("d.c.example").allowed == 1)
        #expect(report[.forwarder].count == 1 && report[.otherSetting].count == 1)
    }

    @Test func `local zones of Unbound deny and answer`() throws {
        let text = """
            server:
            local-zone: "a.example." always_nxdomain
            local-zone: "b.example" redirect
            local-data: "b.example A 192.0.2.9"
            local-zone: c.example refuse
            local-zone: "d.example" always_transparent
            local-zone: "e.example" block_a
            """
        let (set, report) = try Self.compile(text)
        #expect(set.matches("x.a.example").first?.rule.action == .nxdomain)
        #expect(set.verdicts("x.b.example").special == 1)
        #expect(set.matches("c.example").first?.rule.action == .refuse && set.verdicts("d.example").allowed == 1)
        #expect(report[.unsupportedAction].count == 1)
    }

    @Test func `policy zones say when and what`() throws {
        let text = """
            $TTL 300
            @ SOA ns.rpz.example. root.rpz.example. (1 2
              3 4 5) ; serial
            @ NS ns.rpz.example.
            $ORIGIN rpz.example.
            a.example CNAME .
            *.a.example CNAME .
            b.example.rpz.example. 60 IN CNAME *.
            pass.a.example CNAME rpz-passthru.
            drop.example CNAME rpz-drop.
            tcp.example CNAME rpz-tcp-only.
            data.example A 192.0.2.1
                         TXT "why"
            24.0.2.0.192.rpz-ip CNAME .
            32.zz.db8.2001.rpz-ip CNAME *.
            ns.evil.rpz-nsdname CNAME .
            8.0.0.0.10.rpz-client-ip CNAME .
            c.example. CNAME .
            """
        let (set, report) = try Self.compile(text)
        #expect(set.matches("a.example").first?.rule.action == .nxdomain && set.verdicts("x.a.example").denied == 1)
        #expect(set.matches("b.example").first?.rule.action == .nodata)
        #expect(set.verdicts("pass.a.example").allowed == 1 && set.verdicts("pass.a.example").denied == 0)
        #expect(set.matches("drop.example").first?.rule.action == .drop)
        #expect(set.matches("tcp.example").first?.rule.action == .tcpOnly)
        #expect(set.matches("data.example").count == 2)
        #expect(set.verdicts(of: IPAddress("192.0.2.77")!).denied == 1 && set.verdicts(of: IPAddress("192.0.3.1")!).isEmpty)
        #expect(set.matches(of: IPAddress("2001:db8::1")!).first?.rule.action == .nodata)
        #expect(report[.nameServerTrigger].count == 1 && report[.clientTrigger].count == 1 && report[.outOfZone].count == 1)
    }

    @Test func `the line of a rule is found again`() throws {
        let text = Array("# one\n||a.example^\n||b.example^\n@@||x.b.example^\n".utf8)
        let (set, _) = try Self.compile(text)
        let name = FixedName(Name("y.x.b.example")!)
        var lines: [Int?] = []
        for match in set.matches(of: name.span) {
            var locator = RuleLocator(match, of: name.span, format: nil)
            locator.read(text.span)
            locator.end()
            lines.append(locator.line)
        }
        #expect(lines == [3, 4])
    }

    @Test func `lines of megabytes and bytes that no text has are counted`() throws {
        let text = [UInt8](repeating: 0x61, count: 2 << 20) + Array("\nA.example\na\0b.example\n".utf8)
        for piece in [1000, 4 << 20] {
            let (set, report) = try Self.compile(text, .domains, piece: piece)
            #expect(report[.tooLong].count == 1 && report[.notText].count == 1 && report.lineCount == 3)
            #expect(set.verdicts("a.example").denied == 1)
        }
    }
}
