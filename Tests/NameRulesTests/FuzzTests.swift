import DNSWire
import NaiveRules
import NameRules
import TestSupport
import Testing

/// Lists as anybody may publish them: every format's reader ends, counts each line once, and reads the same whatever the
/// pieces that the list comes in.
@Suite struct FuzzTests {
    /// A sample of each format, with all that its reader knows.
    static func sample(_ format: ListFormat) -> String {
        switch format {
        case .domains: "# c\nads.example\n*.below.example\nB\u{FC}cher.example\n; c\n// c\n1.2.3.4\nx y\na*b.example # c\n.\n"
        case .hosts: "127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 a.example b.example # c\n::\tc\n192.0.2.7 nas.example\n"
        case .adblock:
            "[Adblock]\n! c\n||a.example^\n@@||b.example^|\n||c^$important,denyallow=d.c|e.c\n||*.f^$all\n##.x\n/re/\n0.0.0.0 h.example\n|http://x/\n"
        case .dnsmasq: "address=/a.example/b.example/\naddress=/n.example/192.0.2.1\nserver=/d/#\nlocal=/*.e/\naddress=/#/::\n"
        case .unbound:
            "server:\nlocal-zone: \"a.example.\" always_nxdomain\nlocal-zone: b redirect\nlocal-data: \"b A 192.0.2.9\"\nlocal-data: 'c TXT \"x\\\"y\"'\n"
        case .rpz:
            """
            $TTL 300
            @ SOA ns.r. root.r. (1 2
              3 4 5) ; serial
            $ORIGIN rpz.example.
            a.example CNAME .
            *.a.example 60 IN CNAME *.
            p CNAME rpz-passthru.
              CNAME rpz-drop
            d A 192.0.2.1
             TXT "why" "(" ; c
            24.0.2.0.192.rpz-ip CNAME .
            32.zz.db8.2001.rpz-ip CNAME *.
            n.rpz-nsdname CNAME .
            $ORIGIN s\\.b\\032.rpz.example.
            q NS x.
            * CNAME *.g
            $ORIGIN sub.rpz.example.
            x.rpz.example. HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1

            """
        }
    }

    /// Bytes that mean something to some reader.
    static let special = Array("\n\r\0\t \"'#;!/|^$@*.()\\=:,-_%A1\u{FE}\u{80}".utf8) + [0xFF, 0xC3, 0xE2, 0x7F, 0x01, 0x0B]

    /// Changes some bytes: overwritten, put in, left out, a part written over another or many times.
    static func mutate(_ text: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var text = text
        for _ in 0..<random.below(8) + 1 {
            guard !text.isEmpty else { break }
            let place = random.below(text.count)
            let end = min(text.count, place + random.below(40) + 1)
            switch random.below(6) {
            case 0: text[place] = special[random.below(special.count)]
            case 1: text.insert(special[random.below(special.count)], at: place)
            case 2: text.removeSubrange(place..<end)
            case 3: text.insert(contentsOf: text[place..<end], at: random.below(text.count))
            case 4:
                text.insert(contentsOf: repeatElement(special[random.below(special.count)], count: random.below(300)), at: place)
            default: text[place] = UInt8(truncatingIfNeeded: random.next())
            }
        }
        return text
    }

    /// Reads a list in random pieces, and puts its table together.
    static func read(_ text: [UInt8], _ format: ListFormat?, _ random: inout SeededGenerator, pieces: Int) -> (
        ListReport, RuleTable
    ) {
        var list = ListCompiler(format: format, key: RuleKey(seed: 1))
        var start = 0
        while start < text.count {
            let end = min(text.count, start + random.below(pieces) + 1)
            list.read(text.span.extracting(start..<end))
            start = end
        }
        list.end()
        return (list.report, list.finish())
    }

    @Test(arguments: ListFormat.allCases) func `any bytes are read to their end, each line once`(_ format: ListFormat) {
        var random = SeededGenerator(state: 14)
        let sample = Array(Self.sample(format).utf8)
        for round in 0..<Sanitizer.rounds(200) {
            let text = Self.mutate(sample, &random)
            let told = round % 8 == 0 ? nil : format
            let (report, table) = Self.read(text, told, &random, pieces: 40)
            let (whole, other) = Self.read(text, told, &random, pieces: 1 << 20)
            let context = Comment(rawValue: "round \(round): \(text)")
            #expect(report.lineCount <= text.count + 1, context)
            // A line has at most a name for each two of its bytes.
            #expect(report.ruleCount + report.commentCount + report.skippedCount <= text.count + 1, context)
            #expect(table.ruleCount <= report.ruleCount, context)
            #expect(report.lineCount == whole.lineCount && report.ruleCount == whole.ruleCount, context)
            #expect(report.skippedCount == whole.skippedCount && table.ruleCount == other.ruleCount, context)
        }
    }

    @Test func `local data of any bytes are read to their end`() {
        var random = SeededGenerator(state: 15)
        let sample = Array(
            "$ORIGIN home.\nnas 300 IN A 192.0.2.1\n  TXT \"a b\" (\n c )\nx: nxdomain\n*.w A 192.0.2.2\n$TTL 5\n".utf8)
        for _ in 0..<200 {
            let text = Self.mutate(sample, &random)
            let zone = LocalZone(String(decoding: text, as: UTF8.self))
            #expect(zone.recordCount + zone.faults.count <= text.count + 1)
        }
    }

    @Test func `an owner longer than any name makes no record of the lines below it`() throws {
        let owner = String(repeating: "a.", count: 20_000)
        let text = "$ORIGIN rpz.example.\n\(owner) CNAME .\n CNAME .\nb CNAME .\n CNAME *.\n"
        var random = SeededGenerator(state: 1)
        let (report, table) = Self.read(Array(text.utf8), .rpz, &random, pieces: 5000)
        #expect(report[.badName].count == 2 && table.ruleCount == 2)
        let zone = LocalZone("\(owner) A 192.0.2.1\n A 192.0.2.2\nb A 192.0.2.3\n A 192.0.2.4\n")
        #expect(zone.faults.count == 2 && zone.recordCount == 2)
    }
}
