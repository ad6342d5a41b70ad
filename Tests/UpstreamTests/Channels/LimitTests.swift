import DNSWire
import Green
import Testing

@testable import Upstream

/// What is left over, what may grow, and what ends with its owner.
@Suite struct `Limits` {
    /// Asks so many questions at once; how each ended.
    private func burst(_ forwarder: Forwarder, _ count: Int) throws -> [Result<UpstreamReply, any Error>] {
        (0..<count).map { index in
            Hub.current.spawn { try forwarder.ask(question("name\(index).example")) }
        }.map { greenlet in Result { try greenlet.get() } }
    }

    @Test(arguments: World.allCases) func `a thousand questions at once to a slow server are all answered`(_ world: World) throws
    {
        try onHub(world) { hub in
            let upstream = try FakeUpstream { [.wait(.milliseconds(300)), .send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let results = try burst(forwarder, 1000)
            let failures = results.compactMap { result in
                if case .failure(let error) = result { return error as? UpstreamFailure }
                return nil
            }
            #expect(failures == [])
            #expect(upstream.server.datagrams.openCount + upstream.server.ownPortCount <= PortUse.mostInWindow + 128)
        }
    }

    /// A channel that takes two exchanges.
    private final class Pair: PooledChannel {
        var count = 0
        var hasRoom: Bool { count < 2 }
        func retire() {}
        func send(_ exchange: Exchange) {}
        func forget(_ exchange: Exchange) {}
    }

    @Test func `a pool opens channels up to its limit, and tells when there is no room`() throws {
        let pool = ChannelPool<Pair>(limit: 5, spare: 2)
        var numbers = SeededNumbers(seed: 1)
        var turn: UInt64 = 0
        func take() throws(UpstreamFailure) -> Pair {
            turn += 1
            let channel = try pool.channel(at: Instant(nanoseconds: turn), { numbers.next() }) { () throws(UpstreamFailure) in
                Pair()
            }
            channel.count += 1
            return channel
        }
        var taken: [Pair] = []
        for _ in 0..<10 { taken.append(try take()) }
        #expect(pool.openCount == 5)
        #expect(throws: UpstreamFailure.overloaded) { _ = try take() }
        // One that is retired counts until it is closed.
        pool.retired(taken[0])
        #expect(throws: UpstreamFailure.overloaded) { _ = try take() }
        pool.closed(taken[0])
        #expect(pool.openCount == 4)
        _ = try take()
        #expect(pool.openCount == 5)
    }

    @Test func `without greenlets for its sockets a server cannot be asked, and is not blamed`() throws {
        var options = HubOptions()
        options.greenletLimit = 4
        try onHub(options: options) { hub in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            // The root, the server's two, and one more.
            let filler = hub.spawn { try sleep(.seconds(60)) }
            for transport in [UpstreamAddress.Transport.udp, .tcp] {
                upstream.forget(transport: transport)
                #expect(throws: UpstreamFailure.overloaded) { try ask(upstream) }
                #expect(!upstream.server.isFailing)
                #expect(upstream.server.openChannels == 0)
            }
            filler.kill()
        }
    }

    @Test func `what waits for connections is bounded in number, and what is too much is refused at once`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: .tcp) { _ in [] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let places = 16 * StreamChannel.capacity + UpstreamServer.mostWaiting
            var refused = 0
            let group = Group()
            for index in 0..<places + 50 {
                try group.spawn {
                    do throws(UpstreamFailure) {
                        _ = try forwarder.ask(question("n\(index).example"))
                    } catch {
                        if error == .overloaded { refused += 1 }
                    }
                }
            }
            try sleep(.milliseconds(1))
            #expect(refused == 50)
            group.kill()
            upstream.server.retire()
        }
    }

