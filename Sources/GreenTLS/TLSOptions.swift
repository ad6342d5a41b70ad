/// How far a peer's certificate is checked.
public enum TLSVerification: Hashable, Sendable {
    /// The chain must lead to somebody trusted, and the certificate must be for the host that was asked for.
    case full
    /// The chain must lead to somebody trusted; whose certificate it is does not matter.
    case chainOnly
    /// Not at all: anybody in between can read along.
    case none
}

/// Whose certificates are trusted.
public enum TLSTrust: Hashable, Sendable {
    /// Those that the system trusts.
    case system
    /// Those in a PEM file.
    case file(String)
    /// Those in a text in PEM.
    case pem(String)
}

/// A certificate with its key, each in a PEM file; the first also has the chain.
public struct TLSIdentity: Hashable, Sendable {
    /// The file with the certificate, then its chain.
    public var certificateFile: String
    /// The file with the private key.
    public var keyFile: String
    /// What the key is encrypted with; nil for a key that is not. Nobody is asked on a terminal.
    public var passPhrase: String?
    /// Both, where they are not in files.
    var memory: Memory?

    /// A certificate with its chain, and its key, as texts in PEM.
    struct Memory: Hashable, Sendable {
        let certificates: String
        let key: String
    }

    /// An identity from two texts in PEM, of a vault or an ACME client: the certificate, then its chain; and its key. The names of
    /// files are empty then.
    public init(certificatePEM certificates: String, keyPEM key: String, passPhrase: String? = nil) {
        self.init(certificateFile: "", keyFile: "", passPhrase: passPhrase)
        memory = Memory(certificates: certificates, key: key)
    }

    /// An identity from two files.
    public init(certificateFile: String, keyFile: String, passPhrase: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.passPhrase = passPhrase
    }
}

/// How a client speaks TLS; the defaults are safe.
public struct TLSClientOptions: Hashable, Sendable {
    /// How far the server is checked.
    public var verification = TLSVerification.full
    /// Whom to trust.
    public var trust = TLSTrust.system
    /// Who this client is, for servers that want to know.
    public var identity: TLSIdentity?
    /// The protocols to offer (ALPN), the preferred one first.
    public var protocols: [String] = []
    /// Whether sessions are kept and resumed, which saves a round trip and the certificate.
    public var resumesSessions = true
    /// How many servers' sessions are kept.
    public var sessionLimit = 256

    /// The defaults.
    public init() {}
}

/// How a server speaks TLS.
public struct TLSServerOptions: Sendable {
    /// Who the server is.
    public var identity: TLSIdentity
    /// Further ones: a client that asks for a name gets the first whose certificate is for it, all others `identity`.
    public var otherIdentities: [TLSIdentity] = []
    /// What session tickets are encrypted with, so that servers resume each other's sessions; nil for keys of this context
    /// alone.
    public var ticketKeys: TLSTicketKeys?
    /// Whose certificates clients must show; nil asks them for none.
    public var clientTrust: TLSTrust?
    /// The protocols that are spoken (ALPN), the preferred one first. A client that offers only others is refused.
    public var protocols: [String] = []

    /// A server with this identity.
    public init(identity: TLSIdentity) {
        self.identity = identity
    }
}
