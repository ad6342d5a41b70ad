import Belief
import DNSWire
import TestSupport
import Testing

/// What a reply comes to.
enum Outcome: Equatable {
    case answer(Answer.Kind, [String])
    case truncated
    case withoutEDNS(ResponseCode)
    case failure(ResponseCode, ExtendedErrorCode?)
    case bogus(ExtendedErrorCode)
    case broken(BrokenReply)
}

/// The question of a query.
func asked(_ query: Message) -> Asked {
    let question = query.questions[0]
    let flags = KeyFlags(dnssecOK: query.edns?.dnssecOK ?? false, checkingDisabled: query.flags.checkingDisabled)
    return Asked(question.name.lowercased.wire, question.type, question.class, flags: flags)
}

/// A query with DO.
func signedQuery(_ name: String, _ type: RecordType = .a) -> Message { .query(name, type, edns: EDNS(dnssecOK: true)) }

/// Judges a reply's bytes.
func judge(_ bytes: [UInt8], to query: Message, isMinimal: Bool = true, limits: TTLLimits = TTLLimits()) -> Judgement {
    var rules = Belief.Rules(limits: limits, seed: 42)
    rules.isMinimal = isMinimal
    return Belief.read(bytes, to: asked(query), rules)
}

/// The answer that a reply comes to.
func believed(_ reply: Message, to query: Message, isMinimal: Bool = true, limits: TTLLimits = TTLLimits()) throws -> Answer {
    guard case .answer(let answer) = judge(reply.wire, to: query, isMinimal: isMinimal, limits: limits) else {
        throw WireError.badMessage
    }
    return answer
}

/// What a reply comes to, its records as text in the order of their sections.
func outcome(_ reply: Message, to query: Message, isMinimal: Bool = true) throws -> Outcome {
    try outcome(reply.wire, to: query, isMinimal: isMinimal)
}

/// The same for bytes.
func outcome(_ bytes: [UInt8], to query: Message, isMinimal: Bool = true) throws -> Outcome {
    switch judge(bytes, to: query, isMinimal: isMinimal) {
    case .answer(let answer):
        let message = try Message(answer.message(to: asked(query)).span)
        let records = message.answers + message.authorities + message.additionals
        return .answer(answer.kind, records.map { "\($0)".replacing("\t", with: " ") })
    case .truncated: return .truncated
    case .withoutEDNS(let code): return .withoutEDNS(code)
    case .failure(let code, let reason): return .failure(code, reason)
    case .bogus(let reason): return .bogus(reason)
    case .broken(let reason): return .broken(reason)
    }
}

@Suite struct `What of a reply counts` {
    private let query = Message.query("www.example.")