    @Test func `a retired server finishes what it was asked, over TCP too, and closes everything`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { query in
                query.isUDP ? [.wait(.milliseconds(500)), .send(query.reply(flags: 0x200))] : [.send(query.answer())]
            }
            let server = upstream.server
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2))
            let askers = (0..<50).map { _ in hub.spawn { try forwarder.ask(question("a.example")) } }
            try sleep(.milliseconds(100))
            server.retire()
            #expect(server.openChannels > 0)
            for asker in askers { #expect(try asker.get().transport == .tcp) }
            try sleep(.milliseconds(10))
            #expect(server.openChannels == 0)
        }
    }

    @Test(arguments: [UpstreamAddress.Transport.udp, .tcp])
    func `a killed question leaves nothing behind`(_ transport: UpstreamAddress.Transport) throws {
        try onHub { hub in
            let upstream = try FakeUpstream(transport: transport) { _ in [] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let asker = hub.spawn { try forwarder.ask(question("a.example")) }
            try sleep(.milliseconds(10))
            asker.kill()
            #expect(throws: UpstreamFailure.stopping) { try asker.get() }
            upstream.server.retire()
            #expect(upstream.server.openChannels == 0)
        }
    }

    @Test func `a question within a timeout ends with it`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { _ in [] }
            let time = elapsed {
                #expect(throws: UpstreamFailure.timedOut) {
                    try withTimeout(.seconds(1)) { _ in try ask(upstream) }
                }
            }
            #expect(time < .milliseconds(1001))
        }
    }

    /// Watches objects without keeping them.
    private struct Watch {
        weak var object: AnyObject?
    }

    @Test func `nothing of a question outlives it, nor of a hub`() throws {
        var watches: [Watch] = []
        try onHub { hub in
            // Both tries are answered at once, so that one answer is never looked at.
            let upstream = try FakeUpstream { query in
                query.number % 2 == 0 ? [.wait(.milliseconds(400)), .send(query.answer())] : [.send(query.answer())]
            }
            let other = try FakeUpstream(id: 2) { [.send($0.answer())] }
            for transport in [UpstreamAddress.Transport.udp, .tcp] {
                upstream.forget(transport: transport)
                let asking = Asking(question("a.example"), rules, servers: [upstream.server, other.server], hub: hub)
                watches.append(Watch(object: asking))
                let deadline = hub.loop.now().advanced(by: .seconds(5))
                _ = try asking.run(.init(serverCount: 2, tryLimit: 400_000_000, deadline: deadline))
                try sleep(.seconds(1))
                asking.end()
            }
            watches += [Watch(object: upstream.server), Watch(object: other.server)]
        }
        #expect(watches.allSatisfy { $0.object == nil })
    }

    @Test func `channels give each exchange an id of its own, and find it by no other`() throws {
        try onHub { hub in
            var numbers = SeededNumbers(seed: 9)
            let server = UpstreamServer(UpstreamAddress(SocketAddress(.loopback, port: 1)), id: 1)
            let asking = Asking(question("a.example"), rules, servers: [server], hub: hub)
            var table = ExchangeTable(capacity: 64)
            var present: [Exchange] = []
            for _ in 0..<20_000 {
                if table.hasRoom, present.isEmpty || Bool.random(using: &numbers) {
                    let route = AttemptPlan.Route(server: 0, transport: .udp, hasEDNS: true)
                    let exchange = Exchange(asking, to: server, on: route, letters: 0, at: hub.now)
                    table.register(exchange, random: numbers.next())
                    present.append(exchange)
                } else {
                    let gone = present.remove(at: .random(in: 0..<present.count, using: &numbers))
                    table.remove(gone)
                    table.remove(gone)
                    #expect(table.find(gone.form.id) !== gone)
                }
                #expect(table.count == present.count)
                #expect(Set(present.map(\.form.id)).count == present.count)
                let any = present.randomElement(using: &numbers)
                if let any { #expect(table.find(any.form.id) === any) }
            }
            #expect(table.removeAll().count == present.count)
            #expect(table.count == 0)
        }
    }
}
