import DNSWire
import Green
import GreenDNS
import Testing

/// A server for tests: what it knows, and what it was asked.
final class Zone: DatagramServer {
    var records: [ResourceRecord] = []
    var asked: [Question] = []
    /// Changes each reply; nil sends none.
    var change: (Message, Bool) -> Message? = { reply, _ in reply }
    /// Changes its bytes.
    var spoil: (inout [UInt8]) -> Void = { _ in }
    /// Whether it follows aliases itself.
    var follows = true
    /// So many replies with another id go with each answer over UDP; from sixteen on, without it.
    var strays = 0

    override func handle(_ datagram: consuming Datagram) {
        let path = datagram.returnPath
        guard let query = try? Message(datagram.bytes), let bytes = bytes(query, isStream: false) else { return }
        for _ in 0..<strays {
            guard let stray = Datagram([bytes[0] ^ 1] + bytes.dropFirst()) else { continue }
            stray.setReturnPath(path)
            socket.send(stray)
        }
        if strays < 16, let answer = Datagram(bytes) {
            answer.setReturnPath(path)
            socket.send(answer)
        }
    }

    /// The bytes of the answer, changed; nil for none.
    private func bytes(_ query: Message, isStream: Bool) -> [UInt8]? {
        guard let reply = change(answer(query), isStream), var bytes = try? reply.encoded() else { return nil }
        spoil(&bytes)
        return bytes
    }

    /// What the zone says to a query, aliases followed.
    func answer(_ query: Message) -> Message {
        asked += query.questions
        var reply = query
        reply.flags.isResponse = true
        var name = query.questions[0].name
        let isKnown = records.contains { $0.owner == name }
        for _ in 0..<20 {
            let own = records.filter { $0.owner == name }
            let found = own.filter { $0.type == query.questions[0].type }
            reply.answers += found
            guard found.isEmpty, let alias = own.first(where: { $0.type == .cname }) else { break }
            reply.answers.append(alias)
            if case .cname(let data) = alias.data { name = data.target }
            if !follows { break }
        }
        if !isKnown { reply.responseCode = .nxDomain }
        if reply.answers.isEmpty { reply.authorities = records.filter { $0.type == .soa } }
        return reply
    }

    /// The same over TCP.
    func answer(_ connection: StreamSocket) throws {
        let reader = BufferedReader(connection)
        let head = try reader.readExactly(2)
        let body = try reader.readExactly(Int(head[0]) << 8 | Int(head[1]))
        let query = try Message(body.span)
        guard let bytes = bytes(query, isStream: true) else { return }
        try connection.write([UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes)
    }
}

let zoneText = """
    example. 300 SOA ns.example. mail.example. 1 2 3 4 60
    www.example. 300 A 192.0.2.1
    www.example. 200 A 192.0.2.2
    www.example. 300 AAAA 2001:db8::1
    alias.example. 100 CNAME www.example.
    loop.example. 100 CNAME pool.example.
    pool.example. 100 CNAME loop.example.
    one.example. 100 CNAME two.example.
    two.example. 100 CNAME three.example.
    three.example. 100 CNAME one.example.
    text.example. 300 TXT hello
    short.lab.example. 300 A 192.0.2.9
    4.2.0.192.in-addr.arpa. 300 PTR four.example.
    5.2.0.192.in-addr.arpa. 300 PTR b\\032ad.example.
    """

/// Runs `body` in a simulated world whose server at 192.0.2.53 has the zone, with a resolver that its resolv.conf leads there.
func withZone(
    seed: UInt64 = 1, resolvConf: String = "nameserver 192.0.2.53\nsearch lab.example\noptions timeout:1",
    text: String = zoneText,
    _ options: DNSResolverOptions = DNSResolverOptions(), hosts: String = "127.0.0.1 localhost\n192.0.2.77 Printer printer.lan\n",
    hubOptions: HubOptions = HubOptions(), prepare: (VirtualWorld) -> Void = { _ in },
    _ body: @escaping (DNSResolver, Zone, VirtualWorld) throws -> Void
) throws {
    let world = VirtualWorld(seed: seed)
    let far = world.addHost("far", [IPAddress("192.0.2.53")!, IPAddress("192.0.2.54")!])
    world.host.files.write("/etc/resolv.conf", resolvConf)
    world.host.files.write("/etc/hosts", hosts)
    prepare(world)
    nonisolated(unsafe) var zone: Zone!
    HubGroup(starter: world).start(name: "server", loop: { far.makeLoop() }) {
        let address = SocketAddress(IPAddress("192.0.2.53")!, port: 53)
        zone = Zone(socket: try DatagramSocket(boundTo: address))
        zone.records = try text.split(separator: "\n").map { try ResourceRecord(text: String($0).trimmed) }
        zone.start()
        let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
        try StreamServer(listener: listener, limit: 100) { try zone.answer($0) }.serveForever()
    }
    try world.run(options: hubOptions) { _ in
        try sleep(.milliseconds(10))
        try body(DNSResolver(options), zone, world)
    }
}

extension String {
    /// The text without what is before it.
    var trimmed: String { String(drop { $0 == " " }) }
}
