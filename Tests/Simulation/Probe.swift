internal import DNSWire
internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// Asks for each name when all is well.
final class Probe {
    private let world: VirtualWorld
    private let judge: Judge
    private let host: VirtualHost

    init(_ world: VirtualWorld, _ judge: Judge) {
        self.world = world
        self.judge = judge
        host = world.addHost("probe", [IPAddress("10.0.3.250")!])
    }

    /// Asks for all names, one after the other; answers must be of the present era where they must be fresh.
    func askAll(mustBeFresh: Bool) throws {
        let judge = judge
        try world.call(on: host, name: "probe") { hub in
            for number in 0..<judge.plan.names {
                let name = Plan.name(number)
                let socket = try DatagramSocket(connectedTo: SocketAddress(IPAddress("10.0.0.53")!, port: 53))
                defer { socket.close() }
                guard var datagram = Datagram(hub: hub) else { return }
                datagram.fill(Message.query(name, .a, edns: EDNS(), id: 7).wire)
                socket.send(datagram)
                var bytes: [UInt8] = []
                _ = try socket.receive(until: hub.now.advanced(by: .seconds(8))) { bytes = [UInt8](copying: $0.bytes) }
                guard mustBeFresh else { continue }
                guard let answer = try? Message(bytes.span) else {
                    return judge.fail("with good upstreams each query is answered", name)
                }
                let isFresh = answer.flags.isTruncated || ZoneTruth.of(name, era: judge.era).fits(answer)
                if !isFresh {
                    let seen = "\(name): \(answer.responseCode) \(answer.answers.map(\.description)), era \(judge.era)"
                    judge.fail("with good upstreams answers are fresh", seen)
                }
            }
        }
    }
}