    @Test func `only the chain from the question to its end belongs to the answer`() throws {
        let reply = Message.reply(
            to: query, .noError,
            [
                "www.example. 300 IN CNAME web.other.", "web.other. 60 IN A 192.0.2.1", "web.other. 90 IN A 192.0.2.2",
                "elsewhere.test. 60 IN A 192.0.2.3", "web.other. 60 IN AAAA 2001:db8::1", "www.example. 60 IN A 192.0.2.4",
            ], authority: ["other. 0 IN NS ns.other."], additional: ["ns.other. 0 IN A 192.0.2.5"])
        // A name with an alias has no other data; where it has, data of the type asked for is the answer.
        #expect(try outcome(reply, to: query) == .answer(.positive, ["www.example. 60 IN A 192.0.2.4"]))
        var chain = reply
        chain.answers.removeLast()
        #expect(
            try outcome(chain, to: query)
                == .answer(
                    .positive,
                    ["www.example. 300 IN CNAME web.other.", "web.other. 60 IN A 192.0.2.1", "web.other. 60 IN A 192.0.2.2"]))
        #expect(try believed(chain, to: query).lifetimeSeconds == 60)
    }

    @Test func `a chain that comes in any order goes out in its own`() throws {
        let records = [
            "c.example. 60 IN A 192.0.2.1", "b.example. 60 IN CNAME c.example.", "www.example. 60 IN CNAME b.example.",
        ]
        let reply = Message.reply(to: query, .noError, records)
        #expect(try outcome(reply, to: query) == .answer(.positive, records.reversed()))
    }

    @Test(arguments: [
        "other.example. 60 IN A 192.0.2.1", "www.example. 60 CH A 192.0.2.1", "www.example. 60 IN AAAA 2001:db8::1",
    ])
    func `an answer section without anything of the question is no answer`(_ record: String) throws {
        let bytes = Message.reply(to: query, .noError, record.contains(" CH ") ? [] : [record]).wire
        guard !record.contains(" CH ") else {
            // Class CH in place of IN.
            var other = Message.reply(to: query, .noError, ["www.example. 60 IN A 192.0.2.1"]).wire
            other[other.count - 11] = 3
            #expect(try outcome(other, to: query) == .broken(.unrelated))
            return
        }
        #expect(try outcome(bytes, to: query) == .broken(.unrelated))
    }

    @Test func `aliases that lead in a circle, or on and on, are no answer`() throws {
        let circle = Message.reply(
            to: query, .noError, ["www.example. 60 IN CNAME a.example.", "a.example. 60 IN CNAME www.example."])
        #expect(try outcome(circle, to: query) == .broken(.aliasLoop))
        let own = Message.reply(to: query, .noError, ["www.example. 60 IN CNAME www.example."])
        #expect(try outcome(own, to: query) == .broken(.aliasLoop))
        let long = (0..<30).map { "n\($0).example. 60 IN CNAME n\($0 + 1).example." }
        let reply = Message.reply(to: query, .noError, ["www.example. 60 IN CNAME n0.example."] + long)
        #expect(try outcome(reply, to: query) == .broken(.aliasLoop))
    }

    @Test func `an alias that the upstream did not follow is told with its target`() throws {
        let answer = try believed(.reply(to: query, .noError, ["www.example. 60 IN CNAME Web.Other."]), to: query)
        #expect(answer.kind == .alias && answer.notKept == .openAlias && answer.target == Name("web.other.")!.wire)
    }

    @Test func `a negative answer has the SOA of the zone where the aliases end, and no other`() throws {
        let soa = "SOA ns.other. host.other. 1 2 3 4 120"
        var reply = Message.reply(
            to: query, .nxDomain, ["www.example. 300 IN CNAME gone.other."],
            authority: ["example. 60 IN \(soa)", "other. 600 IN \(soa)", "other. 5 IN NS ns.other."])
        #expect(
            try outcome(reply, to: query)
                == .answer(.nxDomain, ["www.example. 300 IN CNAME gone.other.", "other. 120 IN \(soa)"]))
        #expect(try believed(reply, to: query).isForAllTypes == false)
        reply.answers = []
        reply.authorities.remove(at: 1)
        let answer = try believed(reply, to: query)
        #expect(answer.isForAllTypes && answer.lifetimeSeconds == 60)
        reply.authorities.remove(at: 0)
        #expect(try believed(reply, to: query).notKept == .noSOA)
    }

    @Test func `a referral is told as one, with nothing but the servers of a zone around the name`() throws {
        let reply = Message.reply(
            to: query, .noError, authority: ["example. 60 IN NS ns.example.", "test. 60 IN NS ns.test."],
            additional: ["ns.example. 60 IN A 192.0.2.1"])
        #expect(try outcome(reply, to: query) == .answer(.referral, ["example. 60 IN NS ns.example."]))
        #expect(try believed(reply, to: query).notKept == .referral)
    }

    @Test func `DNSSEC records go to who asked for them, by DO or by their type`() throws {
        let signature = "60 IN RRSIG A 8 2 60 20300101000000 20200101000000 1 example. AAAA"
        let records = ["www.example. 60 IN A 192.0.2.1", "www.example. \(signature)"]
        let proof = "www.example. 60 IN NSEC x.example. A RRSIG NSEC"
        let plain = Message.reply(to: query, .noError, records, authority: [proof])
        #expect(try outcome(plain, to: query) == .answer(.positive, [records[0]]))
        let signed = signedQuery("www.example.")
        let reply = Message.reply(to: signed, .noError, records, authority: [proof, "example. 60 IN NS ns.example."])
        guard case .answer(.positive, let kept) = try outcome(reply, to: signed) else {
            Issue.record("no answer")
            return
        }
        #expect(kept.count == 3 && kept[0] == records[0] && kept[2] == proof)
        let asked = Message.query("www.example.", .rrsig)
        let only = Message.reply(to: asked, .noError, [records[1]])
        guard case .answer(.positive, let found) = try outcome(only, to: asked) else {
            Issue.record("no answer")
            return
        }
        #expect(found.count == 1)
    }

    @Test func `an alias that is asked for goes with the DNAME that it was made from, and with the signature of that`() throws {
        let dname = "example. 60 IN DNAME other.test."
        let alias = "www.example. 60 IN CNAME www.other.test."
        let text = "example. 60 IN RRSIG DNAME 13 1 60 20300101000000 20250101000000 1 example. AAAA"
        let query = signedQuery("www.example.", .cname)
        for records in [[dname, text, alias], [alias, dname, text]] {
            #expect(try outcome(.reply(to: query, .noError, records), to: query) == .answer(.positive, [dname, text, alias]))
        }
        let plain = Message.query("wWw.example.", .cname)
        let made = Message.reply(to: plain, .noError, [dname, "wWw.example. 60 IN CNAME wWw.other.test."])
        #expect(try outcome(made, to: plain) == .answer(.positive, [dname, alias]))
        let own = Message.reply(to: query, .noError, [alias])
        #expect(try outcome(own, to: query) == .answer(.positive, [alias]))
    }

    @Test func `an answer without records is not positive and not kept, whatever its rcode`() throws {
        let query = Message.query("a.example.com.", .a)
        for code in [ResponseCode.noError, .nxDomain, .yxDomain] {
            let answer = try believed(Message.reply(to: query, code, []), to: query)
            #expect(answer.kind != .positive && answer.notKept == .noSOA && answer.lifetimeSeconds == 0, "\(code)")
        }
    }

    @Test func `YXDOMAIN keeps the DNAME that leads too far`() throws {
        let dname = "example. 60 IN DNAME \(String(repeating: "a", count: 60)).test."
        let reply = Message.reply(to: query, .yxDomain, [dname])
        #expect(try outcome(reply, to: query) == .answer(.positive, [dname]))
        #expect(try believed(reply, to: query).responseCode == .yxDomain)
        #expect(try believed(reply, to: query).lifetimeSeconds == 60)
    }

    @Test func `an answer that grows to more than twice its size when its names are written out is an answer`() throws {
        let query = Message.query("_sip._tcp.a-rather-long-name-of-a-zone.example.", .srv)
        // As some servers do, against RFC 2782: the target is a pointer.
        var bytes = Message.reply(to: query).wire
        bytes[7] = 200
        for number in 0..<200 { bytes += [0xC0, 12, 0, 33, 0, 1, 0, 0, 1, 0, 0, 8, 0, 1, 0, UInt8(number), 0, 53, 0xC0, 22] }
        guard case .answer(.positive, let records) = try outcome(bytes, to: query) else {
            Issue.record("no answer")
            return
        }
        #expect(records.count == 200 && records[0].hasSuffix("a-rather-long-name-of-a-zone.example."))
    }

    @Test func `where responses need not be minimal, the rest goes as far as it lives as long and can be read`() throws {
        var reply = Message.reply(
            to: query, .noError, ["www.example. 60 IN A 192.0.2.1"],
            authority: ["example. 60 IN NS ns.example.", "example. 59 IN NS ns2.example."],
            additional: ["ns.example. 600 IN A 192.0.2.5"])
        #expect(
            try outcome(reply, to: query, isMinimal: false)
                == .answer(
                    .positive,
                    [
                        "www.example. 60 IN A 192.0.2.1", "example. 60 IN NS ns.example.", "ns.example. 60 IN A 192.0.2.5",
                    ]))
        reply.answers = []
        #expect(
            try outcome(reply, to: query, isMinimal: false)
                == .answer(.referral, ["example. 59 IN NS ns.example.", "example. 59 IN NS ns2.example."]))
    }
}

