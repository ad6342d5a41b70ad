internal import DNSWire
internal import Green
internal import GreenHTTP
internal import GreenHTTP2
internal import GreenTLS
internal import SimulatedDaemon
internal import TestSupport

/// A stub client on a host of its own, which asks again and again until it is told to end.
final class SimulatedClient {
    /// How long it waits for an answer: longer than the daemon may take.
    static let patience = 8.0
    let name: String
    private let number: Int
    let host: VirtualHost
    private(set) var isDone = false
    let plan: Plan
    let judge: Judge
    let transport: ClientTransport
    private let pause: Int
    var random: SeededNumbers
    var isEnding: () -> Bool
    /// Counts the daemon's ends and starts: odd while it does not run.
    let round: () -> Int
    /// Answers that have come over connections with messages.
    var streamAnswers = 0
    /// Sessions that it can go on with over TLS.
    var sessions = KeptSessions()
    private var answeredIDs: Set<UInt16> = []
    private var lastID: UInt16 = 0
    /// Its cookies, where the daemon looks at any.
    private let jar: CookieJar?
    static let place = IPAddress("10.0.0.53")!

    init(
        _ world: VirtualWorld, _ client: (number: Int, transport: ClientTransport, pause: Int), _ judge: Judge,
        round: @escaping () -> Int, isEnding: @escaping () -> Bool
    ) {
        name = "client-\(client.number)-\(client.transport)"
        host = world.addHost(name, [IPAddress("10.0.3.\(client.number + 1)")!])
        (plan, self.judge) = (judge.plan, judge)
        (number, transport, pause) = (client.number, client.transport, client.pause)
        jar = plan.cookies.map { _ in CookieJar(client.number, seed: world.seed) }
        (self.round, self.isEnding) = (round, isEnding)
        random = SeededNumbers(seed: world.seed ^ UInt64(client.number) << 32 ^ 0xC11E)
        world.run(on: host, name: name) { [self] hub in
            while !self.isEnding(), judge.violation == nil {
                let begun = round()
                do {
                    try use(transport, hub)
                } catch let error where error is SocketError || error is HTTP2Error || error is TLSError || error is HTTPError {
                    try broke(error, begun, hub)
                }
            }
        } ended: { [self] error in
            isDone = true
            if let error, !(error is Interruption) { judge.fail("a client goes on", "\(name): \(error)") }
        }
    }

    /// Asks in one way for a while.
    private func use(_ transport: ClientTransport, _ hub: Hub) throws {
        switch transport {
        case .udp: try useDatagrams(hub)
        case .tcp: try useStream(hub)
        case .http2: try useHTTP2(hub)
        case .tls: try useTLS(hub)
        case .https: try useHTTPS(hub)
        case .http1, .https1: try useHTTP1(hub)
        }
    }

    func rest(_ hub: Hub) throws {
        try hub.sleep(until: hub.now.advanced(by: .milliseconds(Int.random(in: 1...pause, using: &random))))
    }

    /// Whether what began in a round may be cut off: the daemon ended, or did not run, or the network breaks connections.
    func mayBreak(_ begun: Int) -> Bool { begun != round() || begun % 2 == 1 || plan.isClientLossy }

    /// A connection broke, or could not be made.
    private func broke(_ error: any Error, _ begun: Int, _ hub: Hub) throws {
        if !mayBreak(begun) { judge.fail("no connection breaks that the world did not cut", "\(name): \(error)") }
        try rest(hub)
    }

    /// The next question, in letters of its own.
    func question() -> (Judge.Asked, [UInt8]) {
        let name = Plan.name(Int.random(in: 0..<plan.names, using: &random))
        let letters = String(name.map { Bool.random(using: &random) ? Character($0.uppercased()) : $0 })
        lastID &+= 1
        let isOther = Int.random(in: 0..<3, using: &random) == 0
        let type = isOther ? ZoneTruth.types.randomElement(using: &random)! : .a
        let hasEDNS = Int.random(in: 0..<4, using: &random) > 0
        let cookie = hasEDNS ? jar?.next() : nil
        let edns = hasEDNS ? EDNS(options: padding() + (cookie?.options ?? [])) : nil
        let query = Message.query(letters, type, edns: edns, id: transport.isHTTP ? 0 : lastID)
        judge.log.say(of: name, "\(self.name) asks for \(letters) \(type)\(hasEDNS ? "" : " without EDNS"), id \(query.id)")
        var asked = Judge.Asked(
            name: name, id: query.id, letters: letters, at: judge.now(), hasEDNS: hasEDNS, type: type, client: number)
        if let cookie { (asked.shown, asked.jar) = (cookie.shown, jar) }
        return (asked, query.wire)
    }

