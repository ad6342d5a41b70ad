internal import Green
internal import Observation

/// Messages to and from an upstream, as those who watch are told of them (dnstap).
extension UpstreamServer {
    /// Tells of a question as it was sent.
    @inline(never)
    func tellQuery(_ exchange: Exchange, _ tap: QueryTap) {
        var bytes = [UInt8](repeating: 0, count: exchange.asking.question.length(exchange.form))
        var span = bytes.mutableSpan
        _ = exchange.asking.question.write(exchange.form, into: &span)
        tell(.forwarderQuery, exchange, bytes, tap)
    }

    /// Tells of a reply as it came.
    func tellReply(_ exchange: Exchange, _ bytes: [UInt8]) {
        guard let tap = health.tap, QueryTap.hasMessages(tap.word) else { return }
        tell(.forwarderResponse, exchange, bytes, tap)
    }

    private func tell(_ kind: MessageTap.Kind, _ exchange: Exchange, _ bytes: [UInt8], _ tap: QueryTap) {
        guard let ring = messageRing ?? tap.messages.ring(of: ObjectIdentifier(hub)) else { return }
        messageRing = ring
        let carrier: MessageTap.Carrier =
            switch exchange.route.transport {
            case .udp: .udp
            case .tcp: .tcp
            case .tls: .tls
            case .https: .https
            }
        let time = hub.loop.wallTime()
        let passed = Int64(clamping: exchange.sentAt.nanoseconds(to: hub.loop.now()))
        let place = address.address
        tap.messages.tell(
            MessageTap.Message(kind, carrier, peer: place.ip.number, port: place.port, at: time, askedAt: time &- passed),
            bytes.span, by: ring)
    }
}