@Suite struct `Replies that cannot be believed` {
    private let query = Message.query("www.example.")

    @Test func `rcodes mean what they say, with a question or without`() throws {
        for (code, wanted) in [
            (ResponseCode.servFail, Outcome.failure(.servFail, nil)), (.refused, .failure(.refused, nil)),
            (.notAuth, .failure(.notAuth, nil)), (.formErr, .withoutEDNS(.formErr)), (.notImp, .withoutEDNS(.notImp)),
        ] {
            let reply = Message.reply(to: query, code)
            #expect(try outcome(reply, to: query) == wanted)
            var bare = Array(reply.wire.prefix(12))
            #expect(try outcome(bare, to: query) == wanted)
            bare[5] = 0
            #expect(try outcome(bare, to: query) == wanted)
            #expect(try outcome(bare + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], to: query) == wanted)
            #expect(try outcome(bare + [1, 2, 3], to: query) == wanted)
        }
        var bad = Array(Message.reply(to: query).wire.prefix(12))
        bad[5] = 0
        bad[11] = 1
        #expect(try outcome(bad + [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0], to: query) == .withoutEDNS(.badVers))
        #expect(try outcome(bad, to: query) == .broken(.otherQuestion))
    }

    @Test func `an extended error that says bogus is final, among others too`() throws {
        var reply = Message.reply(to: .query("www.example.", edns: EDNS()), .servFail)
        reply.edns = EDNS(options: [.extendedError(.other), .extendedError(.dnssecBogus)])
        #expect(try outcome(reply, to: query) == .bogus(.dnssecBogus))
    }

