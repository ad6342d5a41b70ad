import AnswerCache
import DNSWire
import Green
import Logging
import TestSupport
import Testing

@testable import Daemon
@testable import Resolver

/// How much clients may ask, and be answered.
@Suite struct RateLimitTests {
    private static let second: UInt64 = 1_000_000_000
    /// 127.0.0.1 has limits here as everybody else.
    private static func rules(_ set: (inout RateLimits) -> Void) -> ClientRules {
        var rules = ClientRules(.everybody)
        rules.exempt = .nobody
        set(&rules.limits)
        return rules
    }

    // MARK: - The table

    @Test func `a bucket takes so many at once and then its rate, for ever`() {
        let table = RateTable(lines: 16)
        let rate = Rate(perSecond: 10, atOnce: 5)
        var now: UInt64 = 77 * Self.second
        #expect(
            (0..<8).map { _ in table.take(1234, rate, nanoseconds: now) } == [true, true, true, true, true, false, false, false])
        var taken = 0
        for _ in 0..<10_000 {
            now += Self.second / 1_000
            if table.take(1234, rate, nanoseconds: now) { taken += 1 }
        }
        #expect((99...101).contains(taken))
        // After half a second five more, whatever was refused meanwhile.
        now += Self.second / 2
        #expect((0..<6).map { _ in table.take(1234, rate, nanoseconds: now) } == [true, true, true, true, true, false])
    }

    @Test func `whoever was away for any time has a full bucket`() {
        let table = RateTable(lines: 16)
        let rate = Rate(perSecond: 1, atOnce: 100)
        var random = SeededGenerator(seed: 3)
        var now: UInt64 = 0
        for _ in 0..<2_000 {
            // The clock of the table goes round in 13 days; half of it looks like the future.
            now += UInt64.random(in: 101...2_000_000, using: &random) * Self.second
            #expect((0..<101).map { _ in table.take(99, rate, nanoseconds: now) } == Array(repeating: true, count: 100) + [false])
        }
    }

    @Test func `any number of addresses neither grows the table, nor frees who asks most, nor shuts others out`() {
        let table = RateTable(lines: 64)
        let bytes = table.byteCount
        let rate = Rate(perSecond: 100, atOnce: 50)
        var random = SeededGenerator(seed: 5)
        let now = 50 * Self.second
        let greedy = UInt64.random(in: .min ... .max, using: &random)
        for _ in 0..<100 { _ = table.take(greedy, rate, nanoseconds: now) }
        var refused = 0
        for round in 0..<100_000 {
            // Each address once, all at the same moment: many times what the table has places for.
            if !table.take(UInt64.random(in: .min ... .max, using: &random), rate, nanoseconds: now) { refused += 1 }
            if round % 100 == 0 { #expect(!table.take(greedy, rate, nanoseconds: now)) }
        }
        #expect(table.isAligned && refused == 0 && table.byteCount == bytes && bytes == 64 * 64)
        let all = RateTables()
        #expect(all.queries.byteCount + all.responses.byteCount + all.refusals.byteCount <= 1_200_000)
    }

    @Test func `what is beyond the bounds of a rate counts as the bound`() {
        for rate in [Rate(perSecond: .max, atOnce: .max), Rate(perSecond: 0, atOnce: -1), Rate(perSecond: 1, atOnce: .max)] {
            let table = RateTable(lines: 16)
            for now in [UInt64.min, .max / 2, .max] { #expect(table.take(7 ^ now, rate, nanoseconds: now)) }
        }
    }

    @Test func `a client is an IPv4 address or a site of IPv6, and a network a /24 or a site`() throws {
        func number(_ text: String) throws -> UInt128 { try #require(IPAddress(text)).number }
        #expect(try RateTables.client(number("192.0.2.1")) != RateTables.client(number("192.0.2.2")))
        #expect(try RateTables.network(number("192.0.2.1")) == RateTables.network(number("192.0.2.254")))
        #expect(try RateTables.network(number("192.0.2.1")) != RateTables.network(number("192.0.3.1")))
        #expect(try RateTables.client(number("2001:db8:0:1ff::1")) == RateTables.client(number("2001:db8:0:100::2")))
        #expect(try RateTables.client(number("2001:db8:0:1ff::1")) != RateTables.client(number("2001:db8:0:200::1")))
    }

    // MARK: - Queries

    @Test func `queries over a client's rate are dropped, also hits; others and later ones are answered`() throws {
        let rules = Self.rules {
            $0.queries = Rate(perSecond: 10, atOnce: 5)
            $0.slip = 0
        }
        try ServingWorld.run(listen: SocketAddress(.any, port: 53), rules: rules) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            let answers = try Self.askAtOnce(Array(repeating: .query("a.example."), count: 20), at: server)
            #expect(answers.count == 5)
            try world.onMachine("198.51.100.7") { _ throws in
                #expect(try ServingWorld.ask(.query("a.example."), at: server)?.answers.count == 1)
            }
            try sleep(.seconds(1))
            #expect(try Self.askAtOnce(Array(repeating: .query("a.example."), count: 20), at: server).count == 5)
            #expect(world.worker.resolver.figures.limited[ClientLimits.Kind.queries.rawValue] == 30)
        }
    }

    @Test func `where it is so set they are refused, and the exempt are not counted`() throws {
        var rules = Self.rules {
            $0.queries = Rate(perSecond: 1, atOnce: 2)
            $0.refuses = true
            $0.slip = 0
        }
        try ServingWorld.run(rules: rules) { world throws in
            var question = Message.query("a.example.")
            question.edns = EDNS()
            let answers = try Self.askAtOnce([question, question, question, question], at: ServingWorld.address)
            // Misses come later than refusals.
            #expect(answers.map(\.responseCode).sorted { $0.rawValue < $1.rawValue } == [.noError, .noError, .refused, .refused])
            let refusal = answers.first { $0.responseCode == .refused }
            #expect(refusal?.extendedError == .other && refusal?.questions == question.questions)
            let stream = try world.connect()
            rules.exempt = ClientAccess(allow: [.local], deny: [], networks: [])
            world.worker.adopt(rules)
            for _ in 0..<10 {
                try stream.send(question)
                #expect(try stream.answer()?.responseCode == .noError)
            }
            #expect(try Self.askAtOnce(Array(repeating: question, count: 10), at: ServingWorld.address).count == 10)
        }
    }

    @Test func `datagrams that anybody can forge take nothing from streams, nor from who has a good cookie`() throws {
        let rules = Self.rules {
            $0.queries = Rate(perSecond: 1, atOnce: 3)
            $0.slip = 0
        }
        try ServingWorld.run(rules: rules) { world throws in
            var question = Message.query("a.example.")
            question.edns = EDNS(options: [.cookie(client: [1, 2, 3, 4, 5, 6, 7, 8], server: [])])
            let first = try #require(try world.ask(question))
            let cookie = try #require(first.edns?.options.first { $0.code == .cookie })
            // Whoever has the address, in a word: others' cookies and none.
            #expect(try Self.askAtOnce(Array(repeating: question, count: 50), at: ServingWorld.address).count == 2)
            var proven = question
            proven.edns = EDNS(options: [cookie])
            #expect(try Self.askAtOnce([proven], at: ServingWorld.address).count == 1)
            let stream = try world.connect()
            for _ in 0..<2 {
                try stream.send(.query("a.example."))
                #expect(try stream.answer()?.answers.count == 1)
            }
        }
    }

    @Test func `one in some of a client's datagrams that are too many has it come over TCP, and nobody can count which`() throws {
        let rules = Self.rules {
            $0.queries = Rate(perSecond: 1, atOnce: 1)
            $0.slip = 1
        }
        try ServingWorld.run(rules: rules) { world throws in
            var answers = try Self.askAtOnce(Array(repeating: .query("a.example."), count: 5), at: ServingWorld.address)
            let cut = answers.filter(\.flags.isTruncated)
            #expect(answers.count == 5 && cut.count == 4)
            #expect(cut.allSatisfy { $0.responseCode == .noError && $0.answers.isEmpty && $0.questions.count == 1 })
            var other = rules
            other.limits.slip = 2
            world.worker.adopt(other)
            answers = try Self.askAtOnce(Array(repeating: .query("a.example."), count: 60), at: ServingWorld.address)
            #expect((5...55).contains(answers.count) && answers.allSatisfy(\.flags.isTruncated))
        }
    }

    @Test func `over a stream those that are too many wait, and none is refused or lost`() throws {
        let rules = Self.rules { $0.queries = Rate(perSecond: 10, atOnce: 2) }
        try ServingWorld.run(rules: rules) { world throws in
            let stream = try world.connect()
            let began = world.hub.loop.now()
            for number in 0..<30 { try stream.send(.query("a\(number % 3).example.")) }
            for _ in 0..<30 { #expect(try stream.answer()?.answers.count == 1) }
            let seconds = Double(world.hub.loop.now().nanoseconds - began.nanoseconds) / 1e9
            #expect((2.5...6).contains(seconds))
            // Rules that come while it waits hold for it.
            for _ in 0..<10 { try stream.send(.query("a0.example.")) }
            var exempt = rules
            exempt.exempt = .everybody
            world.worker.adopt(exempt)
            let again = world.hub.loop.now()
            for _ in 0..<10 { #expect(try stream.answer()?.answers.count == 1) }
            #expect(world.hub.loop.now().nanoseconds - again.nanoseconds < 500_000_000)
        }
    }

    @Test func `limits of others cost who has none nothing: the gate lets them in at once`() {
        var rules = Self.rules { $0.queries = Rate(perSecond: 1, atOnce: 1) }
        rules.exempt = ClientAccess(allow: [.local], deny: [], networks: [])
        let address = SocketAddress(.any, port: 53)
        let gate = ClientGate(rules.access(at: address), at: address)
        gate.adopt(rules.access(at: address), limited: rules.limited)
        let (own, stranger) = (IPAddress("10.0.0.1")!.number, IPAddress("198.51.100.7")!.number)
        #expect(gate.admits(own) && !gate.admits(stranger))
        #expect(gate.admitsLimited(stranger))
        gate.adopt(rules.access(at: address))
        #expect(gate.admits(own) && gate.admits(stranger))
    }

    // MARK: - Answers

    @Test func `the same answer to a network is sent so often, then cut to TC; other answers go on, up to a total`() throws {
        var rules = Self.rules {
            $0.responses = Rate(perSecond: 5, atOnce: 5)
            $0.slip = 1
        }
        try ServingWorld.run(rules: rules) { world throws in
            let answers = try Self.askAtOnce(Array(repeating: .query("a.example."), count: 15), at: ServingWorld.address)
            #expect(answers.count(where: { !$0.flags.isTruncated && $0.answers.count == 1 }) == 5)
            let cut = answers.filter(\.flags.isTruncated)
            #expect(cut.count == 10 && cut.allSatisfy { $0.answers.isEmpty && $0.questions.count == 1 && $0.wire.count <= 50 })
            #expect(try world.ask(.query("b.example."))?.answers.count == 1)
            // Over a stream nobody's address is forged.
            let stream = try world.connect()
            for _ in 0..<10 {
                try stream.send(.query("a.example."))
                #expect(try stream.answer()?.answers.count == 1)
            }
            let figures = world.worker.resolver.figures
            #expect(figures.limited[ClientLimits.Kind.responses.rawValue] == 0)
            #expect(figures.limited[ClientLimits.Kind.slips.rawValue] == 10)
            rules.limits.allResponses = Rate(perSecond: 8, atOnce: 8)
            rules.limits.slip = 0
            world.worker.adopt(rules)
            let others = (0..<20).map { Message.query("n\($0).example.") }
            #expect(try Self.askAtOnce(others, at: ServingWorld.address).count == 8)
            #expect(figures.limited[ClientLimits.Kind.responses.rawValue] == 12)
        }
    }

    @Test func `random names below a domain that do not exist are one answer`() throws {
        let rules = Self.rules {
            $0.responses = Rate(perSecond: 5, atOnce: 5)
            $0.slip = 0
        }
        try ServingWorld.run(rules: rules) { world throws in
            world.upstream.answer = { question in
                var answer = question
                answer.flags.isResponse = true
                answer.responseCode = .nxDomain
                return answer
            }
            let questions = (0..<20).map { Message.query("r\($0).flood.example.") }
            #expect(try Self.askAtOnce(questions, at: ServingWorld.address).count == 5)
            #expect(try world.ask(.query("r.other-flood.example2."))?.responseCode == .nxDomain)
        }
    }

    @Test func `what does not exist is one answer for each zone, as its SOA names it`() throws {
        let rules = Self.rules {
            $0.responses = Rate(perSecond: 5, atOnce: 5)
            $0.slip = 0
        }
        try ServingWorld.run(rules: rules) { world throws in
            world.upstream.answer = { question in
                var answer = question
                answer.flags.isResponse = true
                answer.responseCode = .nxDomain
                let name = "\(question.questions[0].name)"
                let zone =
                    name.contains("2.0.192")
                    ? "2.0.192.in-addr.arpa." : name.contains("3.0.192") ? "3.0.192.in-addr.arpa." : "co."
                answer.authorities = [
                    try? ResourceRecord(text: "\(zone) 60 IN SOA ns.example. x.example. 1 1 1 1 60")
                ].compactMap { $0 }
                return answer
            }
            func count(_ name: (Int) -> String) throws -> Int {
                try Self.askAtOnce((0..<20).map { .query(name($0)) }, at: ServingWorld.address).count
            }
            #expect(try count { "\($0).2.0.192.in-addr.arpa." } == 5)
            #expect(try count { "\($0).3.0.192.in-addr.arpa." } == 5)
            #expect(try count { "a.r\($0).co." } == 5)
        }
    }

    @Test func `a domain is what somebody holds: below arpa a network, below a country's registries three labels`() {
        func same(_ one: String, _ other: String) -> Bool {
            DomainIndex.domainNumber(Name(one)!.wire) == DomainIndex.domainNumber(Name(other)!.wire)
        }
        #expect(same("a.t.co", "b.t.co") && same("a.b.t.co", "t.co") && !same("t.co", "u.co"))
        #expect(same("a.x.co.uk", "b.x.co.uk") && !same("x.co.uk", "y.co.uk") && !same("a.eu.org", "b.eu.org"))
        #expect(
            same("1.2.0.192.in-addr.arpa", "9.8.0.192.in-addr.arpa") && !same("1.2.0.192.in-addr.arpa", "1.2.1.192.in-addr.arpa"))
        let ip6 = ".8.b.d.0.1.0.0.2.ip6.arpa"
        #expect(same("1.1" + ip6, "2.2" + ip6) && !same("1" + ip6, "1.9.b.d.0.1.0.0.2.ip6.arpa"))
        for short in [".", "arpa", "in-addr.arpa", "org", "co.uk"] { #expect(same(short, short)) }
    }

    @Test func `keys of a day are derived once, and are the same`() {
        let cookies = ServerCookies(.answer, keys: [], origin: .random())
        var prepared = cookies
        let midnight: UInt64 = 86_400 * 20_000
        let (stamp, hash) = cookies.make(7, for: 1, at: midnight - 10)
        for time in [midnight - 10, midnight - 1, midnight + 10] {
            let wasPrepared = prepared.isPrepared(at: time)
            #expect(wasPrepared == (time == midnight - 1))
            prepared.prepare(at: time)
            let isPrepared = prepared.isPrepared(at: time)
            let (own, other) = (prepared.make(7, for: 1, at: time).hash, cookies.make(7, for: 1, at: time).hash)
            let accepts = prepared.accepts(7, stamp, hash, of: 1, at: time)
            #expect(isPrepared && own == other && accepts)
        }
    }

    @Test func `a client with a good cookie is sent all answers`() throws {
        let rules = Self.rules {
            $0.responses = Rate(perSecond: 1, atOnce: 1)
            $0.slip = 0
        }
        try ServingWorld.run(rules: rules) { world throws in
            var question = Message.query("a.example.")
            question.edns = EDNS(options: [.cookie(client: [1, 2, 3, 4, 5, 6, 7, 8], server: [])])
            let first = try #require(try world.ask(question))
            let cookie = try #require(first.edns?.options.first { $0.code == .cookie })
            #expect(try Self.askAtOnce([question, question], at: ServingWorld.address).isEmpty)
            question.edns = EDNS(options: [cookie])
            #expect(try Self.askAtOnce(Array(repeating: question, count: 10), at: ServingWorld.address).count == 10)
        }
    }

    @Test func `those who may not ask are told so no more often than set`() throws {
        var rules = ClientRules(.nobody)
        rules.exempt = .nobody
        rules.limits.refusals = Rate(perSecond: 5, atOnce: 5)
        try ServingWorld.run(listen: SocketAddress(.any, port: 53), rules: rules) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            let answers = try Self.askAtOnce(Array(repeating: .query("a.example."), count: 20), at: server)
            #expect(answers.count == 5 && answers.allSatisfy { $0.responseCode == .refused })
            #expect(world.worker.resolver.figures.limited[ClientLimits.Kind.refusals.rawValue] == 15)
        }
    }

    /// Asks all at once over UDP: the answers that come, in order.
    private static func askAtOnce(_ questions: [Message], at server: SocketAddress) throws -> [Message] {
        let hub = Hub.current
        let socket = try DatagramSocket(connectedTo: server)
        defer { socket.close() }
        for question in questions {
            guard var datagram = Datagram(hub: hub) else { continue }
            datagram.fill(question.wire)
            socket.send(datagram)
        }
        var answers: [[UInt8]] = []
        // As many as come at once, each time.
        while try socket.receive(
            until: hub.loop.now().advanced(by: .milliseconds(400)), { answers.append([UInt8](copying: $0.bytes)) }) > 0
        {}
        return try answers.map { try Message($0.span) }
    }

    // MARK: - Domains

    @Test func `random names below one domain leave places to others, and to clients that ask it for little`() throws {
        try ServingWorld.run(listen: SocketAddress(.any, port: 53)) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            var policy = world.worker.resolver.policy
            policy.flightsOfDomain = 16
            world.worker.adopt(policy)
            world.upstream.answer = { "\($0.questions[0].name)".lowercased().contains("flood") ? nil : .address($0) }
            let silent = (0..<40).map { number in
                world.hub.spawn { try world.ask(.query("r\(number).flood.example.")) }
            }
            try sleep(.milliseconds(100))
            // Three quarters of the domain's places, for they are one client's.
            #expect(world.worker.resolver.shared.flightCount == 12)
            #expect(try world.ask(.query("www.other.test2."))?.answers.count == 1)
            try world.onMachine("198.51.100.7") { hub throws in
                let other = hub.spawn { try ServingWorld.ask(.query("honest.flood.example."), at: server) }
                try sleep(.milliseconds(100))
                #expect(!other.isDone)
            }
            let answers = try silent.compactMap { try $0.get() }
            #expect(answers.count == 40 && answers.allSatisfy { $0.responseCode == .servFail })
            #expect(world.worker.resolver.figures.domainLimited.value == 28)
            // Once they have ended there are places again.
            try sleep(.seconds(6))
            #expect(world.worker.resolver.shared.flightCount == 0)
        }
    }

    @Test func `of those that find no place of their domain one in some has the place of its oldest`() throws {
        try ServingWorld.run(listen: SocketAddress(.any, port: 53)) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            var policy = world.worker.resolver.policy
            policy.flightsOfDomain = 1
            world.worker.adopt(policy)
            world.upstream.answer = { "\($0.questions[0].name)".lowercased().contains("silent") ? nil : .address($0) }
            let silent = world.hub.spawn { try world.ask(.query("silent.flood.example.")) }
            try sleep(.milliseconds(100))
            try world.onMachine("198.51.100.7") { _ throws in
                let codes = try (0..<16).map { try ServingWorld.ask(.query("n\($0).flood.example."), at: server)?.responseCode }
                #expect(codes == Array(repeating: .servFail, count: 15) + [.noError])
            }
            #expect(silent.isDone && world.worker.resolver.shared.flightCount == 0)
        }
    }

    // MARK: - Settings

    @Test func `without a word of it private networks and those named in allow have no limits, and strangers have`() throws {
        try VirtualWorld(seed: 2).run { _ throws in
            func exempt(_ text: String) throws -> ClientAccess {
                let part = AccessPart(
                    try read("listen: [\"0.0.0.0\"]\n" + text), Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                ) {
                    [AddressPrefix("203.0.113.1/24")!]
                }
                try part.start()
                defer { try? part.stop() }
                return part.rules.exempt
            }
            func admits(_ access: ClientAccess, _ address: String) -> Bool { access.admits(IPAddress(address)!) }
            let plain = try exempt("allow: local")
            #expect(admits(plain, "10.1.2.3") && admits(plain, "127.0.0.1") && admits(plain, "fe80::1"))
            // A public network of an interface has strangers in it.
            #expect(!admits(plain, "203.0.113.9"))
            let named = try exempt("allow: [any, 198.51.100.0/24, 128.0.0.0/1]")
            #expect(admits(named, "198.51.100.7") && admits(named, "10.1.2.3") && !admits(named, "203.0.113.9"))
            let own = try exempt("allow: [198.51.100.0/24]\nrate-limit: {exempt: 127.0.0.0/8}")
            #expect(admits(own, "127.0.0.1") && !admits(own, "198.51.100.7") && !admits(own, "10.1.2.3"))
        }
    }

    @Test func `the settings take numbers within bounds, and 0 for no limit`() throws {
        let settings = try read("rate-limit: {queries: 0, responses: 0, all-responses: 0, refusals: 0, domain: 0}").rateLimit
        #expect(
            settings.limits
                == {
                    var limits = RateLimits(); limits.refuses = false; return limits
                }())
        #expect(!settings.limits.areSet)
        let own = try read("rate-limit: {queries: 20, burst: 40, excess: refuse, exempt: 127.0.0.0/8}").rateLimit
        #expect(own.limits.queries == Rate(perSecond: 20, atOnce: 40) && own.limits.refuses)
        #expect(own.exempt == [AccessRule("127.0.0.0/8")!])
        for wrong in ["{queries: -1}", "{burst: 0}", "{excess: ignore}", "{slip: 11}", "{exempt: all}", "{domain: 20001}"] {
            #expect(complaint("rate-limit: \(wrong)").contains("expected"), "\(wrong)")
        }
    }
}