    /// Judges the absence of an answer.
    func missed(_ asked: Judge.Asked, _ begun: Int) {
        guard !mayBreak(begun), judge.violation == nil else { return }
        let what = "\(name) \(asked.letters) \(asked.type) id \(asked.id), asked at \(Chronicle.time(asked.at))"
        judge.fail("each query is answered", of: asked.name, what)
    }

    func limit(_ hub: Hub) -> Instant { hub.now.advanced(by: .milliseconds(Int(Self.patience * 1_000))) }

    // MARK: - Over UDP

    private func useDatagrams(_ hub: Hub) throws {
        let socket = try DatagramSocket(connectedTo: SocketAddress(Self.place, port: 53))
        defer { socket.close() }
        answeredIDs = []
        for _ in 0..<40 where !isEnding() && judge.violation == nil {
            let (asked, wire) = question()
            let round = round()
            guard var datagram = Datagram(hub: hub) else { return }
            datagram.fill(wire)
            socket.send(datagram)
            let deadline = limit(hub)
            while !answeredIDs.contains(asked.id) {
                var answer: [UInt8] = []
                let came = try socket.receive(until: deadline) { answer = [UInt8](copying: $0.bytes) }
                guard came > 0, !answer.isEmpty else {
                    missed(asked, round)
                    return
                }
                if take(answer, asked) { try askAgain(asked, hub) }
            }
            try rest(hub)
        }
    }

    /// An answer over UDP: the one that is waited for, or one too many. Says whether it was cut.
    private func take(_ bytes: [UInt8], _ asked: Judge.Asked) -> Bool {
        guard let answer = try? Message(bytes.span) else {
            judge.fail("an answer can be read", "\(name) \(bytes)")
            return false
        }
        if answer.id == asked.id, bytes.count > (asked.hasEDNS ? 1232 : 512) {
            judge.fail("no answer over UDP is too long", "\(name) \(bytes.count)")
        }
        var isCut = false
        if answer.id == asked.id, answeredIDs.insert(answer.id).inserted {
            isCut = judge.judge(answer, to: asked, by: name, overStream: false)
        } else if !plan.isClientLossy {
            let isSecond = answeredIDs.contains(answer.id)
            judge.fail(isSecond ? "each query is answered once" : "the id is the client's own", "\(name) id \(answer.id)")
        }
        return isCut
    }

    /// Asks again over TCP, as a stub does whose answer was cut.
    private func askAgain(_ cut: Judge.Asked, _ hub: Hub) throws {
        let round = round()
        let stream = try StreamSocket.connect(
            to: SocketAddress(Self.place, port: 53), until: limit(hub).advanced(by: .seconds(120)))
        defer { stream.close() }
        let asked = Judge.Asked(
            name: cut.name, id: cut.id, letters: cut.letters, at: judge.now(), hasEDNS: cut.hasEDNS, type: cut.type,
            client: number)
        judge.log.say(of: cut.name, "\(name) asks again over TCP")
        let wire = Message.query(cut.letters, cut.type, edns: cut.hasEDNS ? EDNS() : nil, id: cut.id).wire
        let deadline = limit(hub)
        try stream.writeMessage(wire, until: deadline)
        let bytes: [UInt8]?
        do {
            bytes = try stream.readMessage(until: deadline)
        } catch SocketError.timedOut {
            return missed(asked, round)
        }
        guard let bytes else { return missed(asked, round) }
        guard let answer = try? Message(bytes.span) else { return judge.fail("an answer can be read", name) }
        _ = judge.judge(answer, to: asked, by: name + " again", overStream: true)
    }

    // MARK: - Over connections

