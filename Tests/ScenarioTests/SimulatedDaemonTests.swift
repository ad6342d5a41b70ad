import DNSWire
import Green
import SimulatedDaemon
import TestSupport
import Testing

@Suite struct SimulatedDaemonTests {
    private static let place = SocketAddress(IPAddress("10.0.0.53")!, port: 53)
    private static let base = """
        listen: [10.0.0.53]
        upstreams: [10.0.0.8]
        control: /run/vireo/control.sock
        control-mode: "0660"
        workers: 2
        hosts: /etc/hosts

        """

    /// The answer to a question over UDP, from a host of its own.
    private func ask(_ world: VirtualWorld, _ client: VirtualHost, _ name: String) throws -> Message? {
        try world.call(on: client, name: "client") { hub throws in
            let socket = try DatagramSocket(connectedTo: Self.place)
            defer { socket.close() }
            guard var datagram = Datagram(hub: hub) else { return nil }
            datagram.fill(Message.query(name).wire)
            socket.send(datagram)
            var answer: [UInt8] = []
            _ = try socket.receive(until: hub.now.advanced(by: .seconds(7))) { answer = [UInt8](copying: $0.bytes) }
            return answer.isEmpty ? nil : try Message(answer.span)
        }
    }

    /// Runs a test with a daemon that has started, an upstream and a client.
    private func run(
        _ settings: String = base, _ body: @escaping (VirtualWorld, SimulatedDaemon, VirtualHost, UpstreamHost) throws -> Void
    ) throws {
        let world = VirtualWorld(seed: 11)
        try world.run { _ throws in
            let upstream = UpstreamHost(world)
            let client = world.addHost("client", [IPAddress("10.0.0.2")!])
            let daemon = SimulatedDaemon(in: world, settings: settings)
            daemon.host.files.write("/etc/hosts", "192.0.2.99 printer.test\n")
            try daemon.start()
            try body(world, daemon, client, upstream)
            try daemon.stop()
            #expect(world.socketCount(of: daemon.host) == 0 && daemon.hubs.isEmpty && daemon.failure == nil)
        }
    }

    /// A scripted upstream on a host of its own.
    private final class UpstreamHost {
        private final class Box: @unchecked Sendable { var upstream: ScriptedUpstream? }
        private let box = Box()
        var count: Int { box.upstream?.count ?? 0 }

        init(_ world: VirtualWorld) {
            let host = world.addHost("upstream", [IPAddress("10.0.0.8")!])
            let box = box
            world.run(on: host, name: "upstream") { _ in
                box.upstream = try ScriptedUpstream(SocketAddress(IPAddress("10.0.0.8")!, port: 53))
                try sleep(.seconds(1_000_000))
            }
        }
    }

    @Test func `the whole daemon serves in a simulated world, from settings to sockets`() throws {
        try run { world, daemon, client, upstream throws in
            #expect(try ask(world, client, "a.example")?.answers.count == 1)
            #expect(try ask(world, client, "A.example")?.questions[0].name.description == "A.example.")
            #expect(try ask(world, client, "printer.test")?.answers.first?.data.description == "192.0.2.99")
            #expect(upstream.count == 1)
            #expect(daemon.log.contains { $0.hasPrefix("info serving") })
        }
    }

    @Test func `connections are served on hubs beside the root hub`() throws {
        try run { world, daemon, client, upstream throws in
            let answer = try world.call(on: client, name: "client") { hub throws in
                let stream = try StreamSocket.connect(to: Self.place, until: hub.now.advanced(by: .seconds(5)))
                try stream.writeMessage(Message.query("a.example").wire)
                return try stream.readMessage(until: hub.now.advanced(by: .seconds(5)))
            }
            #expect(answer.map { $0.count > 12 } == true)
        }
    }

    @Test func `a reload takes other settings, and those that are wrong change nothing`() throws {
        try run { world, daemon, client, upstream throws in
            try daemon.reload(Self.base + "cache: {max-ttl: 5}\n")
            #expect(try ask(world, client, "a.example")?.answers.first?.ttl == 5)
            try daemon.reload(Self.base + "cache: {max-ttl: soon}\n")
            #expect(daemon.log.contains { $0.contains("nothing changed") })
            #expect(try ask(world, client, "b.example")?.answers.first?.ttl == 5)
        }
    }

    @Test func `a flush over the control socket makes the upstream be asked again`() throws {
        try run { world, daemon, client, upstream throws in
            for _ in 0..<2 { _ = try ask(world, client, "a.example") }
            #expect(upstream.count == 1)
            #expect(try daemon.flush("name=a.example").status == 200)
            _ = try ask(world, client, "a.example")
            #expect(upstream.count == 2)
            #expect(try daemon.request("GET", "/v1/version").body.isEmpty == false)
        }
    }

    @Test func `a crash leaves nothing of the daemon but its files, a good end the snapshot as well`() throws {
        try run(Self.base + "cache: {snapshot: /var/cache/vireo/snapshot}\n") { world, daemon, client, upstream throws in
            _ = try ask(world, client, "a.example")
            try daemon.kill()
            #expect(world.socketCount(of: daemon.host) == 0 && daemon.hubs.isEmpty)
            #expect(throws: SocketError.refused) { try ask(world, client, "a.example") }
            try daemon.start()
            _ = try ask(world, client, "a.example")
            #expect(upstream.count == 2)
            try daemon.stop()
            try daemon.start()
            _ = try ask(world, client, "a.example")
            #expect(upstream.count == 2)
        }
    }

    @Test func `settings that cannot be read keep it from starting, with a reason`() throws {
        let world = VirtualWorld(seed: 12)
        try world.run { _ throws in
            let daemon = SimulatedDaemon(in: world, settings: "listen: nowhere")
            #expect(throws: (any Error).self) { try daemon.start() }
            #expect(!daemon.isRunning)
        }
    }
}
