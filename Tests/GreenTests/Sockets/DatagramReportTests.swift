import Glibc
import Green
import Testing

/// What a connected socket hears of the datagrams that it sent.
@Suite struct DatagramReportTests {
    /// A client that keeps reports, and what it got.
    final class Client {
        let hub: Hub
        let socket: DatagramSocket
        var reports: [DatagramReport] = []
        var received: [[UInt8]] = []

        init(_ hub: Hub, _ peer: SocketAddress) throws {
            var options = DatagramOptions()
            options.keepsReports = true
            self.hub = hub
            socket = try DatagramSocket(hub: hub, connectedTo: peer, options: options)
        }

        func send(_ bytes: [UInt8]) {
            var datagram = Datagram(hub: hub)!
            var buffer = datagram.buffer
            for index in bytes.indices { buffer[index] = bytes[index] }
            datagram.count = bytes.count
            socket.send(datagram)
        }

        /// Receives until so many datagrams and reports have come, or a second has passed without one.
        func receive(datagrams: Int = 0, reports count: Int = 0) throws {
            let reader = hub.spawn { [self] in
                while true {
                    _ = try socket.receive(until: hub.soon, onReport: { self.reports.append($0) }) { datagram in
                        self.received.append((0..<datagram.count).map { datagram.bytes[$0] })
                    }
                }
            }
            let deadline = hub.soon
            while received.count < datagrams || reports.count < count, hub.loop.now() < deadline, !reader.isDone {
                try sleep(.milliseconds(1))
            }
            reader.kill()
            _ = try? reader.get()
        }
    }

    static func closedPort(_ hub: Hub, _ address: SocketAddress) throws -> SocketAddress {
        let listener = try hub.loop.listen(.datagram, at: address, options: ListenOptions())
        try DatagramSocket(hub: hub, listener: listener).close()
        return listener.address
    }

    static func echo(_ hub: Hub, _ address: SocketAddress) throws -> SocketTests.Echo {
        let listener = try hub.loop.listen(.datagram, at: address, options: ListenOptions())
        let server = SocketTests.Echo(socket: try DatagramSocket(hub: hub, listener: listener))
        server.start()
        return server
    }

    @Test(arguments: World.allCases, SocketTests.addresses)
    func `a closed port is reported for each datagram that it was asked with, and reading goes on`(
        _ world: World, _ address: SocketAddress
    ) throws {
        try onHub(world) { hub throws in
            let peer = try Self.closedPort(hub, address)
            let client = try Client(hub, peer)
            let asked: [[UInt8]] = (1...20).map { Array(repeating: $0, count: 40 + Int($0)) }
            for bytes in asked { client.send(bytes) }
            try client.receive(reports: 20)
            #expect(client.reports.map(\.payload).sorted { $0[0] < $1[0] } == asked)
            for report in client.reports {
                #expect(report.origin == .icmp && report.error == .refused && report.errno == ECONNREFUSED)
                #expect(report.reporter == peer.ip && report.mtu == 0)
                #expect([3, 1].contains(report.icmpType) && [3, 4].contains(report.icmpCode))
            }
            let server = try Self.echo(hub, peer)
            client.send([42])
            try client.receive(datagrams: 1)
            #expect(client.received == [[42]])
            #expect(client.socket.droppedCount == 0 && client.socket.sentCount == 21)
            server.stop()
        }
    }

    @Test(arguments: World.allCases)
    func `what was said of an earlier datagram does not keep the next one from being sent`(_ world: World) throws {
        try onHub(world) { hub throws in
            let peer = try Self.closedPort(hub, SocketTests.addresses[0])
            for keepsReports in [true, false] {
                var options = DatagramOptions()
                options.keepsReports = keepsReports
                let client = try DatagramSocket(hub: hub, connectedTo: peer, options: options)
                func send() {
                    let datagram = Datagram(hub: hub)!
                    datagram.count = 1
                    client.send(datagram)
                }
                send()
                // The message of the closed port is there once the socket is readable.
                try sleep(.milliseconds(20))
                let server = try Self.echo(hub, peer)
                send()
                var got = 0
                while got == 0 { got = try client.receive(until: hub.soon, onReport: { _ in }) { _ in } }
                #expect(client.droppedCount == 0 && client.sentCount == 2)
                #expect(try server.stop(until: hub.soon))
                server.socket.close()
            }
        }
    }

