import DNSWire
import Glibc
import Green
import SimulatedDaemon
import TestSupport
import Testing

/// Traffic of hours, or of a whole day where VIREO_DAY_HOURS says so.
@Suite struct DayTests {
    @Test func `hours with reloads, flushes and upstreams that fail leave nothing behind, and memory as it was`() async {
        await #expect(processExitsWith: .success) { try Day().run() }
    }
}

/// Hours in a simulated world of its own, which is to be alone in its process: memory is measured.
private final class Day: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    private let world = VirtualWorld(seed: 24)
    private var isUpstreamWell = true
    private var answered = 0
    private var asked = 0

    private static let settings = """
        listen: [10.0.0.53]
        upstreams: [10.0.0.8]
        control: /run/vireo/control.sock
        control-mode: "0660"
        cache: {size: 1MiB, snapshot: /cache.snapshot, snapshot-interval: 10m, serve-stale: 1h, prefetch: true}
        workers: 2

        """
    /// From one question to the next.
    private static let pause = Duration.seconds(10)
    private static let hours = max(3, getenv("VIREO_DAY_HOURS").flatMap { Int(String(cString: $0)) } ?? 3)

    /// Runs it, and traps where it is not as it should be.
    func run() throws {
        try world.run { [self] hub throws in
            let upstream = world.addHost("upstream", [IPAddress("10.0.0.8")!])
            world.run(on: upstream, name: "upstream") { [self] hub in try answer(hub, upstream) }
            let daemon = SimulatedDaemon(in: world, settings: Self.settings)
            try daemon.start()
            let client = world.addHost("client", [IPAddress("10.0.0.2")!])
            world.run(on: client, name: "client") { [self] hub in try ask(hub) }
            var sizes: [Int] = []
            for hour in 0..<Self.hours {
                try hub.sleep(until: hub.now.advanced(by: .seconds(1_200)))
                isUpstreamWell = false
                try hub.sleep(until: hub.now.advanced(by: .seconds(120)))
                isUpstreamWell = true
                try daemon.reload(Self.settings + "timeout: \(hour % 2 + 1)s\n")
                try hub.sleep(until: hub.now.advanced(by: .seconds(1_200)))
                guard try daemon.flush("all=yes").status == 200 else { fatalError("not flushed") }
                try hub.sleep(until: hub.now.advanced(by: .seconds(1_080)))
                sizes.append(Self.resident())
            }
            let (noon, night) = (sizes[Self.hours / 3..<Self.hours * 2 / 3].max()!, sizes[(Self.hours * 2 / 3)...].max()!)
            let isStill = night <= noon + 256 || !Sanitizer.allowsMeasures
            guard noon > 0, isStill else { fatalError("memory grows, in pages: \(sizes)") }
            guard asked > 300 * Self.hours, answered == asked else { fatalError("\(answered) of \(asked) answered") }
            try daemon.stop()
            guard world.socketCount(of: daemon.host) == 0, daemon.hubs.isEmpty, daemon.failure == nil else {
                fatalError("left over: \(world.socketCount(of: daemon.host)) sockets, \(daemon.hubs.count) hubs")
            }
        }
    }

    /// Resident memory of this process, in pages.
    private static func resident() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: " ")
        return words.count > 1 ? Int(words[1]) ?? 0 : 0
    }

    /// Answers each question while the upstream is well.
    private func answer(_ hub: Hub, _ host: VirtualHost) throws {
        let place = SocketAddress(host.addresses[0], port: 53)
        let socket = try DatagramSocket(listener: hub.loop.listen(.datagram, at: place, options: ListenOptions()))
        let server = DatagramServer(socket: socket) { [self] datagram in
            guard isUpstreamWell, let query = try? Message([UInt8](copying: datagram.bytes).span),
                let reply = Datagram(Message.address(query).wire)
            else { return }
            reply.setReturnPath(datagram.returnPath)
            socket.send(reply)
        }
        server.start()
        try sleep(.seconds(1_000_000))
    }

    /// Asks for names, some often and some never again, over UDP and each tenth time over TCP.
    private func ask(_ hub: Hub) throws {
        let place = SocketAddress(IPAddress("10.0.0.53")!, port: 53)
        var random = SeededNumbers(seed: 24)
        let end = hub.now.advanced(by: .seconds(Self.hours * 3_600 - 60))
        while hub.now < end {
            try hub.sleep(until: hub.now.advanced(by: Self.pause))
            let number = Bool.random(using: &random) ? Int.random(in: 0..<20, using: &random) : asked
            let query = Message.query("n\(number).example")
            asked += 1
            let limit = hub.now.advanced(by: .seconds(7))
            if asked % 10 == 0 {
                let stream = try StreamSocket.connect(to: place, until: limit)
                defer { stream.close() }
                try stream.writeMessage(query.wire)
                if try stream.readMessage(until: limit) != nil { answered += 1 }
            } else {
                let socket = try DatagramSocket(connectedTo: place)
                defer { socket.close() }
                guard let datagram = Datagram(query.wire) else { continue }
                socket.send(datagram)
                if try socket.receiveBytes(until: limit) != nil { answered += 1 }
            }
        }
    }
}
