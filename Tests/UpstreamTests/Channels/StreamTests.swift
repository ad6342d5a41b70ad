import DNSWire
import Green
import Testing

@testable import Upstream

/// Connections to upstreams.
@Suite struct `Streams` {
    @Test(arguments: World.allCases) func `many questions share one connection, answered in any order`(_ world: World) throws {
        try onHub(world) { hub in
            var held: [FakeQuery] = []
            let upstream = try FakeUpstream(transport: .tcp) { query in
                held.append(query)
                guard held.count == 100 else { return [] }
                return held.reversed().map { .send($0.answer()) }
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<100).map { index in
                hub.spawn { try forwarder.ask(question("name\(index).example")) }
            }
            for asker in askers { _ = try asker.get() }
            #expect(upstream.connectionCount == 1)
            #expect(upstream.queries.count == 100)
            #expect(Set(upstream.queries.map(\.id)).count == 100)
        }
    }

    @Test func `each asker gets the answer to its own question`() throws {
        try onHub { hub in
            // A number that goes by the name's digits, whatever the letters' case.
            let sum = { (name: ArraySlice<UInt8>) in name.reduce(0 as UInt8) { ($0 &* 7) &+ ($1 | 0x20) } }
            let upstream = try FakeUpstream { query in
                let name = query.bytes[12...].prefix { $0 != 0 }
                return [.wait(.microseconds(Int(query.id) % 97)), .send(query.answer(sum(name)))]
            }
            for transport in [UpstreamAddress.Transport.udp, .tcp] {
                upstream.forget(transport: transport)
                let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
                let askers = (0..<500).map { index in
                    hub.spawn { address(try forwarder.ask(question("name\(index).example"))) }
                }
                for (index, asker) in askers.enumerated() {
                    #expect(try asker.get() == sum(wire("name\(index).example").dropLast()[...]))
                }
            }
        }
    }

