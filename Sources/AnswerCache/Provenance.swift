/// Where an answer came from.
package struct Provenance: Hashable, Sendable {
    /// The stable id of the upstream.
    package var upstream: UInt16
    /// The transport it came over.
    package var transport: AnswerTransport
    /// What is known about its signatures.
    package var security: SecurityStatus

    /// Puts the values together.
    package init(
        upstream: UInt16, transport: AnswerTransport, security: SecurityStatus = .unchecked
    ) {
        self.upstream = upstream
        self.transport = transport
        self.security = security
    }
}

/// The transport an answer came over.
package enum AnswerTransport: UInt8, Hashable, Sendable, CaseIterable {
    /// Plain datagrams.
    case udp
    /// A plain stream.
    case tcp
    /// DNS over TLS (RFC 7858).
    case tls
    /// DNS over HTTPS (RFC 8484).
    case https
    /// DNS over QUIC (RFC 9250).
    case quic
    /// Another instance's answer, by way of Redis.
    case redis
    /// Nobody's: made here.
    case local
}

/// What is known about an answer's signatures (RFC 4033 5).
package enum SecurityStatus: UInt8, Hashable, Sendable, CaseIterable {
    /// Nobody has looked.
    case unchecked
    /// A chain of signatures leads to it.
    case secure
    /// There is proof that it need not be signed.
    case insecure
    /// It should be signed and is not, or wrongly.
    case bogus
    /// There is no trust anchor for it.
    case indeterminate
}