    /// A reply with one record of a type, its rdata these bytes.
    private func reply(_ type: RecordType, _ rdata: [UInt8]) -> (bytes: [UInt8], query: Message) {
        let query = Message.query("www.example.", type)
        var bytes = Message.reply(to: query).wire
        bytes[7] = 1
        bytes += [0xC0, 12, UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1, 0, 0, 1, 44]
        return (bytes + [UInt8(rdata.count >> 8), UInt8(rdata.count & 255)] + rdata, query)
    }

    @Test(
        arguments: [
            (RecordType.a, [[], [1, 2, 3], [1, 2, 3, 4, 5]]), (.aaaa, [[], [UInt8](repeating: 0, count: 15)]),
            (.cname, [[], [0xC0, 12, 0], [3, 97], [0xC0]]), (.ns, [[], [0, 0]]), (.ptr, [[], [63]]), (.dname, [[], [0, 1]]),
            (.mx, [[], [0], [0, 1], [0, 1, 0, 9]]), (.txt, [[], [5, 1], [1, 97, 4]]),
            (.soa, [[0, 0] + [UInt8](repeating: 0, count: 19), [0, 0] + [UInt8](repeating: 0, count: 21)]),
            (.srv, [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]), (.naptr, [[0, 0, 0, 0, 0, 0, 0]]),
            (.caa, [[0, 0], [0, 5, 97], [0, 2, 97, 40]]),
            (.ds, [[1, 2, 3, 4]]), (.dnskey, [[1, 2, 3]]), (.rrsig, [[UInt8](repeating: 0, count: 18)]), (.tlsa, [[1, 2, 3]]),
            (.nsec, [[0, 0, 0], [0, 0, 33], [0, 1, 1, 1, 0, 1, 1]]), (.nsec3, [[1, 0, 0, 0, 0, 0]]),
            (.https, [[0, 1], [0, 1, 0, 0, 1, 0, 5], [0, 1, 0, 0, 3, 0, 0, 0, 1, 0, 0], [0, 1, 0xC0, 12]]),
            (RecordType(rawValue: 108), [[1, 2, 3, 4, 5]]), (RecordType(rawValue: 109), [[1, 2, 3]]),
        ] as [(RecordType, [[UInt8]])])
    func `rdata that breaks its type's form is no answer`(_ type: RecordType, _ all: [[UInt8]]) throws {
        for rdata in all {
            let (bytes, query) = reply(type, rdata)
            guard case .broken = try outcome(bytes, to: query) else {
                Issue.record("\(type) \(rdata) is believed")
                continue
            }
        }
    }

    @Test func `types whose form nobody fixes stay bytes`() throws {
        for rdata in [[], [1], [0xC0, 12], [UInt8](repeating: 255, count: 300)] as [[UInt8]] {
            let (bytes, query) = reply(RecordType(rawValue: 65_280), rdata)
            guard case .answer(let answer) = judge(bytes, to: query) else {
                Issue.record("not believed")
                continue
            }
            #expect(answer.records.count == 12 + rdata.count)
        }
    }

    @Test func `what is not needed and cannot be read is left out`() throws {
        var bytes = Message.reply(to: query, .noError, ["www.example. 60 IN A 192.0.2.1"]).wire
        bytes[11] = 2
        bytes += [0xC0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 1, 7] + [0xFF, 0xFF]
        #expect(try outcome(bytes, to: query) == .answer(.positive, ["www.example. 60 IN A 192.0.2.1"]))
    }

