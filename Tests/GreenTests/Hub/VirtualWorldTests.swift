import Glibc
import Green
import Testing

@Suite struct VirtualWorldTests {
    static let port = SocketAddress(IPAddress("10.0.0.2")!, port: 53)

    @Test func `an hour's sleep takes no time and an hour on the clock`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { hub in
            let before = hub.loop.now()
            try sleep(.seconds(3600))
            let slept = before.duration(to: hub.loop.now())
            #expect(slept >= .seconds(3600) && slept < .seconds(3600) + .milliseconds(1))
        }
    }

    /// Echoes each line over a stream and each datagram, and asks for both; what came back.
    static func chatter(_ world: VirtualWorld, rounds: Int) throws -> [Int] {
        let other = world.addHost("server", [port.ip])
        let group = HubGroup(starter: world)
        group.start(name: "server", loop: { other.makeLoop() }) {
            let hub = Hub.current
            let listener = try hub.loop.listen(.datagram, at: port, options: ListenOptions())
            let server = SocketTests.Echo(socket: try DatagramSocket(hub: hub, listener: listener))
            server.start()
            try sleep(.seconds(600))
            server.stop()
        }
        return try world.run { hub in
            try sleep(.milliseconds(1))
            return try (0..<rounds).map { round in
                let socket = try DatagramSocket(hub: hub, connectedTo: port)
                for _ in 0..<10 {
                    let datagram = Datagram(hub: hub)!
                    datagram.count = 100 + round
                    socket.send(datagram)
                }
                var answers = 0
                let deadline = hub.loop.now().advanced(by: .seconds(2))
                while case let got = try socket.receive(until: deadline, { _ in }), got > 0 { answers += got }
                return answers
            }
        }
    }

    @Test(arguments: 1...20) func `the same seed gives the same run, event by event`(_ seed: UInt64) throws {
        var results: [VirtualTrace: [Int]] = [:]
        for _ in 0..<3 {
            let world = VirtualWorld(seed: seed)
            world.network = .harsh
            let answers = try Self.chatter(world, rounds: 5)
            results[world.trace] = answers
            #expect(world.trace.count > 20)
        }
        #expect(results.count == 1)
    }

    @Test func `another seed gives another run`() throws {
        let traces = try (1...10).map { seed in
            let world = VirtualWorld(seed: UInt64(seed))
            world.network = .harsh
            _ = try Self.chatter(world, rounds: 2)
            return world.trace.hash
        }
        #expect(Set(traces).count == 10)
    }

    @Test func `datagrams are lost, doubled and overtaken as the conditions say`() throws {
        func answers(_ change: (inout LinkConditions) -> Void) throws -> Int {
            let world = VirtualWorld(seed: 5)
            change(&world.network)
            return try Self.chatter(world, rounds: 10).reduce(0, +)
        }
        #expect(try answers { _ in } == 100)
        #expect(try answers { $0.loss = 0.3 } < 80)
        #expect(try answers { $0.duplication = 1 } == 400)
    }

    @Test func `of datagrams that are held back later ones arrive earlier`() throws {
        func order(_ reordering: Double) throws -> [UInt8] {
            let world = VirtualWorld(seed: 8)
            world.loopback.latency = .microseconds(10)...(.microseconds(10))
            world.loopback.reordering = reordering
            return try world.run { hub in
                let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                let socket = try DatagramSocket(listener: listener)
                let client = try DatagramSocket(connectedTo: listener.address)
                for number in 0..<50 as Range<UInt8> {
                    var datagram = Datagram(hub: hub)!
                    var buffer = datagram.buffer
                    buffer[0] = number
                    datagram.count = 1
                    client.send(datagram)
                }
                try sleep(.seconds(1))
                var came: [UInt8] = []
                while came.count < 50, try socket.receive(until: hub.soon, { came.append($0.bytes[0]) }) > 0 {}
                return came
            }
        }
        let held = try order(0.3)
        #expect(try order(0) == Array(0..<50))
        #expect(held != Array(0..<50) && held.sorted() == Array(0..<50))
    }

    @Test func `a datagram socket that nobody reads keeps no more than its queue holds`() throws {
        let world = VirtualWorld(seed: 5)
        world.loopback.datagramQueue = 3000
        try world.run { hub in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let socket = try DatagramSocket(listener: listener)
            let client = try DatagramSocket(connectedTo: listener.address)
            for _ in 0..<20 {
                let datagram = Datagram(hub: hub)!
                datagram.count = 488
                client.send(datagram)
            }
            try sleep(.seconds(1))
            #expect(try socket.receive(until: hub.soon) { _ in } == 3)
            #expect(try socket.receive(until: hub.soon) { _ in } == 0)
        }
    }

    @Test(arguments: 1...30) func `a stream carries its bytes unharmed through a harsh network`(_ seed: UInt64) throws {
        let world = VirtualWorld(seed: seed)
        world.network = .harsh
        world.network.resets = 0
        let other = world.addHost("server", [Self.port.ip])
        let group = HubGroup(starter: world)
        let sent = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
        group.start(name: "server", loop: { other.makeLoop() }) {
            let hub = Hub.current
            let listener = try hub.loop.listen(.stream, at: Self.port, options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 10) { connection in
                while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            try sleep(.seconds(86400))
        }
        try world.run { hub in
            try sleep(.milliseconds(1))
            let client = try StreamSocket.connect(to: Self.port, until: .never)
            let writer = hub.spawn {
                try client.write(sent)
                client.shutdownWrite()
            }
            var received: [UInt8] = []
            while case let bytes = try client.read(upTo: 1000), !bytes.isEmpty { received += bytes }
            try writer.get()
            #expect(received == sent)
        }
    }

    @Test func `a stream that the network breaks is reset on both sides`() throws {
        let world = VirtualWorld(seed: 3)
        world.loopback.resets = 1
        try world.run { hub in
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            var other: (any Error)?
            let server = try StreamServer(hub: hub, listener: listener, limit: 1) { connection in
                do { _ = try connection.read(upTo: 1) } catch { other = error }
            }
            server.start()
            let client = try StreamSocket.connect(to: server.address, until: hub.soon)
            try client.write([1])
            #expect(throws: SocketError.reset) { try client.read(upTo: 1, until: hub.soon) }
            try sleep(.seconds(1))
            #expect(other as? SocketError == .reset)
        }
    }

    @Test func `across a cut nothing comes through, and after it the stream goes on`() throws {
        let world = VirtualWorld(seed: 4)
        let other = world.addHost("server", [Self.port.ip])
        HubGroup(starter: world).start(name: "server", loop: { other.makeLoop() }) {
            let listener = try Hub.current.loop.listen(.stream, at: Self.port, options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 10) { connection in
                while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            try sleep(.seconds(86400))
        }
        try world.run { hub in
            try sleep(.milliseconds(1))
            let client = try StreamSocket.connect(to: Self.port, until: hub.soon)
            world.cut(world.host, other)
            try client.write([1, 2, 3])
            #expect(throws: SocketError.timedOut) { try client.read(upTo: 3, until: hub.soon) }
            world.mend(world.host, other)
            #expect(try client.read(upTo: 3, until: hub.soon) == [1, 2, 3])
            world.cut(world.host, other)
            try client.write([4])
            #expect(throws: SocketError.timedOut) { try client.read(upTo: 1) }
            #expect(throws: SocketError.timedOut) { try StreamSocket.connect(to: Self.port, until: .never) }
        }
    }

    @Test func `an address that nobody has is unreachable`() throws {
        try VirtualWorld(seed: 1).run { hub in
            let nobody = SocketAddress(IPAddress("203.0.113.9")!, port: 53)
            #expect(throws: SocketError.unreachable) { try StreamSocket.connect(to: nobody, until: hub.soon) }
            #expect(throws: SocketError.unreachable) { try DatagramSocket(connectedTo: nobody) }
            #expect(throws: SocketError.addressNotAvailable) {
                try hub.loop.listen(.datagram, at: nobody, options: ListenOptions())
            }
        }
    }

    @Test func `where nothing can ever happen the run ends and says who waits for what`() throws {
        let world = VirtualWorld(seed: 9)
        let error = #expect(throws: VirtualWorld.Stalled.self) {
            try world.run { hub in
                hub.spawn(name: "sleepless") { try Event(hub: hub).wait() }
                try Event(hub: hub).wait()
            }
        }
        #expect(error?.description.contains("sleepless: waiting for event") == true)
        #expect(error?.description.contains("seed 9") == true)
    }

    @Test func `hubs of a group post to each other, and all end with the root`() throws {
        let world = VirtualWorld(seed: 2)
        let greetings = Locked(0)
        let ended = Locked(0)
        try world.run { hub in
            let group = HubGroup(starter: world)
            for index in 0..<3 {
                group.start(name: "hub \(index)") {
                    try sleep(.seconds(3600))
                } ended: { _ in
                    ended.withLock { $0 += 1 }
                }
            }
            try sleep(.milliseconds(1))
            #expect(group.count == 3)
            group.postToAll { greetings.withLock { $0 += 1 } }
            try sleep(.milliseconds(1))
        }
        #expect(greetings.withLock { $0 } == 3)
        #expect(ended.withLock { $0 } == 3)
    }

    @Test func `a hub that is woken after a long wait knows what time it is`() throws {
        let world = VirtualWorld(seed: 3)
        let other = world.addHost("server", [Self.port.ip])
        let group = HubGroup(starter: world)
        group.start(name: "server", loop: { other.makeLoop() }) {
            let hub = Hub.current
            let socket = try DatagramSocket(listener: hub.loop.listen(.datagram, at: Self.port, options: ListenOptions()))
            _ = try socket.receive(until: .never) { _ in }
            #expect(hub.now == hub.loop.now())
            #expect(hub.bootSeconds == UInt32(hub.loop.bootTime() / 1_000_000_000))
        }
        try world.run { hub in
            try sleep(.seconds(5))
            world.suspend(for: .seconds(100))
            let socket = try DatagramSocket(connectedTo: Self.port)
            _ = try socket.send([1])
            try group.join()
        }
    }

    @Test func `files, signals, jobs and clocks are the world's own`() throws {
        let world = VirtualWorld(seed: 2)
        world.host.files.write("/etc/hosts", "127.0.0.1 localhost\n", modified: 5)
        try world.run { hub in
            let loop = hub.loop as! VirtualLoop
            let files = loop.files
            let content = try blocking { try files.read("/etc/hosts", limit: 1000) }
            #expect(content.count == 20)
            #expect(files.stamp("/etc/hosts")?.modified == 5)
            #expect(throws: SocketError.notFound) { try blocking { try files.read("/nothing", limit: 1) } }
            var came: [Int32] = []
            try loop.onSignals([SIGHUP, SIGTERM]) { came.append($0) }
            loop.raise(SIGHUP)
            loop.raise(SIGUSR1)
            try sleep(.milliseconds(1))
            #expect(came == [SIGHUP])
            let (boot, wall) = (loop.bootTime(), loop.wallTime())
            world.suspend(for: .seconds(100))
            #expect(loop.bootTime() - boot == 100_000_000_000)
            #expect(loop.wallTime() - wall == 100_000_000_000)
            world.wallTime = 0
            #expect(loop.wallTime() == 0)
        }
    }

    @Test func `after a crash the peers of a host are told by a reset, and it can run again`() throws {
        let world = VirtualWorld(seed: 4)
        let other = world.addHost("server", [Self.port.ip])
        let group = HubGroup(starter: world)
        @Sendable func serve() throws {
            let listener = try Hub.current.loop.listen(.stream, at: Self.port, options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 10) { connection in
                while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            try sleep(.seconds(86400))
        }
        group.start(name: "server", loop: { other.makeLoop() }, body: serve)
        try world.run { hub in
            try sleep(.milliseconds(1))
            let client = try StreamSocket.connect(to: Self.port, until: hub.soon)
            world.crash(other)
            try client.write([1])
            #expect(throws: SocketError.reset) { try client.read(upTo: 1, until: hub.soon) }
            #expect(throws: SocketError.refused) { try StreamSocket.connect(to: Self.port, until: hub.soon) }
            group.start(name: "server", loop: { other.makeLoop() }, body: serve)
            try sleep(.milliseconds(1))
            let again = try StreamSocket.connect(to: Self.port, until: hub.soon)
            try again.write([2])
            #expect(try again.read(upTo: 1, until: hub.soon) == [2])
        }
    }
}
