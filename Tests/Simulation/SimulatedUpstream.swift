internal import DNSWire
internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// An upstream on a host of its own, over UDP and TCP.
final class SimulatedUpstream {
    let host: VirtualHost
    var behaviour: Behaviour
    private let judge: Judge
    private let name: String
    private var random: SeededNumbers
    private var asked = 0
    private var servers: [AnyObject] = []

    init(_ world: VirtualWorld, _ number: Int, _ behaviour: Behaviour, _ judge: Judge) {
        name = "upstream-\(number)"
        host = world.addHost(name, [IPAddress("10.0.1.\(number + 1)")!])
        self.behaviour = behaviour
        self.judge = judge
        random = SeededNumbers(seed: world.seed ^ UInt64(number) << 40)
        world.run(on: host, name: name) { [self] hub in
            let address = SocketAddress(host.addresses[0], port: 53)
            let datagrams = Datagrams(
                socket: try DatagramSocket(listener: hub.loop.listen(.datagram, at: address, options: ListenOptions())), self)
            let streams = try StreamServer(
                listener: hub.loop.listen(.stream, at: address, options: ListenOptions()), limit: 1_000
            ) { [unowned self] in try serve($0) }
            servers = [datagrams, streams]
            datagrams.start()
            streams.start()
            try sleep(.seconds(10_000_000))
        }
    }

    /// What it sends for a question, in order; nil: it closes the connection where there is one.
    private func replies(to bytes: [UInt8], isStream: Bool) throws -> [[UInt8]]? {
        guard let query = try? Message(bytes.span), query.questions.count == 1 else { return [] }
        asked += 1
        switch behaviour {
        case .dead: return []
        case .halfDead where asked % 2 == 0: return []
        case .broken: return [try Message.reply(to: query, .servFail).encoded()]
        case .garbage: return [(0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }]
        case .closing where isStream && asked % 3 == 0: return nil
        case .slow: try sleep(.milliseconds(Int.random(in: 1...900, using: &random)))
        default: break
        }
        let asked = query.questions[0].name.description.lowercased().dropLast().description
        judge.noteTold(asked, era: judge.era)
        var reply = ZoneTruth.reply(to: query, era: judge.era)
        let encoded = try reply.encoded()
        let forged = behaviour == .forging ? forgeries(query) : []
        guard !isStream, encoded.count > 1232 || behaviour == .truncating else { return forged + [encoded] }
        (reply.answers, reply.authorities) = ([], [])
        reply.flags.isTruncated = true
        return forged + [try reply.encoded()]
    }

    /// What a forger sends who cannot see the question: another id; and one who has guessed it, for another question.
    private func forgeries(_ query: Message) -> [[UInt8]] {
        var other = Message.reply(
            to: query, .noError, ["\(query.questions[0].name) 300 IN A \(ZoneTruth.text(ZoneTruth.forged))"])
        other.id = query.id &+ UInt16.random(in: 1...UInt16.max, using: &random)
        var question = Message.reply(to: query, .noError, ["other.org. 300 IN A \(ZoneTruth.text(ZoneTruth.forged))"])
        question.questions = [Question(Name("other.org")!, .a)]
        return [other, question].compactMap { try? $0.encoded() }
    }

    private func serve(_ connection: StreamSocket) throws {
        while let bytes = try connection.readMessage() {
            guard let replies = try replies(to: bytes, isStream: true) else { return }
            for reply in replies.suffix(1) { try connection.writeMessage(reply) }
        }
    }

    private final class Datagrams: DatagramServer {
        private unowned let upstream: SimulatedUpstream

        init(socket: DatagramSocket, _ upstream: SimulatedUpstream) {
            self.upstream = upstream
            super.init(socket: socket)
        }

        override func handle(_ datagram: consuming Datagram) {
            let bytes = [UInt8](copying: datagram.bytes)
            let path = datagram.returnPath
            _ = consume datagram
            for reply in (try? upstream.replies(to: bytes, isStream: false)) ?? [] {
                guard var answer = Datagram(hub: socket.hub) else { return }
                answer.fill(reply)
                answer.setReturnPath(path)
                socket.send(answer)
            }
        }
    }
}