    @Test(arguments: [RecordType.opt, .tsig])
    func `OPT or TSIG in the answer section makes a reply broken`(_ type: RecordType) throws {
        var bytes = Message.reply(to: query, .noError, ["www.example. 60 IN A 192.0.2.1"]).wire
        bytes[7] = 2
        bytes += [0, UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 255, 0, 0, 0, 0, 0, 0]
        #expect(try outcome(bytes, to: query) == .broken(.unreadable))
    }

    @Test func `damaged replies never trap, and what is believed can be read, with TTLs in bounds and alike in an RRset`() throws
    {
        var mutation = Mutation(seed: 5)
        let signed = signedQuery("www.example.")
        let soa = "example. 600 IN SOA ns.example. host.example. 1 2 3 4 120"
        let replies = [
            Message.reply(to: query, .noError, ["www.example. 300 IN CNAME w.other.", "w.other. 60 IN A 192.0.2.1"]),
            .reply(to: query, .noError, ["example. 300 IN DNAME other.", "www.example. 0 IN CNAME www.other."]),
            .reply(to: query, .nxDomain, authority: [soa]), .address(query, ttl: 4_000_000_000, count: 3),
            .reply(to: signed, .nxDomain, authority: [soa, "a.example. 60 IN NSEC x.example. A"]),
        ].map(\.wire)
        var believed = 0
        for round in 0..<Sanitizer.rounds(20_000) {
            let bytes = mutation(replies[round % replies.count])
            let query = round % 5 == 4 ? signed : query
            guard case .answer(let answer) = judge(bytes, to: query, isMinimal: round % 2 == 0) else { continue }
            believed += 1
            let message = try Message(answer.message(to: asked(query)).span)
            var ttls: [String: UInt32] = [:]
            for record in message.answers {
                #expect(record.ttl <= 86_400)
                let set = record.type == .rrsig ? "\(record.owner.lowercased)" + "s" : "\(record.owner.lowercased) \(record.type)"
                #expect(ttls[set, default: record.ttl] == record.ttl)
                ttls[set] = record.ttl
            }
        }
        #expect(believed > Sanitizer.rounds(2_000))
    }

    @Test func `an authority section that cannot be read is no denial`() throws {
        let soa = "example. 60 IN SOA ns.example. host.example. 1 2 3 4 60"
        for code in [ResponseCode.noError, .nxDomain] {
            let whole = Message.reply(to: query, code, authority: [soa]).wire
            #expect(try outcome(Array(whole.dropLast(3)), to: query) == .broken(.unreadable))
            var none = Message.reply(to: query, code).wire
            none[9] = 40
            #expect(try outcome(none, to: query) == .broken(.unreadable))
            // What follows it is not needed.
            var rest = Message.reply(to: query, code, authority: [soa]).wire
            rest[11] = 3
            #expect(try outcome(rest, to: query) == .answer(code == .noError ? .noData : .nxDomain, [soa]))
        }
    }

    @Test(arguments: [10, 100, 250]) func `many records behind an alias with a long name are read`(_ length: Int) throws {
        var labels: [String] = []
        while labels.joined(separator: ".").count < length - 2 { labels.append(String(repeating: "x", count: min(9, length))) }
        let target = labels.joined(separator: ".") + "."
        let addresses = (0..<400).map { "\(target) 60 IN A 10.0.\($0 / 250).\($0 % 250)" }
        let reply = Message.reply(to: query, .noError, ["www.example. 60 IN CNAME \(target)"] + addresses)
        #expect(try believed(reply, to: query).counts.answers == 401)
    }

    /// A question of type HTTPS, and an answer with service parameters in hexadecimal digits.
    private func service(_ hex: String) -> (query: Message, reply: Message) {
        let query = Message.query("www.example.", .https)
        let digits = hex.filter { $0 != " " }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { offset in
            UInt8(digits.dropFirst(offset).prefix(2), radix: 16)!
        }
        let data = RecordData.unknown(RecordData.Unknown(type: .https, bytes: [0, 1, 0] + bytes))
        var reply = Message.reply(to: query, .noError)
        reply.answers = [ResourceRecord(Name("www.example.")!, ttl: 60, data)]
        return (query, reply)
    }

