package import DNSWire

extension ScenarioEntry {
    /// How long the reply waits.
    package var delay: Duration {
        for case .sleep(let delay) in adjustments { return delay }
        return .zero
    }

    /// The bytes that answer a query, with how long each waits behind the one before; none where there is no answer.
    package func replies(to query: Message) -> [(bytes: [UInt8], delay: Duration)] {
        guard !adjustments.contains(.doNotAnswer) else { return [] }
        return packets.compactMap { packet in
            if var bytes = packet.bytes {
                if !adjustments.isDisjoint(with: [.copyID, .rawID]), bytes.count >= 2 {
                    bytes[0] = UInt8(truncatingIfNeeded: query.id >> 8)
                    bytes[1] = UInt8(truncatingIfNeeded: query.id)
                }
                return (bytes, packet.delay)
            }
            var reply = packet.message
            if adjustments.contains(.copyID) { reply.id = query.id }
            // Scripts that know nothing of 0x20 answer with letters of their own: the same question is the query's.
            let isSame = reply.questions == query.questions && !adjustments.contains(.keepCase)
            if adjustments.contains(.copyQuery) || isSame { reply.questions = query.questions }
            return (try? reply.encoded()).map { ($0, packet.delay) }
        }
    }
}
