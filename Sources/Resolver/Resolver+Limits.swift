internal import AnswerCache
package import DNSWire
internal import Green
internal import Observation

/// What limits of clients need of queries and answers.
extension Resolver {
    /// Why a query is refused whatever it asks.
    package enum Refusal: Sendable {
        /// The client has no right to ask here.
        case prohibited
        /// The client asks too much.
        case rate
        /// The same, where nothing says that it is the client who asks: over TCP it may.
        case unproven

        /// What the client is told.
        var reply: Reply {
            switch self {
            case .prohibited: Reply(.refused, .prohibited)
            case .rate: Reply(.refused, .other, "over the rate limit")
            case .unproven: .tooLong
            }
        }
    }

    /// What limits let go out of an answer.
    package enum Allowance {
        /// All of it.
        case whole
        /// Another in its place, of this length, which has nothing but TC; nothing where that is 0.
        case slipped(Int)
        /// Nothing.
        case nothing
    }

    /// What makes an answer the same as another (response rate limiting): of records the question, of a negative answer the zone
    /// that its SOA names, so that random names in one are the same, and of an error nothing. `message` is the answer.
    package func subject(_ query: inout QueryView, _ message: Span<UInt8>) -> UInt64 {
        switch Self.kind(message) {
        case .records:
            QuestionHash.hash(query.name, query.type, query.class, flags: Self.noFlags, seed: cache.seed)
        case .negative: Self.zone(message) ?? UInt64(DomainIndex.domainNumber(query.nameBytes))
        case .error: 0
        }
    }

    /// The same for a query that waited.
    package func subject(_ pending: PendingQuery, _ message: Span<UInt8>) -> UInt64 {
        let (name, key) = (pending.key.wireName, pending.key)
        return switch Self.kind(message) {
        case .records: QuestionHash.hash(name.span, key.type, key.class, flags: Self.noFlags, seed: cache.seed)
        case .negative: Self.zone(message) ?? UInt64(DomainIndex.domainNumber(name.span))
        case .error: 0
        }
    }

    /// The number of the zone whose SOA stands in an answer; nil where there is none.
    private static func zone(_ message: Span<UInt8>) -> UInt64? {
        do throws(WireError) {
            var records = try MessageView(message).records()
            // Aliases may stand before it, and proofs beside it.
            for _ in 0..<mostRecords {
                guard let record = try records.next() else { return nil }
                guard record.section == .authority, record.type == .soa else { continue }
                return UInt64(DomainIndex.number(FixedName(record.owner).span))
            }
        } catch {}
        return nil
    }

    /// So many records are looked at for an SOA.
    private static var mostRecords: Int { 32 }

    private static var noFlags: KeyFlags { KeyFlags(dnssecOK: false, checkingDisabled: false) }

    private enum Kind {
        case records, negative, error
    }

    private static func kind(_ message: Span<UInt8>) -> Kind {
        guard message.count >= MessageView.headerLength else { return .error }
        switch message[3] & 15 {
        case 0: return message.loadUInt16(at: 6) > 0 ? .records : .negative
        case 3: return .negative
        default: return .error
        }
    }

    /// Counts the query of `length` bytes at the front of `buffer`, to which limits let nothing be said. It is read only where
    /// somebody is told of it: a flood costs as little as it can.
    package func withhold(
        length: Int, in buffer: inout MutableSpan<UInt8>, from client: TappedClient, _ refusal: Refusal
    ) {
        guard tap.isOpen else { return figures.dropped.add() }
        _ = refuse(length: length, in: &buffer, from: client, refusal, .limited)
    }

    /// Puts nothing but TC in an answer's place: its length.
    package func truncate(_ query: inout QueryView, in buffer: inout MutableSpan<UInt8>) -> Int {
        guard case .answered(let count) = answer(.tooLong, query, &buffer) else { return 0 }
        return count
    }

    /// The same for a query that waited.
    package func truncate(_ pending: PendingQuery, in buffer: inout MutableSpan<UInt8>) -> Int {
        AnswerWriter(pending).write(.tooLong, into: &buffer)
    }
}
