import Green
import Testing

@Suite struct NameTests {
    static let v4 = IPAddress("10.0.0.9")!
    static let v6 = IPAddress("fd00::9")!

    @Test func `the machine's own names are looked up, an address is its own, others are not found`() throws {
        try onHub { _ throws in
            #expect(try lookUp("localhost").allSatisfy(\.isLoopback))
            #expect(try lookUp("192.0.2.7") == [IPAddress("192.0.2.7")!])
            #expect(throws: SocketError.self) { try lookUp("no-such-name.invalid") }
        }
    }

    /// A world in which `server` has two addresses and listens on port 80 of those that are given.
    private func connect(listening: [IPAddress], cut: Bool = false) throws -> (peer: IPAddress, took: Duration) {
        let world = VirtualWorld(seed: 11)
        let other = world.addHost("server", [Self.v4])
        let third = world.addHost("silent", [Self.v6])
        world.names.set("server.example", [Self.v6, Self.v4])
        for (host, address) in [(other, Self.v4), (third, Self.v6)] where listening.contains(address) {
            HubGroup(starter: world).start(name: "server", loop: { host.makeLoop() }) {
                let address = SocketAddress(address, port: 80)
                let server = try StreamServer(
                    listener: try Hub.current.loop.listen(.stream, at: address, options: .init()), limit: 5)
                server.start()
                try sleep(.seconds(86400))
            }
        }
        if cut { world.cut(world.host, third) }
        return try world.run { hub in
            try sleep(.milliseconds(1))
            let begin = hub.loop.now()
            let socket = try StreamSocket.connect(toHost: "server.example", port: 80, until: hub.soon)
            return (socket.peer.ip, begin.duration(to: hub.loop.now()))
        }
    }

    @Test func `a name is connected to at its preferred address`() throws {
        let result = try connect(listening: [Self.v4, Self.v6])
        #expect(result.peer == Self.v6 && result.took < .milliseconds(20))
    }

    @Test func `an address that refuses is followed by the next at once`() throws {
        let result = try connect(listening: [Self.v4])
        #expect(result.peer == Self.v4 && result.took < .milliseconds(20))
    }

    @Test func `an address that is silent is followed by the next after its head start`() throws {
        let result = try connect(listening: [Self.v4, Self.v6], cut: true)
        #expect(result.peer == Self.v4 && result.took > .milliseconds(250) && result.took < .milliseconds(300))
    }

    @Test func `where no address works the last error is told`() throws {
        #expect(throws: SocketError.refused) { try connect(listening: []) }
        #expect(throws: SocketError.timedOut) { try connect(listening: [], cut: true) }
    }

    @Test(arguments: World.allCases) func `streams run over Unix sockets`(_ world: World) throws {
        try onHub(world) { hub throws in
            let path = "/tmp/green-test-\(hub.loop.random())"
            for _ in 0..<2 {
                let server = try StreamServer(listener: try hub.loop.listen(path: path, backlog: 5), limit: 5) { connection in
                    try connection.write(try connection.read(upTo: 100))
                }
                server.start()
                #expect(throws: SocketError.addressInUse) { try hub.loop.listen(path: path, backlog: 5) }
                let client = try StreamSocket.connect(toPath: path, until: hub.soon)
                try client.write([1, 2, 3])
                #expect(try client.read(upTo: 100, until: hub.soon) == [1, 2, 3])
                server.stop()
            }
            #expect(throws: SocketError.self) { try StreamSocket.connect(toPath: path, until: hub.soon) }
            if world == .libevent { _ = try blocking { removeFile(path) } }
        }
    }

    @Test func `a pipe of somebody else is waited for`() throws {
        try onHub { hub throws in
            let ends = makePipe()
            let watch = try DescriptorWatch(ends.read)
            #expect(try !watch.waitReadable(until: hub.loop.now().advanced(by: .milliseconds(1))))
            for _ in 0..<3 {
                let reader = hub.spawn { try watch.waitReadable(until: hub.soon) }
                try yield()
                writeByte(ends.write)
                #expect(try reader.get())
                #expect(try watch.waitReadable())
                #expect(readByte(ends.read))
            }
            #expect(try DescriptorWatch(ends.write).waitWritable(until: hub.soon))
            let waiting = hub.spawn { try watch.waitReadable() }
            try yield()
            watch.close()
            #expect(throws: SocketError.closed) { try waiting.get() }
            closePipe(ends)
        }
    }
}
