import DNSWire
import Green
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// What clients are told when there is no answer, and for how long that is remembered (RFC 9520).
@Suite struct FailureMemoryTests {
    @Test func `silence, a closed port and refusal give SERVFAIL with their reason, within the time of a question`() throws {
        let cases: [(String, ExtendedErrorCode, (ResolverWorld) -> Void)] = [
            ("silence", .noReachableAuthority, { $0.upstream.answer = { _ in nil } }),
            ("a closed port", .noReachableAuthority, { $0.upstream.stop() }),
            ("refusal", .prohibited, { $0.upstream.answer = { .reply(to: $0, .refused, extendedError: .prohibited) } }),
            ("failure", .notReady, { $0.upstream.answer = { .reply(to: $0, .servFail, extendedError: .notReady) } }),
            ("failure without a reason", .other, { $0.upstream.answer = { .reply(to: $0, .servFail) } }),
        ]
        for (what, reason, prepare) in cases {
            try ResolverWorld.run { world throws in
                prepare(world)
                let start = world.hub.loop.now()
                let answer = try world.ask("www.example.", edns: EDNS())
                #expect(answer.responseCode == .servFail && answer.extendedError == reason, "\(what)")
                #expect(start.duration(to: world.hub.loop.now()) <= Forwarder.questionLimit + .milliseconds(10), "\(what)")
                #expect(try world.ask("www.example.").edns == nil)
            }
        }
    }

    @Test func `broken records are a failure that is asked about once, whoever else asks`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                var reply = Message.reply(to: query, .noError)
                reply.answers = [
                    ResourceRecord(query.questions[0].name, ttl: 60, .unknown(RecordData.Unknown(type: .a, bytes: [192, 0, 2])))
                ]
                return reply
            }
            for answer in try world.askAtOnce(5, { _ in .query("www.example.", edns: EDNS()) }) {
                #expect(answer.responseCode == .servFail && answer.answers.isEmpty && answer.extendedError != nil)
            }
            let asked = world.upstream.count
            // Over UDP, and once more over TCP.
            #expect(asked == 2 && world.upstream.streamCount == 1)
            #expect(try world.ask("www.example.").responseCode == .servFail)
            #expect(world.upstream.count == asked)
        }
    }

    @Test func `no question takes longer than four and a half seconds, with a slow Redis before it neither`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { _ in nil }
            let start = world.hub.loop.now()
            #expect(try world.ask("www.example.").responseCode == .servFail)
            #expect(start.duration(to: world.hub.loop.now()) <= Forwarder.questionLimit + .milliseconds(10))
        }
    }

    @Test func `a failure is remembered for a second, then twice as long each time, five minutes at most`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { .reply(to: $0, .servFail) }
            var gaps: [Double] = []
            var last = world.hub.loop.now()
            for _ in 0..<12 {
                let before = world.upstream.count
                while world.upstream.count == before {
                    let answer = try world.ask("www.example.", edns: EDNS())
                    #expect(answer.responseCode == .servFail && answer.extendedError != nil)
                    try sleep(.milliseconds(250))
                }
                let now = world.hub.loop.now()
                gaps.append(Double(last.duration(to: now).components.seconds))
                last = now
            }
            #expect(zip(gaps.dropFirst(), gaps.dropFirst(2)).allSatisfy { $0 <= $1 + 2 })
            #expect(gaps[1] <= 2 && gaps[2] >= 1 && gaps[11] >= 280 && gaps[11] <= 302)
        }
    }

    @Test func `the words beside a failure's reason are remembered with it`() throws {
        let cases: [(String, (ResolverWorld) -> Void)] = [
            ("no upstream answered in time", { $0.upstream.answer = { _ in nil } }),
            ("every upstream failed", { $0.upstream.answer = { .reply(to: $0, .servFail) } }),
            ("every upstream refused", { $0.upstream.answer = { .reply(to: $0, .refused) } }),
            ("no upstream could be reached", { $0.upstream.stop() }),
        ]
        for (text, prepare) in cases {
            try ResolverWorld.run { world throws in
                prepare(world)
                let first = try world.ask("www.example.", edns: EDNS()).edns?.extendedError
                #expect(first?.text == text)
                let step = world.begin(Message.query("www.example.", edns: EDNS()).wire)
                let again = try Message(step.answer.span).edns?.extendedError
                #expect(again?.code == first?.code && again?.text == text)
            }
        }
    }

    @Test func `failures are forgotten when the upstream comes back`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { _ in nil }
            for _ in 0..<5 {
                _ = try world.ask("www.example.")
                try sleep(.seconds(20))
            }
            _ = try world.ask("www.example.")
            world.upstream.answer = { .address($0) }
            // Remembered still; another name's answer tells that the upstream is back.
            #expect(try world.ask("www.example.").responseCode == .servFail)
            #expect(try world.ask("other.example.").answers.count == 1)
            #expect(try world.ask("www.example.").answers.count == 1)
        }
    }

    @Test func `names of a client's own that fail end the rest of others no more than once in half a minute`() throws {
        try ResolverWorld.run { world throws in
            var asked = 0
            world.upstream.answer = { query in
                let name = "\(query.questions[0].name)".lowercased()
                if name.hasPrefix("bad.victim") { asked += 1 }
                return name.hasPrefix("bad") ? .reply(to: query, .servFail) : .address(query)
            }
            // It rests for minutes by now.
            for _ in 0..<1_000 {
                _ = try world.ask("bad.victim.example.")
                try sleep(.milliseconds(250))
            }
            let before = asked
            for second in 0..<50 {
                for domain in 0..<4 { _ = try world.ask("bad\(second).evil\(domain).test.example\(domain).") }
                _ = try world.ask("good\(second).example.")
                _ = try world.ask("bad.victim.example.")
                try sleep(.seconds(1))
            }
            // After it has ended the rest begins anew, at a second.
            #expect((1...14).contains(asked - before), "\(asked - before)")
        }
    }

    @Test func `a verdict of bogus is passed on with its reason, and nobody else is asked`() throws {
        try ResolverWorld.run { world throws in
            let second = try ScriptedUpstream(.init(.loopback, port: 6000))
            world.policy.routes[0].upstreams.append(.init(UpstreamAddress(second.address), id: 2))
            world.resolver.adopt(world.policy)
            world.upstream.answer = { .reply(to: $0, .servFail, extendedError: .dnssecBogus) }
            for _ in 0..<2 {
                let answer = try world.ask("www.example.", edns: EDNS(dnssecOK: true))
                #expect(answer.responseCode == .servFail && answer.extendedError == .dnssecBogus)
            }
            #expect(second.count == 0)
        }
    }
}
