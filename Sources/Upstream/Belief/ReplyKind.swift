internal import Belief
internal import DNSWire

/// What a reply is, as far as the next step depends on it.
enum ReplyKind: Hashable {
    /// An answer.
    case final
    /// Cut short: asked again over TCP.
    case truncated
    /// It cannot be read, or does not answer the question: once more over TCP, then the next.
    case broken
    /// The server does not understand EDNS: FORMERR or BADVERS (RFC 6891 7), in old ones NOTIMP (RFC 2671 5.3).
    case withoutEDNS(ResponseCode)
    /// A failure of this server: the next is asked.
    case failure(ResponseCode, ExtendedErrorCode?)
    /// The server found that the data does not validate: nobody else is asked.
    case bogus(ExtendedErrorCode)

    /// Whether the server did what it is there for.
    var isServed: Bool {
        switch self {
        case .final, .bogus: true
        case .truncated, .broken, .withoutEDNS, .failure: false
        }
    }
}

extension Judgement {
    /// What it means for the next step.
    var kind: ReplyKind {
        switch self {
        case .answer: .final
        case .truncated: .truncated
        case .withoutEDNS(let code): .withoutEDNS(code)
        case .failure(let code, let reason): .failure(code, reason)
        case .bogus(let reason): .bogus(reason)
        case .broken: .broken
        }
    }
}
