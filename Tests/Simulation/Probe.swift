internal import DNSWire
internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// Asks by itself, one question after the other, in a stub client's way.
final class Probe {
    private let world: VirtualWorld
    private let judge: Judge
    private let host: VirtualHost
    private static let place = SocketAddress(IPAddress("10.0.0.53")!, port: 53)

    init(_ world: VirtualWorld, _ judge: Judge) {
        self.world = world
        self.judge = judge
        host = world.addHost("probe", [IPAddress("10.0.3.250")!])
    }

    /// Asks for all names and types; each answer is judged. Those that `isFresh` must be of the present era, and none a failure.
    func askAll(isFresh: Bool) throws {
        let judge = judge
        for number in 0..<judge.plan.names {
            for type in ZoneTruth.types where type == .a || number % 4 == 0 {
                guard judge.violation == nil else { return }
                guard let answer = try ask(Plan.name(number), type), isFresh else { continue }
                let question = asked(Plan.name(number), type)
                if Judge.isBlocked(answer, question), judge.isDenied(question) { continue }
                let truth = judge.zone.whole(Plan.name(number), type, era: judge.era)
                guard Tellings.whole(answer.responseCode, answer.answers) != Tellings.whole(truth.code, truth.answers) else {
                    continue
                }
                let seen = "\(Plan.name(number)) \(type): \(Chronicle.brief(answer))"
                judge.fail("with good upstreams answers are fresh", of: Plan.name(number), "\(seen), era \(judge.era)")
            }
        }
    }

    /// Asks what must still be known; no upstream may have told of it since.
    func askAgain(_ questions: [Judge.Asked]) throws {
        let began = judge.now()
        for question in questions where judge.violation == nil && judge.mustKnow(question) {
            guard let answer = try ask(question.name, question.type) else { continue }
            let newest = judge.tellings.newest[question.key]?.at ?? -1
            guard judge.mustKnow(question), answer.responseCode == .servFail || newest >= began else { continue }
            judge.fail(
                "what was promised outlasts an end", of: question.name,
                "\(question.name) \(question.type): \(Chronicle.brief(answer)), told at \(Chronicle.time(newest))")
        }
    }

    /// A question that is asked now, by nobody of any group.
    private func asked(_ name: String, _ type: RecordType) -> Judge.Asked {
        Judge.Asked(name: name, id: 7, letters: name, at: judge.now(), hasEDNS: true, type: type, client: 250)
    }

    /// The answer to a question, judged; nil where there is none, which is judged too.
    private func ask(_ name: String, _ type: RecordType) throws -> Message? {
        let judge = judge
        judge.log.say(of: name, "the probe asks for \(name) \(type)")
        let asked = asked(name, type)
        let wire = Message.query(name, type, edns: EDNS(), id: 7).wire
        let limit = Duration.milliseconds(Int(SimulatedClient.patience * 1_000))
        return try world.call(on: host, name: "probe") { hub in
            let socket = try DatagramSocket(connectedTo: Self.place)
            defer { socket.close() }
            guard try socket.send(wire), let (bytes, _) = try socket.receiveBytes(until: hub.now.advanced(by: limit)),
                var answer = try? Message(bytes.span)
            else {
                judge.fail("each query is answered", of: name, "probe \(name) \(type)")
                return nil
            }
            if judge.judge(answer, to: asked, by: "probe", overStream: false) {
                let stream = try StreamSocket.connect(to: Self.place, until: hub.now.advanced(by: limit))
                defer { stream.close() }
                try stream.writeMessage(wire)
                guard let bytes = try stream.readMessage(until: hub.now.advanced(by: limit)) else {
                    judge.fail("each query is answered", of: name, "probe \(name) \(type) over TCP")
                    return nil
                }
                answer = try Message(bytes.span)
                _ = judge.judge(answer, to: asked, by: "probe", overStream: true)
            }
            return answer
        }
    }
}
