package import DNSWire

/// An upstream's answer to a question: checked to be one, and no more than that.
package struct UpstreamReply: Sendable {
    /// The whole message.
    package let bytes: [UInt8]
    /// The stable id of the upstream it came from.
    package let upstream: UInt16
    /// How it came.
    package let transport: UpstreamAddress.Transport
}

/// Why there is no answer.
package enum UpstreamFailure: Error, Hashable, Sendable {
    /// Nobody answered in time.
    case timedOut
    /// No upstream could be reached.
    case unreachable
    /// Every upstream said that it cannot or will not; the last rcode and extended error.
    case refused(ResponseCode, ExtendedErrorCode?)
    /// There is no upstream to ask.
    case noUpstream
    /// The daemon is going down.
    case stopping

    /// What a client is told (RFC 8914).
    package var extendedError: ExtendedErrorCode {
        switch self {
        case .timedOut, .unreachable: .noReachableAuthority
        case .refused(_, let code): code ?? .other
        case .noUpstream, .stopping: .notReady
        }
    }

    /// A few words beside the code.
    package var text: String {
        switch self {
        case .timedOut: "no upstream answered in time"
        case .unreachable: "no upstream could be reached"
        case .refused(.servFail, _): "every upstream failed"
        case .refused(.refused, _): "every upstream refused"
        case .refused: "no upstream could answer this"
        case .noUpstream: "no upstream to ask"
        case .stopping: "the server is going down"
        }
    }
}