    @Test func `a connection is used again, and closed when idle for ten seconds`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send($0.answer())] }
            for _ in 0..<5 {
                _ = try ask(upstream)
                try sleep(.seconds(9))
            }
            #expect(upstream.connectionCount == 1)
            try sleep(.seconds(2))
            #expect(upstream.openConnections == 0)
            #expect(upstream.server.streams.openCount == 0)
            _ = try ask(upstream)
            #expect(upstream.connectionCount == 2)
        }
    }

    @Test func `bytes without answers do not keep an idle connection open`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send($0.answer()), .drip($0.answer(), .seconds(1))] }
            _ = try ask(upstream)
            try sleep(.seconds(12))
            #expect(upstream.server.streams.openCount == 0)
        }
    }

    @Test(arguments: [1, 2, 3]) func `a server that closes after some answers is asked on a fresh connection`(_ count: Int) throws
    {
        try onHub { hub in
            var answered: [Int: Int] = [:]
            let upstream = try FakeUpstream(transport: .tcp) { query in
                answered[query.path, default: 0] += 1
                return answered[query.path]! >= count ? [.send(query.answer()), .close] : [.send(query.answer())]
            }
            for _ in 0..<7 { _ = try ask(upstream) }
            #expect(upstream.queries.count == 7)
            #expect(upstream.connectionCount == (7 + count - 1) / count)
            // Several at once: what is left over is asked again, each over a connection of its own.
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            for each in (0..<20).map({ _ in hub.spawn { try forwarder.ask(question("a.example")) } }) { _ = try each.get() }
            #expect(!upstream.server.isFailing)
        }
    }

    @Test func `a kept connection that the server closed when asked does no harm`() throws {
        try onHub { _ in
            var isClosing = false
            let upstream = try FakeUpstream(transport: .tcp) { query in
                defer { isClosing = false }
                return isClosing ? [.close] : [.send(query.answer())]
            }
            _ = try ask(upstream)
            isClosing = true
            _ = try ask(upstream)
            #expect(upstream.queries.count == 3)
            #expect(upstream.connectionCount == 2)
            #expect(!upstream.server.isFailing)
        }
    }

    @Test func `a connection that an earlier question opened in vain may be closed at the next, which is asked again`() throws {
        try onHub { hub in
            var count = 0
            var closes = 1
            let upstream = try FakeUpstream(transport: .tcp) { query in
                count += 1
                if count == 1 { return [] }
                closes -= 1
                return closes >= 0 ? [.close] : [.send(query.answer())]
            }
            func askInVain() throws {
                let silent = hub.spawn { try ask(upstream) }
                try sleep(.milliseconds(100))
                silent.kill()
                try sleep(.milliseconds(1))
            }
            try askInVain()
            #expect(address(try ask(upstream)) != nil)
            #expect(upstream.queries.count == 3 && upstream.connectionCount == 2)
            // The fresh one is closed as well: that is a failure.
            upstream.forget()
            (count, closes) = (0, 2)
            try sleep(.seconds(11))
            try askInVain()
            #expect(throws: UpstreamFailure.unreachable) { try ask(upstream) }
            #expect(upstream.queries.count == 6)
        }
    }

    @Test func `a fresh connection that is closed at once is a failure`() throws {
        try onHub { _ in
            let first = try FakeUpstream(transport: .tcp, id: 1) { _ in [.close] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            #expect(try ask([first, second]).upstream == 2)
            #expect(first.queries.count == 1)
            #expect(first.server.isFailing)
        }
    }

    @Test func `a fresh connection that is cut in the middle of its answer is followed by another, once`() throws {
        try onHub { _ in
            var cuts = 1
            let upstream = try FakeUpstream(transport: .tcp) { query in
                guard cuts > 0 else { return [.send(query.answer())] }
                cuts -= 1
                return [.part(Array(query.answer().prefix(20)), of: query.answer().count), .close]
            }
            #expect(address(try ask(upstream)) != nil)
            #expect(upstream.queries.count == 2)
            upstream.forget()
            cuts = 2
            #expect(throws: UpstreamFailure.unreachable) { try ask(upstream) }
            #expect(upstream.queries.count == 4)
        }
    }

    /// Asks 150 questions at once, which all must be answered.
    private func burst(_ upstream: FakeUpstream) throws {
        let hub = Hub.current
        let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
        let askers = (0..<150).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
        for asker in askers { _ = try asker.get() }
        #expect(!upstream.server.isFailing)
    }

    @Test(arguments: [1, 2, 7, 100], World.allCases)
    func `a server that closes each connection after some answers loses no question of 150`(_ count: Int, _ world: World) throws {
        try onHub(world) { hub in
            var answered: [Int: Int] = [:]
            let upstream = try FakeUpstream(transport: .tcp) { query in
                answered[query.path, default: 0] += 1
                return answered[query.path]! >= count ? [.send(query.answer()), .close] : [.send(query.answer())]
            }
            for _ in 0..<3 { try burst(upstream) }
            let before = upstream.connectionCount
            try burst(upstream)
            #expect(upstream.connectionCount - before <= (150 + count - 1) / count + 20)
        }
    }

    @Test func `a server that takes ten connections and answers one question at a time loses none of 150`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { [.wait(.milliseconds(2)), .send($0.answer())] }
            for _ in 0..<3 { try burst(upstream) }
            #expect(upstream.connectionCount == 1)
        }
    }

    @Test func `one close with two questions under way halves what a connection is given, and no more`() throws {
        try onHub { hub in
            var isClosing = false
            let upstream = try FakeUpstream(transport: .tcp) { query in
                defer { isClosing = false }
                return isClosing ? [.close] : [.wait(.milliseconds(1)), .send(query.answer())]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            for _ in 0..<100 { _ = try forwarder.ask(question("a.example")) }
            let askers = (0..<2).map { _ in hub.spawn { try forwarder.ask(question("a.example")) } }
            isClosing = true
            for asker in askers { _ = try asker.get() }
            #expect(upstream.server.streamLimits.questions(at: hub.now) >= 50)
            try burst(upstream)
            #expect(upstream.connectionCount <= 5)
            try sleep(.seconds(61))
            #expect(upstream.server.streamLimits.questions(at: hub.now) == .max)
        }
    }

    @Test func `connects that are refused teach nothing of how much a connection is given`() throws {
        try onHub { hub in
            let server = try FakeUpstream(transport: .tcp, tcp: false) { _ in [] }.server
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2))
            let askers = (0..<50).map { index in hub.spawn { try? forwarder.ask(question("n\(index).example")) } }
            for asker in askers { #expect(try asker.get() == nil) }
            #expect(server.streamLimits.questions(at: hub.now) == .max)
            server.retire()
        }
    }

    @Test func `closes halve what is thought of a server, down to what it answers`() {
        var limits = StreamLimits()
        let now = Instant(nanoseconds: 1)
        for expected in [32, 16, 8, 4, 2, 1, 1] {
            limits.wasClosed(answered: 0, at: now)
            #expect(limits.questions(at: now) == expected)
        }
        limits.wasClosed(answered: 100, at: now)
        #expect(limits.questions(at: now) == 100)
        #expect(limits.questions(at: now.advanced(byNanoseconds: StreamLimits.memory)) == .max)
    }

    @Test func `silences after the same number of answers are a habit, others teach nothing`() {
        var limits = StreamLimits()
        let now = Instant(nanoseconds: 1)
        for answered in [7, 3, 90, 4, 12, 5] {
            limits.wentSilent(answered: answered, at: now)
            #expect(limits.questions(at: now) == .max)
        }
        limits.goesOn()
        limits.wentSilent(answered: 5, at: now)
        #expect(limits.questions(at: now) == .max)
        limits.wentSilent(answered: 5, at: now)
        #expect(limits.questions(at: now) == 5)
    }

    @Test func `AD is believed of who is spoken to over an encrypted connection, and of this machine`() {
        let address = SocketAddress(IPAddress("192.0.2.1")!, port: 853)
        #expect(UpstreamAddress(address, transport: .tls).trustsAD && UpstreamAddress(address, transport: .https).trustsAD)
        #expect(!UpstreamAddress(address).trustsAD && !UpstreamAddress(address, transport: .tcp).trustsAD)
    }

    @Test func `a server that answers the first question of a connection and no other is learnt`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { _ in [] }
            var seen: Set<Int> = []
            upstream.behavior = { query in seen.insert(query.path).inserted ? [.send(query.answer())] : [] }
            let slow = try (0..<38).count { _ in try elapsed { _ = try ask(upstream) } > .milliseconds(100) }
            #expect(slow <= StreamLimits.silencesBelieved)
            try burst(upstream)
        }
    }

    @Test func `one slow name on a connection teaches nothing`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { query in
                query.number % 5 == 1 ? [.wait(.milliseconds(600)), .send(query.answer())] : [.send(query.answer())]
            }
            for _ in 0..<20 { _ = try ask(upstream) }
            #expect(upstream.server.streamLimits.questions(at: hub.now) > 1)
        }
    }

    @Test func `an answer that comes byte by byte is put together`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.drip($0.answer(), .milliseconds(10))] }
            let reply = try ask(upstream)
            #expect(address(reply) == 1)
        }
    }

    @Test func `an answer that comes too slowly ends in time`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.drip($0.answer(), .seconds(1))] }
            let time = elapsed { #expect(throws: UpstreamFailure.timedOut) { try ask(upstream) } }
            #expect(time < .milliseconds(4501))
        }
    }

    @Test func `the longest answer comes through`() throws {
        try onHub { _ in
            let record = [0xC0, 12] + word(16) + word(1) + [0, 0, 1, 0] + word(2000) + [UInt8](repeating: 9, count: 2000)
            let upstream = try FakeUpstream(transport: .tcp) { query in
                var reply = query.reply(answers: Array(repeating: record, count: 32))
                reply[11] = 0
                return [.send(Array(reply.dropLast(11)))]
            }
            let forwarder = Forwarder(hub: .current, servers: [upstream.server], tryLimit: .seconds(2))
            #expect(try forwarder.ask(question("www.example.com", .txt)).answer.recordByteCount > 64_000)
        }
    }

    @Test func `a connection that has gone silent is raced by a fresh one, and left`() throws {
        try onHub { _ in
            var isDead = false
            var dead: Int?
            let upstream = try FakeUpstream(transport: .tcp) { query in
                if isDead, dead == nil { dead = query.path }
                return query.path == dead ? [] : [.send(query.answer())]
            }
            _ = try ask(upstream)
            isDead = true
            let time = try elapsed { _ = try ask(upstream) }
            #expect(time >= .milliseconds(400) && time < .milliseconds(410))
            let again = try elapsed { _ = try ask(upstream) }
            #expect(again < .milliseconds(10))
            #expect(upstream.connectionCount == 2)
            #expect(upstream.server.streams.openCount == 1)
        }
    }

    @Test func `messages that nobody asked for are suffered up to a limit`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { query in
                (0..<40).map { _ in .send(query.reply(id: query.id ^ 1)) } + [.send(query.answer())]
            }
            _ = try ask(upstream)
            #expect(upstream.server.streams.openCount == 1)
            _ = try ask(upstream)
            #expect(upstream.server.strayCount > 64)
            #expect(upstream.connectionCount == 2)
        }
    }

    @Test(arguments: World.allCases) func `a server that never stops sending does not keep the hub to itself`(_ world: World)
        throws
    {
        try onHub(world) { hub in
            let flood = [UInt8](repeating: 0, count: 65_000)
            var isOver = false
            let upstream = try FakeUpstream(transport: .tcp) { query in
                isOver ? [] : [.drip([], .zero)] + [.send(flood), .send(query.answer())]
            }
            let other = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let flooder = hub.spawn { for _ in 0..<50 { _ = try ask(upstream) } }
            for _ in 0..<50 { #expect(try ask(other).upstream == 2) }
            isOver = true
            flooder.kill()
        }
    }
}

