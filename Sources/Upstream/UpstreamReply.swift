package import Belief
package import DNSWire
internal import Glibc
internal import Green

/// An upstream's answer to a question: one for all who wait.
package final class UpstreamReply: Sendable {
    /// What its reply comes to.
    package let answer: Answer
    /// The stable id of the upstream it came from.
    package let upstream: UInt16
    /// How it came.
    package let transport: UpstreamAddress.Transport

    /// An answer, and where it came from.
    package init(_ answer: Answer, upstream: UInt16, transport: UpstreamAddress.Transport) {
        self.answer = answer
        self.upstream = upstream
        self.transport = transport
    }
}

/// Why there is no answer.
package enum UpstreamFailure: Error, Hashable, Sendable {
    /// Nobody answered in time.
    case timedOut
    /// No upstream could be reached.
    case unreachable
    /// An encrypted upstream did not prove who it is, or does not speak TLS.
    case insecure
    /// Every upstream said that it cannot or will not; the last rcode and extended error.
    case refused(ResponseCode, ExtendedErrorCode?)
    /// What came may be forged, and no verifying upstream said what is true.
    case unconfirmed
    /// There is no upstream to ask.
    case noUpstream
    /// So many questions are under way, or so many descriptors open, that this one could not be asked.
    case overloaded
    /// The question is one that this server itself sent upstream.
    case loop
    /// The daemon is going down.
    case stopping

    /// What a client is told (RFC 8914).
    package var extendedError: ExtendedErrorCode {
        switch self {
        case .timedOut, .unreachable: .noReachableAuthority
        case .insecure, .unconfirmed: .networkError
        case .refused(_, let code): code ?? .other
        case .overloaded, .loop: .other
        case .noUpstream, .stopping: .notReady
        }
    }

    /// A few words beside the code.
    package var text: StaticString {
        switch self {
        case .timedOut: "no upstream answered in time"
        case .unreachable: "no upstream could be reached"
        case .insecure: "no secure connection to an upstream: wrong certificate, or no TLS there"
        case .refused(.servFail, _): "every upstream failed"
        case .refused(.refused, _): "every upstream refused"
        case .refused: "no upstream could answer this"
        case .unconfirmed: "the answer may be forged, and no verifying upstream could be asked"
        case .noUpstream: "no upstream to ask"
        case .overloaded: "too many questions are on their way upstream"
        case .loop: "forwarding loop: this query was sent upstream by this server"
        case .stopping: "the server is going down"
        }
    }
}

extension UpstreamFailure {
    /// Why a socket could not be opened: this machine's limits are not the upstream's fault.
    init(opening error: SocketError) {
        switch error {
        case .addressInUse, .addressNotAvailable: self = .overloaded
        case _ where [EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN].contains(error.systemNumber): self = .overloaded
        default: self = .unreachable
        }
    }
}
