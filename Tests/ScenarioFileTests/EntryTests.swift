import DNSWire
import Scenarios
import Testing

/// What an entry matches, by each word of MATCH, and what it answers, by each word of ADJUST.
@Suite struct EntryTests {
    /// A scenario whose only step has an entry with these lines.
    static func entry(_ lines: String) throws -> ScenarioEntry {
        let text = "CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 CHECK_ANSWER\nENTRY_BEGIN\n\(lines)\nENTRY_END\nSCENARIO_END\n"
        guard case .checkAnswer(let entry) = try Scenario(text, file: "x.rpl").steps[0].action else { throw WireError.badText }
        return entry
    }

    /// A message that the entry below matches in everything.
    static let lines = """
        REPLY QR RD RA NXDOMAIN
        EDNS size=1232
        SECTION QUESTION
        www.example. IN A
        SECTION ANSWER
        www.example. 300 IN CNAME a.example.
        a.example. 60 IN A 192.0.2.1
        SECTION AUTHORITY
        example. 30 IN SOA ns. m. 7 1 1 1 1
        SECTION ADDITIONAL
        ns.example. 10 IN A 192.0.2.9
        """

    /// A word of MATCH, a change of the message, and whether the message still matches.
    private static let table: [(String, Bool, @Sendable (inout Message) -> Void)] = [
        ("all", true, { _ in }), ("all ttl", true, { _ in }), ("all", true, { $0.id = 99 }),
        ("all", true, { $0.answers.reverse() }), ("all", true, { $0.answers[1].ttl = 1 }),
        ("all ttl", false, { $0.answers[1].ttl = 1 }), ("all", false, { $0.edns = nil }), ("all_noedns", true, { $0.edns = nil }),
        ("all", true, { $0.edns?.udpPayloadSize = 512 }), ("all", false, { $0.edns?.dnssecOK = true }),
        ("all", false, { $0.answers.removeLast() }), ("all", false, { $0.answers.append($0.answers[0]) }),
        ("all", false, { $0.authorities = [] }), ("all", false, { $0.additionals = [] }),
        ("all", false, { $0.flags.authenticData = true }), ("all", false, { $0.responseCode = .noError }),
        ("all", false, { $0.flags.opcode = .notify }), ("opcode", false, { $0.flags.opcode = .notify }),
        ("opcode", true, { $0.responseCode = .servFail }), ("rcode", false, { $0.responseCode = .servFail }),
        ("rcode", true, { $0.answers = [] }), ("flags", false, { $0.flags.isAuthoritative = true }),
        ("flags", true, { $0.responseCode = .servFail }), ("AD", false, { $0.flags.authenticData = true }),
        ("AD", true, { $0.flags.checkingDisabled = true }), ("CD", false, { $0.flags.checkingDisabled = true }),
        ("RD", false, { $0.flags.recursionDesired = false }), ("RA", false, { $0.flags.recursionAvailable = false }),
        ("AA", false, { $0.flags.isAuthoritative = true }), ("TC", false, { $0.flags.isTruncated = true }),
        ("qtype", false, { $0.questions[0].type = .aaaa }), ("qtype", true, { $0.questions[0].name = Name("b.")! }),
        ("qname", false, { $0.questions[0].name = Name("b.")! }),
        ("qname", true, { $0.questions[0].name = Name("WWW.example.")! }),
        ("qcase", false, { $0.questions[0].name = Name("WWW.example.")! }), ("qcase", true, { $0.questions[0].type = .aaaa }),
        ("subdomain", true, { $0.questions[0].name = Name("x.www.example.")! }),
        ("subdomain", false, { $0.questions[0].name = Name("example.")! }),
        ("question", false, { $0.questions[0].class = .chaos }), ("question", false, { $0.questions = [] }),
        ("question", true, { $0.answers = [] }), ("qname", false, { $0.questions = [] }),
        ("answer", false, { $0.answers.removeFirst() }), ("answer", true, { $0.authorities = [] }),
        ("answer ttl", false, { $0.answers[0].ttl = 299 }), ("authority", false, { $0.authorities = [] }),
        ("additional", false, { $0.additionals = [] }), ("serial=7", true, { _ in }), ("serial=8", false, { _ in }),
        ("serial=7", false, { $0.authorities = [] }), ("DO", false, { _ in }), ("DO", true, { $0.edns?.dnssecOK = true }),
        ("CO", false, { _ in }), ("CO", true, { $0.edns?.flags = 0x4000 }), ("noedns", false, { _ in }),
        ("noedns", true, { $0.edns = nil }), ("edns", false, { $0.edns?.udpPayloadSize = 512 }),
        ("edns", false, { $0.edns?.version = 1 }), ("edns", true, { $0.edns?.options = [.padding(3)] }),
        ("ednsdata", true, { _ in }), ("ednsdata", false, { $0.edns?.options = [.padding(3)] }),
        ("nsid", true, { $0.edns?.options = [.padding(3)] }),
        ("nsid", false, { $0.edns?.options = [EDNSOption(EDNSOptionCode(rawValue: 3), [1])] }),
        ("ede=3", false, { _ in }), ("ede=any", false, { _ in }),
        ("ede=3", true, { $0.edns?.options = [.extendedError(.init(rawValue: 3))] }),
        ("ede=3", false, { $0.edns?.options = [.extendedError(.init(rawValue: 4))] }),
        ("ede=any ednsdata", true, { $0.edns?.options = [.extendedError(.init(rawValue: 4))] }),
        ("ede = 4", true, { $0.edns?.options = [.extendedError(.init(rawValue: 4))] }),
        ("client_cookie", true, { $0.edns?.options = [EDNSOption(.cookie, [UInt8](repeating: 1, count: 8))] }),
        ("client_cookie", false, { $0.edns?.options = [EDNSOption(.cookie, [UInt8](repeating: 1, count: 24))] }),
        ("server_cookie", true, { $0.edns?.options = [EDNSOption(.cookie, [UInt8](repeating: 1, count: 24))] }),
        ("server_cookie", false, { _ in }), ("UDP", true, { _ in }), ("TCP", false, { _ in }), ("", true, { $0 = Message() }),
        ("ANY_ANSWER", true, { $0 = Message() }),
    ]

