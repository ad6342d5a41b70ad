import Green
import SimulatedDaemon
import TestSupport
import Testing

/// Lists in a simulated world whose clock is set.
@Suite struct ListClockTests {
    private static let settings = """
        listen: [10.0.0.53]
        upstreams: [10.0.0.8]
        control: "off"
        lists: {web: {from: ["http://10.0.0.9/list.txt"], refresh: 60s}, file: {from: ["/lists/file.txt"]}}

        """

    /// A server of the web with a list, which counts how often it is asked.
    private final class ListServer: @unchecked Sendable {
        // SAFETY: touched on the world's own thread only.
        private(set) var count = 0
        private var server: StreamServer?

        init(_ world: VirtualWorld) {
            let host = world.addHost("lists", [IPAddress("10.0.0.9")!])
            world.run(on: host, name: "lists") { [self] hub in
                let address = SocketAddress(host.addresses[0], port: 80)
                let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
                let server = try StreamServer(listener: listener, limit: 10) { [unowned self] stream in
                    _ = try stream.read(upTo: 4096)
                    count += 1
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
                    try stream.write(head + "ads.example\n")
                }
                self.server = server
                server.start()
                try sleep(.seconds(1_000_000))
            }
        }
    }

    /// Runs a test with a daemon that has lists, of which the one of the web has been downloaded once.
    private func run(_ body: @escaping (VirtualWorld, Hub, SimulatedDaemon, ListServer) throws -> Void) throws {
        let world = VirtualWorld(seed: 3)
        try world.run { hub throws in
            let server = ListServer(world)
            let daemon = SimulatedDaemon(in: world, settings: Self.settings)
            daemon.host.files.write("/lists/file.txt", "file.example\n")
            try daemon.start()
            try hub.sleep(until: hub.now.advanced(by: .seconds(10)))
            #expect(server.count == 1)
            try body(world, hub, daemon, server)
            try daemon.stop()
        }
    }

    /// How often the file was read.
    private func reads(_ daemon: SimulatedDaemon) -> Int {
        daemon.log.count { $0.contains("list read") && $0.contains("list=file") }
    }

    /// Sets the wall clock, by so many seconds.
    private func setClock(of world: VirtualWorld, by seconds: Int) { world.wallTime += Int64(seconds) * 1_000_000_000 }

    @Test(arguments: [-86_400, -30, 30, 86_400]) func `a clock that is set makes no list wait for longer`(_ change: Int) throws {
        try run { world, hub, daemon, server throws in
            setClock(of: world, by: change)
            try hub.sleep(until: hub.now.advanced(by: .seconds(40)))
            #expect(server.count == 1)
            try hub.sleep(until: hub.now.advanced(by: .seconds(20)))
            #expect(server.count == 2)
        }
    }

    @Test func `a clock that is set makes no file that could not be read wait for longer`() throws {
        try run { world, hub, daemon, server throws in
            daemon.host.files.write("/lists/file.txt", "other.example\n")
            daemon.host.files.setFailure(.reset, of: "/lists/file.txt")
            try hub.sleep(until: hub.now.advanced(by: .seconds(5)))
            let isSaid = daemon.log.contains { $0.contains("its last content stays") }
            #expect(isSaid)
            daemon.host.files.setFailure(nil, of: "/lists/file.txt")
            setClock(of: world, by: -86_400)
            let before = reads(daemon)
            try hub.sleep(until: hub.now.advanced(by: .seconds(20)))
            let after = reads(daemon)
            #expect(after == before + 1)
        }
    }

    @Test func `a list that is kept is asked for after a restart when its time has come`() throws {
        try run { world, hub, daemon, server throws in
            try daemon.stop()
            try daemon.start()
            try hub.sleep(until: hub.now.advanced(by: .seconds(30)))
            #expect(server.count == 1)
            try hub.sleep(until: hub.now.advanced(by: .seconds(30)))
            #expect(server.count == 2)
        }
    }
}
