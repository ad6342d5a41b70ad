import DNSWire
import Testing

@Suite struct BuilderTests {
    /// A buffer filled with what no test writes.
    static var emptyBuffer: [UInt8] { [UInt8](repeating: 0xAA, count: 600) }

    /// What is asked.
    static let question = Name("www.Example.com")!

    /// Starts a response to `www.Example.com A`, 33 bytes long.
    @_lifetime(&buffer)
    static func start(_ buffer: inout [UInt8], limit: Int = 512) -> MessageBuilder {
        var flags = HeaderFlags()
        flags.isResponse = true
        var builder = MessageBuilder(buffer.mutableSpan, id: 7, flags: flags, limit: limit)
        try? builder.appendQuestion(question.view, .a)
        return builder
    }

    /// A record from its text.
    static func record(_ text: String) throws(WireError) -> ResourceRecord { try ResourceRecord(text: text) }

    @Test func `a reply begins with what its query decides`() throws {
        var query = Message(id: 4711)
        query.questions = [Question(Self.question, .a)]
        query.flags.opcode = .notify
        query.flags.recursionDesired = true
        query.flags.checkingDisabled = true
        query.flags.authenticData = true
        var expected = HeaderFlags()
        expected.isResponse = true
        expected.opcode = .notify
        expected.recursionDesired = true
        expected.checkingDisabled = true
        expected.responseCode = .refused
        let plain = Message(replyTo: query, .refused)
        #expect(plain.id == 4711 && plain.flags == expected && plain.questions == query.questions && plain.edns == nil)
        let option = EDNSOption(EDNSOptionCode(rawValue: 65_001), [1])
        query.edns = EDNS(udpPayloadSize: 4096, dnssecOK: true, options: [option])
        let extended = Message(replyTo: query, ResponseCode(rawValue: 16))
        #expect(extended.edns?.dnssecOK == true && extended.edns?.options == [] && extended.edns?.udpPayloadSize == 1232)
        let bytes = try extended.encoded()
        #expect(try Message(bytes.span).responseCode.rawValue == 16)
    }

