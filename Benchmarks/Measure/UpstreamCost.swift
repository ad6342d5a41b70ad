internal import Belief
internal import DNSWire
internal import Green
internal import Upstream

/// What asking an upstream takes: questions over loopback, fifty at a time, to a server in the same process that sends
/// each one back as its own answer. Run it under callgrind with two counts: the difference is what the questions took.
struct UpstreamCost {
    private let questions: Int

    init(questions: Int) {
        self.questions = questions
    }

    /// Asks, and ends the process where an answer is missing.
    func measure() throws {
        let hub = Hub(loop: LibeventLoop())
        let questions = questions
        try hub.run {
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let echo = Echo(socket: try DatagramSocket(hub: hub, listener: listener))
            echo.start()
            let server = UpstreamServer(UpstreamAddress(listener.address), id: 1, hub: hub)
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2))
            let askers = (0..<50).map { number in
                hub.spawn {
                    for index in stride(from: number, to: questions, by: 50) {
                        let name = Array("\u{9}n\(10_000_000 + index % 1_000_000)\u{7}example\u{3}com\u{0}".utf8)
                        let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
                        let deadline = hub.now.advanced(by: Forwarder.questionLimit)
                        let question = UpstreamQuestion(name, .a, .internet, flags: flags)
                        _ = try forwarder.ask(question, Belief.Rules(seed: 7), until: deadline)
                    }
                }
            }
            for asker in askers { try asker.get() }
        }
    }

    /// Sends each query back as its own answer, without records.
    private final class Echo: DatagramServer {
        override func handle(_ datagram: consuming Datagram) {
            var buffer = datagram.buffer
            buffer[2] |= 0x80
            socket.send(datagram)
        }
    }
}
