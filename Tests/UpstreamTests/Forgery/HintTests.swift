import DNSWire
import Glibc
import Green
import Testing

@testable import Upstream

/// What the kernel and strangers say of datagrams: a hint, no verdict.
@Suite struct `Hints` {
    private static let far = IPAddress("10.0.0.9")!

    private func server(_ ip: IPAddress = far, id: UInt16 = 9) -> UpstreamServer {
        UpstreamServer(UpstreamAddress(SocketAddress(ip, port: 53)), id: id)
    }

    /// Says of a query, quoting it to the letter, that nobody listens where it went.
    private func refuse(_ query: FakeQuery, at place: SocketAddress, in world: VirtualWorld) {
        let local = SocketAddress(.loopback, port: UInt16(query.path))
        world.deliver(.portUnreachable, to: world.host, from: local, to: place, quoting: query.bytes)
    }

    @Test(arguments: [ICMPMessage.portUnreachable, .hostUnreachable, .prohibited, .tooBig(mtu: 68)])
    func `an ICMP message that does not quote the query to the letter changes nothing`(_ message: ICMPMessage) throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            var forged = 0
            var place: SocketAddress?
            let upstream = try FakeUpstream(tcp: false) { query in
                // One that knows the port, and all but the id, or all but the letters, or nothing more.
                var quotes = [[], Array(query.bytes.prefix(20)), query.folded(query.bytes), query.bytes.map { ~$0 }]
                quotes.append([query.bytes[0] ^ 1] + query.bytes.dropFirst())
                for quote in quotes {
                    forged += 1
                    let local = SocketAddress(.loopback, port: UInt16(query.path))
                    world.deliver(message, to: world.host, from: local, to: place!, quoting: quote)
                }
                return [.wait(.milliseconds(5)), .send(query.answer())]
            }
            place = upstream.address
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server, second.server], tryLimit: .seconds(2))
            let askers = (0..<300).map { index in
                hub.spawn { try forwarder.ask(question("a-longer-name-\(index).example")).upstream }
            }
            for asker in askers { try #expect(asker.get() == 1) }
            #expect(forged == 1500)
            #expect(!upstream.server.isFailing)
        }
    }

    @Test func `an ICMP message that quotes a query moves that question alone, and only before anything was heard`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            var place: SocketAddress?
            let upstream = try FakeUpstream(tcp: false) { query in
                if query.folded(query.bytes)[13] != UInt8(ascii: "x") {
                    return [.wait(.milliseconds(5)), .send(query.answer())]
                }
                refuse(query, at: place!, in: world)
                return []
            }
            place = upstream.address
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server, second.server], tryLimit: .seconds(2))
            let moved = hub.spawn {
                try elapsed { try #expect(forwarder.ask(question("x.example")).upstream == 2) }
            }
            let others = (0..<100).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")).upstream } }
            try #expect(moved.get() < .milliseconds(5))
            for other in others { try #expect(other.get() == 1) }
        }
    }

    @Test func `an ICMP message that quotes a query to the letter changes nothing once something was heard after it`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            var place: SocketAddress?
            var isQuoted = false
            let upstream = try FakeUpstream(tcp: false) { query in
                guard query.folded(query.bytes)[13] == UInt8(ascii: "x") else { return [.send(query.answer())] }
                _ = hub.spawn {
                    try sleep(.milliseconds(20))
                    isQuoted = true
                    refuse(query, at: place!, in: world)
                }
                return [.wait(.milliseconds(40)), .send(query.answer())]
            }
            place = upstream.address
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server, second.server], tryLimit: .seconds(2))
            let slow = hub.spawn { try forwarder.ask(question("x.example")).upstream }
            try sleep(.milliseconds(10))
            #expect(try forwarder.ask(question("a.example")).upstream == 1)
            try #expect(slow.get() == 1)
            #expect(isQuoted && !upstream.server.isFailing)
        }
    }

    @Test func `one quoted query does not move the questions after it, two do`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            var place: SocketAddress?
            var isClosed = false
            let upstream = try FakeUpstream(tcp: false) { query in
                guard isClosed || query.folded(query.bytes)[13] == UInt8(ascii: "x") else { return [.send(query.answer())] }
                refuse(query, at: place!, in: world)
                return []
            }
            place = upstream.address
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server, second.server], tryLimit: .seconds(2))
            for index in 0..<10 {
                #expect(try forwarder.ask(question("x\(index).example")).upstream == 2)
                #expect(try forwarder.ask(question("a\(index).example")).upstream == 1)
                try sleep(.seconds(2))
            }
            // Where nobody listens the check is refused as well.
            isClosed = true
            #expect(try forwarder.ask(question("b.example")).upstream == 2)
            try #expect(eventually { upstream.server.isFailing })
        }
    }

    @Test(arguments: [EPERM, ENETUNREACH, EINVAL])
    func `a query that the kernel does not send goes to the next server at once`(_ errno: Int32) throws {
        let world = VirtualWorld(seed: 1)
        _ = world.addHost("far", [Self.far])
        world.setSendError(errno, from: world.host, to: Self.far)
        try world.run { hub in
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [self.server(), second.server], tryLimit: .seconds(2))
            let time = try elapsed { try #expect(forwarder.ask(question("a.example")).upstream == 2) }
            #expect(time < .milliseconds(10))
        }
    }

    @Test func `a link that goes down while a question waits moves it at the next datagram`() throws {
        let world = VirtualWorld(seed: 1)
        let far = world.addHost("far", [Self.far])
        world.cut(world.host, far)
        try world.run { hub in
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [self.server(), second.server], tryLimit: .seconds(2))
            let asker = hub.spawn { try elapsed { try #expect(forwarder.ask(question("a.example")).upstream == 2) } }
            try sleep(.milliseconds(10))
            world.setSendError(ENETUNREACH, from: world.host, to: Self.far)
            try #expect(asker.get() < .milliseconds(410))
        }
    }
}
