internal import COpenSSL

/// Certificates and keys as texts in PEM, for OpenSSL's contexts.
enum PEMText {
    /// What errors call them.
    static let (certificates, key, trusted) = ("the certificates in PEM", "the key in PEM", "the trusted certificates in PEM")
    /// More certificates in one text are refused.
    private static let limit = 10_000

    /// Gives a context a certificate, the first of the text, and its chain, the others.
    static func use(certificates text: String, in context: OpaquePointer) throws(TLSError) {
        var isFirst = true
        unsafe green_tls_clear_chain(context)
        try unsafe each(of: text, Self.certificates) { certificate in
            defer { isFirst = false }
            if isFirst { return unsafe SSL_CTX_use_certificate(context, certificate) == 1 }
            return unsafe green_tls_add_to_chain(context, certificate) == 1
        }
    }

    /// Gives a context the key to its certificate. Whatever asks for a pass phrase, the context's own call answers.
    static func use(key text: String, in context: OpaquePointer) throws(TLSError) {
        let isUsed = unsafe withBuffer(of: text) { buffer in
            let (answer, subject) = unsafe (
                SSL_CTX_get_default_passwd_cb(context), SSL_CTX_get_default_passwd_cb_userdata(context)
            )
            guard let key = unsafe PEM_read_bio_PrivateKey(buffer, nil, answer, subject) else { return false }
            defer { unsafe EVP_PKEY_free(key) }
            return unsafe SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1
        }
        guard isUsed == true else { throw .configuration(key, reason: ErrorQueue.drain()) }
    }

    /// Has a context trust all certificates of the text.
    static func trust(_ text: String, in context: OpaquePointer) throws(TLSError) {
        let store = unsafe SSL_CTX_get_cert_store(context)
        try unsafe each(of: text, trusted) { unsafe X509_STORE_add_cert(store, $0) == 1 }
    }

    /// Calls `body` with each certificate of a text. An encrypted one is refused: without a call of its own OpenSSL would ask whoever
    /// sits at the terminal. Throws where there is none, where one cannot be read, and where `body` says no.
    private static func each(of text: String, _ what: String, _ body: (OpaquePointer) -> Bool) throws(TLSError) {
        ErrorQueue.clear()
        var (count, isGood) = (0, true)
        unsafe withBuffer(of: text) { buffer in
            while isGood, count <= limit, let certificate = unsafe PEM_read_bio_X509_AUX(buffer, nil, PassPhrase.refusal, nil) {
                isGood = unsafe body(certificate)
                unsafe X509_free(certificate)
                count += 1
            }
        }
        // The end of the text is told as an error of its own: no further beginning.
        let isEnd = green_tls_is_end_of_pem() != 0
        guard isGood, isEnd, (1...limit).contains(count) else { throw .configuration(what, reason: ErrorQueue.drain()) }
        ErrorQueue.clear()
    }

    @discardableResult
    private static func withBuffer<Result>(of text: String, _ body: (OpaquePointer) -> Result) -> Result? {
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes { bytes in
            // SAFETY: the buffer goes before the bytes do.
            guard let buffer = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
            defer { unsafe BIO_free(buffer) }
            return unsafe body(buffer)
        }
    }
}