    @Test(arguments: [ICMPMessage.portUnreachable, .networkUnreachable, .hostUnreachable, .prohibited, .tooBig(mtu: 576)])
    func `forged messages are told with what they quote, and end nothing`(_ message: ICMPMessage) throws {
        let world = VirtualWorld(seed: 3)
        let other = world.addHost("server", [VirtualWorldTests.port.ip])
        let group = HubGroup(starter: world)
        group.start(name: "server", loop: { other.makeLoop() }) {
            let server = try Self.echo(Hub.current, VirtualWorldTests.port)
            try sleep(.seconds(60))
            server.stop()
        }
        try world.run { hub in
            try sleep(.milliseconds(1))
            let client = try Client(hub, VirtualWorldTests.port)
            let local = client.socket.localAddress!
            client.send([1, 2, 3])
            for port in [local.port &- 1, local.port] {
                world.deliver(
                    message, to: world.host, from: SocketAddress(local.ip, port: port), to: VirtualWorldTests.port,
                    quoting: [9, 9], reporter: IPAddress("10.0.0.66")!)
            }
            try client.receive(datagrams: 1, reports: 1)
            #expect(client.received == [[1, 2, 3]])
            #expect(client.reports.map(\.payload) == [[9, 9]])
            #expect(client.reports[0].reporter == IPAddress("10.0.0.66") && client.reports[0].origin == .icmp)
            if case .tooBig = message { #expect(client.reports[0].mtu == 576) }
        }
    }

    @Test func `a flood of forged messages neither ends a socket nor keeps others from their turn`() throws {
        let world = VirtualWorld(seed: 4)
        try world.run { hub in
            let server = try Self.echo(hub, SocketTests.addresses[0])
            let client = try Client(hub, server.socket.localAddress!)
            var turns = 0
            let other = hub.spawn {
                while true {
                    turns += 1
                    try hub.yield(afterEvents: true)
                }
            }
            for _ in 0..<2000 {
                world.deliver(
                    .portUnreachable, to: world.host, from: client.socket.localAddress!, to: server.socket.localAddress!,
                    quoting: [0])
            }
            client.send([7])
            try client.receive(datagrams: 1, reports: 2000)
            #expect(client.received == [[7]] && client.reports.count == 2000)
            #expect(turns > 2000 / 64)
            other.kill()
            server.stop()
        }
    }

    @Test func `what the kernel refuses to send is told with its bytes, and the rest goes out`() throws {
        let world = VirtualWorld(seed: 5)
        let other = world.addHost("server", [VirtualWorldTests.port.ip])
        try world.run { hub in
            let client = try Client(hub, VirtualWorldTests.port)
            for code in [ENETUNREACH, EPERM, ENOBUFS] {
                client.reports = []
                world.setSendError(code, from: world.host)
                for number in 1...3 as ClosedRange<UInt8> { client.send([number, 0]) }
                try client.receive(reports: 3)
                #expect(client.reports.map(\.payload) == [[1, 0], [2, 0], [3, 0]])
                #expect(client.reports.allSatisfy { $0.origin == .sending && $0.errno == code })
                world.setSendError(nil, from: world.host)
            }
            client.reports = []
            let addresses = world.host.addresses
            world.setAddresses([IPAddress("10.0.0.77")!], of: world.host)
            client.send([4])
            try client.receive(reports: 1)
            #expect(client.reports.map(\.errno) == [EINVAL] && client.reports[0].payload == [4])
            world.setAddresses(addresses, of: world.host)
            #expect(client.socket.sentCount == 0 && client.socket.droppedCount == 10)
            world.setSendError(ENETUNREACH, from: world.host, to: VirtualWorldTests.port.ip)
            #expect(throws: SocketError.unreachable) { _ = try Client(hub, VirtualWorldTests.port) }
            world.setSendError(nil, from: world.host, to: VirtualWorldTests.port.ip)
            _ = other
        }
    }

    @Test func `so many refused datagrams as nobody asks for are kept, and no more`() throws {
        let world = VirtualWorld(seed: 6)
        let other = world.addHost("server", [VirtualWorldTests.port.ip])
        try world.run { hub in
            let client = try Client(hub, VirtualWorldTests.port)
            world.setSendError(EPERM, from: world.host)
            for _ in 0..<300 { client.send([1]) }
            try hub.yield(afterEvents: true)
            try client.receive(reports: 64)
            #expect(client.reports.count == 64 && client.socket.droppedCount == 300)
            _ = other
        }
    }

    @Test(.enabled(if: mayMakeNamespaces))
    func `the kernel's refusals, and messages forged for a real socket, are told with their datagrams`() throws {
        try onPrivateNetwork { hub in
            let server = try Self.echo(hub, SocketTests.addresses[0])
            let peer = server.socket.localAddress!
            let client = try Client(hub, peer)
            let local = client.socket.localAddress!
            for (type, code) in [(3, 3), (3, 1), (3, 4), (3, 0)] as [(UInt8, UInt8)] {
                forgeICMP(type: type, code: code, from: local.port, to: peer.port, quoting: [type, code])
            }
            client.send([5])
            try client.receive(datagrams: 1, reports: 4)
            #expect(client.received == [[5]])
            #expect(client.reports.map(\.errno) == [ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH])
            #expect(client.reports.map(\.payload) == [[3, 3], [3, 1], [3, 4], [3, 0]])
            #expect(client.reports.allSatisfy { $0.reporter == IPAddress("127.0.0.66") })
            server.stop()
            let here = SocketAddress("192.0.2.1", defaultPort: 0)!
            setLoopback(here)
            let second = try Self.echo(hub, here)
            let mover = try Client(hub, second.socket.localAddress!)
            mover.send([6])
            try mover.receive(datagrams: 1)
            setLoopback()
            mover.send([6, 6])
            try mover.receive(reports: 1)
            #expect(mover.reports.map(\.origin) == [.sending] && mover.reports.map(\.payload) == [[6, 6]])
            #expect([EINVAL, ENETUNREACH].contains(mover.reports[0].errno))
            setLoopback(here)
            mover.send([7])
            try mover.receive(datagrams: 2)
            #expect(mover.received == [[6], [7]])
            second.stop()
        }
    }
}