    @Test(arguments: [
        "0000", "000000", "0000 0001 00", "0000 0002 0000", "0000 0004 0004 0003", "0000 0004 0003 0003", "0001 0000",
        "0001 0001 00",
        "0001 0002 0568", "0002 0001 00", "0003 0001 35", "0003 0003 000035", "0004 0000", "0004 0005 c000020101",
        "0006 0004 20010db8",
        "0006 0000", "0003 0002 0035 0001 0003 026832",
    ])
    func `service parameters without their form are no answer`(_ hex: String) throws {
        let (query, reply) = service(hex)
        #expect(try outcome(reply, to: query) == .broken(.unreadable))
    }

    @Test(arguments: [
        "", "0000 0002 0001 0001 0003 026832", "0001 0006 026832 026833", "0002 0000", "0003 0002 01bb",
        "0004 0008 c0000201 c0000202",
        "0005 0000", "0006 0010 20010db8000000000000000000000001", "fff0 0000",
    ])
    func `service parameters in their form are`(_ hex: String) throws {
        let (query, reply) = service(hex)
        #expect(try believed(reply, to: query).counts.answers == 1)
    }

    @Test func `the longest TTL is bounded whether the answer is kept or not`() throws {
        let most = UInt32.max
        let limits = TTLLimits(minimumSeconds: 0, maximumSeconds: 3600, negativeSeconds: 600)
        let replies: [Message] = [
            .reply(to: query, .noError, ["www.example. \(most) IN A 192.0.2.1"]),
            .reply(to: query, .noError, ["www.example. \(most) IN CNAME other.test."]),
            .reply(to: query, .noError, authority: ["example. \(most) IN NS ns.example."]),
            .reply(to: query, .nxDomain, authority: ["example. \(most) IN SOA a. b. 1 2 3 4 \(most)"]),
        ]
        for reply in replies {
            let answer = try believed(reply, to: query, limits: limits)
            let message = try Message(answer.message(to: asked(query)).span)
            let records = message.answers + message.authorities
            #expect(!records.isEmpty && records.allSatisfy { $0.ttl <= 3600 })
        }
    }

    @Test func `signatures of messages and OPT never go on, wherever they stand and whatever else is asked for`() throws {
        let address = "www.example. 0 IN A 192.0.2.1"
        for type: RecordType in [.tsig, .sig] {
            var reply = Message.reply(to: query, .noError, [address])
            reply.additionals = [
                try ResourceRecord(text: "ns.example. 0 IN A 192.0.2.9"),
                ResourceRecord(
                    Name("key.")!, ttl: 0, .unknown(RecordData.Unknown(type: type, bytes: [UInt8](repeating: 0, count: 40)))),
            ]
            let records = try Message(believed(reply, to: query, isMinimal: false).message(to: asked(query)).span)
            #expect(!(records.answers + records.authorities + records.additionals).contains { $0.type == type })
        }
    }

    /// Through how many pointers the name at an offset leads.
    private func pointers(_ bytes: [UInt8], at offset: Int) -> Int {
        var (place, count) = (offset, 0)
        while bytes[place] != 0 {
            if bytes[place] >= 0xC0 {
                place = Int(bytes[place] & 0x3F) << 8 | Int(bytes[place + 1])
                count += 1
            } else {
                place += 1 + Int(bytes[place])
            }
        }
        return count
    }

    @Test(arguments: [2, 5, 9, 60, 120]) func `names that lead through many pointers go out through eight at most`(_ depth: Int)
        throws
    {
        // Each target is a label before the one of the record before it.
        let query = Message.query("www.example.", .ns)
        var bytes = Message.reply(to: query, .noError).wire
        var last = 12
        for number in 0..<depth {
            bytes += [0xC0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 4]
            let place = bytes.count
            bytes += [1, UInt8(0x61 + number % 26), 0xC0 | UInt8(last >> 8), UInt8(last & 0xFF)]
            last = place
        }
        bytes[7] = UInt8(depth)
        guard case .answer(let answer) = judge(bytes, to: query) else {
            // Too deep to be worth the work.
            #expect(depth > 100)
            return
        }
        let written = answer.message(to: asked(query))
        let message = try MessageView(written.span)
        var records = try message.records()
        var count = 0
        while let place = try records.nextPlace() {
            #expect(pointers(written, at: place.offset) <= 8 && pointers(written, at: place.rdataOffset) <= 8)
            count += 1
        }
        #expect(count == depth)
    }
}
