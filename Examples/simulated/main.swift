// A client that asks again until it has an answer, tried out in a simulated world that loses half of all datagrams. An hour
// there takes no time here, and the same seed gives the same run. `simulated [SEED]`.
import Green

/// Answers each datagram with itself.
final class Echo: DatagramServer {
    override func handle(_ datagram: consuming Datagram) { socket.send(datagram) }
}

/// Asks, and asks again after a second, until something comes: how often.
func ask(_ server: SocketAddress) throws -> Int {
    let socket = try DatagramSocket(connectedTo: server)
    for attempt in 1... {
        if let datagram = Datagram([1, 2, 3]) { socket.send(datagram) }
        if try socket.receive(until: .in(.seconds(1)), { _ in }) > 0 { return attempt }
    }
    fatalError("numbers came to their end")
}

let world = VirtualWorld(seed: CommandLine.arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1)
world.loopback.loss = 0.5
try world.run { hub in
    let local = SocketAddress(.loopback, port: 53)
    let server = Echo(socket: try DatagramSocket(listener: hub.loop.listen(.datagram, at: local, options: ListenOptions())))
    server.start()
    let begin = Instant.now
    let attempts = try (1...100).map { _ in try ask(local) }
    let seconds = (Instant.now - begin) / .seconds(1)
    print("100 answers after \(attempts.reduce(0, +)) questions and \(Int(seconds)) seconds of that world")
}
