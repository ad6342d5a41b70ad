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
            // A query.
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
            #expect(try address(ask(upstream)) == 1)
            #expect(upstream.queries.count == 1)
            #expect(upstream.server.strayCount == 2)
            #expect(upstream.server.openChannels == 0)
        }
    }

    @Test func `other letters are never accepted over UDP, and lead to TCP`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.isUDP ? $0.folded($0.answer(66)) : $0.answer())] }
            let reply = try ask(upstream)
            #expect(reply.transport == .tcp)
            #expect(upstream.queries.map(\.transport) == [.udp, .tcp])
            #expect(upstream.server.figures.nearMisses.value == 1 && upstream.server.figures.connections.value == 1)
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
            #expect(address(reply) == 1)
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

    @Test func `letters, ids and ports differ from query to query`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            for _ in 0..<100 {
                _ = try ask(upstream, "a-name-with-many-letters.example.com")
                try sleep(.milliseconds(1))
            }
            #expect(Set(upstream.queries.map(\.name)).count == 100)
            #expect(Set(upstream.queries.map(\.id)).count > 90)
            #expect(Set(upstream.queries.map(\.path)).count > 95)
        }
    }

    @Test func `late and doubled answers are no guesses`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer()), .send($0.answer()), .wait(.seconds(1)), .send($0.answer())] }
            let forwarder = Forwarder(hub: .current, servers: [upstream.server], tryLimit: .seconds(2))
            for _ in 0..<10 {
                let askers = (0..<100).map { _ in Hub.current.spawn { try forwarder.ask(question("a.example")) } }
                for asker in askers { _ = try asker.get() }
            }
            try sleep(.seconds(2))
            #expect(upstream.server.strayCount == 0)
            #expect(!upstream.queries.contains { !$0.isUDP })
        }
    }

}

/// Servers that know nothing of EDNS.
@Suite struct `Fallback without EDNS` {
    @Test(arguments: [ResponseCode.formErr, .notImp, .badVers], [false, true])
    func `a server without EDNS is asked again without OPT, and at once after three names`(_ code: ResponseCode, _ bare: Bool)
        throws
    {
        try onHub { _ in
            // The header alone has no room for BADVERS.
            if bare, code == .badVers { return }
            let upstream = try FakeUpstream { query in
                guard query.hasEDNS else { return [.send(query.answer())] }
                return [.send(bare ? query.bare(code) : query.reply(code))]
            }
            for _ in 0..<5 { #expect(address(try ask(upstream, "one.example")) == 1) }
            #expect(upstream.queries.map(\.hasEDNS) == [true, false, true, false, true, false, true, false, true, false])
            _ = try ask(upstream, "two.example")
            #expect(!upstream.server.lacksEDNS)
            _ = try ask(upstream, "three.example")
            #expect(upstream.server.lacksEDNS)
            _ = try ask(upstream)
            #expect(upstream.queries.suffix(3).map(\.hasEDNS) == [true, false, false])
            try sleep(.seconds(601))
            _ = try ask(upstream)
            #expect(upstream.queries.suffix(2).map(\.hasEDNS) == [true, false])
        }
    }

    @Test func `refusals of three names with an answer between them teach nothing`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                [.send(query.hasEDNS && query.number % 3 != 2 ? query.reply(.formErr) : query.answer())]
            }
            for index in 0..<20 { _ = try ask(upstream, "name\(index).example") }
            #expect(!upstream.server.lacksEDNS)
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
