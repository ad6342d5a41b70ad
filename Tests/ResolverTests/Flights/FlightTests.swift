import AnswerCache
import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// Questions on their way: asked once for all, within limits, and never lost.
@Suite struct FlightTests {
    @Test func `identical questions in flight are asked once, each client gets its own id and letters`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let names = ["www.example.", "WWW.example.", "wWw.eXample."]
            let answers = try world.askAtOnce(300) { .query(names[$0 % 3], id: UInt16($0)) }
            for (index, answer) in answers.enumerated() {
                #expect(answer.id == UInt16(index) && "\(answer.questions[0].name)" == names[index % 3])
                #expect("\(answer.answers[0].owner)" == names[index % 3])
            }
            #expect(world.upstream.count == 1 && world.shared.flightCount == 0 && world.resolver.waitingCount == 0)
        }
    }

    @Test func `questions that differ in type, DO or CD fly apart`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            world.upstream.answer = { query in
                let data = query.questions[0].type == .a ? "A 192.0.2.1" : "AAAA 2001:db8::1"
                return .reply(to: query, .noError, ["www.example. 300 IN \(data)"])
            }
            _ = try world.askAtOnce(40) { index in
                var query = Message.query("www.example.", [.a, .aaaa][index & 1], edns: EDNS(dnssecOK: index & 2 != 0))
                query.flags.checkingDisabled = index & 4 != 0
                return query
            }
            #expect(world.upstream.count == 8)
        }
    }

    @Test func `questions of two hubs are asked once, and wake both`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let other = Box<[Message]>([])
            let group = HubGroup(starter: world.world)
            let loops = world.world
            group.start(name: "other", loop: { loops.makeLoop() }) {
                let resolver = Resolver(shared: world.shared, policy: world.policy)
                let greenlets = (0..<50).map { index in
                    Hub.current.spawn { resolver.exchange(Message.query("www.example.", id: UInt16(index)).wire) }
                }
                for greenlet in greenlets {
                    let bytes = try greenlet.get() ?? []
                    other.value.append(try Message(bytes.span))
                }
            }
            let answers = try world.askAtOnce(50) { .query("www.example.", id: UInt16(1000 + $0)) }
            try sleep(.seconds(1))
            #expect(world.upstream.count == 1)
            #expect(answers.count == 50 && answers.allSatisfy { $0.answers.count == 1 })
            #expect(other.value.count == 50 && other.value.allSatisfy { $0.answers.count == 1 })
        }
    }

    @Test func `what may not be kept still reaches all who wait: TTL 0, referrals, failures`() throws {
        let replies: [(String, (Message) -> Message, (Message) -> Bool)] = [
            ("TTL 0", { .address($0, ttl: 0) }, { $0.answers.count == 1 && $0.answers[0].ttl == 0 }),
            (
                "a referral", { .reply(to: $0, .noError, authority: ["sub.example. 300 IN NS ns.sub.example."]) },
                { $0.authorities.count == 1 && $0.answers.isEmpty && !$0.flags.isAuthoritative }
            ),
            (
                "negative without SOA", { .reply(to: $0, .nxDomain) }, { $0.responseCode == .nxDomain }
            ),
            ("a failure", { .reply(to: $0, .servFail) }, { $0.responseCode == .servFail }),
        ]
        for (what, reply, isRight) in replies {
            try ResolverWorld.run { world throws in
                world.upstream.delay = .milliseconds(100)
                world.upstream.answer = reply
                let answers = try world.askAtOnce(100) { .query("www.sub.example.", id: UInt16($0)) }
                #expect(answers.allSatisfy(isRight), "\(what)")
                #expect(world.upstream.count <= 2, "\(what)")
                let before = world.upstream.count
                _ = try world.ask("www.sub.example.")
                #expect(world.upstream.count == before + (what == "a failure" ? 0 : 1), "\(what)")
            }
        }
    }

    @Test func `at the limit of flights new misses are turned away at once, and hits go on`() throws {
        try ResolverWorld.run(flightLimit: 10) { world throws in
            _ = try world.ask("known.example.")
            world.upstream.delay = .milliseconds(500)
            let start = world.hub.loop.now()
            let greenlets = (0..<30).map { index in
                world.hub.spawn { try world.ask("n\(index).example.", edns: EDNS()) }
            }
            try sleep(.milliseconds(100))
            #expect(world.shared.flightCount == 10)
            let turnedAway = greenlets.filter(\.isDone)
            #expect(turnedAway.count == 20)
            for answer in try turnedAway.map({ try $0.get() }) {
                #expect(answer.responseCode == .servFail && answer.extendedError == .other)
            }
            #expect(world.begin(Message.query("known.example.").wire).step != .wait)
            // Who asks what is being asked already finds a place.
            #expect(try world.ask("n0.example.").answers.count == 1)
            #expect(try greenlets.filter { try $0.get().answers.count == 1 }.count == 10)
            #expect(start.duration(to: world.hub.loop.now()) < .seconds(1))
            #expect(try world.ask("n29.example.").answers.count == 1)
        }
    }

    @Test func `a query of our own that an upstream sends back to us is refused at once, and the answer says why`() throws {
        try ResolverWorld.run { world throws in
            var texts: [Bool] = []
            world.upstream.answer = { query in
                guard let back = try? world.ask(query) else { return nil }
                texts.append(back.responseCode == .servFail && back.extendedError == .other)
                return back
            }
            for number in 0..<10 {
                let start = world.hub.loop.now()
                #expect(try world.ask("n\(number).example.").responseCode == .servFail)
                #expect(start.duration(to: world.hub.loop.now()) < .milliseconds(100))
            }
            #expect(texts.count >= 10 && !texts.contains(false))
            // Another client that asks the same meanwhile waits as ever.
            world.upstream.answer = { .address($0) }
            world.upstream.delay = .milliseconds(50)
            let answers = try world.askAtOnce(20) { _ in .query("twenty.example.") }
            #expect(answers.allSatisfy { $0.answers.count == 1 })
        }
    }

    @Test func `at the limit of waiting clients new misses are turned away at once, and hits go on`() throws {
        try ResolverWorld.run { world throws in
            _ = try world.ask("known.example.")
            world.resolver.waitingLimit = 20
            world.upstream.delay = .milliseconds(500)
            let answers = try world.askAtOnce(50) { .query("www.example.", edns: EDNS(), id: UInt16($0)) }
            // The last quarter is for other clients.
            #expect(answers.filter { $0.answers.count == 1 }.count == 15)
            #expect(answers.filter { $0.responseCode == .servFail && $0.extendedError == .other }.count == 35)
            #expect(try world.ask("known.example.").answers.count == 1)
        }
    }

    @Test func `of those who wait for one question no client has the last quarter of 10,000 places, and hits go on`() throws {
        try ResolverWorld.run { world throws in
            _ = try world.ask("known.example.")
            world.upstream.delay = .milliseconds(500)
            let answers = try world.askAtOnce(Flight.mostWaiters + 50) { .query("www.example.", edns: EDNS(), id: UInt16($0)) }
            // The first opens the flight, and is none of those.
            #expect(answers.count { $0.answers.count == 1 } == Flight.mostWaiters / 4 * 3 + 1)
            #expect(answers.count { $0.responseCode == .servFail && $0.extendedError == .other } == 2549)
            #expect(try world.ask("known.example.").answers.count == 1)
        }
    }

    @Test func `5,000 misses at once against an upstream that takes 300 ms are all answered, in less than a second`() throws {
        try ResolverWorld.run(flightLimit: 20_000) { world throws in
            world.upstream.delay = .milliseconds(300)
            let start = world.hub.loop.now()
            let answers = try world.askAtOnce(5000) { .query("n\($0).example.", id: UInt16($0)) }
            #expect(answers.allSatisfy { $0.answers.count == 1 })
            #expect(start.duration(to: world.hub.loop.now()) < .seconds(1))
            #expect(world.shared.flightCount == 0)
        }
    }

    @Test func `a reload keeps what is in flight, and asks the new upstream about the rest`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.delay = .milliseconds(300)
            let flying = world.hub.spawn { try world.ask("one.example.") }
            try sleep(.milliseconds(50))
            let next = try ScriptedUpstream(.init(.loopback, port: 6000))
            world.policy.routes = [ResolverWorld.route(".", next.address, id: 2)]
            world.resolver.adopt(world.policy)
            #expect(try world.ask("two.example.").answers.count == 1)
            #expect(try flying.get().answers.count == 1)
            #expect(world.upstream.count == 1 && next.count == 1)
            #expect(try world.ask("one.example.").answers.count == 1)
            #expect(next.count == 1)
        }
    }
}

/// Something that two hubs of one simulated world share.
final class Box<Value>: @unchecked Sendable {
    // SAFETY: hubs of a simulated world take turns on one thread.
    var value: Value

    init(_ value: Value) { self.value = value }
}
