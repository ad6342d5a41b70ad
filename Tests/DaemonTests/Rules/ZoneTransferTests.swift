import AnswerCache
import DNSWire
import Green
import GreenTLS
import NameRules
import Observation
import TestSupport
import Testing

@testable import Daemon

/// Zones that are transferred from primaries: what is believed of a transfer, what it changes, and what changes nothing.
@Suite struct ZoneTransferTests {
    private static let zone = Name("rpz.example")!
    static let key = TransferKey("hmac-sha256:transfer.:\(secret)")!
    static let secret = "c2VjcmV0LW9mLXRoZS10ZXN0cw=="

    static func soa(_ serial: UInt32, expire: UInt32 = 86_400) -> String {
        "rpz.example. 300 IN SOA ns.example. host.example. \(serial) 3600 600 \(expire) 60"
    }

    /// A message of a transfer.
    private static func message(_ id: UInt16, _ records: [String]) -> [UInt8] {
        var message = Message(id: id)
        message.flags.isResponse = true
        message.flags.isAuthoritative = true
        message.answers = records.map { try! ResourceRecord(text: $0) }
        return message.wire
    }

    /// A primary at 127.0.0.1:53 that sends messages of records, signed where it has a key, and what it was asked.
    final class Primary {
        let world = VirtualWorld(seed: 11)
        /// The answer to a question for a type after a version: the records of each message.
        var answer: (RecordType, UInt32?) -> [[String]] = { _, _ in [] }
        var key: TransferKey?
        /// Changes a message before it is sent.
        var spoil: (inout [UInt8], Int) -> Void = { _, _ in }
        /// Closes the connection after so many messages of an answer.
        var cutsAfter = Int.max
        /// Signs only each so many of the messages between the first and the last.
        var signsEach = 1
        var clockOffset: Int64 = 0
        private(set) var asked: [RecordType] = []
        private var server: StreamServer?

