import DNSWire
import NameRules
import Testing

/// Which rule decides: within a policy zone, and between several.
@Suite struct PolicyZoneTests {
    /// Compiles a zone of some lines.
    private static func zone(_ lines: String...) throws -> RuleSet {
        try ListTests.compile("$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n" + lines.joined(separator: "\n") + "\n", .rpz).0
    }

    /// What a set says of a name, its first list.
    private static func word(_ verdicts: ListVerdicts) -> String {
        switch (verdicts.denied & 1, verdicts.allowed & 1) {
        case (1, 0): "denied"
        case (0, 1): "passes"
        case (0, 0): "nothing"
        default: "both"
        }
    }

    @Test func `in a policy zone the rule of the longest name decides, whatever it does`() throws {
        let set = try Self.zone(
            "a.example CNAME rpz-passthru.", "*.a.example CNAME .", "*.b.a.example CNAME rpz-passthru.",
            "bad.b.a.example CNAME .", "*.bad.b.a.example CNAME *.", "data.b.a.example A 192.0.2.1",
            "*.long.example CNAME rpz-passthru.", "\(Self.long) CNAME .", "* CNAME rpz-passthru.")
        for (name, expected) in [
            ("a.example", "passes"), ("x.a.example", "denied"), ("b.a.example", "denied"), ("x.b.a.example", "passes"),
            ("y.x.b.a.example", "passes"), ("bad.b.a.example", "denied"), ("x.bad.b.a.example", "denied"),
            ("data.b.a.example", "denied"), ("x.data.b.a.example", "passes"), ("other.test", "passes"),
            (Self.long, "denied"), ("x.long.example", "passes"),
        ] {
            #expect(Self.word(set.verdicts(name)) == expected, "\(name)")
        }
        #expect(set.policyZones == 1)
    }

    /// A name whose code is too long to be compared at once.
    private static let long = (0..<4).map { String(repeating: "q\($0)z9", count: 13) }.joined(separator: ".") + ".long.example"

    @Test func `in a list of another format an exception goes before all denials, and so it does where formats are mixed`() throws
    {
        let filter = "||a.example^\n@@||b.a.example^\n||bad.b.a.example^\n"
        let (set, _) = try ListTests.compile(filter, .adblock)
        #expect(set.verdicts("bad.b.a.example").allowed == 1 && set.policyZones == 0)
        let zone = "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n*.b.a.example CNAME rpz-passthru.\nbad.b.a.example CNAME .\n"
        for others in ["", "! nothing but comments\n", filter] {
            var list = ListCompiler(format: .rpz, key: RuleKey(seed: 1))
            list.read(Array(zone.utf8).span)
            list.beginFile(.adblock)
            list.read(Array(others.utf8).span)
            list.end()
            let table = list.finish()
            #expect(table.isPolicyZone == (others != filter))
            var sets = try RuleSetBuilder([table], number: 1)
            #expect((sets.finish().verdicts("bad.b.a.example").allowed == 0) == (others != filter))
        }
    }

