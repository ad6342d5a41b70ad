import DNSWire
import NameRules
import Testing

/// Lists as they are published: what their lines mean, whatever the layout, the comments and the units.
@Suite struct ListReadingTests {
    /// The names of some that a list denies.
    private func denied(_ set: RuleSet, _ names: [String]) -> [String] { names.filter { set.verdicts($0).denied == 1 } }

    @Test(arguments: [
        ("*.a.example", ["a.example", "x.a.example", "y.x.a.example"]),
        (".a.example", ["a.example", "x.a.example", "y.x.a.example"]),
        ("*.a.example.", ["a.example", "x.a.example", "y.x.a.example"]), ("a.example", ["a.example"]),
        ("*.a.example # c", ["a.example", "x.a.example", "y.x.a.example"]), ("..", []), ("*..", []), ("*.", []), (".", []),
        ("*", []), ("..a.example", []), ("*..a.example", []), ("*.*.a.example", []),
    ])
    func `in a list of plain domains a wildcard and a dot mean the name as well`(_ line: String, _ names: [String]) throws {
        for format in [ListFormat.domains, .hosts] where format == .domains || line.contains("a.e") {
            let (set, _) = try ListTests.compile("\(line)\n", format)
            #expect(denied(set, ["a.example", "x.a.example", "y.x.a.example", "xa.example", "example"]) == names, "\(format)")
        }
    }

    @Test func `in a filter list a wildcard leaves the name itself out`() throws {
        for line in ["||*.a.example^", "*.a.example"] {
            let (set, _) = try ListTests.compile("\(line)\n", .adblock)
            #expect(denied(set, ["a.example", "x.a.example"]) == ["x.a.example"], "\(line)")
        }
    }

    @Test func `an exception that lets only some pass lets none pass`() throws {
        let (set, report) = try ListTests.compile("||x.example^\n@@||x.example^$denyallow=bad.x.example\n", .adblock)
        #expect(set.verdicts("bad.x.example").allowed == 0 && set.verdicts("x.example").allowed == 0)
        #expect(report[.otherModifier].count == 1 && report[.otherModifier].line == 2)
    }

    /// What begins a zone, behind its owner.
    static let start = "SOA ns.example. root.example. (1 2\n 3 4 5) ; serial\n"

    @Test(arguments: [
        // As BIND writes zones.
        "$ORIGIN .\n$TTL 300\t; 5 minutes\nrpz.example IN \(start)\t\tNS\tns.example.\n$ORIGIN rpz.example.\nbad.example\tCNAME\t.\n"
            + "$ORIGIN evil.com.rpz.example.\n*\tCNAME\t.\n",
        "$ORIGIN rpz.example.\n@ \(start)@ NS ns\n@ A 192.0.2.1\nbad.example CNAME .\n*.evil.com CNAME .\n",
        "RPZ.example. 300 IN \(start)bad.example.rpz.example. 300 IN CNAME .\n*.evil.com.rpz.example. CNAME .\n",
        "$ORIGIN rpz.example.\nbad.example.rpz.example. 300 IN CNAME .\n*.evil.com.rpz.example. CNAME .\n",
        "$ORIGIN example.\nrpz NS ns\nrpz \(start)  A 192.0.2.1\nbad.example.rpz CNAME .\n$ORIGIN com.rpz.example.\n*.evil CNAME .\n",
        "@ \(start)bad.example CNAME .\n*.evil.com CNAME .\n", "@ \(start)bad.example CNAME .\n$ORIGIN com\n*.evil CNAME .\n",
        "$ORIGIN rpz.example.\n@ \(start)$ORIGIN bad.example\n@ CNAME .\n$ORIGIN evil.com.rpz.example.\n* CNAME .\n",
        "@ \(start)$ORIGIN rpz.example.\nbad.example CNAME .\n*.evil.com CNAME .\n",
    ])
    func `a policy zone is the one of its SOA record, whatever its lines are relative to`(_ text: String) throws {
        let (set, report) = try ListTests.compile(text, .rpz)
        let names = [
            "bad.example", "x.bad.example", "bad.example.rpz.example", "rpz.example", "x.evil.com", "evil.com", "a.test",
        ]
        #expect(denied(set, names) == ["bad.example", "x.evil.com"])
        #expect(report.skippedCount == 0 && report.ruleCount == 2)
    }

