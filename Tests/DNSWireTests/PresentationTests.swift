import DNSWire
import Testing

@Suite struct PresentationTests {
    /// The data's text after reading it and printing it again; nil when it is refused.
    static func again(_ type: RecordType, _ text: String) -> String? {
        (try? RecordData(type, text: text, origin: Name("example.com")!))?.description
    }

    @Test func `types that only class IN knows stay bytes in others, in text as in messages`() throws {
        let record = try ResourceRecord(text: "a.test. 5 CH A \\# 4 c0000201")
        #expect(record.data == .unknown(.init(type: .a, bytes: [192, 0, 2, 1])))
        #expect(try ResourceRecord(text: "\(record)") == record)
        #expect(try ResourceRecord(text: "a.test. 5 IN A \\# 4 c0000201").data == .a(.init(address: 0xC000_0201)))
    }

    @Test func `algorithms of keys are read by number or by mnemonic, in any case`() {
        let keys = [
            ("RSASHA256", "8"), ("ecdsap256sha256", "13"), ("Dsa-Nsec3-Sha1", "6"), ("PRIVATEOID", "254"), ("255", "255"),
        ]
        for (word, number) in keys {
            #expect(Self.again(.dnskey, "257 3 \(word) AQID") == "257 3 \(number) AQID")
            #expect(Self.again(.ds, "4711 \(word) 2 00ff") == Self.again(.ds, "4711 \(number) 2 00ff"))
            let rest = "2 300 20300101000000 20200101000000 4711 example.com. AQID"
            #expect(Self.again(.rrsig, "A \(word) \(rest)") == "A \(number) \(rest)")
        }
        for word in ["256", "-1", "+8", "RSA", "RSASHA-256", "\\# 1 08"] {
            #expect(Self.again(.dnskey, "257 3 \(word) AQID") == nil)
        }
    }

