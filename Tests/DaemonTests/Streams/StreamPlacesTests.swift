import DNSWire
import Green
import TestSupport
import Testing

@testable import Daemon

/// Who has how many of the places for TCP connections.
@Suite struct StreamPlacesTests {
    private static let server = SocketAddress(IPAddress("10.0.0.1")!, port: 53)

    /// A world that listens where other machines reach it.
    private func run(_ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(listen: SocketAddress(.any, port: 53)) { world throws in
            world.upstream.delay = .seconds(4)
            try body(world)
        }
    }

    /// So many connections from the running machine, each with a question that takes its time.
    private static func connect(_ count: Int, asking name: String? = nil) throws -> [StreamSocket] {
        try (0..<count).map { number in
            let client = try StreamSocket.connect(to: server, until: Hub.current.loop.now().advanced(by: .seconds(5)))
            if let name { try client.send(.query("\(number).\(name)")) }
            return client
        }
    }

    /// Whether the running machine is answered on a new connection.
    private static func isServed() throws -> Bool {
        let client = try connect(1)[0]
        try client.send(.query("version.bind.", .txt, class: .chaos))
        return (try? client.answer()) != nil
    }

    @Test func `one client has a quarter of the places, so that others are served while it keeps all of them at work`() throws {
        try run { world throws in
            try world.onMachine("198.51.100.1") { _ throws in
                let clients = try Self.connect(1_200, asking: "slow.example.")
                try sleep(.milliseconds(100))
                #expect(clients.count { !$0.isEnded(within: .zero) } == 250)
                #expect(try !Self.isServed())
            }
            #expect(world.worker.places.count == 250)
            try world.onMachine("198.51.100.2") { _ throws in
                for _ in 0..<70 { #expect(try Self.isServed()) }
            }
        }
    }

    @Test func `one client's connection that is idle for longest makes room for its own next`() throws {
        try run { world throws in
            try world.onMachine("198.51.100.1") { _ throws in
                let asking = try Self.connect(1, asking: "slow.example.")
                let idle = try Self.connect(249)
                let others = try (0..<3).map { _ in
                    let client = try Self.connect(1)[0]
                    try client.send(.query("version.bind.", .txt, class: .chaos))
                    #expect(try client.answer() != nil)
                    return client
                }
                #expect(others.count == 3)
                #expect(idle.prefix(3).allSatisfy { $0.isEnded(within: .milliseconds(1)) })
                #expect(!idle[3].isEnded(within: .milliseconds(1)))
                #expect(try asking[0].answer()?.answers.count == 1)
            }
        }
    }

    @Test func `when all places are taken the client with the most loses one, even one at work`() throws {
        try run { world throws in
            let group = HubGroup(starter: world.world)
            for (number, count) in [250, 240, 200, 160, 150].enumerated() {
                let machine = world.world.addHost("m\(number)", [IPAddress("198.51.100.\(number + 1)")!])
                group.start(name: "m\(number)", loop: { machine.makeLoop() }) {
                    let clients = try Self.connect(count, asking: "m\(number).example.")
                    try sleep(.seconds(3))
                    #expect(clients.count { !$0.isEnded(within: .zero) } == (number == 0 ? 245 : count))
                }
            }
            try sleep(.seconds(1))
            #expect(world.worker.places.count == 1_000)
            try world.onMachine("198.51.100.99") { _ throws in
                for _ in 0..<5 {
                    let client = try Self.connect(1, asking: "other.example.")[0]
                    try sleep(.milliseconds(5))
                    #expect(!client.isEnded(within: .zero))
                    // Its place stays taken, for the machine has not let go of it yet.
                    _ = Unmanaged.passRetained(client)
                }
            }
            try sleep(.seconds(4))
        }
    }

    @Test func `IPv6 clients are told apart by their first 56 bits, IPv4 clients by all`() {
        func client(_ text: String) -> UInt128 { StreamPlaces.client(at: IPAddress(text)!) }
        #expect(client("2001:db8:0:1::1") == client("2001:db8:0:ff:ffff::9"))
        #expect(client("2001:db8:0:1::1") != client("2001:db8:0:100::1"))
        #expect(client("192.0.2.1") != client("192.0.2.2"))
        #expect(client("192.0.2.1") != client("::192.0.2.1"))
    }

    @Test func `above the bound of bytes the client loses its connection for which the most is kept`() throws {
        try ServingWorld.run { world throws in
            world.world.loopback.streamWindow = 8_000
            world.upstream.answer = { .address($0, count: 4_000) }
            world.worker.places.heldLimit = 2 << 20
            let wire = Message.query("large.example.").wire
            let greedy = try (0..<60).map { _ in
                let client = try world.connect()
                try client.write((0..<4).flatMap { _ in [0, UInt8(wire.count)] + wire } as [UInt8])
                return client
            }
            try sleep(.seconds(1))
            let places = world.worker.places
            #expect(places.heldBytes <= 2 << 20 && places.heldBytes > 1 << 20)
            #expect(places.closedCount > 0 && places.count + Int(places.closedCount) == greedy.count)
            let polite = try world.connect()
            try polite.send(.query("version.bind.", .txt, class: .chaos))
            #expect(try polite.answer() != nil)
        }
    }

    @Test func `a stranger that says nothing is let go after a second`() throws {
        let access = ClientAccess(allow: [.local], deny: [], networks: [])
        try ServingWorld.run(listen: SocketAddress(.any, port: 53), access: access) { world throws in
            try world.onMachine("198.51.100.1") { _ throws in
                let client = try Self.connect(1)[0]
                #expect(client.isEnded(within: .milliseconds(1_100)))
            }
        }
    }
}
