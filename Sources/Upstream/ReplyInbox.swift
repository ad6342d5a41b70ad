internal import Green

/// What came of a try, as the question that waits for it is told.
enum ExchangeEvent {
    /// A reply with the right id, question and peer.
    case reply([UInt8], from: Exchange)
    /// The question was answered with other letters than were sent: perhaps a forgery, perhaps a server that folds.
    case otherLetters(Exchange)
    /// There will be no reply to this try.
    case failed(Exchange, SocketError)
}

/// Where the replies to one question's tries arrive; the question's greenlet waits here and nowhere else.
final class ReplyInbox {
    private var events: [ExchangeEvent] = []
    private var waiter: Waiter?

    /// Hands over what came. Never waits.
    func deliver(_ event: ExchangeEvent) {
        events.append(event)
        waiter?.wake()
    }

    /// The next event; nil when none has come by `deadline`.
    func next(until deadline: Instant) throws(Interruption) -> ExchangeEvent? {
        if events.isEmpty {
            defer { waiter = nil }
            guard try Waiter.wait(for: "an upstream", until: deadline, { waiter = $0 }) else { return nil }
        }
        return events.isEmpty ? nil : events.removeFirst()
    }
}

/// One try: a question sent to one upstream over one channel, under one id.
final class Exchange {
    /// What was asked.
    let question: UpstreamQuestion
    /// How it was written.
    var form: UpstreamQuestion.Form
    /// Whom it was sent to.
    let server: UpstreamServer
    /// Over which transport.
    let transport: UpstreamAddress.Transport
    /// Who waits.
    let inbox: ReplyInbox
    /// When it was first sent.
    let sentAt: Instant
    /// How often it was sent.
    var sends = 0
    /// Whether its connection had carried others before, so that the server may have been closing it.
    var wasReused = false
    /// The channel that it is registered with.
    var channel: (any ExchangeChannel)?

    init(
        _ question: UpstreamQuestion, to server: UpstreamServer, over transport: UpstreamAddress.Transport,
        letters: UInt64, edns: Bool, inbox: ReplyInbox
    ) {
        self.question = question
        self.server = server
        self.transport = transport
        self.inbox = inbox
        form = UpstreamQuestion.Form(id: 0, letters: letters, hasEDNS: edns)
        sentAt = server.hub.loop.now()
    }

    /// Sends it again, where the transport may lose it.
    func resend() {
        channel?.send(self)
    }

    /// Expects no reply any more.
    func end() {
        channel?.forget(self)
        channel = nil
    }
}

/// What carries exchanges: a connected datagram socket, or a stream.
protocol ExchangeChannel: AnyObject {
    /// Sends a registered exchange's query. Never waits.
    func send(_ exchange: Exchange)
    /// Drops an exchange.
    func forget(_ exchange: Exchange)
}