    @Test(arguments: [
        "@ \(start)$ORIGIN evil.com.rpz.example.\n* CNAME .\n",
        "@ \(start)a.test CNAME .\n$ORIGIN evil.com.rpz.example.\n* CNAME .\n",
        "$ORIGIN rpz.example.\n@ \(start)*. CNAME .\n", "bad.example. CNAME .\n", "@ \(start)bad.example. CNAME .\n",
    ])
    func `where nothing says what a policy zone is called, no rule is guessed from what may be below it`(_ text: String) throws {
        let (set, report) = try ListTests.compile(text, .rpz)
        #expect(denied(set, ["x.test", "bad.example", "x.evil.com"]).isEmpty)
        #expect(report.skippedCount == 1)
    }

    @Test func `a wildcard alone denies all names but those that pass`() throws {
        let (set, _) = try ListTests.compile(
            "$ORIGIN rpz.\n@ \(Self.start)* CNAME .\ngood.example CNAME rpz-passthru.\n", .rpz)
        #expect(denied(set, ["a.test", "good.example"]) == ["a.test"])
        #expect(set.verdicts("good.example").allowed == 1 && set.verdicts("a.test").allowed == 0)
    }

    @Test func `an alias to the rule's own name lets pass, as zones said it of old`() throws {
        let (set, report) = try ListTests.compile(
            """
            $ORIGIN rpz.example.
            @ \(Self.start)
            good.example CNAME GOOD.example.
            *.good.example 1h CNAME *.good.example.
            32.1.2.0.192.rpz-ip CNAME 32.1.2.0.192.rpz-ip.
            moved.example CNAME good.example.
            *.moved.example CNAME moved.example.
            """, .rpz)
        for name in ["good.example", "x.good.example"] {
            #expect(set.verdicts(name).allowed == 1 && set.verdicts(name).denied == 0, "\(name)")
        }
        for name in ["moved.example", "x.moved.example"] { #expect(set.verdicts(name).special == 1, "\(name)") }
        #expect(set.verdicts(of: IPAddress("192.0.2.1")!).allowed == 1)
        #expect(report.skippedCount == 0)
    }

    @Test func `a zone's rules are about names of any bytes, escaped as zone files have them`() throws {
        let (set, report) = try ListTests.compile(
            #"""
            $ORIGIN rpz\.zone.example.
            @ SOA a. b. 1 2 3 4 5
            a\.b.example CNAME .
            c\032D.example CNAME .
            e/f.example CNAME .
            *.g\ h.example CNAME .
            i.example\. CNAME .
            \000\255.example.rpz\.zone.example. CNAME .
            j\;\"k.example CNAME J\;\"K.example.
            l.example.rpz.zone.example. CNAME .
            m\.example CNAME *.n\.o.
            bad\999.example CNAME .
            """#, .rpz)
        for name in [
            #"a\.b.example"#, #"c\032d.example"#, "e/f.example", #"x.g\032h.example"#, #"i.example\."#, #"\000\255.example"#,
            #"m\.example"#,
        ] {
            #expect(set.verdicts(name).denied == 1, "\(name)")
        }
        for name in ["a.b.example", "cd.example", #"g\032h.example"#, "i.example", "l.example", "m.example"] {
            #expect(set.verdicts(name).isEmpty, "\(name)")
        }
        #expect(set.verdicts(#"j\;\"k.example"#).allowed == 1)
        #expect(set.matches(#"m\.example"#).map(\.rule.action) == [.aliasBelow(Name(#"n\.o"#)!, ttl: 3600)])
        #expect(report[.outOfZone].count == 1 && report[.badName].count == 1 && report.skippedCount == 2)
    }

    @Test func `an origin may be any name, wherever it is read again`() throws {
        let (set, report) = try ListTests.compile(
            #"""
            $ORIGIN rpz\.a\ zone.example.
            @ SOA a. b. 1 2 3 4 5
            long.name.before.it NS x.
            * CNAME .
            $ORIGIN c\032d.rpz\.a\ zone.example.
            x.y CNAME garden
            * CNAME .
            @ CNAME .
            i.example\. CNAME i.example\.
            """#, .rpz)
        #expect(set.verdicts("any.example").denied == 1 && report.skippedCount == 0)
        #expect(set.matches(#"w.c\032d"#).map(\.labelCount) == [0, 1] && set.matches(#"c\032d"#).map(\.labelCount) == [0, 1])
        let target = try #require(Name(#"garden.c\032d.rpz\.a\032zone.example"#))
        let alias = RuleAction.data(.cname(RecordData.CNAME(target: target)), ttl: 3600)
        #expect(set.matches(#"x.y.c\032d"#).last?.rule.action == alias)
        // A dot that is escaped ends no name: the target is another, below the origin.
        #expect(set.verdicts(#"i.example\..c\032d"#).allowed == 0)
    }

    @Test func `a prefix of a zone whose address has bits behind its length is a mistake`() throws {
        let lines = [
            "24.1.2.0.192.rpz-ip", "0.1.0.0.0.rpz-ip", "64.1.zz.db8.2001.rpz-ip", "33.1.2.0.192.rpz-ip",
            "129.1.zz.db8.2001.rpz-ip", "24.2.0.192.rpz-ip", "x.1.2.0.192.rpz-ip", "32.1.2.0.zz.rpz-ip",
        ]
        let good = ["32.1.2.0.192.RPZ-IP CNAME .", "127.2.ZZ.db8.2001.rpz-ip CNAME .", "0.0.0.0.0.rpz-ip CNAME rpz-passthru."]
        let text = "$ORIGIN rpz.\n@ \(Self.start)" + (lines.map { "\($0) CNAME ." } + good).joined(separator: "\n") + "\n"
        let (set, report) = try ListTests.compile(text, .rpz)
        #expect(report[.badName].count == lines.count && report.skippedCount == lines.count && report.ruleCount == 3)
        #expect(set.verdicts(of: IPAddress("192.0.2.1")!).denied == 1 && set.verdicts(of: IPAddress("2001:db8::3")!).denied == 1)
        #expect(set.verdicts(of: IPAddress("192.0.2.2")!).allowed == 1 && set.verdicts(of: IPAddress("2001:db8::4")!).isEmpty)
    }

    @Test func `times to live have the units of BIND`() throws {
        let times: [(String, UInt32?)] = [
            ("300", 300), ("1h", 3600), ("1H30m", 5400), ("1w2d3h4m5s", 788_645), ("0s", 0), ("4294967295", .max), ("h", nil),
            ("1h30", nil), ("1x", nil), ("4294967296", nil), ("9999w", nil), ("1hh", nil),
            (String(repeating: "9", count: 200), nil), (String(repeating: "1s", count: 200), nil),
        ]
        for (text, seconds) in times {
            let record = RecordData.a(RecordData.A(address: 0xC000_0201))
            let action = seconds.map { RuleAction.data(record, ttl: $0) }
            for line in ["a.test \(text) IN A 192.0.2.1", "a.test IN \(text) A 192.0.2.1", "$TTL \(text)\na.test A 192.0.2.1"] {
                let isDirective = line.hasPrefix("$")
                let (set, _) = try ListTests.compile("$TTL 7\n\(line)\n", .rpz)
                let other: RuleAction? = isDirective ? .data(record, ttl: 7) : nil
                #expect(set.matches("a.test").first?.rule.action == action ?? other, "\(line)")
                let zone = LocalZone("$TTL 7\n\(line)\n")
                guard case .records(let found) = zone.find(Name("a.test")!, .a) else {
                    #expect(seconds == nil && !isDirective, "\(line)")
                    continue
                }
                #expect(found.map(\.ttl) == [seconds ?? 7] && zone.faults.isEmpty == (seconds != nil), "\(line)")
            }
        }
        let (set, _) = try ListTests.compile("local-data: \"a.test 2m A 192.0.2.1\"\n", .unbound)
        #expect(set.matches("a.test").first?.rule.action == .data(.a(RecordData.A(address: 0xC000_0201)), ttl: 120))
    }

    @Test(arguments: ["transparent", "typetransparent", "nodefault"])
    func `a zone of Unbound that only has records lets them be`(_ type: String) throws {
        let text = "local-zone: \"home.arpa.\" \(type)\nlocal-data: \"pve.home.arpa. A 192.168.0.205\"\n"
        let (set, report) = try ListTests.compile(text)
        #expect(set.verdicts("pve.home.arpa").special == 1 && set.verdicts("pve.home.arpa").allowed == 0)
        #expect(set.verdicts("x.home.arpa").isEmpty && report.commentCount == 1 && report.skippedCount == 0)
    }

    @Test func `records of Unbound that lead to the host itself deny, but for its own names`() throws {
        for address in ["A 127.0.0.1", "A 0.0.0.0", "AAAA ::1", "AAAA ::"] {
            let text =
                "local-zone: \"bad.test\" redirect\nlocal-data: \"bad.test \(address)\"\nlocal-data: \"localhost. \(address)\"\n"
            let (set, report) = try ListTests.compile(text)
            #expect(set.matches("x.bad.test").map(\.rule) == [Rule(.suffix)], "\(address)")
            #expect(set.verdicts("localhost").isEmpty && report[.localName].count == 1, "\(address)")
        }
    }

    @Test(arguments: ListFormat.allCases.filter { $0 != .rpz }) func `comments of every kind are comments`(_ format: ListFormat)
        throws
    {
        for comment in [
            "# c", "! c", "; c", "// c", "#", "!", ";", "//", "# www.c.example", "// www.c.example", "! www.c.example",
        ] {
            let (set, report) = try ListTests.compile("\(comment)\n  \(comment)\r\n", format)
            #expect(report.commentCount == 2 && report.skippedCount == 0 && report.ruleCount == 0, "\(comment)")
            #expect(set.verdicts("www.c.example").isEmpty)
        }
    }

    @Test func `a comment may follow a name of a hosts file`() throws {
        for comment in [
            "#c.example", " #c.example", " # c.example", " ; c.example", " // c.example", " ! c.example", "##c.example",
        ] {
            let (set, report) = try ListTests.compile("0.0.0.0 a.example b.example\(comment)\n", .hosts)
            #expect(denied(set, ["a.example", "b.example", "c.example"]) == ["a.example", "b.example"], "\(comment)")
            #expect(report.skippedCount == 0, "\(comment)")
        }
    }

    @Test(arguments: [1, 100, 1000, 65_536, 4 << 20]) func `of a line that is too long its beginning is shown`(_ piece: Int)
        throws
    {
        for length in [70_000, 65_537] {
            let text = "a.example\nfirst-" + String(repeating: "x", count: length) + "\nb.example\n"
            let (_, report) = try ListTests.compile(text, .domains, piece: piece)
            #expect(report[.tooLong].count == 1 && report[.tooLong].line == 2 && report.ruleCount == 2)
            #expect(report[.tooLong].example == "first-" + String(repeating: "x", count: 114))
        }
    }

    @Test func `a list that says it is a filter list is one, and parts of addresses are no names`() {
        let parts = ["-ad-banner.", "_ad.$image", "&ad_box_", ".ads.", "ad_banner.", "_ads_", "ad.php?x", "+ads", "~x.example"]
        let names = (0..<50).map { "name\($0).example" }
        let detect = { (lines: [String]) in ListFormat.detect(Array(lines.joined(separator: "\n").utf8).span) }
        #expect(detect(["", "[Adblock Plus 2.0]"] + names) == .adblock)
        #expect(detect(names + ["[Adblock Plus 2.0]"]) == .domains)
        #expect(detect(parts + parts + ["||a.example^"]) == .adblock)
        #expect(detect(["*.a.example", ".b.example", "c.example.", "b\u{FC}cher.example", "||d.example^"]) == .domains)
    }
}