@Suite struct `Stream buffers` {
    @Test(arguments: 0..<50 as Range<UInt64>) func `messages come out whole, however they are cut`(_ seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let messages = (0..<20).map { _ in
            let length = Int.random(in: 0..<4, using: &numbers) == 0 ? 65_535 : 600
            return (0..<Int.random(in: 0...length, using: &numbers)).map { UInt8(truncatingIfNeeded: $0) }
        }
        var stream = messages.flatMap { word($0.count) + $0 }
        var buffer = StreamBuffer()
        var found: [[UInt8]] = []
        while !stream.isEmpty {
            let piece = Array(stream.prefix(Int.random(in: 1...9000, using: &numbers)))
            let taken = buffer.append(piece)
            #expect(taken > 0)
            stream.removeFirst(taken)
            while let message = buffer.next() { found.append(message) }
        }
        #expect(found == messages)
    }

    @Test func `silent names by the thousand take no place from others at a server over connections`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { query in
                query.folded(query.bytes)[13] == UInt8(ascii: "s") ? [] : [.send(query.answer())]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            var longest = Duration.zero
            for second in 0..<5 {
                for batch in 0..<20 {
                    for index in 0..<60 {
                        hub.spawn { _ = try? forwarder.ask(question("s\(second)-\(batch)-\(index).example")) }
                    }
                    longest = max(longest, try elapsed { _ = try forwarder.ask(question("name\(second)-\(batch).example")) })
                    try sleep(.milliseconds(50))
                }
            }
            #expect(longest < .milliseconds(1_000), "\(longest)")
            #expect(upstream.server.exchangeCount > 4_000)
            #expect(upstream.server.waiting.count < UpstreamServer.mostWaiting)
        }
    }
}
