package import DNSWire
internal import Green
package import Observation

/// What a worker tells those who watch queries.
struct Tapping {
    /// Its queue; nil until it has told something.
    var ring: RecordRing?
    /// Its thread's queue for messages, while somebody reads them and it has told of one.
    weak var messageRing: RecordRing?
    /// Its queue for traces; nil until it has told one.
    var traceRing: RecordRing?
    /// How many queries are passed over before the next is told of.
    private var skips: UInt32 = 0
    private var state = UInt64.random(in: 0...UInt64.max)

    /// Whether a query is traced, where a share of them is, in units of 2^-32.
    mutating func isPicked(_ share: UInt64) -> Bool { share >= 1 << 32 || next() < share }

    /// 32 random bits.
    private mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 32
    }

    /// Whether a query is told of, where one in `interval` is: at uneven distances, so that no rhythm of queries hides from it.
    mutating func isDue(oneIn interval: UInt32) -> Bool {
        let most = 2 * (interval - 1)
        if skips > 0, skips <= most {
            skips -= 1
            return false
        }
        guard most > 0 else { return true }
        skips = UInt32(truncatingIfNeeded: (next() >> 1) % UInt64(most + 1))
        return true
    }
}

/// Whose query those who watch are told of.
package struct TappedClient {
    /// Who asks.
    let identity: ClientIdentity
    /// How it came.
    let transport: QueryTransport
    /// How long it waited, in nanoseconds.
    let took: UInt64

    /// Who asks, as `IPAddress.number` has it.
    var address: UInt128 { identity.address }

    /// A client; its query waited for so long.
    @inline(__always)
    package init(_ address: UInt128, _ name: ClientName = .none, over transport: QueryTransport, took: UInt64 = 0) {
        (identity, self.transport, self.took) = (ClientIdentity(address, name: name.number), transport, took)
    }

    /// The client of a query that waited for so long.
    init(_ pending: PendingQuery, took: UInt64 = 0) {
        self.init(pending.address, pending.clientName, over: pending.transport, took: took)
    }
}

extension Resolver {
    /// Tells who reads messages of a client's query.
    @inline(never)
    func tellQuery(_ message: Span<UInt8>, from client: TappedClient) {
        tell(.clientQuery, message, client, at: hub.loop.wallTime())
    }

    private func tell(_ kind: MessageTap.Kind, _ message: Span<UInt8>, _ client: TappedClient, at time: Int64) {
        guard let ring = tapping.messageRing ?? tap.messages.ring(of: ObjectIdentifier(hub)) else { return }
        tapping.messageRing = ring
        let asked = time &- Int64(clamping: client.took)
        let facts = MessageTap.Message(
            kind, MessageTap.Carrier(client.transport), peer: client.address, at: time, askedAt: asked)
        tap.messages.tell(facts, message, by: ring)
    }

    /// What became of an answer that went out as it was made.
    private static func outcome(_ message: Span<UInt8>, _ responseCode: UInt16, _ source: AnswerSource) -> AnswerOutcome {
        if message[2] & 2 != 0 { return .truncated }
        return source == .error && responseCode == ResponseCode.refused.rawValue ? .refused : .answered
    }

    /// Tells those who watch of an answer, which stands behind its question in a message.
    @inline(never)
    func tell(
        _ message: Span<UInt8>, _ responseCode: UInt16, _ source: AnswerSource, _ client: TappedClient,
        _ outcome: AnswerOutcome? = nil
    ) {
        let time = hub.loop.wallTime()
        if outcome?.isSent ?? true, QueryTap.hasMessages(tap.word) { tell(.clientResponse, message, client, at: time) }
        let interval = min(tap.interval, QueryTap.longestInterval)
        guard interval > 0, tapping.isDue(oneIn: interval) else { return }
        let start = MessageView.headerLength
        guard message.count >= start else { return }
        var end = start
        // A question's name is never compressed (RFC 9619), and answers begin with the client's own question.
        let hasQuestion = message.loadUInt16(at: 4) > 0
        while hasQuestion, end < message.count, message[end] > 0, message[end] < 64 { end += Int(message[end]) + 1 }
        let isWhole = hasQuestion && end + 2 < message.count && message[end] == 0 && end - start < 255
        let type = isWhole ? message.loadUInt16(at: end + 1) : 0
        let name = isWhole ? message.extracting(start...end) : message.extracting(first: 0)
        let ring = tapping.ring ?? tap.rings.take()
        tapping.ring = ring
        var entry = QueryTap.Entry(type, from: client.address, responseCode, source, nanoseconds: client.took, at: time)
        (entry.transport, entry.clientName) = (client.transport, client.identity.name)
        entry.outcome = outcome ?? Self.outcome(message, responseCode, source)
        tap.tell(entry, name, oneIn: interval, by: ring)
    }
}
