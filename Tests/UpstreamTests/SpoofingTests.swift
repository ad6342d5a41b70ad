import DNSWire
import Green
import Testing

@testable import Upstream

/// What somebody who guesses or folds can and cannot do.
@Suite struct `Spoofing` {
    /// Replies that must never be taken for the answer, by what is wrong with them.
    static let forgeries: [@Sendable (FakeQuery) -> [UInt8]] = [
        { $0.reply(id: $0.id ^ 1) },
        { $0.reply(name: $0.otherName) },
        { Array($0.answer().prefix(11)) },
        { _ in [] },
        { query in
            var reply = query.answer()
            reply[2] &= 0x7F
            return reply
        },
        { query in
            var reply = query.answer()
            reply[query.questionEnd - 3] ^= 1
            return reply
        },
    ]

    @Test(arguments: forgeries.indices) func `a forged reply is left out and the true one taken`(_ index: Int) throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                [
                    .send(Self.forgeries[index](query)), .send(Self.forgeries[index](query)), .wait(.milliseconds(1)),
                    .send(query.answer()),
                ]
            }
            #expect(try ask(upstream).bytes == upstream.queries[0].answer())
            #expect(upstream.queries.count == 1)
            #expect(upstream.server.strayCount == 2)
        }
    }

    @Test func `other letters are never accepted over UDP, and lead to TCP`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.isUDP ? $0.folded($0.answer(66)) : $0.answer())] }
            let reply = try ask(upstream)
            #expect(reply.transport == .tcp)
            #expect(upstream.queries.map(\.transport) == [.udp, .tcp])
            #expect(!upstream.server.foldsLetters)
        }
    }

    @Test func `after a forgery with other letters the true answer over UDP still counts`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                query.isUDP ? [.send(query.folded(query.answer(66))), .wait(.milliseconds(5)), .send(query.answer())] : []
            }
            let reply = try ask(upstream)
            #expect(reply.transport == .udp)
            #expect(reply.bytes == upstream.queries[0].answer())
        }
    }

    @Test(arguments: [false, true]) func `a server that folds case works, and is asked without 0x20 once TCP has shown it`(
        _ upper: Bool
    ) throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.folded($0.answer(), upper: upper))] }
            #expect(try ask(upstream).transport == .tcp)
            #expect(upstream.server.foldsLetters)
            for _ in 0..<5 { #expect(try ask(upstream).transport == .udp) }
            #expect(upstream.queries.count == 7)
            #expect(upstream.queries.last!.name == wire("www.example.com"))
            try sleep(.seconds(601))
            _ = try ask(upstream)
            #expect(upstream.queries.last!.name != wire("www.example.com"))
        }
    }

    @Test func `letters and ids differ from query to query, ports among a few`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            for _ in 0..<100 {
                _ = try ask(upstream, "a-name-with-many-letters.example.com")
                try sleep(.milliseconds(1))
            }
            #expect(Set(upstream.queries.map(\.name)).count == 100)
            #expect(Set(upstream.queries.map(\.id)).count > 90)
            #expect(Set(upstream.queries.map(\.path)).count == 4)
        }
    }

    @Test func `a port at which somebody guesses is given up, and its questions go over TCP`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                guard query.isUDP else { return [.send(query.answer())] }
                return (1...UInt16(DatagramChannel.mostStrays)).map { .send(query.reply(id: query.id ^ $0)) }
                    + [.wait(.milliseconds(1)), .send(query.answer(66))]
            }
            #expect(try ask(upstream).transport == .tcp)
            let burnt = upstream.queries[0].path
            #expect(upstream.server.datagrams.openCount == 0)
            upstream.behavior = { [.send($0.answer())] }
            for _ in 0..<10 {
                _ = try ask(upstream)
                #expect(upstream.queries.last!.path != burnt)
            }
        }
    }

    @Test func `late and doubled answers are no guesses`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer()), .send($0.answer()), .wait(.seconds(1)), .send($0.answer())] }
            for _ in 0..<200 { _ = try ask(upstream) }
            try sleep(.seconds(2))
            #expect(upstream.server.strayCount == 0)
            #expect(!upstream.queries.contains { !$0.isUDP })
        }
    }

    @Test func `a forged failure without a question does not end its try`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { query in
                [.send(query.bare(.servFail)), .wait(.milliseconds(10)), .send(query.answer())]
            }
            let second = try FakeUpstream(id: 2) { _ in [] }
            let time = try elapsed { try #expect(ask([first, second]).upstream == 1) }
            #expect(time < .milliseconds(20))
        }
    }
}

/// Servers that know nothing of EDNS.
@Suite struct `Fallback without EDNS` {
    @Test(arguments: [ResponseCode.formErr, .notImp, .badVers])
    func `a server without EDNS is asked again without OPT, from then on at once`(_ code: ResponseCode) throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.hasEDNS ? $0.reply(code) : $0.answer())] }
            #expect(address(try ask(upstream)) == 1)
            #expect(upstream.queries.map(\.hasEDNS) == [true, false])
            _ = try ask(upstream)
            #expect(upstream.queries.map(\.hasEDNS) == [true, false, false])
            try sleep(.seconds(601))
            _ = try ask(upstream)
            #expect(upstream.queries.map(\.hasEDNS) == [true, false, false, true, false])
        }
    }

    @Test func `a header alone must tell it three times`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.hasEDNS ? $0.bare(.formErr) : $0.answer())] }
            for _ in 0..<5 { _ = try ask(upstream) }
            #expect(upstream.queries.map(\.hasEDNS) == [true, false, true, false, true, false, false, false])
        }
    }

    @Test func `forged headers cannot talk EDNS away`() throws {
        try onHub { _ in
            var isForged = false
            let upstream = try FakeUpstream { query in
                isForged && query.hasEDNS
                    ? [.send(query.bare(.formErr)), .wait(.milliseconds(9)), .send(query.answer())] : [.send(query.answer())]
            }
            for round in 0..<20 {
                isForged = round % 3 != 2
                _ = try ask(upstream)
            }
            #expect(!upstream.server.lacksEDNS)
        }
    }

    @Test func `a server that finds the question itself malformed is asked twice and keeps EDNS`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.reply(.formErr))] }
            #expect(throws: UpstreamFailure.refused(.formErr, nil)) { try ask(upstream) }
            #expect(upstream.queries.count == 2)
            #expect(!upstream.server.lacksEDNS)
        }
    }

    @Test func `over TCP it works as well`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send($0.hasEDNS ? $0.bare(.formErr) : $0.answer())] }
            _ = try ask(upstream)
            _ = try ask(upstream)
            #expect(upstream.queries.map(\.hasEDNS) == [true, false, false])
            #expect(upstream.connectionCount == 1)
        }
    }
}
