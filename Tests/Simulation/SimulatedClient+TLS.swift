internal import DNSWire
internal import Green
internal import GreenHTTP
internal import GreenHTTP2
internal import GreenTLS
internal import TestSupport

/// The sessions that a client has been given, and when.
struct KeptSessions {
    /// What the client speaks with; made when it is first wanted.
    var context: TLSContext?
    /// So many are known to have come and not to be used: each is for one connection.
    var count = 0
    /// In which life of the daemon they came.
    var round = 0
    /// OpenSSL's side keeps no more.
    static let most = 4
}

/// What a client does that asks over TLS, or over HTTP/1.1.
extension SimulatedClient {
    /// What makes a query longer, where it is asked over TLS (RFC 8467): mostly some bytes, now and then so many that the questions
    /// of a burst, or one, are more than a record.
    func padding() -> [EDNSOption] {
        guard [.tls, .https].contains(transport), Int.random(in: 0..<4, using: &random) > 0 else { return [] }
        let most = Int.random(in: 0..<20, using: &random) == 0 ? 30_000 : 80
        return [.padding(Int.random(in: 0..<most, using: &random))]
    }

    /// A connection with TLS, its certificate checked; one for which a session is kept goes on with it.
    private func connectSecurely(_ port: UInt16, _ round: Int, until soon: Instant) throws -> TLSSocket {
        if !plan.encryption.hasSecret, sessions.round != round { sessions.count = 0 }
        let context = try sessions.context ?? SimulatedCertificates.client([transport == .tls ? "dot" : "h2"])
        sessions.context = context
        let stream = try StreamSocket.connect(to: SocketAddress(Self.place, port: port), until: soon)
        let isKept = sessions.count > 0
        if isKept { sessions.count -= 1 }
        let socket = try TLSSocket.connect(
            over: stream, host: SimulatedCertificates.daemonName, context: context, until: soon)
        if isKept, !socket.isResumed { judge.fail("a session is gone on with", "\(name), round \(round)") }
        judge.log.say("\(name) has a connection\(socket.isResumed ? ", resumed" : "")")
        return socket
    }

    /// Something came over a connection, and before it a session.
    private func noteSession(_ round: Int) {
        sessions.round = round
        sessions.count = min(sessions.count + 1, KeptSessions.most)
    }

    func useTLS(_ hub: Hub) throws {
        let round = round()
        let soon = hub.now.advanced(by: .seconds(120))
        let stream = try connectSecurely(853, round, until: soon)
        defer { stream.close() }
        let (began, before) = (judge.now(), streamAnswers)
        try askInBursts(over: stream, hub, round, until: soon)
        if streamAnswers > before { noteSession(round) }
        try takeLeave(of: stream, hub, since: began)
    }

    /// Ends a connection on which nothing is owed: with a farewell, without, or when the daemon does, which says farewell.
    private func takeLeave(of stream: TLSSocket, _ hub: Hub, since began: Double) throws {
        guard judge.violation == nil else { return }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return
        case 1:
            let bytes: [UInt8]
            do {
                bytes = try stream.read(upTo: 16, until: hub.now.advanced(by: .seconds(20)))
            } catch SocketError.timedOut {
                // A machine that crashes says nothing any more.
                if judge.lastKill < began { judge.fail("an idle connection is ended", "\(name)") }
                return
            } catch TLSError.truncated where !plan.isClientLossy && judge.lastKill < began {
                return judge.fail("a connection ends with a farewell", "\(name)")
            }
            if !bytes.isEmpty { judge.fail("each query is answered once", "\(name): \(bytes)") }
        default: stream.finish(until: hub.now.advanced(by: .seconds(1)))
        }
    }

    /// Asks over HTTP/2 with TLS, several questions at once.
    func useHTTPS(_ hub: Hub) throws {
        let round = round()
        let soon = hub.now.advanced(by: .seconds(120))
        let client = try HTTP2Client(over: connectSecurely(443, round, until: soon))
        defer { client.close() }
        for number in 0..<100 where !isEnding() && judge.violation == nil {
            let questions = (0..<Int.random(in: 1...4, using: &random)).map { _ in question() }
            let asking = questions.map { asked, wire in
                hub.spawn(name: "\(name) question") { [self] in
                    Result { try ask(asked, wire, over: client, hub, round) }
                }
            }
            let outcomes = try asking.map { try $0.get() }
            for outcome in outcomes {
                guard try outcome.get() else { return }
            }
            if number == 0 { noteSession(round) }
            try rest(hub)
        }
    }

    /// Asks over HTTP/1.1, with TLS or without, by GET or POST.
    func useHTTP1(_ hub: Hub) throws {
        let round = round()
        var options = HTTPClientOptions()
        if transport == .https1 { options.tls = try SimulatedCertificates.client(["http/1.1"]) }
        let client = HTTPClient(options)
        defer { client.close() }
        client.resolve = { _, _ in [Self.place] }
        let url = "\(transport == .https1 ? "https" : "http")://\(SimulatedCertificates.daemonName)/dns-query"
        for _ in 0..<300 where !isEnding() && judge.violation == nil {
            let (asked, wire) = question()
            let response: HTTPClientResponse
            do {
                response =
                    Bool.random(using: &random)
                    ? try client.get("\(url)?dns=\(PresentationText.base64URL(wire))", until: limit(hub))
                    : try client.post(url, wire, type: "application/dns-message", until: limit(hub))
            } catch let error where error.isTimeout {
                return missed(asked, round)
            }
            guard judge(response.status, response.body, asked) else { return }
            try rest(hub)
        }
    }
}
