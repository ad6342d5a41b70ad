import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// Who gets the last places when many questions get no answer.
@Suite struct FairShareTests {
    /// A world whose upstream answers names below `good.` domains only.
    private func run(limit: Int, _ body: @escaping (ResolverWorld) throws -> Void) throws {
        try ResolverWorld.run(flightLimit: limit) { world throws in
            world.upstream.answer = { "\($0.questions[0].name)".lowercased().contains("good") ? .address($0) : nil }
            try body(world)
        }
    }

    /// Domains and clients of which no two meet in the tables of counters, whose hash is another in each process.
    private let domain = apart((0...).lazy.map { "d\($0).example." }) { DomainIndex.domainNumber(Name($0)!.wire) }
    private let client = apart((1...).lazy.map { "192.0.\($0 / 250).\($0 % 250 + 1)" }) {
        FairShares.client(IPAddress($0)!.number)
    }

    private static func apart(_ candidates: some Sequence<String>, _ number: (String) -> UInt32) -> [String] {
        var slots: Set<UInt32> = []
        var found: [String] = []
        for candidate in candidates where found.count < 30 && slots.insert(number(candidate) & 2047).inserted {
            found.append(candidate)
            if found.count == 30 { break }
        }
        return found
    }

    /// Asks silent names from greenlets, and lets them begin.
    private func askSilent(
        _ world: ResolverWorld, _ numbers: Range<Int>, _ question: @escaping (Int) -> (name: String, client: String)
    ) throws -> [Greenlet<Message>] {
        try numbers.map { number in
            let greenlet = world.hub.spawn { try world.ask(question(number).name, from: question(number).client) }
            // One after the other, so that one is the oldest.
            try sleep(.milliseconds(2))
            return greenlet
        }
    }

    @Test func `one client's silent names give way to others, the oldest first, and it gets no more than its share`() throws {
        try run(limit: 16) { world throws in
            let silent = try askSilent(world, 0..<16) { ("a.\(domain[$0])", client[0]) }
            #expect(world.shared.flightCount == 16 && !silent.contains { $0.isDone })
            func askingCount() -> Int { world.hub.greenlets.count { $0.waitsFor == "an upstream" } }
            #expect(askingCount() == 16)
            #expect(try world.ask("good.\(domain[16])", from: client[1]).answers.count == 1)
            try sleep(.milliseconds(1))
            #expect(silent.map(\.isDone) == [true] + [Bool](repeating: false, count: 15))
            #expect(askingCount() == 15)
            let ended = try silent[0].get()
            #expect(ended.responseCode == .servFail && ended.extendedError == .other)
            // Its next questions find places only while nobody needs them.
            let others = try askSilent(world, 0..<8) { ("b.\(domain[17 + $0])", client[2 + $0]) }
            #expect(world.shared.flightCount == 16 && !others.contains { $0.isDone })
            #expect(try world.ask("good.\(domain[25])", from: client[0]).responseCode == .servFail)
            #expect(try world.ask("good.\(domain[26])", from: client[10]).answers.count == 1)
            for greenlet in silent + others { _ = try greenlet.get() }
            #expect(world.shared.flightCount == 0)
        }
    }

    @Test func `silent names below one domain give way to others, however many clients ask`() throws {
        try run(limit: 16) { world throws in
            let silent = try askSilent(world, 0..<16) { ("n\($0).\(domain[0])", client[$0]) }
            #expect(world.shared.flightCount == 16)
            #expect(try world.ask("good.\(domain[1])", from: client[16]).answers.count == 1)
            try sleep(.milliseconds(1))
            #expect(silent.filter(\.isDone).count == 1)
            _ = try askSilent(world, 0..<1) { _ in ("a.\(domain[2])", client[17]) }
            #expect(try world.ask("good.\(domain[0])", from: client[18]).responseCode == .servFail)
        }
    }

    @Test func `a question that others wait for is not ended`() throws {
        try run(limit: 4) { world throws in
            let shared = try askSilent(world, 0..<2) { ("a.\(domain[0])", client[$0]) }
            let lone = try askSilent(world, 0..<3) { ("a.\(domain[1 + $0])", client[2 + $0]) }
            #expect(world.shared.flightCount == 4)
            #expect(try world.ask("good.\(domain[4])", from: client[5]).answers.count == 1)
            try sleep(.milliseconds(1))
            #expect(!shared.contains { $0.isDone } && lone.map(\.isDone) == [true, false, false])
        }
    }

    @Test func `a question that one client asks for thousands of times is answered to others too`() throws {
        try run(limit: 100) { world throws in
            let greedy = (0..<8_000).map { _ in world.hub.spawn { try world.ask("a.\(domain[0])", from: client[0]) } }
            try sleep(.milliseconds(2))
            #expect(greedy.filter { !$0.isDone }.count == Flight.mostWaiters / 4 * 3 + 1)
            let others = try askSilent(world, 0..<6) { ("a.\(domain[0])", client[1 + $0]) }
            #expect(others.filter { !$0.isDone }.count == 6)
        }
    }

