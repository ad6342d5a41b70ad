internal import Green

/// One try: a question sent to one upstream over one channel, under one id.
final class Exchange {
    /// Who waits for what comes of it.
    let asking: Asking
    /// Whom it was sent to.
    let server: UpstreamServer
    /// How the server is asked.
    let route: AttemptPlan.Route
    /// How the query was written.
    var form: UpstreamQuestion.Form
    /// The stream that it is on, where it goes over HTTP/2.
    var stream: Int32 = 0
    /// When it was first sent.
    let sentAt: Instant
    /// When it was last sent.
    var lastSentAt: Instant
    /// How often it was sent.
    var sends = 0
    /// The channel that it is registered with; nil when nothing can come any more, or it waits for a place.
    var channel: (any ExchangeChannel)?
    /// What came and was not yet looked at.
    var outcome: Outcome?
    /// Whether a reply came that may be forged, so that the true answer may be still on its way.
    var isDoubted = false
    /// Whether the server said that it does not understand OPT.
    var refusedEDNS = false
    /// Whether it goes over a connection over which the server had answered before.
    var isOnUsedConnection = false
    /// How many nanoseconds after it was first sent a reply came.
    var age: UInt64 = 0
    /// Whether it goes on after its answer, for another may follow.
    var isWatched = false
    /// Replies that came after its answer.
    var laterReplies: [[UInt8]] = []
    /// Whether nobody expects anything of it any more.
    private(set) var hasEnded = false

    /// What came of a try.
    enum Outcome {
        /// A reply with the right id from the right peer.
        case reply([UInt8], Credence)
        /// Many messages came that fit nothing, as if somebody guessed; the try goes on.
        case guesses
        /// There will be no reply to this try. So many tries like it may do better.
        case broken(UpstreamFailure, retries: Int)
        /// An ICMP message quotes it to the letter: nobody listens there, or there is no way.
        case quoted
    }

    /// How far a reply can be believed to be the server's own.
    enum Credence {
        /// It has the question with its letters, or came over a connection.
        case proven
        /// It has the question in other letters: perhaps a forgery, perhaps a server that folds them.
        case otherLetters
        /// It has the id alone.
        case bare
    }

    init(_ asking: Asking, to server: UpstreamServer, on route: AttemptPlan.Route, letters: UInt64, at now: Instant) {
        self.asking = asking
        self.server = server
        self.route = route
        form = UpstreamQuestion.Form(id: 0, letters: letters, hasEDNS: route.hasEDNS)
        sentAt = now
        lastSentAt = now
    }

    /// Tells who waits what came. Never waits.
    func deliver(_ outcome: Outcome) {
        if case .reply(let bytes, _) = outcome { server.tellReply(self, bytes) }
        self.outcome = outcome
        asking.wake()
    }

    /// Replies that are kept after the answer at most.
    private static let mostLaterReplies = 4

    /// Takes a reply to a try that goes on: the first is told, those after it are kept besides.
    func deliverFurther(_ reply: [UInt8]) {
        if outcome == nil, asking.answered !== self { return deliver(.reply(reply, .proven)) }
        if laterReplies.count < Self.mostLaterReplies { laterReplies.append(reply) }
        asking.wake()
    }

    /// Sends it again, where the transport may lose it.
    func resend() {
        channel?.send(self)
    }

    /// Expects no reply any more.
    func end() {
        hasEnded = true
        server.exchangeEnded()
        channel?.forget(self)
        channel = nil
        outcome = nil
    }
}

/// What carries exchanges: a connected datagram socket, or a connection.
protocol ExchangeChannel: AnyObject {
    /// Sends a registered exchange's query. Never waits.
    func send(_ exchange: Exchange)
    /// Drops an exchange.
    func forget(_ exchange: Exchange)
}
