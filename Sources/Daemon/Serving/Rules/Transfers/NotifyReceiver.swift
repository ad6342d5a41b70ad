internal import DNSWire
internal import Green

/// Hears from the primaries of zones that these have changed (NOTIFY, RFC 1996), on any worker's thread, and answers. Only a primary
/// that the settings name is believed, and where there is a key only with that; all that it can bring about is a question for the
/// zone's version, of which there is one a second at most.
final class NotifyReceiver: Sendable {
    /// A zone.
    struct Zone: Sendable {
        /// The list's source.
        let url: ListURL
        /// The zone and its primaries.
        let source: TransferSource
        /// What they sign with.
        let key: TransferKey?
    }

    private let zones: [Zone]
    /// Which zones are said to have changed, as far as nobody has looked yet.
    private let due = Locked(Set<ListURL>())

    /// The rcode for who is not believed (RFC 8945 5.2).
    private static let notAuthorized = UInt16(9)

    /// A receiver for some zones.
    init(_ zones: [Zone]) { self.zones = zones }

    /// The zones that were said to have changed since the last time.
    func takeDue() -> Set<ListURL> {
        due.withLock { due in
            defer { due = [] }
            return due
        }
    }

    /// The answer to a message of opcode NOTIFY from a client (`IPAddress.number`).
    func answer(_ message: [UInt8], from client: UInt128, at seconds: Int64) -> [UInt8] {
        var plain = message
        do throws(WireError) {
            let signature = try TransactionSignature.take(off: &plain)
            guard let question = Self.question(plain) else { throw WireError.badMessage }
            return answer(plain, question, signature, from: client, at: seconds)
        } catch {
            return Self.reply(to: message, .formErr, until: MessageView.headerLength)
        }
    }

    /// What is said to a question and its signature.
    private func answer(
        _ plain: [UInt8], _ question: (zone: Name, end: Int), _ signature: TransactionSignature?, from client: UInt128,
        at seconds: Int64
    ) -> [UInt8] {
        let message = plain
        let known = zones.filter { zone in
            zone.source.zone == question.zone && zone.source.primaries.contains { $0.ip.number == client }
        }
        guard !known.isEmpty else { return Self.reply(to: message, .refused, until: question.end) }
        for zone in known {
            guard let key = zone.key else {
                // What is signed by a key that nobody here has says no more than what is not signed.
                due.withLock { _ = $0.insert(zone.url) }
                return Self.reply(to: message, .noError, until: question.end)
            }
            guard let signature, signature.error == 0,
                key.fault(of: signature, after: [], plain, isLater: false, at: seconds) == nil
            else { continue }
            due.withLock { _ = $0.insert(zone.url) }
            var reply = Self.reply(to: message, .noError, until: question.end)
            _ = key.sign(&reply, at: seconds, after: signature.code)
            return reply
        }
        return Self.reply(to: message, ResponseCode(rawValue: Self.notAuthorized), until: question.end)
    }

    /// The zone that a message is about, and where its question ends; nil where that is none of NOTIFY.
    private static func question(_ message: [UInt8]) -> (zone: Name, end: Int)? {
        guard let view = try? MessageView(message.span), view.flags.opcode == .notify, view.questionCount == 1,
            let question = try? view.question(), question.type == .soa, question.class == .internet
        else { return nil }
        return (Name(question.name).lowercased, question.endOffset)
    }

    /// A reply of nothing but a header and the question.
    private static func reply(to message: [UInt8], _ code: ResponseCode, until end: Int) -> [UInt8] {
        var reply = Array(message.prefix(end))
        guard reply.count >= MessageView.headerLength else { return [] }
        reply[2] = 0x84 | message[2] & 0x78
        reply[3] = UInt8(truncatingIfNeeded: code.rawValue & 15)
        reply[4] = 0
        reply[5] = end > MessageView.headerLength ? 1 : 0
        for index in 6..<MessageView.headerLength { reply[index] = 0 }
        return reply
    }
}
