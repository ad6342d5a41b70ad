internal import DNSWire
internal import Green
internal import GreenTLS
internal import Observation
internal import Resolver

/// The certificates that clients are shown, as TLS contexts for each way of speaking: made anew when files change, used by
/// all workers.
struct ServerCertificates: Sendable {
    /// What DNS over TLS is spoken with.
    private let overTLS: TLSContext
    /// What DNS over HTTPS is spoken with.
    private let overHTTPS: TLSContext
    /// The certificates' files, and when each ends, in seconds since 1970.
    let expiries: [(file: String, end: Int64)]
    /// Whether clients must show certificates, which say what they are called.
    let namesClients: Bool
    /// What stands behind the first label of a name below that of the server.
    private let suffix: String?

    /// A certificate with so much time left, or less, is warned of.
    static let warningDays: Int64 = 14

    /// Reads the files that settings name. Throws where one is of no use.
    init(_ settings: TLSSettings, _ files: any FileAccess) throws(DaemonError) {
        let keys = try Self.ticketKeys(settings, files)
        overTLS = try Self.context(settings, keys, ["dot"])
        overHTTPS = try Self.context(settings, keys, ["h2", "http/1.1"])
        namesClients = settings.clients != nil
        suffix = settings.name.map { "." + $0 }
        expiries = Array(zip(settings.pairs.map(\.certificate), overTLS.expiries))
        if let name = settings.name, !overTLS.isFor(name) {
            throw .certificate(
                settings.pairs[0].certificate, "no certificate is for \(name), which tls.name says; expected one that is")
        }
    }

    /// What a client is called: by its certificate where it must show one, else by the name that it asks for where that is one
    /// label below the server's.
    func clientName(_ tls: TLSEngine) -> ClientName {
        if namesClients {
            guard let text = tls.peerName else { return .none.proven }
            let name = ClientName(text)
            if name != .none { ClientDirectory.shared.note(name.number, text.lowercased()) }
            return name.proven
        }
        guard let suffix, let host = tls.requestedHost?.lowercased(), host.hasSuffix(suffix) else { return .none }
        return ClientName(String(host.dropLast(suffix.count)))
    }

    /// What a listener speaks with; nil where it does so in the clear.
    func context(for transport: ListenAddress.Transport) -> TLSContext? {
        switch transport {
        case .plain, .http: nil
        case .tls: overTLS
        case .https: overHTTPS
        }
    }

    /// The certificates that end soon, or have ended, in words.
    func warnings(at now: Int64) -> [String] {
        expiries.compactMap { file, end in
            let days = (end - now) / 86_400
            if end <= now { return "the certificate \(quoted(file)) has expired" }
            return days < Self.warningDays ? "the certificate \(quoted(file)) expires in \(days) days" : nil
        }
    }

    /// The fewest whole days that a certificate has left.
    func daysLeft(at now: Int64) -> Int64? { expiries.map { ($0.end - now) / 86_400 }.min() }

    private static func ticketKeys(_ settings: TLSSettings, _ files: any FileAccess) throws(DaemonError) -> TLSTicketKeys {
        guard let path = settings.sessionSecret else { return randomKeys }
        let bytes: [UInt8]
        do throws(SocketError) {
            bytes = try files.read(path, limit: 4096)
        } catch {
            throw .certificate(path, error.reason)
        }
        guard let keys = TLSTicketKeys(secret: bytes) else {
            throw .certificate(path, "\(bytes.count) bytes; expected at least \(TLSTicketKeys.shortestSecret) random ones")
        }
        return keys
    }

    /// Keys where no secret is given: of this process, so that sessions outlive a change of certificates.
    private static let randomKeys = TLSTicketKeys()

    private static func context(
        _ settings: TLSSettings, _ keys: TLSTicketKeys, _ protocols: [String]
    ) throws(DaemonError) -> TLSContext {
        let identities = settings.pairs.map { TLSIdentity(certificateFile: $0.certificate, keyFile: $0.key) }
        guard let first = identities.first else { throw .certificate("certificate", "none is given") }
        var options = TLSServerOptions(identity: first)
        options.otherIdentities = Array(identities.dropFirst())
        options.clientTrust = settings.clients.map { .file($0) }
        options.protocols = protocols
        options.ticketKeys = keys
        do throws(TLSError) {
            return try TLSContext.server(options)
        } catch {
            if case .configuration(let what, let reason) = error { throw .certificate(what, reason) }
            throw .certificate(first.certificateFile, "\(error)")
        }
    }
}
