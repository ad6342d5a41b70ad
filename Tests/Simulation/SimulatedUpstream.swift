internal import DNSWire
internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// An upstream on a host of its own, over UDP and TCP, and over TLS or HTTPS where it is asked so.
final class SimulatedUpstream {
    let host: VirtualHost
    var behaviour: Behaviour
    let transport: UpstreamTransport
    let judge: Judge
    private let name: String
    var random: SeededNumbers
    private var asked = 0
    private var servers: [AnyObject] = []
    private var forger: Forger?

    init(_ world: VirtualWorld, _ number: Int, _ judge: Judge) {
        (behaviour, transport) = judge.plan.upstreams[number]
        name = "upstream-\(number)"
        host = world.addHost(name, [IPAddress("10.0.1.\(number + 1)")!, IPAddress("10.0.1.\(number + 101)")!])
        self.judge = judge
        let numbers = SeededNumbers(seed: world.seed ^ UInt64(number) << 40)
        random = numbers
        world.run(on: host, name: name) { [self] hub in
            let address = SocketAddress(host.addresses[0], port: 53)
            let socket = try DatagramSocket(boundTo: address)
            let datagrams = Datagrams(socket: socket, self)
            let streams = try StreamServer(
                listener: hub.loop.listen(.stream, at: address, options: ListenOptions()), limit: 1_000
            ) { [unowned self] in try serve($0) }
            forger = try Forger(socket, host, random: numbers)
            servers = [datagrams, streams]
            datagrams.start()
            streams.start()
            if let secure = try makeSecureServer(hub) { servers.append(secure) }
            try sleep(.seconds(10_000_000))
        }
    }

    /// What it says to a question.
    enum Word {
        case nothing
        /// The connection is closed.
        case end
        case bytes([UInt8])
        /// A truthful reply, which may be cut.
        case truth(ZoneTruth, Message, era: Int)
    }

    func word(to query: Message, questionOfStream: Int = 0) throws -> Word {
        asked += 1
        switch behaviour {
        case .dead: return .nothing
        case .halfDead where asked % 2 == 0: return .nothing
        case .broken: return .bytes(try Message.reply(to: query, .servFail).encoded())
        case .garbage: return .bytes((0..<40).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .closing where questionOfStream == 3: return .end
        case .slow: try sleep(.milliseconds(Int.random(in: 1...slowness(query), using: &random)))
        default: break
        }
        let era = judge.era
        let question = query.questions[0]
        // What all servers know.
        guard question.name.description != "." else { return .bytes(try Message.reply(to: query, .noError).encoded()) }
        let truth = judge.zone.told(ZoneTruth.text(question.name), question.type, era: era)
        return .truth(truth, truth.reply(to: query), era: era)
    }

    /// How many milliseconds an answer takes at most where all are slow: so much that one with all steps of aliases, and once more
    /// over TCP, is there before a client is given a stale one.
    private func slowness(_ query: Message) -> Int { query.questions[0].name.description.first == "k" ? 90 : 600 }

    func noteTold(_ truth: ZoneTruth, _ query: Message, era: Int) {
        judge.noteTold(truth, of: ZoneTruth.text(query.questions[0].name), query.questions[0].type, era: era)
    }

    func say(_ query: Message, _ what: @autoclosure () -> String) {
        judge.log.say(
            of: ZoneTruth.text(query.questions[0].name),
            "\(name), asked for \(query.questions[0].name) \(query.questions[0].type), \(what())")
    }

    private func answer(_ query: Message, to peer: SocketAddress, over socket: DatagramSocket) throws {
        if behaviour == .forging, ZoneTruth.types.contains(query.questions[0].type) { try forger?.send(to: query, at: peer) }
        switch try word(to: query) {
        case .nothing, .end: say(query, "says nothing")
        case .bytes(let bytes):
            say(query, "says nothing of it")
            _ = try socket.send(bytes, to: peer)
        case .truth(let truth, let reply, let era):
            let encoded = try reply.encoded()
            guard encoded.count <= 1232, behaviour != .truncating else {
                var cut = reply
                (cut.answers, cut.authorities) = ([], [])
                cut.flags.isTruncated = true
                say(query, "says that it is too long")
                _ = try socket.send(cut.encoded(), to: peer)
                return
            }
            judge.hasLost = false
            _ = try socket.send(encoded, to: peer)
            say(query, "says \(Chronicle.brief(reply))\(judge.hasLost ? ", which is lost" : "")")
            if !judge.hasLost { noteTold(truth, query, era: era) }
        }
    }

    /// Answers the questions of a connection until its end.
    func serve(_ connection: any ByteStream) throws {
        let turn = Semaphore(1)
        var count = 0
        while let bytes = try connection.readMessage() {
            count += 1
            guard let query = try? Message(bytes.span), query.questions.count == 1 else { return }
            if behaviour == .slow {
                // Who thinks about one question takes the next meanwhile.
                let number = count
                connection.hub.spawn(name: "slow answer") { [unowned self] in
                    _ = try? answer(query, number, over: connection, turn)
                }
            } else if try !answer(query, count, over: connection, turn) {
                return
            }
        }
    }

    /// Answers a question of a connection; false where that is to be closed.
    private func answer(_ query: Message, _ number: Int, over connection: any ByteStream, _ turn: Semaphore) throws -> Bool {
        switch try word(to: query, questionOfStream: number) {
        case .nothing: say(query, "says nothing over TCP")
        case .end:
            say(query, "closes the connection")
            return false
        case .bytes(let bytes):
            say(query, "says nothing of it over TCP")
            try turn.withPermit { try connection.writeMessage(bytes) }
        case .truth(let truth, let reply, let era):
            say(query, "says \(Chronicle.brief(reply)) over TCP")
            noteTold(truth, query, era: era)
            try turn.withPermit { try connection.writeMessage(reply.encoded()) }
        }
        return true
    }

    private final class Datagrams: DatagramServer {
        private unowned let upstream: SimulatedUpstream

        init(socket: DatagramSocket, _ upstream: SimulatedUpstream) {
            self.upstream = upstream
            super.init(socket: socket)
        }

        override func handle(_ datagram: consuming Datagram) {
            let bytes = [UInt8](copying: datagram.bytes)
            let peer = datagram.peer
            _ = consume datagram
            guard let peer, let query = try? Message(bytes.span), query.questions.count == 1 else { return }
            try? upstream.answer(query, to: peer, over: socket)
        }
    }
}