    @Test func `a question that one client asks for again and again is ended like any other of its own`() throws {
        try run(limit: 4) { world throws in
            let twice = try askSilent(world, 0..<4) { ("a.\(domain[$0 / 2])", client[0]) }
            let lone = try askSilent(world, 0..<2) { ("a.\(domain[2 + $0])", client[1 + $0]) }
            #expect(world.shared.flightCount == 4)
            #expect(try world.ask("good.\(domain[4])", from: client[5]).answers.count == 1)
            try sleep(.milliseconds(1))
            #expect(twice.map(\.isDone) == [true, true, false, false] && !lone.contains { $0.isDone })
        }
    }

    @Test func `an IPv6 site is one client, an IPv4 address too`() {
        func number(_ text: String) -> UInt32 { FairShares.client(IPAddress(text)!.number) }
        #expect(number("2001:db8:0:1::1") == number("2001:db8:0:1f::2") && number("2001:db8::1") != number("2001:db8:1::1"))
        #expect(number("192.0.2.1") != number("192.0.2.2") && number("192.0.2.1") == number("192.0.2.1"))
        func domain(_ name: String) -> UInt32 { DomainIndex.domainNumber(Name(name)!.wire) }
        #expect(domain("a.b.example.com") == domain("c.example.com") && domain("a.example.com") != domain("a.example.org"))
        #expect(domain("a.example.co.uk") == domain("b.example.co.uk") && domain("a.x.co.uk") != domain("a.y.co.uk"))
        #expect(domain("com") == domain("com") && domain(".") == domain("."))
    }

    @Test func `of the clients that wait none has the last quarter of the places`() throws {
        try run(limit: 100) { world throws in
            world.resolver.waitingLimit = 20
            let greedy = try askSilent(world, 0..<30) { _ in ("a.\(domain[0])", client[0]) }
            #expect(greedy.filter { !$0.isDone }.count == 15)
            let others = try askSilent(world, 0..<6) { ("a.\(domain[0])", client[1 + $0]) }
            #expect(others.filter { !$0.isDone }.count == 5)
        }
    }

    @Test func `refreshes have an eighth of the flights, and none where places are scarce`() throws {
        try run(limit: 16) { world throws in
            world.shared.cache.staleSeconds = 86_400
            world.upstream.answer = { .address($0, ttl: 60) }
            for number in 0..<10 { _ = try world.ask("n\(number).\(domain[number])") }
            try sleep(.seconds(61))
            world.upstream.answer = { "\($0.questions[0].name)".lowercased().contains("good") ? .address($0) : nil }
            let stale = try askSilent(world, 0..<10) { ("n\($0).\(domain[$0])", client[0]) }
            #expect(world.shared.flightCount == 2 && stale.filter(\.isDone).count == 8)
            for greenlet in stale { #expect(try greenlet.get().extendedError == .staleAnswer) }
            #expect(try world.ask("good.\(domain[12])", from: client[0]).answers.count == 1)
        }
    }

    @Test func `who meets a flooding client in one table of counters has its places by the other`() {
        let (shares, waiting) = (FairShares(), LocalCounters())
        let (flooding, lowBits, highBits): (UInt32, UInt32, UInt32) = (0x0123_0456, 0x0777_0456, 0x0123_0777)
        for _ in 0..<1_000 {
            shares.add(FlightOwner(client: flooding, domain: 1 << 16 | 1))
            waiting.add(flooding)
        }
        for met in [lowBits, highBits] {
            let owner = FlightOwner(client: met, domain: 2 << 16 | 2)
            #expect(shares.hasFew(owner, of: 1_000) && shares.isBelow(owner, of: 1_000) && waiting.isBelow(met, of: 1_000))
        }
        #expect(!shares.hasFew(FlightOwner(client: flooding, domain: 2), of: 1_000) && !waiting.isBelow(flooding, of: 1_000))
    }

    @Test func `silent names below thousands of domains leave places to every other domain`() {
        let shares = FairShares()
        var numbers = SystemRandomNumberGenerator()
        for _ in 0..<15_000 { shares.add(FlightOwner(client: 0x1_0001, domain: UInt32(truncatingIfNeeded: numbers.next()))) }
        for domain: UInt32 in 0..<2048 { #expect(shares.isBelow(FlightOwner(client: 0x2_0002, domain: domain), of: 20_000)) }
        // Once another client has a place, the first has more than its share.
        shares.add(FlightOwner(client: 0x2_0002, domain: 1))
        #expect(!shares.isBelow(FlightOwner(client: 0x1_0001, domain: 7), of: 20_000))
    }
}