    @Test func `of policy zones the first that says anything is heard, of filter lists all are`() throws {
        // Lists 0 and 2 are zones, 1 and 3 are not.
        let active = ActiveLists(blocks: 0b1111, allows: 0, zones: 0b0101)
        for (denied, allowed, decision) in [
            (UInt64(0b0001), UInt64(0b0100), GroupDecision.deny(list: 0)), (0b0100, 0b0001, .allow(list: 0)),
            (0b0010, 0b0100, .allow(list: 2)), (0b0001, 0b1000, .allow(list: 3)), (0b0101, 0, .deny(list: 0)),
            (0b0110, 0, .deny(list: 1)), (0b0101, 0b0101, .allow(list: 0)), (0b0100, 0, .deny(list: 2)),
        ] {
            var verdicts = ListVerdicts()
            (verdicts.denied, verdicts.allowed) = (denied, allowed)
            #expect(active.decide(verdicts) == decision)
            if case .deny = decision { #expect(active.denies(verdicts)) } else { #expect(!active.denies(verdicts)) }
        }
        // A zone of another group, or one that lets pass whatever it names, is not one of them.
        var verdicts = ListVerdicts()
        (verdicts.denied, verdicts.allowed) = (0b0001, 0b0100)
        #expect(ActiveLists(blocks: 0b0100, allows: 0, zones: 0b0101).decide(verdicts) == .allow(list: 2))
        #expect(ActiveLists(blocks: 0b0001, allows: 0b0100, zones: 0b0101).decide(verdicts) == .allow(list: 2))
    }

    @Test func `all records of a prefix are kept, each once, and the longest prefix alone decides`() throws {
        let set = try Self.zone(
            "24.0.2.0.192.rpz-ip A 198.51.100.1", "24.0.2.0.192.rpz-ip A 198.51.100.2", "24.0.2.0.192.rpz-ip AAAA 2001:db8::9",
            "16.0.0.0.192.rpz-ip CNAME .", "32.7.2.0.192.rpz-ip CNAME rpz-passthru.", "24.0.2.0.192.rpz-ip A 198.51.100.1",
            "32.9.9.0.192.rpz-ip TXT x")
        let counts = [("192.0.2.6", 3), ("192.0.2.8", 3), ("192.0.2.7", 1), ("192.0.9.8", 1), ("192.0.9.9", 1), ("192.1.0.0", 0)]
        for (address, count) in counts {
            #expect(set.matches(of: IPAddress(Substring(address))!).count == count, "\(address)")
        }
        let matches = set.matches(of: IPAddress("192.0.2.200")!)
        #expect(matches.map { "\($0.prefix)" } == ["192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24"])
        #expect(set.verdicts(of: IPAddress("192.0.2.7")!).allowed == 1 && set.verdicts(of: IPAddress("192.0.2.7")!).denied == 0)
        let many = (0..<100).map { "24.0.2.0.192.rpz-ip A 198.51.100.\($0)" }.joined(separator: "\n")
        #expect(try Self.zone(many).matches(of: IPAddress("192.0.2.1")!).count == 64)
    }

    @Test func `where a filter list has an address for a name, it is about answers with that address`() throws {
        let text = """
            ||192.0.2.1^
            ||[2001:db8::1]^
            ||2001:db8::2^$important
            192.0.2.3
            ||192.0.2.4^
            @@||192.0.2.4^
            ||127.0.0.1^
            ||192.0.2.5^$denyallow=a.example
            ||192.0.2.6^$third-party
            ||192.0.2.7/24^
            ||[192.0.2.8]^
            """
        let (set, report) = try ListTests.compile(text, .adblock)
        for address in ["192.0.2.1", "2001:db8::1", "192.0.2.3", "192.0.2.4"] {
            #expect(set.verdicts(of: IPAddress(Substring(address))!).denied == 1, "\(address)")
        }
        #expect(set.verdicts(of: IPAddress("2001:db8::2")!).deniedImportantly == 1)
        #expect(set.verdicts(of: IPAddress("192.0.2.4")!).allowed == 1)
        for address in ["127.0.0.1", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8", "192.0.2.2"] {
            #expect(set.verdicts(of: IPAddress(Substring(address))!).isEmpty, "\(address)")
        }
        #expect(report.ruleCount == 6 && report[.localName].count == 1 && report[.address].count == 1 && report.skippedCount == 5)
    }

    @Test func `no list denies the host's own names, whatever its format`() throws {
        let own = ["localhost", "localhost.localdomain", "ip6-loopback", "broadcasthost", "ip6-allnodes", "ip6-mcastprefix"]
        for name in own {
            let lines: [(ListFormat, String)] = [
                (.domains, name), (.domains, "*.\(name)"), (.hosts, "127.0.0.1 \(name)"), (.hosts, name),
                (.domains, "::1 \(name)"),
                (.adblock, "||\(name)^"), (.adblock, "0.0.0.0 \(name)"), (.dnsmasq, "address=/\(name)/127.0.0.1"),
                (.dnsmasq, "address=/\(name)/"), (.dnsmasq, "address=/\(name)/#"), (.dnsmasq, "local=/\(name)/"),
                (.unbound, "local-zone: \"\(name)\" always_null"), (.unbound, "local-data: \"\(name) A 127.0.0.1\""),
                (.rpz, "\(name) CNAME ."),
            ]
            for (format, line) in lines {
                let (set, report) = try ListTests.compile("\(line)\n", format)
                #expect(set.verdicts(name).isEmpty && set.verdicts("x.\(name)").isEmpty, "\(format) \(line)")
                #expect(report.ruleCount == 0 || format == .unbound, "\(format) \(line)")
            }
        }
        // What only looks so, what says where it is, and what a format can only mean.
        for (format, line, name) in [
            (ListFormat.adblock, "||localhost.example^", "localhost.example"), (.adblock, "||local^", "x.local"),
            (.dnsmasq, "address=/localhosts/127.0.0.1", "localhosts"), (.rpz, "localhost A 127.0.0.1", "localhost"),
            (.domains, "localhost.localdomaim", "localhost.localdomaim"), (.dnsmasq, "local=/local/", "local"),
        ] {
            #expect(try ListTests.compile("\(line)\n", format).0.verdicts(name).denied == 1, "\(line)")
        }
        #expect(try ListTests.compile("address=/local/0.0.0.0\n", .dnsmasq).1[.localName].count == 1)
    }

    @Test(arguments: [
        ("a.home. CNAME a.home.", [1]), ("A.home. CNAME a.HOME.", [1]), ("a.home. CNAME b.home.\nb.home. CNAME a.home.", [1, 2]),
        ("$ORIGIN home.\n*.a CNAME x.a", [2]), ("a.home. CNAME b.home.\nb.home. CNAME c.test.", []),
        ("x.home. A 192.0.2.1\nd.home. CNAME a.home.\na.home. CNAME b.home.\nb.home. CNAME a.home.", [2, 3, 4]),
        ("a.home. CNAME b.home.\nb.home.: nxdomain", []),
        ("*.home. CNAME www.home.\nwww.home. A 192.0.2.1", []), ("*.home. CNAME www.home.", [1]),
    ])
    func `an alias of our own that leads back to itself is a mistake`(_ text: String, _ lines: [Int]) {
        let zone = LocalZone(text)
        #expect(zone.faults.map(\.line) == lines && zone.faults.allSatisfy { $0.kind == .loop })
    }

    @Test func `ways over aliases are measured, whatever was measured before`() {
        let names = (0..<9).map { Name("n\($0).test.")! }
        // n0 to n4 one behind the other, n5 to n6 to n5, n7 to n5, n8 to itself.
        let targets = [1, 2, 3, 4, nil, 6, 5, 5, 8]
        func lengths(_ order: [Int]) -> [Int] {
            var ways = AliasWays()
            var lengths = [Int](repeating: -1, count: names.count)
            for start in order {
                lengths[start] = ways.length(from: names[start]) { name in
                    targets[names.firstIndex(of: name)!].map { names[$0] }
                }
            }
            return lengths
        }
        let endless = AliasWays.endless
        for order in [Array(0..<9), Array((0..<9).reversed()), [3, 7, 1, 8, 0, 5, 2, 6, 4]] {
            #expect(lengths(order) == [4, 3, 2, 1, 0, endless, endless, endless, endless])
        }
    }

    @Test func `an alias of our own with more behind it than are followed is a mistake`() {
        for count in [8, 9, 20] {
            let zone = LocalZone((0..<count).map { "n\($0).test. CNAME n\($0 + 1).test.\n" }.joined())
            #expect(zone.faults.map(\.line) == Array(1..<max(1, count - 7)) && zone.faults.allSatisfy { $0.kind == .tooLong })
        }
    }
}