        func run(_ body: @escaping (Hub) throws -> Void) throws {
            try world.run { [self] hub in
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 53), options: ListenOptions())
                server = try StreamServer(listener: listener, limit: 100) { [unowned self] in try serve($0, hub) }
                server?.start()
                try body(hub)
                server?.stop()
            }
        }

        private func serve(_ stream: StreamSocket, _ hub: Hub) throws {
            while var query = try stream.readMessage() {
                let now = hub.loop.wallTime() / 1_000_000_000 + clockOffset
                let signature = try TransactionSignature.take(off: &query)
                var code: [UInt8]?
                if let key, let signature, key.fault(of: signature, after: [], query, isLater: false, at: now) == nil {
                    code = signature.code
                }
                let view = try Message(query.span)
                asked.append(view.questions[0].type)
                var serial: UInt32?
                if case .soa(let soa)? = view.authorities.first?.data { serial = soa.serial }
                var unsigned: [UInt8] = []
                let parts = answer(view.questions[0].type, serial)
                for (number, records) in parts.enumerated() {
                    guard number < cutsAfter else { return stream.close() }
                    var message = ZoneTransferTests.message(view.id, records)
                    let isDue = number == 0 || number == parts.count - 1 || number % signsEach == 0
                    if let key, let former = code {
                        if isDue {
                            let plain = unsigned + message
                            code =
                                number == 0
                                ? key.sign(&message, at: now, after: former)
                                : key.signLater(&message, plain, at: now, after: former)
                            unsigned = []
                        } else {
                            unsigned += message
                        }
                    }
                    spoil(&message, number)
                    try stream.writeMessage(message)
                }
            }
        }

        /// The part, which keeps what comes, and its rules.
        func parts(_ more: String = "") throws -> (ListDownloadsPart, NameRulesPart) {
            let settings = try read("lists: {bad: {from: \"axfr://127.0.0.1/rpz.example\"\(more)}}")
            let downloads = ListDownloadsPart(settings, NameRulesPartTests.logger)
            let rules = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), NameRulesPartTests.logger)
            try rules.start()
            try downloads.start()
            return (downloads, rules)
        }

        /// Transfers once.
        func transfer(_ key: TransferKey? = nil, known: UInt32? = nil) throws -> ZoneTransfer.Outcome {
            let hub = Hub.current
            let source = try #require(TransferSource("axfr://127.0.0.1/rpz.example"))
            return try ZoneTransfer(source: source, key: key, known: known).run(
                source.primaries[0], wall: { hub.loop.wallTime() / 1_000_000_000 },
                until: hub.loop.now().advanced(by: .seconds(60)))
        }
    }

    private static func denies(_ part: NameRulesPart, _ name: String) -> Bool {
        guard let content = part.book?.content else { return false }
        return RuleExplanation(content, Name(name)!, client: nil, at: 0).outcome == .block
    }

    /// What the metrics say of transfers: each result with how often there was one.
    private static func counts(_ part: ListDownloadsPart) throws -> [String] {
        var text = MetricsText(.prometheus)
        try MetricsReport.downloads(part)(&text)
        let samples = String(decoding: text.take(), as: UTF8.self).matches(
            of: /vireo_zone_transfers_total\{result="([a-z]+)"\} ([0-9]+)/)
        return samples.map { "\($0.output.1) \($0.output.2)" }
    }

    @Test func `a zone comes whole, then what has changed in it, and is there without a network`() throws {
        let primary = Primary()
        try primary.run { hub throws in
            var serial: UInt32 = 5
            primary.answer = { type, known in
                switch (type, known) {
                case (.soa, _): [[Self.soa(serial)]]
                case (.axfr, _):
                    [
                        [Self.soa(5), "rpz.example. 60 IN NS ns.example.", "one.example.rpz.example. 60 IN CNAME ."],
                        ["*.two.example.rpz.example. 60 IN CNAME .", "three.example.rpz.example. 60 IN A 192.0.2.7"],
                        [Self.soa(5)],
                    ]
                case (.ixfr, 5?):
                    // Two steps, of which the second takes back a part of the first.
                    [
                        [
                            Self.soa(7), Self.soa(5), "one.example.rpz.example. 60 IN CNAME .", Self.soa(6),
                            "four.example.rpz.example. 60 IN CNAME .", "five.example.rpz.example. 60 IN CNAME .", Self.soa(6),
                        ],
                        [
                            "five.example.rpz.example. 60 IN CNAME .", Self.soa(7), "six.example.rpz.example. 60 IN CNAME .",
                            Self.soa(7),
                        ],
                    ]
                default: []
                }
            }
            var (downloads, rules) = try primary.parts()
            try sleep(.seconds(5))
            #expect(Self.denies(rules, "one.example") && Self.denies(rules, "x.two.example") && primary.asked == [.soa, .axfr])
            #expect(downloads.states.values.first?.record.times?.serial == 5 && rules.lists[0].table.ruleCount == 3)
            #expect(try Self.counts(downloads) == ["new 1", "same 0", "failure 0"])
            try sleep(.seconds(3600))
            #expect(primary.asked == [.soa, .axfr, .soa], "it is asked for no sooner than its SOA record says")
            serial = 7
            try sleep(.seconds(3610))
            #expect(primary.asked.suffix(2) == [.soa, .ixfr])
            #expect(!Self.denies(rules, "one.example") && Self.denies(rules, "four.example") && Self.denies(rules, "six.example"))
            #expect(!Self.denies(rules, "five.example") && Self.denies(rules, "x.two.example"))
            #expect(try Self.counts(downloads) == ["new 2", "same 1", "failure 0"])
            try downloads.stop()
            try rules.stop()
            (downloads, rules) = try primary.parts()
            #expect(Self.denies(rules, "four.example"))
            let asked = primary.asked.count
            try sleep(.seconds(60))
            #expect(primary.asked.count == asked, "it is as old as it was")
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test func `where what has changed does not fit, or is not told, all of it is asked for`() throws {
        for ixfr in [[[String]](), [[Self.soa(6), Self.soa(5), "nobody.rpz.example. 60 IN CNAME .", Self.soa(6), Self.soa(6)]]] {
            let primary = Primary()
            try primary.run { hub throws in
                var serial: UInt32 = 5
                primary.answer = { type, known in
                    switch type {
                    case .soa: [[Self.soa(serial)]]
                    case .axfr: [[Self.soa(serial), "v\(serial).example.rpz.example. 60 IN CNAME .", Self.soa(serial)]]
                    default: ixfr
                    }
                }
                primary.spoil = { message, _ in
                    // REFUSED to an IXFR without an answer of its own.
                    if ixfr.isEmpty, primary.asked.last == .ixfr { message[3] |= 5 }
                }
                let (downloads, rules) = try primary.parts()
                try sleep(.seconds(5))
                serial = 6
                if ixfr.isEmpty {
                    let former = primary.answer
                    primary.answer = { $0 == .ixfr ? [[]] : former($0, $1) }
                }
                try sleep(.seconds(3610))
                #expect(Self.denies(rules, "v6.example") && !Self.denies(rules, "v5.example") && primary.asked.last == .axfr)
                try downloads.stop()
                try rules.stop()
            }
        }
    }

    @Test func `what is older, empty, cut off or no transfer changes nothing, and is said`() throws {
        let whole = [[Self.soa(5), "one.rpz.example. 60 IN CNAME ."], ["two.rpz.example. 60 IN CNAME .", Self.soa(5)]]
        let cases: [(String, UInt32, [[String]], Int, String)] = [
            ("older", 4, whole, .max, "went back from 5 to 4"), ("empty", 6, [[Self.soa(6), Self.soa(6)]], .max, "no rule"),
            ("cut off", 6, [[Self.soa(6), "a.rpz.example. 60 IN CNAME ."], [Self.soa(6)]], 1, "is cut off"),
            ("without an end", 6, [["a.rpz.example. 60 IN CNAME ."]], .max, "does not begin"),
            ("changing", 6, [[Self.soa(6), "a.rpz.example. 60 IN CNAME .", Self.soa(7)]], .max, "has changed while"),
            (
                "of another zone", 6, [[Self.soa(6), "a.rpz.example. 60 IN CNAME .", "other. 60 IN SOA a. b. 6 1 1 1 1"]], .max,
                "not the zone's"
            ),
            (
                "with a tail", 6, [[Self.soa(6), "a.rpz.example. 60 IN CNAME .", Self.soa(6), "b.rpz.example. 60 IN CNAME ."]],
                .max,
                "follows its end"
            ),
        ]
        for (what, serial, answer, cut, problem) in cases {
            let primary = Primary()
            try primary.run { hub throws in
                var isLater = false
                primary.answer = { type, _ in
                    guard isLater else { return type == .soa ? [[Self.soa(5)]] : whole }
                    return type == .soa ? [[Self.soa(serial)]] : answer
                }
                let (downloads, rules) = try primary.parts()
                try sleep(.seconds(5))
                isLater = true
                primary.cutsAfter = cut
                try sleep(.seconds(3650))
                let state = downloads.states.values.first
                #expect(state?.problem?.contains(problem) == true, "\(what): \(state?.problem ?? "none")")
                #expect(Self.denies(rules, "one") && Self.denies(rules, "two") && state?.record.times?.serial == 5, "\(what)")
                #expect(try Self.counts(downloads).first == "new 1" && Self.counts(downloads).last != "failure 0", "\(what)")
                try downloads.stop()
                try rules.stop()
            }
        }
    }

    @Test func `a zone that nobody confirms for as long as it says is no more`() throws {
        let primary = Primary()
        try primary.run { hub throws in
            primary.answer = { type, _ in
                let soa = Self.soa(5, expire: 7200)
                return type == .soa ? [[soa]] : [[soa, "one.rpz.example. 60 IN CNAME .", soa]]
            }
            let (downloads, rules) = try primary.parts()
            try sleep(.seconds(5))
            primary.answer = { _, _ in [["rpz.example. 60 IN A 192.0.2.1"]] }
            try sleep(.seconds(7000))
            #expect(Self.denies(rules, "one"))
            try sleep(.seconds(2000))
            #expect(!Self.denies(rules, "one") && downloads.states.values.first?.problem?.contains("is no more") == true)
            try downloads.stop()
            try rules.stop()
        }
    }

    @Test(arguments: ["hmac-sha256", "hmac-sha512"])
    func `a transfer is believed where each message is proven, and not where one is spoiled`(_ algorithm: String) throws {
        let key = try #require(TransferKey("\(algorithm):transfer.:\(Self.secret)"))
        let parts = [[Self.soa(5)]] + (0..<300).map { ["n\($0).rpz.example. 60 IN CNAME ."] } + [[Self.soa(5)]]
        let primary = Primary()
        primary.key = key
        primary.answer = { type, _ in type == .soa ? [[Self.soa(5)]] : parts }
        try primary.run { hub throws in
            primary.signsEach = 90
            guard case .new(let times, let messages, nil) = try primary.transfer(key) else { throw SocketError.closed }
            #expect(times.serial == 5 && messages.count == parts.count)
            for place in [0, 1, 150, 301] {
                primary.spoil = { message, number in if number == place { message[38] ^= 1 } }
                #expect(throws: DownloadProblem.self, "message \(place)") { try primary.transfer(key) }
            }
            primary.spoil = { _, _ in }
            primary.signsEach = 101
            #expect(throws: DownloadProblem.signature("there is none")) { try primary.transfer(key) }
            primary.signsEach = 1
            for offset in [-301, 301] as [Int64] {
                primary.clockOffset = offset
                #expect(throws: DownloadProblem.self) { try primary.transfer(key) }
            }
            primary.clockOffset = 200
            _ = try primary.transfer(key)
            let others = ["\(algorithm):other.:\(Self.secret)", "\(algorithm):transfer.:AAAAAAAAAAAAAAAA"].compactMap {
                TransferKey($0)
            }
            for other in others { #expect(throws: DownloadProblem.self) { try primary.transfer(other) } }
            primary.key = nil
            #expect(throws: DownloadProblem.signature("there is none")) { try primary.transfer(key) }
        }
    }

    @Test(arguments: [
        ("hmac-sha256:a.example:AAAAAAAAAAA=", true), ("# of Knot\nhmac-sha512:a:AAAAAAAAAAAAAAAA\n", true),
        ("key \"a\" {\n\talgorithm hmac-sha256;\n\tsecret \"AAAAAAAAAAA=\";\n};\n", true), ("hmac-md5:a:AAAAAAAAAAA=", false),
        ("hmac-sha256:a:AA==", false), ("hmac-sha256::AAAAAAAAAAA=", false), ("", false), ("AAAAAAAAAAA=", false),
    ])
    func `a key is read as dig, Knot and BIND write it`(_ text: String, _ isKey: Bool) {
        #expect((TransferKey(text) != nil) == isKey)
    }

    @Test(arguments: [
        ("axfr://192.0.2.1/rpz.example", 1), ("axfr://192.0.2.1:5353,[2001:db8::1]:53/rpz.example.", 2), ("axfr://192.0.2.1/", 0),
        ("axfr://192.0.2.1", 0), ("axfr://ns.example/rpz.example", 0), ("axfr://192.0.2.1/a/b", 0), ("axfr:///a", 0),
        ("axfr://192.0.2.1:0/a", 0), ("axfr://192.0.2.1,/a", 0), ("https://192.0.2.1/a", 0),
    ])
    func `a source of transfers has addresses and a zone`(_ text: String, _ count: Int) {
        #expect((TransferSource(text)?.primaries.count ?? 0) == count)
    }

    // MARK: - NOTIFY

    private static func notify(_ zone: String, _ type: RecordType = .soa, id: UInt16 = 77) -> [UInt8] {
        var message = Message.query(zone, type, id: id)
        message.flags = HeaderFlags()
        message.flags.opcode = .notify
        message.flags.isAuthoritative = true
        return message.wire
    }

    private static func receiver(_ key: TransferKey?) -> (NotifyReceiver, ListURL) {
        let url = ListURL("axfr://192.0.2.1,192.0.2.2/rpz.example")!
        return (NotifyReceiver([NotifyReceiver.Zone(url: url, source: url.transfer!, key: key)]), url)
    }

    @Test func `only a primary of the zone is believed that it has changed, and it is answered`() throws {
        let (receiver, url) = Self.receiver(nil)
        let cases: [([UInt8], String, ResponseCode, Bool)] = [
            (Self.notify("rpz.example"), "192.0.2.1", .noError, true), (Self.notify("RPZ.example"), "192.0.2.2", .noError, true),
            (Self.notify("rpz.example"), "192.0.2.3", .refused, false),
            (Self.notify("other.example"), "192.0.2.1", .refused, false),
            (Self.notify("rpz.example", .a), "192.0.2.1", .formErr, false),
            (Array(Self.notify("rpz.example").dropLast(3)), "192.0.2.1", .formErr, false),
        ]
        for (message, client, code, isDue) in cases {
            let reply = try Message(receiver.answer(message, from: Green.IPAddress(client)!.number, at: 1_000).span)
            #expect(reply.id == 77 && reply.flags.isResponse && reply.flags.opcode == .notify && reply.responseCode == code)
            #expect(receiver.takeDue() == (isDue ? [url] : []))
        }
    }

    @Test func `with a key only who has it is believed, within five minutes, and told so with it`() throws {
        let (receiver, url) = Self.receiver(Self.key)
        let client = Green.IPAddress("192.0.2.1")!.number
        let plain = Self.notify("rpz.example")
        var signed = plain
        let code = try #require(Self.key.sign(&signed, at: 1_000_000))
        var reply = receiver.answer(signed, from: client, at: 1_000_200)
        #expect(receiver.takeDue() == [url])
        let answer = try #require(try TransactionSignature.take(off: &reply))
        #expect(Self.key.fault(of: answer, after: code, reply, isLater: false, at: 1_000_200) == nil)
        #expect(try Message(reply.span).responseCode == .noError)
        var foreign = plain
        _ = TransferKey("hmac-sha256:transfer.:AAAAAAAAAAAAAAAA")!.sign(&foreign, at: 1_000_000)
        var spoiled = signed
        spoiled[1] ^= 1
        spoiled[20] ^= 0x20
        for (message, time) in [
            (plain, Int64(1_000_000)), (foreign, 1_000_000), (signed, 1_000_301), (signed, 999_699), (spoiled, 1_000_000),
        ] {
            let reply = receiver.answer(message, from: client, at: time)
            #expect(reply.count >= 12 && reply[3] & 15 == 9 && receiver.takeDue().isEmpty)
        }
    }

    @Test func `no message that a stranger makes up ends anything`() throws {
        let (receiver, _) = Self.receiver(Self.key)
        var signed = Self.notify("rpz.example")
        _ = Self.key.sign(&signed, at: 1_000_000)
        var numbers = SeededNumbers(seed: 4)
        for _ in 0..<20_000 {
            var message = signed
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let place = Int.random(in: 0..<message.count, using: &numbers)
                message[place] = UInt8.random(in: 0...255, using: &numbers)
            }
            if Bool.random(using: &numbers) { message.removeLast(Int.random(in: 0..<message.count, using: &numbers)) }
            _ = receiver.answer(message, from: 5, at: 1_000_000)
            var copy = message
            _ = try? TransactionSignature.take(off: &copy)
        }
        #expect(receiver.takeDue().isEmpty)
    }
}

extension TransferKey {
    /// Signs a message that is not the first of an answer, with those before it that were not signed.
    fileprivate func signLater(_ message: inout [UInt8], _ plain: [UInt8], at seconds: Int64, after former: [UInt8]) -> [UInt8]? {
        var first = message
        guard sign(&first, at: seconds) != nil, var signature = try? TransactionSignature.take(off: &first),
            let code = authenticate(signature.hashed(after: former, plain, isLater: true))
        else { return nil }
        signature.code = code
        signature.append(to: &message)
        return code
    }
}
