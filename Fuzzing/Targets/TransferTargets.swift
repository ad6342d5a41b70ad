import DNSWire

@testable import Daemon

/// Zones that are transferred, and what their primaries say of them.
enum TransferTargets {
    private static let zone = Name("rpz.example") ?? .root
    private static let key = TransferKey(name: Name("key") ?? .root, hash: .sha256, secret: [1, 2, 3, 4, 5, 6, 7, 8])

    /// A signature is taken off a message, and put back; a notice is answered.
    static func signature(_ bytes: [UInt8]) {
        var message = bytes
        if let signature = try? TransactionSignature.take(off: &message) {
            promise(message.count < bytes.count, "a signature takes bytes")
            _ = key.fault(of: signature, after: [], message, isLater: false, at: 1_700_000_000)
            var again = message
            signature.append(to: &again)
            var taken = again
            promise((try? TransactionSignature.take(off: &taken)) == lowercased(signature), "what is put back is taken off again")
        }
        guard let url = ListURL("axfr://192.0.2.1/rpz.example"), let source = url.transfer else { return }
        for key in [nil, key] {
            let receiver = NotifyReceiver([NotifyReceiver.Zone(url: url, source: source, key: key)])
            let answer = receiver.answer(bytes, from: source.primaries[0].ip.number, at: 1_700_000_000)
            promise(answer.count <= bytes.count + 300, "an answer is no longer than what asks, its signature apart")
        }
    }

    private static func lowercased(_ signature: TransactionSignature) -> TransactionSignature {
        var signature = signature
        (signature.key, signature.algorithm) = (signature.key.lowercased, signature.algorithm.lowercased)
        return signature
    }

    /// The messages of a transfer, each with its length before it: they make a zone's text, or none.
    static func transfer(_ bytes: [UInt8]) {
        var messages: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count > 2, messages.count < 50 {
            let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            messages.append(Array(rest.dropFirst(2).prefix(count)))
            rest = rest.dropFirst(2 + count)
        }
        for known in [nil, 1 as UInt32] { _ = try? ZoneText(zone, messages, known: known) }
        guard let first = messages.first, first.count >= MessageView.headerLength else { return }
        var answer = SignedAnswer(key, to: [1, 2, 3])
        for message in messages where message.count >= MessageView.headerLength {
            var message = message
            guard (try? answer.take(&message, at: 1_700_000_000)) != nil else { return }
        }
    }
}