    @Test func `names equal to the question's point to it whatever their case`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        try builder.append(Self.record("WWW.EXAMPLE.COM. 1 IN CNAME x.eXAMPLE.com."), to: .answer)
        let message = [UInt8](copying: builder.bytes)
        #expect(Array(message[33..<35]) == [0xC0, 12])
        #expect(try Message(message.span).answers[0].description == "www.Example.com.\t1\tIN\tCNAME\tx.Example.com.")
    }

    @Test func `other names are compressed only against the same letters`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        for owner in ["a.Zone.test.", "b.Zone.test.", "c.zone.test."] {
            try builder.append(Self.record("\(owner) 1 IN A 192.0.2.1"), to: .answer)
        }
        let message = [UInt8](copying: builder.bytes)
        let owners = try Message(message.span).answers.map(\.owner.description)
        #expect(owners == ["a.Zone.test.", "b.Zone.test.", "c.zone.test."])
        #expect(message.count == 33 + (13 + 14) + (4 + 14) + (9 + 14))
    }

    @Test func `names in the rdata of newer types are never compressed`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        try builder.append(Self.record("www.example.com. 1 IN SRV 1 2 3 www.example.com."), to: .answer)
        let message = [UInt8](copying: builder.bytes)
        #expect(message.count == 33 + 2 + 10 + 6 + 17)
    }

    @Test func `a record that does not fit leaves the message as it was`() throws {
        var failure: WireError?
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer, limit: 77)
        try builder.append(Self.record("www.example.com. 1 IN A 192.0.2.1"), to: .answer)
        do throws(WireError) {
            try builder.append(Self.record("mail.other.test. 1 IN MX 1 mail.other.test."), to: .answer)
        } catch {
            failure = error
        }
        try builder.append(Self.record("other.test. 1 IN A 192.0.2.1"), to: .answer)
        let message = [UInt8](copying: builder.bytes)
        #expect(failure == .doesNotFit)
        #expect(try Message(message.span).answers.map(\.owner) == [Name("www.example.com")!, Name("other.test")!])
    }

    @Test func `rolling back takes an RRset out and its names with it`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        let mark = builder.mark()
        try builder.append(Self.record("gone.test. 1 IN NS ns.gone.test."), to: .authority)
        builder.roll(back: mark)
        try builder.append(Self.record("ns.gone.test. 1 IN A 192.0.2.1"), to: .answer)
        let message = [UInt8](copying: builder.bytes)
        let read = try Message(message.span)
        #expect(read.authorities.isEmpty && read.answers.map(\.owner) == [Name("ns.gone.test")!])
    }

    @Test func `names that were rolled back are not pointed to, even where their bytes stand again`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        let mark = builder.mark()
        try builder.append(Self.record("aaaaaaaaaa.test. 1 IN A 192.0.2.1"), to: .answer)
        builder.roll(back: mark)
        // The same letters at the same place, but as data of a type that holds no names.
        try builder.append(Self.record(". 1 IN TYPE65280 \\# 6 047465737400"), to: .answer)
        let before = builder.count
        try builder.append(Self.record("x.test. 1 IN A 192.0.2.1"), to: .answer)
        #expect(builder.count == before + 8 + 14)
    }

    @Test func `suffixes whose hashes collide are told apart`() throws {
        var random = SeededGenerator(state: 5)
        for _ in 0..<60 {
            var message = Message()
            for _ in 0..<120 {
                let name = try Name(labels: [[0x61], random.bytes(2...4)])
                message.answers.append(ResourceRecord(name, ttl: 0, .a(.init(address: 0))))
            }
            let written = try message.encoded()
            try #require(try Message(written.span) == message)
        }
    }

    @Test func `room that is kept back is there for OPT`() throws {
        let opt = OPTReply(udpPayloadSize: 1232, dnssecOK: true, extendedError: .staleAnswer, extraText: "old")
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer, limit: 33 + 16 + opt.length)
        try builder.reserve(opt.length)
        try builder.append(Self.record("www.example.com. 1 IN A 192.0.2.1"), to: .answer)
        do throws(WireError) {
            try builder.append(Self.record("www.example.com. 1 IN A 192.0.2.2"), to: .answer)
            Issue.record("the second record took the room of OPT")
        } catch {
            #expect(error == .doesNotFit)
        }
        try builder.reserve(-opt.length)
        try builder.appendOPT(opt)
        let message = [UInt8](copying: builder.bytes)
        let edns = try #require(try Message(message.span).edns)
        #expect(edns.dnssecOK && edns.extendedError?.code == .staleAnswer && edns.extendedError?.text == "old")
    }

    @Test func `an extended rcode is split between header and OPT`() throws {
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        try builder.appendOPT(OPTReply(udpPayloadSize: 1232, responseCode: .badVers))
        let message = [UInt8](copying: builder.bytes)
        #expect(message[3] & 15 == 0)
        #expect(try Message(message.span).responseCode == .badVers)
    }

    @Test func `patches change what they name and nothing else`() throws {
        var ttlOffset = 0
        var buffer = Self.emptyBuffer
        var builder = Self.start(&buffer)
        ttlOffset = try builder.append(Self.record("www.example.com. 300 IN A 192.0.2.1"), to: .answer)
        var message = [UInt8](copying: builder.bytes)
        var span = message.mutableSpan
        MessagePatch.setID(0xBEEF, in: &span)
        MessagePatch.setTTL(77, at: ttlOffset, in: &span)
        MessagePatch.copyQuestion(from: bytes(hex: "000000000000000000000000 03575757").span, length: 4, into: &span)
        let read = try Message(message.span)
        #expect(read.id == 0xBEEF && read.answers[0].ttl == 77)
        #expect(read.answers[0].owner.description == "WWW.Example.com.")
    }
}
