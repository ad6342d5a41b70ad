internal import COpenSSL
internal import Glibc
internal import Green

/// What all connections of a kind have in common: certificates, trust, protocols and sessions to resume. Made once, used by
/// any number of hubs at the same time. TLS 1.2 is the oldest version that is spoken.
@safe public final class TLSContext: @unchecked Sendable {
    // SAFETY: OpenSSL counts a context's references with atomics, and nothing changes it after `init`; sessions are behind
    // a lock of their own.
    let context: OpaquePointer
    /// Whether connections begin as the server.
    package let isServer: Bool
    /// How far peers are checked.
    let verification: TLSVerification
    /// Sessions that can be resumed; nil where none are kept.
    let sessions: TLSSessions?
    /// A server's further certificates.
    private var others: [TLSContext] = []
    /// What a server's tickets are encrypted with.
    private var ticketKeys: TLSTicketKeys?
    /// The protocols in the form of ALPN (RFC 7301 3.1); OpenSSL's callback is handed a pointer to it.
    private let protocols: UnsafeMutablePointer<[UInt8]>

    /// A context for clients. Reads files: not for the path of a query. Throws where one cannot be used, and says which.
    public static func client(_ options: TLSClientOptions = TLSClientOptions()) throws(TLSError) -> TLSContext {
        let context = try TLSContext(
            isServer: false, protocols: options.protocols, verification: options.verification,
            sessions: options.resumesSessions ? TLSSessions(limit: options.sessionLimit) : nil)
        if options.verification != .none { try context.trust(options.trust) }
        if let identity = options.identity { try context.use(identity) }
        unsafe SSL_CTX_set_verify(context.context, options.verification == .none ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
        unsafe SSL_CTX_set_cert_verify_callback(context.context, CertificateCheck.callback, nil)
        return context
    }

    /// A context for servers. Reads files: not for the path of a query. Throws where one cannot be used, and says which.
    public static func server(_ options: TLSServerOptions) throws(TLSError) -> TLSContext {
        let context = try single(options, options.identity)
        for identity in options.otherIdentities { context.others.append(try single(options, identity)) }
        if !context.others.isEmpty {
            // SAFETY: the callback is handed the context, which every connection of it keeps.
            unsafe green_tls_set_name_callback(
                context.context, chooseCertificate, Unmanaged.passUnretained(context).toOpaque())
        }
        return context
    }

    /// A context with one certificate.
    private static func single(_ options: TLSServerOptions, _ identity: TLSIdentity) throws(TLSError) -> TLSContext {
        let verification: TLSVerification = options.clientTrust == nil ? .none : .chainOnly
        let context = try TLSContext(
            isServer: true, protocols: options.protocols, verification: verification, sessions: nil)
        try context.use(identity)
        if let trust = options.clientTrust {
            try context.trust(trust)
            unsafe SSL_CTX_set_verify(context.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        try context.name(sessionsAfter: options.clientTrust)
        // A client uses one for each connection and gets a new one there.
        unsafe SSL_CTX_set_num_tickets(context.context, 1)
        if let keys = options.ticketKeys {
            context.ticketKeys = keys
            unsafe keys.attach(to: context.context)
        }
        return context
    }

    /// Gives the sessions a name that keeps those of other services out, and those that were made with other trust: a session
    /// stands for a client's certificate.
    private func name(sessionsAfter trust: TLSTrust?) throws(TLSError) {
        var text = [UInt8]("green ".utf8)
        switch trust {
        case nil: text += "asks for none".utf8
        case .system: text += "system".utf8
        case .file(let path):
            do {
                text += "given ".utf8 + (try SystemFiles().read(path, limit: Self.fileLimit))
            } catch {
                throw .configuration(path, reason: "\(error)")
            }
        case .pem(let certificates): text += "given \(certificates)".utf8
        }
        let name = unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            count = unsafe SHA256(text, text.count, buffer.baseAddress) == nil ? 0 : 32
        }
        unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
    }

    /// Has a connection go on with the first certificate that is for the name that the client asks for.
    private static let chooseCertificate:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
        ) -> Int32 = { ssl, _, table in
            guard let ssl = unsafe ssl, let table = unsafe table,
                let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
            else { return SSL_TLSEXT_ERR_NOACK }
            return unsafe Unmanaged<TLSContext>.fromOpaque(table)._withUnsafeGuaranteedRef { context in
                if unsafe context.isFor(name) { return SSL_TLSEXT_ERR_OK }
                for other in context.others where unsafe other.isFor(name) {
                    unsafe SSL_set_SSL_CTX(ssl, other.context)
                    break
                }
                return SSL_TLSEXT_ERR_OK
            }
        }

    /// Whether the certificate is for a name.
    private func isFor(_ name: UnsafePointer<CChar>) -> Bool {
        guard let certificate = unsafe SSL_CTX_get0_certificate(context) else { return false }
        return unsafe X509_check_host(certificate, name, 0, 0, nil) == 1
    }

    /// Whether one of the certificates is for a name, or for an address.
    package func isFor(_ host: String) -> Bool {
        ([self] + others).contains { context in
            guard !host.utf8.contains(0), let certificate = unsafe SSL_CTX_get0_certificate(context.context) else { return false }
            return unsafe X509_check_host(certificate, host, 0, 0, nil) == 1
                || X509_check_ip_asc(certificate, host, 0) == 1
        }
    }

    /// The time of day by which tickets are judged, in seconds since 1970.
    var now: Int64 { ticketKeys?.now() ?? Int64(time(nil)) }

    /// When the certificates end, in seconds since 1970, in the order of the identities.
    package var expiries: [Int64] {
        ([self] + others).map { context in
            guard let certificate = unsafe SSL_CTX_get0_certificate(context.context) else { return 0 }
            return unsafe Self.seconds(X509_get0_notAfter(certificate))
        }
    }

    /// A time of a certificate, in seconds since 1970; 0 where it cannot be read.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        guard let time = unsafe time, let start = unsafe ASN1_TIME_set(nil, 0) else { return 0 }
        defer { unsafe ASN1_STRING_free(start) }
        var (days, seconds) = (Int32(0), Int32(0))
        guard unsafe ASN1_TIME_diff(&days, &seconds, start, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(seconds)
    }

    private init(
        isServer: Bool, protocols: [String], verification: TLSVerification, sessions: TLSSessions?
    ) throws(TLSError) {
        ErrorQueue.clear()
        guard let context = unsafe SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw .configuration("TLS", reason: ErrorQueue.drain())
        }
        unsafe self.context = context
        self.isServer = isServer
        self.verification = verification
        self.sessions = sessions
        unsafe self.protocols = .allocate(capacity: 1)
        unsafe self.protocols.initialize(to: [])
        unsafe PassPhrase.detach(from: context)
        unsafe green_tls_set_oldest(context, TLS1_2_VERSION)
        unsafe green_tls_set_mode(context)
        unsafe green_tls_set_options(context)
        try set(protocols: protocols)
        keepSessions()
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe protocols.deinitialize(count: 1)
        unsafe protocols.deallocate()
    }

