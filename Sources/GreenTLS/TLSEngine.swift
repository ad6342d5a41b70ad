internal import COpenSSL
internal import Glibc
internal import Green

/// One connection's TLS, without the connection: bytes go in and come out by calls. None of them waits.
@safe package final class TLSEngine {
    /// What a step came to.
    enum Step {
        /// It is done, with so many bytes.
        case done(Int)
        /// The peer must say more first.
        case wantsInput
        /// The peer has said farewell.
        case ended
        /// There is no way on.
        case failed(TLSError)
    }

    /// The most bytes that one call takes in or gives out.
    static let chunk = 16_384

    private let context: TLSContext
    let ssl: OpaquePointer
    /// Buffers of its own, where it does not work over a wire.
    private var input: OpaquePointer?
    private var output: OpaquePointer?
    /// What it reads from and writes to, where it has no buffers of its own.
    private(set) var wire: TLSWire?
    /// On a client, whom it expects, and whose sessions these are.
    let peer: TLSPeer?
    /// Why the certificate was refused, where OpenSSL does not know.
    var refusal: String?
    /// Whether there was no way on.
    private var hasFailed = false

    /// TLS with the peer of a client, or of a server.
    init(_ context: TLSContext, peer: TLSPeer?) throws(TLSError) {
        ErrorQueue.clear()
        let (made, into, out) = unsafe (SSL_new(context.context), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        guard let ssl = unsafe made, let input = unsafe into, let output = unsafe out else {
            unsafe SSL_free(made)
            unsafe BIO_free(into)
            unsafe BIO_free(out)
            throw .configuration("TLS", reason: ErrorQueue.drain())
        }
        unsafe green_tls_empty_means_later(input)
        unsafe SSL_set_bio(ssl, input, output)
        self.context = context
        wire = nil
        unsafe self.ssl = ssl
        unsafe self.input = input
        unsafe self.output = output
        self.peer = context.isServer ? nil : peer
        unsafe green_tls_set_owner(ssl, Unmanaged.passUnretained(self).toOpaque())
        if context.isServer {
            unsafe SSL_set_accept_state(ssl)
        } else {
            unsafe SSL_set_connect_state(ssl)
            if let peer { try expect(peer) }
        }
    }

    /// TLS with the peer of a server, over a wire.
    package init(_ context: TLSContext, over wire: TLSWire) throws(TLSError) {
        ErrorQueue.clear()
        require(context.isServer, "a client's TLS context for a server's connection; make it with TLSContext.server")
        guard let method = unsafe TLSWire.method else { throw .configuration("TLS", reason: "no memory") }
        let (made, over) = unsafe (SSL_new(context.context), BIO_new(method))
        guard let ssl = unsafe made, let bio = unsafe over else {
            unsafe SSL_free(made)
            unsafe BIO_free(over)
            throw .configuration("TLS", reason: ErrorQueue.drain())
        }
        // SAFETY: the wire lives as long as this object, and the BIO goes with the connection.
        unsafe BIO_set_data(bio, wire.state)
        unsafe SSL_set_bio(ssl, bio, bio)
        self.context = context
        self.wire = wire
        unsafe self.ssl = ssl
        peer = nil
        unsafe green_tls_set_owner(ssl, Unmanaged.passUnretained(self).toOpaque())
        unsafe SSL_set_accept_state(ssl)
    }

    /// Takes over buffers of its own, instead of the wire.
    func use(input: OpaquePointer, output: OpaquePointer) {
        unsafe self.input = input
        unsafe self.output = output
        wire = nil
    }

    deinit {
        // OpenSSL takes a connection that ended without farewell for one whose session is spoilt; TLS does not (RFC 5246 7.2.1).
        if !hasFailed { unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        unsafe SSL_free(ssl)
        ErrorQueue.clear()
    }

    /// Tells the server which name is wanted, and wants its certificate to be for that name.
    private func expect(_ peer: TLSPeer) throws(TLSError) {
        let host = peer.host
        // OpenSSL reads up to a NUL: the certificate would be checked for another name than the one that was asked for.
        guard !host.utf8.contains(0) else {
            throw .configuration("the host name \"\(host.prefix { $0 != "\0" })\\0…\"", reason: "a NUL is in it")
        }
        let isAddress = IPAddress(host) != nil
        var isSet = true
        if !isAddress { isSet = unsafe green_tls_set_server_name(ssl, host) == 1 }
        if isSet, context.verification == .full {
            if isAddress {
                isSet = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
            } else {
                unsafe SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
                isSet = unsafe SSL_set1_host(ssl, host) == 1
            }
        }
        guard isSet else { throw .configuration("the host name \"\(host)\"", reason: ErrorQueue.drain()) }
        unsafe context.sessions?.withSession(for: peer) { session in _ = unsafe SSL_set_session(ssl, session) }
    }

    /// Keeps a session for later; false where none are kept.
    func keep(_ session: OpaquePointer) -> Bool {
        guard let peer, let sessions = context.sessions else { return false }
        unsafe sessions.keep(session, for: peer)
        return true
    }

    // MARK: - Steps

    /// Goes on with the handshake.
    func handshake() -> Step {
        ErrorQueue.clear()
        let step = unsafe step(SSL_do_handshake(ssl))
        guard case .done = step, let fault = faultOfResumed else { return step }
        hasFailed = true
        return .failed(.certificate(fault))
    }

    /// Why a client's certificate is good no more that was looked at when its session began, and never since; nil where it is.
    private var faultOfResumed: String? {
        guard context.isServer, context.verification != .none, isResumed else { return nil }
        guard let certificate = unsafe SSL_get0_peer_certificate(ssl), let end = unsafe X509_get0_notAfter(certificate) else {
            return "the session stands for no certificate"
        }
        var now = time_t(context.now)
        return unsafe X509_cmp_time(end, &now) > 0 ? nil : "the certificate has expired since"
    }

    /// Reads plain bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Step {
        ErrorQueue.clear()
        return step(unsafe SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count)))
    }

    /// Takes plain bytes to be sent.
    func write(_ buffer: UnsafeRawBufferPointer) -> Step {
        ErrorQueue.clear()
        return step(unsafe SSL_write(ssl, buffer.baseAddress, Int32(min(buffer.count, Self.chunk))))
    }

    /// Says farewell.
    func shutdown() {
        ErrorQueue.clear()
        _ = unsafe SSL_shutdown(ssl)
        ErrorQueue.clear()
    }

    /// Hands over bytes that came from the peer.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard unsafe !bytes.isEmpty, let input = unsafe input else { return }
        let taken = unsafe BIO_write(input, bytes.baseAddress, Int32(clamping: bytes.count))
        guard taken == bytes.count else { throw .protocolFailure("no memory") }
    }

    /// Takes bytes that are to go to the peer: how many.
    func takeOutput(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let output = unsafe output, unsafe green_tls_pending(output) > 0 else { return 0 }
        return max(0, Int(unsafe BIO_read(output, buffer.baseAddress, Int32(buffer.count))))
    }

    private func step(_ result: Int32) -> Step {
        if result > 0 { return .done(Int(result)) }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsInput
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(failure())
        }
    }

    /// Why there is no way on.
    func failure() -> TLSError {
        hasFailed = true
        let reason = ErrorQueue.drain()
        let verdict = unsafe SSL_get_verify_result(ssl)
        guard context.verification != .none, verdict != Int(X509_V_OK) else { return .protocolFailure(reason) }
        if let refusal { return .certificate(refusal) }
        return .certificate(unsafe String(cString: X509_verify_cert_error_string(verdict)))
    }

    // MARK: - What was agreed on

    /// The protocol that both chose (ALPN).
    package var negotiatedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name = unsafe name else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// The name that a client asked for (SNI).
    package var requestedHost: String? {
        guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
        return unsafe String(cString: name)
    }

    /// The common name in the certificate that a client has shown; nil where it has shown none, or one without.
    package var peerName: String? {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe Self.commonName(of: certificate)
    }

    /// The certificate that the peer has shown.
    var peerCertificate: TLSCertificate? {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe TLSCertificate(certificate)
    }

    /// The common name of a certificate's subject.
    static func commonName(of certificate: OpaquePointer) -> String? {
        guard let subject = unsafe X509_get_subject_name(certificate) else { return nil }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            let count = unsafe X509_NAME_get_text_by_NID(subject, NID_commonName, buffer.baseAddress, Int32(buffer.count))
            guard count > 0, count < buffer.count else { return nil }
            let text = unsafe String(cString: buffer.baseAddress!)
            // A NUL within would show another name than the authority has signed.
            return text.utf8.count == count ? text : nil
        }
    }

    /// The version, such as `TLSv1.3`.
    var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// Whether an earlier session goes on.
    package var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }
}