    @Test(arguments: table.indices) func `each word of MATCH looks at what it says and at nothing else`(_ index: Int) throws {
        let (words, isMatch, change) = Self.table[index]
        var message = try Self.entry(Self.lines).message
        change(&message)
        let entry = try Self.entry("MATCH \(words) ; and a comment\n" + Self.lines)
        #expect(entry.accepts(message, over: .udp) == isMatch, "\(words): \(entry.differences(from: message, over: .udp))")
    }

    @Test func `a difference names the records that are missing and those that came instead`() throws {
        var message = try Self.entry(Self.lines).message
        message.answers[1] = try ResourceRecord(text: "a.example. 60 IN A 192.0.2.2")
        let found = try Self.entry("MATCH answer\n" + Self.lines).differences(from: message, over: .udp)
        #expect(found == ["ANSWER section:", "  - a.example.\t60\tIN\tA\t192.0.2.1", "  + a.example.\t60\tIN\tA\t192.0.2.2"])
    }

    /// What an entry with these adjustments answers a query of `wWw.example.` with id 4711.
    private func replies(_ adjustments: String, _ lines: String = Self.lines) throws -> [(message: Message, delay: Duration)] {
        var query = Message(id: 4711)
        query.questions = [Question(Name("wWw.example.")!, .a)]
        return try Self.entry("ADJUST \(adjustments)\n\(lines)").replies(to: query).map { (try Message($0.bytes.span), $0.delay) }
    }

    @Test func `copy_id copies the id, and the letters of the same question unless they are kept`() throws {
        let reply = try replies("copy_id")[0].message
        #expect(reply.id == 4711 && "\(reply.questions[0].name)" == "wWw.example.")
        #expect(try "\(replies("copy_id keep_case")[0].message.questions[0].name)" == "www.example.")
        #expect(try replies("keep_case")[0].message.id == 0)
    }

    @Test func `copy_query copies the question, whatever it is`() throws {
        let other = Self.lines.replacing("www.example. IN A", with: "other. IN MX")
        #expect(try replies("copy_id", other)[0].message.questions == [Question(Name("other.")!, .mx)])
        #expect(try replies("copy_id copy_query", other)[0].message.questions == [Question(Name("www.example.")!, .a)])
    }

    @Test func `no reply is sent, or a later one, or several`() throws {
        #expect(try replies("copy_id do_not_answer").isEmpty)
        #expect(try Self.entry("ADJUST copy_id sleep=2.5\n" + Self.lines).delay == .seconds(2.5))
        let two = try replies("copy_id", Self.lines + "\nEXTRA_PACKET\nADJUST packet_sleep=3\nREPLY QR REFUSED")
        #expect(two.count == 2 && two[1].message.responseCode == .refused && two[1].delay == .seconds(3))
    }

    @Test func `bytes are sent as they are, but for the id where it is to be copied`() throws {
        let hex = "HEX_ANSWER_BEGIN\n; a comment\n0000 80 00\nabcd ; and another\nHEX_ANSWER_END"
        let query = Message(id: 0x1234)
        #expect(try Self.entry("ADJUST copy_id\n" + hex).replies(to: query)[0].bytes == [0x12, 0x34, 0x80, 0, 0xAB, 0xCD])
        #expect(try Self.entry(hex).replies(to: query)[0].bytes == [0, 0, 0x80, 0, 0xAB, 0xCD])
        #expect(try Self.entry("ADJUST raw_id\nRAW\n0000beef").replies(to: query)[0].bytes == [0x12, 0x34, 0xBE, 0xEF])
    }

    @Test func `an OPT record has the size, version and options that are written`() throws {
        let lines =
            "EDNS size=700 version=3\nHEX_EDNSDATA_BEGIN\n000c 0002 0000 ; padding\n0003 0000\nHEX_EDNSDATA_END\nREPLY DO BADVERS"
        let message = try Self.entry(lines).message
        let edns = try #require(message.edns)
        #expect(edns.udpPayloadSize == 700 && edns.version == 3 && edns.dnssecOK && edns.options.count == 2)
        #expect(message.responseCode == .badVers)
    }
}
