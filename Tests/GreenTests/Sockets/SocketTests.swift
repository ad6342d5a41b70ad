import Green
import Testing

@Suite struct SocketTests {
    static let addresses = [SocketAddress(.loopback, port: 0), SocketAddress(.loopbackV6, port: 0)]

    /// Answers each datagram with its own bytes, and counts.
    final class Echo: DatagramServer {
        override func handle(_ datagram: consuming Datagram) {
            socket.send(datagram)
        }
    }

    @Test(arguments: World.allCases, addresses)
    func `a datagram server answers each datagram in a greenlet`(_ world: World, _ address: SocketAddress) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: address, options: ListenOptions())
            let server = Echo(socket: try DatagramSocket(hub: hub, listener: listener))
            server.start()
            let client = try DatagramSocket(hub: hub, connectedTo: listener.address)
            var answers = 0
            for round in 0..<5 {
                for index in 0..<100 {
                    var datagram = Datagram(hub: hub)!
                    var buffer = datagram.buffer
                    buffer[0] = UInt8(round)
                    buffer[1] = UInt8(index)
                    datagram.count = 2
                    client.send(datagram)
                }
                let deadline = hub.loop.now().advanced(by: .seconds(10))
                while answers < (round + 1) * 100 {
                    let got = try client.receive(until: deadline) { datagram in
                        #expect(datagram.count == 2)
                        #expect(datagram.bytes[0] == UInt8(round))
                    }
                    guard got > 0 else { break }
                    answers += got
                }
            }
            #expect(answers == 500)
            server.stop()
        }
    }

    /// Answers after a while.
    final class SlowEcho: DatagramServer {
        /// What the answers wait for.
        let gate = Event()
        var begun = 0

        override func handle(_ datagram: consuming Datagram) {
            begun += 1
            _ = try? gate.wait()
            socket.send(datagram)
        }
    }

    @Test(arguments: World.allCases)
    func `a stopped datagram server lives until its last greenlet has ended, and no longer`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            var server: SlowEcho? = SlowEcho(socket: try DatagramSocket(hub: hub, listener: listener))
            weak let seen = server
            server?.start()
            let client = try DatagramSocket(hub: hub, connectedTo: listener.address)
            for _ in 0..<3 {
                let datagram = Datagram(hub: hub)!
                datagram.count = 2
                client.send(datagram)
            }
            while server!.begun < 3 { try hub.yield(afterEvents: true) }
            let gate = server!.gate
            server?.stop()
            server = nil
            try sleep(.milliseconds(1))
            #expect(seen != nil)
            gate.set()
            var answers = 0
            while answers < 3, case let got = try client.receive(until: hub.soon, { _ in }), got > 0 { answers += got }
            #expect(answers == 3)
            while seen != nil, hub.greenletCount > 1 { try hub.yield(afterEvents: true) }
            #expect(seen == nil)
        }
    }

    @Test(arguments: World.allCases)
    func `a datagram server's stop waits for greenlets that have begun, and takes no more`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = SlowEcho(socket: try DatagramSocket(hub: hub, listener: listener))
            server.start()
            let client = try DatagramSocket(hub: hub, connectedTo: listener.address)
            func ask() {
                let datagram = Datagram(hub: hub)!
                datagram.count = 2
                client.send(datagram)
            }
            for _ in 0..<3 { ask() }
            while server.begun < 3 { try hub.yield(afterEvents: true) }
            #expect(try !server.stop(until: hub.loop.now().advanced(by: .milliseconds(1))))
            ask()
            #expect(server.socket.sentCount == 0)
            server.gate.set()
            #expect(try server.stop(until: hub.soon))
            // The answers leave at the end of the turn.
            try hub.yield(afterEvents: true)
            #expect(server.socket.sentCount == 3 && server.begun == 3)
            #expect(try server.stop(until: hub.now))
            // What came meanwhile is taken by who starts it again.
            server.start()
            while server.begun < 4 { try hub.yield(afterEvents: true) }
            #expect(try server.stop(until: hub.soon))
        }
    }

    @Test(arguments: World.allCases) func `a datagram server that is stopped by who runs before it takes no more`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = Echo(socket: try DatagramSocket(hub: hub, listener: listener))
            server.start()
            #expect(try server.stop(until: hub.soon))
            #expect(hub.greenletCount == 1)
        }
    }

    @Test(arguments: World.allCases) func `a wildcard listener answers from the address that was asked`(_ world: World) throws {
        try onHub(world) { hub throws in
            var options = ListenOptions()
            options.packetInfo = true
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.any, port: 0), options: options)
            let server = Echo(socket: try DatagramSocket(hub: hub, listener: listener))
            server.start()
            let asked = SocketAddress(IPAddress("127.0.0.9")!, port: listener.address.port)
            // A connected socket takes answers from the asked address alone.
            let client = try DatagramSocket(hub: hub, connectedTo: asked)
            let datagram = Datagram(hub: hub)!
            datagram.count = 1
            client.send(datagram)
            #expect(try client.receive(until: hub.loop.now().advanced(by: .seconds(10))) { _ in } == 1)
        }
    }

    @Test(arguments: World.allCases) func `a closed port is told to who asks there`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: Self.addresses[0], options: ListenOptions())
            let gone = try DatagramSocket(hub: hub, listener: listener)
            let client = try DatagramSocket(hub: hub, connectedTo: listener.address)
            gone.close()
            let datagram = Datagram(hub: hub)!
            datagram.count = 1
            client.send(datagram)
            #expect(throws: SocketError.refused) {
                _ = try client.receive(until: hub.loop.now().advanced(by: .seconds(10))) { _ in }
            }
        }
    }

    @Test(arguments: World.allCases, addresses)
    func `streams carry bytes both ways and end`(_ world: World, _ address: SocketAddress) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
            let server = try StreamServer(hub: hub, listener: listener, limit: 10) { connection in
                while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            let deadline = hub.loop.now().advanced(by: .seconds(20))
            let client = try StreamSocket.connect(to: server.address, hub: hub, until: deadline)
            let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let writer = hub.spawn {
                try client.write(sent, until: deadline)
                client.shutdownWrite()
            }
            var received: [UInt8] = []
            while case let bytes = try client.read(upTo: 65536, until: deadline), !bytes.isEmpty { received += bytes }
            try writer.get()
            #expect(received == sent)
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a connection beyond the limit is closed at once`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.stream, at: Self.addresses[0], options: ListenOptions())
            let server = try StreamServer(hub: hub, listener: listener, limit: 1) { _ = try $0.read(upTo: 1) }
            server.start()
            let deadline = hub.loop.now().advanced(by: .seconds(20))
            let first = try StreamSocket.connect(to: server.address, hub: hub, until: deadline)
            try sleep(.milliseconds(1))
            let second = try StreamSocket.connect(to: server.address, hub: hub, until: deadline)
            #expect(try second.read(upTo: 1, until: deadline).isEmpty)
            #expect(server.refusedCount == 1)
            first.close()
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `connecting to a closed port throws refused`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: Self.addresses[0], options: ListenOptions())
            #expect(throws: SocketError.refused) {
                _ = try StreamSocket.connect(to: listener.address, hub: hub, until: hub.now.advanced(by: .seconds(5)))
            }
        }
    }

    @Test(arguments: World.allCases) func `an address in use is told, by a listener that shares its port too`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            for kind in [SocketKind.datagram, .stream] {
                let first = try hub.loop.listen(kind, at: Self.addresses[0], options: ListenOptions())
                #expect(throws: SocketError.addressInUse) {
                    _ = try hub.loop.listen(kind, at: first.address, options: ListenOptions())
                }
                var options = ListenOptions()
                options.sharesPort = true
                let second = try hub.loop.listen(kind, at: first.address, options: options)
                #expect(second.address == first.address)
            }
        }
    }

    /// Keeps a datagram's buffer out.
    private final class Holder {
        let datagram: Datagram
        init(_ datagram: consuming Datagram) { self.datagram = datagram }
    }

    /// As many as the first receive has room for, as the second, and as the largest.
    @Test(arguments: World.allCases, [[4], [8], [64], [4, 8, 16, 32, 64], [64, 4, 8]])
    func `datagrams that fill a receive exactly all come, and so does one after a silence`(_ world: World, _ counts: [Int]) throws
    {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let receiver = try DatagramSocket(hub: hub, listener: listener)
            let sender = try DatagramSocket(hub: hub, connectedTo: listener.address)
            var sent = 0
            var received: [UInt8] = []
            func send(_ count: Int) {
                for _ in 0..<count {
                    var datagram = Datagram(hub: hub)!
                    var buffer = datagram.buffer
                    buffer[0] = UInt8(truncatingIfNeeded: sent)
                    datagram.count = 1
                    sender.send(datagram)
                    sent += 1
                }
            }
            func receive() throws {
                while received.count < sent {
                    try #require(try receiver.receive(until: hub.soon) { received.append($0.bytes[0]) } > 0)
                }
            }
            for count in counts {
                send(count)
                try sleep(.milliseconds(1))
                try receive()
                #expect(try receiver.receive(until: hub.loop.now().advanced(by: .milliseconds(1))) { _ in } == 0)
                send(1)
                try receive()
            }
            #expect(received.sorted() == (0..<sent).map { UInt8(truncatingIfNeeded: $0) })
        }
    }

    @Test func `a socket without a buffer lets those go on who have them`() throws {
        try onHub { hub throws in
            let listener = try hub.loop.listen(.datagram, at: Self.addresses[0], options: ListenOptions())
            let socket = try DatagramSocket(hub: hub, listener: listener)
            let client = try DatagramSocket(hub: hub, connectedTo: listener.address)
            let datagram = Datagram(hub: hub)!
            datagram.count = 1
            client.send(datagram)
            try sleep(.milliseconds(1))
            var held: [Holder] = []
            while let datagram = Datagram(hub: hub) { held.append(Holder(datagram)) }
            hub.spawn {
                try sleep(.milliseconds(5))
                held = []
            }
            #expect(try socket.receive(until: hub.soon) { _ in } == 1)
        }
    }

    @Test(arguments: World.allCases) func `closing a socket ends the waits on it`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: Self.addresses[0], options: ListenOptions())
            let socket = try DatagramSocket(hub: hub, listener: listener)
            let reader = hub.spawn { try socket.receive(until: .never) { _ in } }
            try yield()
            socket.close()
            #expect(throws: SocketError.closed) { try reader.get() }
        }
    }

    @Test(arguments: ["192.0.2.1:53", "[2001:db8::1]:5353", "[fe80::1%1]:53"])
    func `addresses are written as they are read`(_ text: String) {
        #expect(SocketAddress(text, defaultPort: 1)?.description == text)
    }

    @Test(arguments: ["", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "[::1", "[1.2.3.4]:53", "::1]:53", "1.2.3.4:+5", "host"])
    func `what is no address is refused`(_ text: String) {
        #expect(SocketAddress(text, defaultPort: 53) == nil)
    }
}