    // MARK: - Parts

    private func trust(_ trust: TLSTrust) throws(TLSError) {
        ErrorQueue.clear()
        switch trust {
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .configuration("the system's certificates", reason: ErrorQueue.drain())
            }
        case .file(let path):
            try Self.check(path)
            guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else {
                throw .configuration(path, reason: ErrorQueue.drain())
            }
        case .pem(let certificates):
            try unsafe PEMText.trust(certificates, in: context)
        }
    }

    private func use(_ identity: TLSIdentity) throws(TLSError) {
        ErrorQueue.clear()
        if let memory = identity.memory { return try use(memory, identity.passPhrase) }
        try Self.check(identity.certificateFile)
        try Self.check(identity.keyFile)
        let phrase = PassPhrase(identity.passPhrase)
        unsafe phrase.attach(to: context)
        defer { unsafe PassPhrase.detach(from: context) }
        guard unsafe SSL_CTX_use_certificate_chain_file(context, identity.certificateFile) == 1 else {
            throw .configuration(identity.certificateFile, reason: ErrorQueue.drain())
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, identity.keyFile, SSL_FILETYPE_PEM) == 1,
            unsafe SSL_CTX_check_private_key(context) == 1
        else {
            let reason = ErrorQueue.drain()
            throw .configuration(identity.keyFile, reason: phrase.complaint ?? reason)
        }
    }

    private func use(_ memory: TLSIdentity.Memory, _ passPhrase: String?) throws(TLSError) {
        try unsafe PEMText.use(certificates: memory.certificates, in: context)
        let phrase = PassPhrase(passPhrase)
        unsafe phrase.attach(to: context)
        defer { unsafe PassPhrase.detach(from: context) }
        do throws(TLSError) {
            try unsafe PEMText.use(key: memory.key, in: context)
        } catch {
            guard let complaint = phrase.complaint else { throw error }
            throw .configuration(PEMText.key, reason: complaint)
        }
    }

    /// A PEM file larger than this is refused.
    private static let fileLimit = 16 << 20

    /// Refuses what OpenSSL would wait for, or never be done with.
    private static func check(_ path: String) throws(TLSError) {
        do throws(SocketError) {
            try RegularFile.check(path, limit: fileLimit)
        } catch {
            throw .configuration(path, reason: error.reason)
        }
    }

    private func set(protocols names: [String]) throws(TLSError) {
        var wire: [UInt8] = []
        for name in names {
            guard (1...255).contains(name.utf8.count) else {
                throw .configuration("the protocol \"\(name)\"", reason: "a name of 1 to 255 bytes is wanted")
            }
            wire.append(UInt8(name.utf8.count))
            wire.append(contentsOf: name.utf8)
        }
        guard !wire.isEmpty else { return }
        unsafe protocols.pointee = wire
        if isServer {
            unsafe SSL_CTX_set_alpn_select_cb(context, Self.chooseProtocol, protocols)
        } else {
            unsafe SSL_CTX_set_alpn_protos(context, wire, UInt32(wire.count))
        }
    }

    /// Picks the server's first protocol that the client offers too.
    private static let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenLength, offered, offeredLength, context in
        let own = unsafe context!.assumingMemoryBound(to: [UInt8].self)
        // The list lives as long as the context, and so does what is found in it; what is found in the client's list lives
        // for the time of the handshake, as OpenSSL wants it.
        let result = unsafe own.pointee.withUnsafeBufferPointer { list in
            var found: UnsafeMutablePointer<UInt8>?
            let code = unsafe SSL_select_next_proto(
                &found, chosenLength, list.baseAddress, UInt32(list.count), offered, offeredLength)
            unsafe chosen!.pointee = unsafe UnsafePointer(found)
            return code
        }
        return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private func keepSessions() {
        if isServer {
            // Tickets: nothing is kept here.
            unsafe green_tls_set_session_mode(context, Int(SSL_SESS_CACHE_OFF))
            return
        }
        unsafe green_tls_set_session_mode(
            context, sessions == nil ? Int(SSL_SESS_CACHE_OFF) : Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE))
        guard sessions != nil else { return }
        unsafe SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let owner = unsafe green_tls_owner(ssl), let session = unsafe session else { return 0 }
            return unsafe Unmanaged<TLSEngine>.fromOpaque(owner)._withUnsafeGuaranteedRef { engine in
                unsafe engine.keep(session) ? 1 : 0
            }
        }
    }
}