    private func useStream(_ hub: Hub) throws {
        // A connection that the daemon has ended since may be found ended by the next question.
        let round = round()
        let soon = hub.now.advanced(by: .seconds(120))
        let stream = try StreamSocket.connect(to: SocketAddress(Self.place, port: 53), until: soon)
        defer { stream.close() }
        try askInBursts(over: stream, hub, round, until: soon)
    }

    /// Asks over a connection with messages.
    func askInBursts(over stream: any ByteStream, _ hub: Hub, _ round: Int, until soon: Instant) throws {
        for _ in 0..<10 where !isEnding() && judge.violation == nil {
            // Several at once: their answers come in any order.
            var open: [UInt16: Judge.Asked] = [:]
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let (asked, wire) = question()
                open[asked.id] = asked
                bytes += [UInt8(wire.count >> 8), UInt8(wire.count & 0xFF)] + wire
            }
            let writing = try write(bytes, to: stream, hub, until: soon.advanced(by: .seconds(1_000)))
            let deadline = limit(hub)
            while let first = open.values.min(by: { $0.id < $1.id }) {
                let message: [UInt8]?
                do {
                    message = try stream.readMessage(until: deadline)
                } catch SocketError.timedOut {
                    return missed(first, round)
                }
                guard let message else { return missed(first, round) }
                guard let answer = try? Message(message.span) else { return judge.fail("an answer can be read", name) }
                guard let asked = open.removeValue(forKey: answer.id) else {
                    return judge.fail("each query is answered once", "\(name) id \(answer.id)")
                }
                streamAnswers += 1
                _ = judge.judge(answer, to: asked, by: name, overStream: true)
            }
            try writing?.get().get()
            try rest(hub)
        }
    }

    /// Writes questions; where they are long, in a greenlet of its own, for a client must read meanwhile: the daemon reads no more
    /// while its answers are not taken (RFC 7766 6.2.1).
    private func write(
        _ bytes: [UInt8], to stream: any ByteStream, _ hub: Hub, until deadline: Instant
    ) throws -> Greenlet<Result<Void, any Error>>? {
        if bytes.count < 900 {
            try stream.write(bytes, until: deadline)
            return nil
        }
        return hub.spawn(name: "\(name) writes") { Result { try stream.write(bytes, until: deadline) } }
    }

    private func useHTTP2(_ hub: Hub) throws {
        let round = round()
        let soon = hub.now.advanced(by: .seconds(120))
        let stream = try StreamSocket.connect(to: SocketAddress(Self.place, port: 80), until: soon)
        let client = try HTTP2Client(over: stream)
        defer { client.close() }
        for _ in 0..<300 where !isEnding() && judge.violation == nil {
            let (asked, wire) = question()
            guard try ask(asked, wire, over: client, hub, round) else { return }
            try rest(hub)
        }
    }

    /// Asks over HTTP/2; false where there is no answer.
    func ask(_ asked: Judge.Asked, _ wire: [UInt8], over client: HTTP2Client, _ hub: Hub, _ round: Int) throws -> Bool {
        let isPost = wire.count > 1_000
        var fields = HTTP2Fields([
            (":method", isPost ? "POST" : "GET"), (":scheme", transport == .https ? "https" : "http"), (":authority", "dns.test"),
            (":path", isPost ? "/dns-query" : "/dns-query?dns=\(PresentationText.base64URL(wire))"),
        ])
        if isPost { fields.append("content-type", "application/dns-message") }
        let reply: HTTP2Message
        do {
            reply = try client.send(fields, body: isPost ? wire : [], until: limit(hub))
        } catch SocketError.timedOut {
            missed(asked, round)
            return false
        }
        return judge(reply.fields.status ?? 0, reply.body, asked)
    }

    /// Judges what came over HTTP; false where it is no answer.
    func judge(_ status: Int, _ body: [UInt8], _ asked: Judge.Asked) -> Bool {
        guard status == 200, let answer = try? Message(body.span) else {
            judge.fail("an answer can be read", "\(name): status \(status)")
            return false
        }
        _ = judge.judge(answer, to: asked, by: name, overStream: true)
        return true
    }
}
