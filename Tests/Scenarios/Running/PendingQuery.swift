internal import DNSWire
internal import Green

/// A question that the daemon asked an upstream, as long as nothing has become of it.
final class PendingQuery {
    /// The question.
    let message: Message
    /// What it came over.
    let transport: ScenarioTransport
    /// The upstream.
    let address: IPAddress
    /// Sends replies, each after its delay.
    private let send: ([(bytes: [UInt8], delay: Duration)]) -> Void

    init(
        _ message: Message, over transport: ScenarioTransport, at address: IPAddress,
        send: @escaping ([(bytes: [UInt8], delay: Duration)]) -> Void
    ) {
        self.message = message
        self.transport = transport
        self.address = address
        self.send = send
    }

    /// Whether it asks only whether the upstream is there.
    var isProbe: Bool { message.questions == [Question(.root, .ns)] }

    /// Answers as an entry says.
    func answer(_ entry: ScenarioEntry) {
        var replies = entry.replies(to: message)
        guard !replies.isEmpty else { return }
        replies[0].delay += entry.delay
        send(replies)
    }

    /// The question, in a line of the history.
    var summary: String {
        let question = message.questions.first.map { "\($0.name) \($0.class) \($0.type)" } ?? "no question"
        return "upstream \(address) was asked over \(transport): \(question)\(message.edns?.dnssecOK == true ? " DO" : "")"
    }
}
