import DNSWire
import Green
import Testing

@testable import Upstream

/// What anybody may have sent adds a way to the answer and closes none.
@Suite struct `Doubt` {
    @Test(arguments: [true, false]) func `a forged failure without a question fails no name, with TCP and without`(_ tcp: Bool)
        throws
    {
        try onHub { _ in
            let upstream = try FakeUpstream(tcp: tcp) { query in
                guard query.isUDP else { return [.wait(.seconds(3)), .send(query.answer())] }
                return query.number == 0
                    ? [.send(query.bare(.servFail)), .wait(.milliseconds(10)), .send(query.answer())] : []
            }
            let time = try elapsed { try #expect(address(ask(upstream)) == 1) }
            #expect(time < .milliseconds(20))
            #expect(!upstream.server.isFailing)
        }
    }

    @Test func `a forged failure without a question does not end its try when the next server is silent`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { query in
                [.send(query.bare(.servFail)), .wait(.milliseconds(10)), .send(query.answer())]
            }
            let second = try FakeUpstream(id: 2) { _ in [] }
            let time = try elapsed { try #expect(ask([first, second]).upstream == 1) }
            #expect(time < .milliseconds(20))
        }
    }

    @Test(arguments: 0...7) func `strays in front of the true answer fail no question where TCP is closed`(_ burst: Int) throws {
        try onHub { _ in
            let upstream = try FakeUpstream(tcp: false) { query in
                (0..<(1 << burst)).map { .send(query.reply(id: query.id ^ UInt16($0 + 1))) }
                    + [.wait(.milliseconds(1)), .send(query.answer())]
            }
            for _ in 0..<8 {
                let time = try elapsed { try #expect(address(ask(upstream)) != nil) }
                #expect(time < .milliseconds(10))
            }
        }
    }

    @Test func `after hundreds of guesses nothing that comes to that port is believed, and another port answers`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(tcp: false) { query in
                query.number == 0
                    ? (1...UInt16(DatagramChannel.strayLimit)).map { .send(query.reply(id: query.id ^ $0)) }
                        + [.wait(.milliseconds(1)), .send(query.answer(66))] : [.wait(.milliseconds(2)), .send(query.answer())]
            }
            #expect(try address(ask(upstream)) == 1)
            #expect(Set(upstream.queries.map(\.path)).count > 1)
        }
    }

    @Test func `guesses at a shared port move its questions and burn the port`() throws {
        try onHub { hub in
            var isUnderAttack = false
            let upstream = try FakeUpstream { query in
                guard isUnderAttack, query.isUDP else { return [.send(query.answer())] }
                return (1...UInt16(DatagramChannel.mostStrays)).map {
                    .send(query.reply(name: query.otherName, id: query.id ^ $0))
                }
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            func burst(_ count: Int) throws {
                let askers = (0..<count).map { _ in hub.spawn { try forwarder.ask(question("a.example")) } }
                for asker in askers { _ = try asker.get() }
            }
            for _ in 0..<10 { try burst(100) }
            #expect(upstream.server.datagrams.openCount > 0)
            isUnderAttack = true
            let before = upstream.queries.count
            let time = try elapsed { try burst(20) }
            #expect(time < .milliseconds(20))
            let burnt = Set(upstream.queries[before...].filter(\.isUDP).map(\.path))
            isUnderAttack = false
            let after = upstream.queries.count
            try burst(50)
            #expect(burnt.isDisjoint(with: upstream.queries[after...].map(\.path)))
        }
    }

    @Test(arguments: [false, true]) func `a server that folds case and has no TCP works, and is asked without 0x20 then`(
        _ upper: Bool
    ) throws {
        try onHub { _ in
            let upstream = try FakeUpstream(tcp: false) { [.send($0.folded($0.answer(), upper: upper))] }
            let time = try elapsed { try #expect(address(ask(upstream)) != nil) }
            #expect(time < .milliseconds(10))
            #expect(upstream.server.foldsLetters)
            #expect(upstream.queries.count == 3)
            #expect(Set(upstream.queries.map(\.path)).count == 3)
            #expect(Set(upstream.queries.map(\.name)).count == 3)
            for _ in 0..<7 { _ = try ask(upstream) }
            #expect(upstream.queries.count == 10)
        }
    }

    @Test func `where TCP swallows everything, three folded answers are believed in the time of a few round trips`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            let upstream = try FakeUpstream { query in query.isUDP ? [.send(query.folded(query.answer()))] : [] }
            let time = try elapsed { try #expect(address(ask(upstream)) != nil) }
            #expect(time < .seconds(1))
        }
    }

    @Test func `one forged answer in other letters is never believed`() throws {
        try onHub { _ in
            var names: Set<[UInt8]> = []
            let upstream = try FakeUpstream(tcp: false) { query in
                let isFirst = names.insert(query.folded(query.bytes).dropFirst(12).map { $0 }).inserted
                let forged = isFirst ? [FakeAct.send(query.folded(query.reply(.nxDomain)))] : []
                return forged + [.wait(.milliseconds(1)), .send(query.answer())]
            }
            for index in 0..<50 {
                let reply = try ask(upstream, "name\(index).example")
                #expect(reply.answer.responseCode == .noError)
            }
            #expect(!upstream.server.foldsLetters)
        }
    }

    @Test func `doubtful answers that differ are not believed`() throws {
        try onHub { _ in
            var ports: [Int] = []
            let upstream = try FakeUpstream(tcp: false) { query in
                if query.isCheck { return [.send(query.answer())] }
                if !ports.contains(query.path) { ports.append(query.path) }
                let isOdd = ports.firstIndex(of: query.path)! % 2 == 1
                return [.send(query.folded(isOdd ? query.reply(.nxDomain) : query.answer(66)))]
            }
            #expect(throws: UpstreamFailure.self) { try ask(upstream) }
            #expect(!upstream.server.foldsLetters)
        }
    }
}
