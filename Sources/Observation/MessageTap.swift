internal import Green
internal import Synchronization

/// Whole messages as they go by, of clients and to upstreams, for dnstap. One reader at a time.
package final class MessageTap: Sendable {
    /// What a message is, by dnstap's numbers.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case clientQuery = 5
        case clientResponse, forwarderQuery, forwarderResponse
    }

    /// How it is carried, by dnstap's numbers.
    package enum Carrier: UInt8, Sendable, CaseIterable {
        case udp = 1
        case tcp, tls, https

        /// How a client's query came. What a proxy has taken TLS off came over HTTPS.
        package init(_ transport: QueryTransport) {
            switch transport {
            case .udp: self = .udp
            case .tcp: self = .tcp
            case .tls: self = .tls
            case .https, .http: self = .https
            }
        }
    }

    /// A message that went by.
    package struct Message: Sendable {
        /// What it is.
        package let kind: Kind
        /// How it is carried.
        package let carrier: Carrier
        /// The client, or the upstream: `IPAddress.number`.
        package let peer: UInt128
        /// The upstream's port; 0 where none is known.
        package let port: UInt16
        /// When it went by, in nanoseconds since 1970.
        package let time: Int64
        /// When the query of a response did.
        package let asked: Int64
        /// The message; empty until it is read.
        package fileprivate(set) var bytes: [UInt8] = []

        /// What is known of a message besides itself.
        package init(_ kind: Kind, _ carrier: Carrier, peer: UInt128, port: UInt16 = 0, at time: Int64, askedAt asked: Int64) {
            (self.kind, self.carrier, self.peer, self.port) = (kind, carrier, peer, port)
            (self.time, self.asked) = (time, asked)
        }
    }

    /// What there is while somebody reads: a queue of 2 MiB for each thread that tells of messages.
    private struct Reading {
        var isWatched = false
        var rings: [ObjectIdentifier: RecordRing] = [:]
    }

    private let reading = Locked(Reading())
    /// One takes at a time; how many messages found no room, as far as that was told.
    private let told = Locked(UInt64(0))

    /// So many threads have a queue.
    private static let mostRings = 256

    /// Nobody reads.
    init() {}

    /// The queue of the thread whose hub is named, which all on it share; nil where nobody reads. Whoever tells keeps it weakly: it
    /// goes when nobody reads any more.
    package func ring(of hub: ObjectIdentifier) -> RecordRing? {
        reading.withLock { reading in
            guard reading.isWatched else { return nil }
            if let ring = reading.rings[hub] { return ring }
            guard reading.rings.count < Self.mostRings else { return nil }
            let ring = RecordRing(pages: 512)
            reading.rings[hub] = ring
            return ring
        }
    }

    /// Tells of a message, by a queue of the thread's own.
    package func tell(_ message: Message, _ bytes: Span<UInt8>, by ring: RecordRing) {
        let facts = UInt64(message.kind.rawValue) | UInt64(message.carrier.rawValue) << 8 | UInt64(message.port) << 16
        ring.append(
            [
                facts, UInt64(bitPattern: message.time), UInt64(bitPattern: message.asked),
                UInt64(truncatingIfNeeded: message.peer), UInt64(truncatingIfNeeded: message.peer >> 64), 0, 0,
            ], bytes)
    }

    /// Whether it was free to be read.
    func begin() -> Bool {
        let isFree = reading.withLock { reading in
            guard !reading.isWatched else { return false }
            reading.isWatched = true
            return true
        }
        if isFree { told.withLock { $0 = 0 } }
        return isFree
    }

    /// It is read no more: all queues go.
    func end() { reading.withLock { $0 = Reading() } }

    /// What came since the last time, and how many messages found no room.
    func take() -> (messages: [Message], dropped: UInt64) {
        told.withLock { told in
            var messages: [Message] = []
            let all = reading.withLock { Array($0.rings.values) }
            for ring in all {
                ring.drain { head, bytes in
                    guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: head[0])),
                        let carrier = Carrier(rawValue: UInt8(truncatingIfNeeded: head[0] >> 8))
                    else { return }
                    var message = Message(
                        kind, carrier, peer: UInt128(head[4]) << 64 | UInt128(head[3]),
                        port: UInt16(truncatingIfNeeded: head[0] >> 16),
                        at: Int64(bitPattern: head[1]), askedAt: Int64(bitPattern: head[2]))
                    message.bytes = bytes
                    messages.append(message)
                }
            }
            let dropped = all.reduce(UInt64(0)) { $0 &+ $1.dropped.value }
            defer { told = dropped }
            return (messages, dropped &- told)
        }
    }
}