    @Test(arguments: [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("0:0:0:0:0:ffff:c000:201", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
    ])
    func `IPv6 addresses print as RFC 5952 wants them`(text: String, expected: String) {
        #expect(Self.again(.aaaa, text) == expected)
    }

    @Test(arguments: [
        "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "1:", ":1",
        "::192.0.2", "192.0.2.1::", "::1%eth0", "::+1",
    ])
    func `text that is no IPv6 address is refused`(text: String) { #expect(Self.again(.aaaa, text) == nil) }

    @Test(arguments: ["192.0.2", "192.0.2.1.1", "192.0.2.256", "192.0.2.01", "192.0.2.-1", "192.0.2.", "a.b.c.d", "1.2.3.4 5"])
    func `text that is no IPv4 address is refused`(text: String) { #expect(Self.again(.a, text) == nil) }

    @Test(arguments: [
        ("19700101000000", UInt32(0)), ("20380119031408", 1 << 31), ("21060207062815", .max), ("20000229235959", 951_868_799),
        ("20240301000000", 1_709_251_200), ("20231231235959", 1_704_067_199),
    ])
    func `times of signatures are dates`(text: String, seconds: UInt32) {
        #expect(SignatureTime(text)?.rawValue == seconds)
        #expect(SignatureTime(rawValue: seconds).description == text)
        #expect(SignatureTime(String(seconds))?.rawValue == seconds)
    }

    @Test func `a record may span lines in parentheses and end in a comment`() throws {
        let text = """
            example.com. IN 3600 SOA ns host ( ; serial follows
                2026010101 7200
                3600 1209600 300 ) ; done
            """
        let record = try ResourceRecord(text: text, origin: Name("example.com")!)
        #expect(
            record.description
                == "example.com.\t3600\tIN\tSOA\tns.example.com. host.example.com. 2026010101 7200 3600 1209600 300")
    }

    @Test func `TTL and class come in either order or not at all`() throws {
        for line in ["a. 5 IN A 192.0.2.1", "a. IN 5 A 192.0.2.1", "a. 5 A 192.0.2.1", "a. in A 192.0.2.1", "a. A 192.0.2.1"] {
            #expect(try ResourceRecord(text: line, defaultTTL: 5).description == "a.\t5\tIN\tA\t192.0.2.1")
        }
    }

    @Test(arguments: [
        "a.", "a. 5", "a. 5 IN", "a. 5 IN A", "a. 5 5 A 192.0.2.1", " 5 IN A 192.0.2.1", "a. 5 IN A (192.0.2.1",
        "a. A 192.0.2.1)",
        "a. 5 IN NOPE x", "a. 5 IN TXT \"open", "a. 5 IN TXT", "a. 5 IN MX 65536 b.", "a. 5 IN MX -1 b.", "a. 5 IN TXT \\",
        "a. 4294967296 IN A 192.0.2.1", "a. A 192.0.2.1\nb. A 192.0.2.2", "a. 5 IN TYPE65536 \\# 0",
    ])
    func `lines that are no record are refused`(line: String) {
        #expect(throws: WireError.self) { _ = try ResourceRecord(text: line) }
    }

    @Test func `control characters and spaces of other scripts end the reading of a line, at every place`() {
        let line = "a. 5 IN SVCB 1 b. key7=\"x y\" ( alpn=h2 ) ; comment"
        for byte in UInt8(0)..<0x20 where ![0x09, 0x0A, 0x0D].contains(byte) {
            for place in 0...line.utf8.count {
                var bytes = Array(line.utf8)
                bytes.insert(byte, at: place)
                // Whatever comes of it, it comes.
                _ = try? ResourceRecord(text: String(decoding: bytes, as: UTF8.self))
            }
            let text = String(decoding: [byte], as: UTF8.self)
            for line in [text, "\(text)a. 5 IN A 192.0.2.1", "a. 5 \(text) IN A 192.0.2.1", "a. 5 IN A 192.0.2.1 \(text)"] {
                #expect(throws: WireError.badText) { _ = try ResourceRecord(text: line) }
            }
        }
    }

    @Test func `empty lines after a record are passed over once each, and a second record is refused`() throws {
        let line = "a. 5 IN A 192.0.2.1" + String(repeating: "\n", count: 400_000)
        #expect(try ResourceRecord(text: line).ttl == 5)
        #expect(throws: WireError.badText) { _ = try ResourceRecord(text: line + "b.") }
        #expect(throws: WireError.badText) { _ = try ResourceRecord(text: line + "()") }
        #expect(try ResourceRecord(text: "\n\n a. 5 IN A 192.0.2.1 ; x\n ; y\n".replacing(" a", with: "a")).ttl == 5)
    }

    @Test func `unknown types and classes have numbers for names`() throws {
        let record = try ResourceRecord(text: "a. 5 CLASS32 TYPE731 \\# 6 abcd ( ef 01 23 45 )")
        #expect(record.description == "a.\t5\tCLASS32\tTYPE731\t\\# 6 ABCDEF012345")
        #expect(try ResourceRecord(text: "a. 5 IN TYPE1 \\# 4 C0000201").description == "a.\t5\tIN\tA\t192.0.2.1")
        #expect(throws: WireError.self) { _ = try ResourceRecord(text: "a. 5 IN A \\# 3 C00002") }
        #expect(throws: WireError.self) { _ = try ResourceRecord(text: "a. 5 IN A \\# 5 C0000201") }
        #expect(RecordType("type65535")?.rawValue == 65_535 && RecordType("TYPE") == nil && RecordType("TYPE+1") == nil)
        #expect(RecordType("aaaa") == .aaaa && RecordType(rawValue: 64).description == "SVCB")
    }

    @Test(arguments: [
        ("\"a b\" c", "\"a b\" \"c\""), ("\"\"", "\"\""), ("a\\ b", "\"a b\""), ("\"\\065\\\"\\\\\"", "\"A\\\"\\\\\""),
        ("\"\\200\"", "\"\\200\""), ("\"a;b(c\"", "\"a;b(c\""), ("a;comment", "\"a\""),
    ])
    func `text strings keep their bytes through quotes and escapes`(text: String, expected: String) {
        #expect(Self.again(.txt, text) == expected)
    }

    // The examples of RFC 9460, appendix D.
    @Test(arguments: [
        ("0 foo.example.com.", "0 foo.example.com."), ("1 .", "1 ."),
        ("16 foo.example.com. port=53", "16 foo.example.com. port=53"),
        ("1 foo.example.com. key667=hello", "1 foo.example.com. key667=\"hello\""),
        ("1 foo.example.com. key667=\"hello\\210qoo\"", "1 foo.example.com. key667=\"hello\\210qoo\""),
        (
            "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
            "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"
        ),
        (
            "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
            "16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 ipv4hint=192.0.2.1"
        ),
        (
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
            "16 foo.example.org. key1=\"\\008f\\\\oo,bar\\002h2\""
        ),
    ])
    func `service bindings read and print`(text: String, expected: String) { #expect(Self.again(.svcb, text) == expected) }

    @Test(arguments: [
        "1 foo. key123=abc key123=def", "1 foo. port=", "1 foo. port=65536", "1 foo. no-default-alpn=abc", "1 foo. nope=1",
        "1 foo. alpn=", "1 foo. ipv4hint=192.0.2", "1 foo. mandatory=nope", "x foo.",
    ])
    func `service bindings that break the rules are refused`(text: String) { #expect(Self.again(.svcb, text) == nil) }

    @Test func `digests, keys and hashes must be whole`() {
        #expect(Self.again(.ds, "1 2 3 ABC") == nil && Self.again(.ds, "1 2 3 XY") == nil)
        #expect(Self.again(.ds, "1 2 3 ab CD") == "1 2 3 ABCD")
        #expect(Self.again(.dnskey, "256 3 8 AAA") == nil && Self.again(.dnskey, "256 3 8 AB==") == nil)
        #expect(Self.again(.dnskey, "256 3 8 AA== ") == "256 3 8 AA==")
        #expect(Self.again(.nsec3, "1 0 0 - 0 A") == nil && Self.again(.nsec3, "1 0 0 - 00 A") == "1 0 0 - 00 A")
    }

    @Test func `a message prints as dig prints it`() throws {
        var message = Message(id: 9, flags: HeaderFlags(rawValue: 0x8180))
        message.questions = [Question(Name("a.test")!, .a)]
        message.answers = [try ResourceRecord(text: "a.test. 5 IN A 192.0.2.1")]
        message.edns = EDNS(dnssecOK: true, options: [.extendedError(.blocked, text: "by name")])
        message.responseCode = .badVers
        #expect(
            message.description == """
                ;; opcode: QUERY, status: BADVERS, id: 9
                ;; flags: qr rd ra
                ; EDNS: version: 0, flags: do; udp: 1232
                ; EDE: 15 (Blocked): (by name)
                ;a.test.\tIN\tA

                a.test.\t5\tIN\tA\t192.0.2.1
                """)
    }

    @Test func `cookies are told from what only has their code`() {
        let client = [UInt8](1...8)
        #expect(EDNSOption.cookie(client: client).cookies?.client == client)
        #expect(EDNSOption.cookie(client: client, server: [UInt8](1...16)).cookies?.server.count == 16)
        #expect(EDNSOption(.cookie, [1, 2, 3]).cookies == nil && EDNSOption(.nsid, client).cookies == nil)
        #expect(EDNSOption(.extendedError, [0]).extendedError == nil)
        #expect(EDNSOption(.extendedError, [0, 3, 0x61, 0]).extendedError?.text == "a")
    }
}
