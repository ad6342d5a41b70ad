import DNSWire
import Green
import Testing

@testable import Upstream

/// A network that lies: somebody on the way answers first.
@Suite struct `Verification` {
    /// An upstream at the end of such a way, and one that is believed.
    private final class LyingWay {
        let upstream: FakeUpstream
        let verifier: FakeUpstream
        let forwarder: Forwarder
        let verifying: Forwarder

        /// Names that begin with `f` are forged; true answers take `trip`, forged ones `forgedTrip`.
        init(
            _ policy: ForwardPolicy, trip: Duration = .milliseconds(40), forgedTrip: Duration = .milliseconds(3),
            watch: UpstreamWatch? = nil, _ behavior: ((FakeQuery) -> [FakeAct])? = nil
        ) throws {
            upstream = try FakeUpstream(id: 1) { query in
                if let behavior { return behavior(query) }
                let isForged = query.name[1] | 0x20 == UInt8(ascii: "f")
                if !isForged { return [.wait(trip), .send(query.answer(1))] }
                return [.wait(forgedTrip), .send(query.answer(66)), .wait(trip - forgedTrip), .send(query.answer(1))]
            }
            verifier = try FakeUpstream(transport: .tcp, id: 2) { [.send($0.answer(1))] }
            forwarder = Forwarder(
                hub: .current, servers: [upstream.server], tryLimit: .seconds(2), policy: policy, watch: watch)
            verifying = Forwarder(hub: .current, servers: [verifier.server], tryLimit: .seconds(2))
            forwarder.verify(by: verifying)
        }

        /// Asks enough names that are not forged for the round trip to be known.
        func measure() throws {
            for index in 0..<QuickestRoundTrip.fewest { _ = try forwarder.ask(question("measured\(index).example")) }
            #expect(upstream.server.quickest.isMeasured)
        }
    }

    private func policy(early: Bool = false, twice: Bool = false, listed: [UInt32] = [], bogus: [UInt32] = []) -> ForwardPolicy {
        var policy = ForwardPolicy()
        policy.suspicions.early = early
        policy.suspicions.twice = twice
        policy.suspicions.listed = ranges(listed)
        policy.bogus = ranges(bogus)
        return policy
    }

    private func ranges(_ addresses: [UInt32]) -> AddressRanges {
        AddressRanges(addresses.map { IPAddress(v4: $0).number...IPAddress(v4: $0).number })
    }

    private let forged: UInt32 = 0xC000_0242

