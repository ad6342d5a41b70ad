internal import AnswerCache
internal import Belief
internal import DNSWire
internal import Green
internal import Observation
internal import Upstream

/// What waiting for an answer came to; to be handed to `Resolver.write`.
package struct Resolution {
    /// Why a client gets no answer.
    enum Failure {
        /// Upstream's reason.
        case noAnswer(UpstreamFailure)
        /// Too much is being asked at once.
        case overloaded
        /// Too much of the same domain is.
        case crowded
        /// What was in the cache a moment ago is no longer.
        case evicted
    }

    /// What there is.
    enum Content {
        /// The flight that has landed.
        case landed(Flight)
        /// What the cache has.
        case cached
        /// An answer whose time is over.
        case stale
        /// What is known of the name that the question's stands for.
        case redirected(Redirect)
        /// Nothing.
        case failed(Failure)
    }

    let content: Content
    /// When waiting began; nil where there was none.
    var begunAt: Instant?

    /// Where the answer comes from.
    var source: AnswerSource {
        switch content {
        case .landed(let flight): isFailure ? .error : flight.source
        case .cached: .memory
        case .stale: .stale
        case .redirected: .rule
        case .failed: .error
        }
    }

    static func landed(_ flight: Flight) -> Resolution { Resolution(content: .landed(flight)) }
    /// What the cache has, for an answer that was only too long.
    package static var cached: Resolution { Resolution(content: .cached) }
    /// Nothing, for want of means.
    package static var overloaded: Resolution { .failed(.overloaded) }
    /// What the cache has, though its time is over.
    static var stale: Resolution { Resolution(content: .stale) }
    static func redirected(_ redirect: Redirect) -> Resolution { Resolution(content: .redirected(redirect)) }
    /// Whether it is about another name than the question.
    var isRedirected: Bool {
        if case .redirected = content { return true }
        return false
    }
    /// Whether it is what the cache has.
    var isCached: Bool {
        if case .cached = content { return true }
        return false
    }
    /// Whether it is an answer past its time.
    var isStale: Bool {
        if case .stale = content { return true }
        return false
    }

    /// The bytes of an answer that is kept until it is written: a flight's; others stand in the cache.
    package var byteCount: Int {
        if case .landed(let flight) = content, case .success(let reply) = flight.result { return reply.answer.recordByteCount }
        return 0
    }

    /// Whether both are what the same flight came to.
    package func isSame(as other: Resolution) -> Bool {
        if case .landed(let one) = content, case .landed(let two) = other.content { return one === two }
        return false
    }

    /// Whether there is no answer because too much is asked at once.
    var isOverload: Bool {
        switch content {
        case .failed(.overloaded), .failed(.crowded): return true
        case .landed(let flight):
            if case .failure(.overloaded) = flight.result { return true }
            return false
        default: return false
        }
    }

    /// Whether there is no answer.
    var isFailure: Bool {
        switch content {
        case .failed: return true
        case .landed(let flight):
            if case .failure = flight.result { return true }
            return false
        case .cached, .stale, .redirected: return false
        }
    }

    static func failed(_ failure: Failure) -> Resolution { Resolution(content: .failed(failure)) }
}

extension Reply {
    /// The reply to who got no answer.
    init(_ failure: Resolution.Failure) {
        switch failure {
        case .noAnswer(let reason): self.init(.servFail, reason.extendedError, reason.text)
        case .evicted: self.init(.servFail, .other, "ask again")
        case .overloaded: self.init(.servFail, .other, "too many questions at once")
        case .crowded: self.init(.servFail, .other, "too many questions about this domain at once")
        }
    }
}

extension UpstreamFailure {
    /// Whether the failure is worth remembering for a while (RFC 9520): it is upstream's, not this server's.
    var isRemembered: Bool {
        switch self {
        case .timedOut, .unreachable, .insecure, .unconfirmed, .refused: true
        case .noUpstream, .overloaded, .loop, .stopping: false
        }
    }

    /// The number that the cache remembers its text by.
    var rememberedText: UInt8 {
        switch self {
        case .timedOut: 1
        case .unreachable: 2
        case .refused(.servFail, _): 3
        case .refused(.refused, _): 4
        case .refused: 5
        case .insecure: 6
        case .unconfirmed: 7
        case .noUpstream, .overloaded, .loop, .stopping: 0
        }
    }

    /// The text with a number.
    static func text(ofRemembered number: UInt8) -> StaticString {
        switch number {
        case 1: UpstreamFailure.timedOut.text
        case 2: UpstreamFailure.unreachable.text
        case 3: UpstreamFailure.refused(.servFail, nil).text
        case 4: UpstreamFailure.refused(.refused, nil).text
        case 5: UpstreamFailure.refused(.notImp, nil).text
        case 6: UpstreamFailure.insecure.text
        case 7: UpstreamFailure.unconfirmed.text
        default: ""
        }
    }
}

extension UpstreamReply {
    /// Where it came from, as the cache notes it.
    var provenance: Provenance {
        let over: AnswerTransport =
            switch transport {
            case .udp: .udp
            case .tcp: .tcp
            case .tls: .tls
            case .https: .https
            }
        return Provenance(upstream: upstream, transport: over)
    }
}