    @Test func `an answer that comes much too soon is asked of the verifying upstream, whose answer wins`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true))
            try way.measure()
            let before = way.verifier.queries.count
            let reply = try way.forwarder.ask(question("forged.example"))
            #expect(reply.upstream == 2 && address(reply) == 1)
            #expect(way.verifier.queries.count == before + 1)
            #expect(way.forwarder.scrutiny?.forgedCount == 1)
            #expect(try way.forwarder.ask(question("honest.example")).upstream == 1)
            #expect(way.verifier.queries.count == before + 1)
        }
    }

    @Test(arguments: [(true, false), (false, true), (true, true)])
    func `whoever forges the first answers of all is not believed either`(_ early: Bool, _ twice: Bool) throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: early, twice: twice))
            for index in 0..<2 * QuickestRoundTrip.fewest {
                let reply = try way.forwarder.ask(question("forged\(index).example"))
                #expect(reply.upstream == 2 && address(reply) == 1)
            }
            try way.measure()
            #expect(try way.forwarder.ask(question("honest.example")).upstream == 1)
            #expect(try way.forwarder.ask(question("forged.example")).upstream == 2)
        }
    }

    @Test func `a forged answer whose second is lost is not believed, and teaches nothing`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(twice: true)) { query in
                let isForged = query.name[1] | 0x20 == UInt8(ascii: "f")
                return isForged
                    ? [.wait(.milliseconds(3)), .send(query.answer(66))] : [.wait(.milliseconds(40)), .send(query.answer(1))]
            }
            try way.measure()
            for index in 0..<20 {
                let reply = try way.forwarder.ask(question("forged\(index).example"))
                #expect(reply.upstream == 2 && address(reply) == 1)
            }
            let before = way.verifier.queries.count
            #expect(try way.forwarder.ask(question("honest.example")).upstream == 1 && way.verifier.queries.count == before)
        }
    }

    @Test func `the name, and what is below it, is the verifying upstream's from then on`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true))
            try way.measure()
            _ = try way.forwarder.ask(question("forged.example"))
            let before = way.upstream.queries.count
            for name in ["forged.example", "www.forged.example", "a.b.forged.example"] {
                #expect(try way.forwarder.ask(question(name)).upstream == 2)
            }
            #expect(way.upstream.queries.count == before)
            #expect(try way.forwarder.ask(question("example")).upstream == 1)
            try sleep(.seconds(86_401))
            _ = try way.forwarder.ask(question("www.forged.example"))
            #expect(way.upstream.queries.count == before + 2)
        }
    }

    @Test func `two different answers to one question are asked of the verifying upstream, two equal ones are not`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(twice: true), trip: .milliseconds(4)) { query in
                let isForged = query.name[1] | 0x20 == UInt8(ascii: "f")
                return [.wait(.milliseconds(3)), .send(query.answer(isForged ? 66 : 1)), .send(query.answer(1))]
            }
            try way.measure()
            let before = way.verifier.queries.count
            #expect(try way.forwarder.ask(question("honest.example")).upstream == 1)
            #expect(way.verifier.queries.count == before)
            let reply = try way.forwarder.ask(question("forged.example"))
            #expect(reply.upstream == 2 && address(reply) == 1)
            #expect(way.upstream.server.openChannels == 0)
        }
    }

    @Test func `a forger who is much nearer is waited past where a second answer is looked for`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(twice: true))
            for index in 0..<20 { _ = try way.forwarder.ask(question("honest\(index).example")) }
            #expect(try way.forwarder.ask(question("forged.example")).upstream == 2)
        }
    }

    @Test func `an address of the list is suspicious, over TCP too`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(listed: [forged])) { query in
                query.isUDP && query.name[1] | 0x20 == UInt8(ascii: "t")
                    ? [.send(query.reply(flags: 0x200))] : [.send(query.answer(query.name[2] == UInt8(ascii: "1") ? 1 : 66))]
            }
            #expect(try way.forwarder.ask(question("t2.example")).upstream == 2)
            #expect(try way.forwarder.ask(question("u2.example")).upstream == 2)
            #expect(try way.forwarder.ask(question("u1.example")).upstream == 1)
        }
    }

    @Test func `where nobody can confirm it nothing suspicious is given out`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true, twice: true))
            try way.measure()
            way.verifier.behavior = { _ in [.close] }
            #expect(throws: UpstreamFailure.unconfirmed) { try way.forwarder.ask(question("forged.example")) }
            #expect(try way.forwarder.ask(question("honest.example")).upstream == 1)
        }
    }

    @Test func `a forger who answers everything teaches nothing, a dead verifying upstream stops nothing`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true))
            for index in 0..<40 { #expect(try way.forwarder.ask(question("f\(index).example")).upstream == 2) }
            #expect(!way.upstream.server.quickest.isMeasured)
            way.verifier.behavior = { _ in [.close] }
            for index in 0..<10 { #expect(try way.forwarder.ask(question("honest\(index).example")).upstream == 1) }
            #expect(throws: UpstreamFailure.unconfirmed) { try way.forwarder.ask(question("forged.example")) }
        }
    }

    @Test func `a way that has become shorter is learnt from answers that are confirmed`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true))
            try way.measure()
            way.upstream.behavior = { [.wait(.milliseconds(5)), .send($0.answer(1))] }
            for index in 0..<QuickestRoundTrip.trueEarlyBelieved {
                #expect(try way.forwarder.ask(question("near\(index).example")).upstream == 2)
            }
            #expect(try way.forwarder.ask(question("nearer.example")).upstream == 1)
            #expect(way.forwarder.scrutiny?.forgedCount == 0)
        }
    }

    @Test func `an operator is told once that answers are forged`() throws {
        let lines = Locked<[String]>([])
        let watch = UpstreamWatch { news in
            if case .forged(_, let upstream) = news { lines.withLock { $0.append("\(upstream)") } }
        }
        try onHub { _ in
            let way = try LyingWay(policy(early: true), watch: watch)
            try way.measure()
            for index in 0..<5 { _ = try way.forwarder.ask(question("f\(index).example")) }
            #expect(lines.withLock { $0 } == ["\(way.upstream.address)"])
        }
    }

    @Test func `a bogus address is waited past, or stands for a name that does not exist`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { query in
                switch query.name[1] | 0x20 {
                case UInt8(ascii: "l"): [.send(query.answer(66))]
                case UInt8(ascii: "t") where query.isUDP: [.send(query.reply(flags: 0x200))]
                case UInt8(ascii: "t"): [.send(query.answer(66))]
                case UInt8(ascii: "p"):
                    [.send(query.answer(66)), .send(query.answer(66)), .wait(.milliseconds(30)), .send(query.answer(1))]
                default: [.send(query.answer(1))]
                }
            }
            let forwarder = Forwarder(
                hub: hub, servers: [upstream.server], tryLimit: .seconds(2), policy: policy(bogus: [forged]))
            forwarder.verify(by: nil)
            #expect(try address(forwarder.ask(question("past.example"))) == 1)
            for name in ["lost.example", "tcp.example", "l"] {
                let reply = try forwarder.ask(question(name))
                #expect(reply.answer.kind == .nxDomain && reply.answer.responseCode == .nxDomain)
                #expect(reply.answer.lifetimeSeconds == 60)
                let message = try Message(reply.answer.message(to: question(name).asked).span)
                #expect(message.answers.isEmpty && message.authorities.map(\.type) == [.soa])
            }
            // Others are not waited for.
            #expect(try elapsed { _ = try forwarder.ask(question("well.example")) } < .milliseconds(1))
            #expect(upstream.server.ownPortCount == 0)
        }
    }

    @Test func `with a verifying upstream a bogus address is suspicious, and NXDOMAIN where that says the same`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(bogus: [forged]), forgedTrip: .milliseconds(40))
            #expect(try address(way.forwarder.ask(question("f1.example"))) == 1)
            way.verifier.behavior = { [.send($0.answer(66))] }
            #expect(try way.forwarder.ask(question("f2.example")).answer.kind == .nxDomain)
            #expect(try way.forwarder.ask(question("below.f2.example")).answer.kind == .nxDomain)
        }
    }

    @Test func `an ordinary answer waits for a second one no longer than an eighth of the round trip`() throws {
        try onHub { _ in
            let way = try LyingWay(policy(early: true, twice: true), trip: .milliseconds(40))
            try way.measure()
            for index in 0..<20 {
                let time = try elapsed { _ = try way.forwarder.ask(question("honest\(index).example")) }
                #expect(time < .milliseconds(46), "\(time)")
            }
        }
    }

    // MARK: - Its parts

    private func insert(_ name: String, _ names: ForgedNames, _ now: Instant) {
        let bytes = wire(name)
        names.insert(bytes.span, for: 1000, at: now)
    }

    private func has(_ name: String, _ names: ForgedNames, _ now: Instant) -> Bool {
        let bytes = wire(name)
        return names.contains(bytes.span, at: now)
    }

    @Test func `a table of names is bounded, finds what is below, and nothing else`() throws {
        let names = ForgedNames(seed: 5)
        let now = Instant(nanoseconds: 1)
        for index in 0..<20_000 { insert("n\(index).example", names, now) }
        let found = (0..<20_000).count { has("x.n\($0).example", names, now) }
        #expect(found > ForgedNames.capacity / 2 && found <= ForgedNames.capacity)
        #expect((0..<20_000).allSatisfy { !has("o\($0).example", names, now) })
        #expect(!has("example", names, now))
        insert(".", names, now)
        #expect(!has("other", names, now))
        insert("late.example", names, now)
        #expect(has("late.example", names, now.advanced(byNanoseconds: 999)))
        #expect(!has("late.example", names, now.advanced(byNanoseconds: 1000)))
        let deepest = (0..<127).map { _ in "a" }.joined(separator: ".")
        insert(deepest, names, now)
        #expect(has(deepest, names, now))
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `ranges have the addresses that one of them has`(_ seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let given = (0..<Int.random(in: 0...12, using: &numbers)).map { _ in
            let start = UInt128.random(in: 0...60, using: &numbers)
            return start...start + .random(in: 0...9, using: &numbers)
        }
        let ranges = AddressRanges(given)
        for number in 0...80 as ClosedRange<UInt128> {
            #expect(ranges.contains(number) == given.contains { $0.contains(number) }, "\(number) in \(given)")
        }
        #expect(AddressRanges([0...UInt128.max]).contains(.max))
    }

    @Test func `how soon an upstream can answer follows what is believed, whatever it is`() {
        var quickest = QuickestRoundTrip()
        #expect(!quickest.isEarly(0))
        for _ in 0..<QuickestRoundTrip.fewest { quickest.record(20_000_000) }
        #expect(quickest.isEarly(9_000_000) && !quickest.isEarly(11_000_000))
        for _ in 0..<2000 { quickest.record(60_000_000) }
        #expect(quickest.isEarly(25_000_000))
        quickest.record(.max)
        quickest.record(0)
        var near = QuickestRoundTrip()
        for _ in 0..<20 { near.record(900_000) }
        #expect(!near.isEarly(0))
    }
}
