internal import COpenSSL

/// Looks at the certificates of a handshake: the chain as OpenSSL does, then the pins.
@safe enum CertificateCheck {
    /// What OpenSSL calls in the handshake: 1 when the certificates will do.
    static let callback: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { store, _ in
        guard let store = unsafe store, let owner = unsafe green_tls_verifier(store) else { return 0 }
        // SAFETY: the engine of a connection lives as long as the connection.
        return unsafe Unmanaged<TLSEngine>.fromOpaque(owner)._withUnsafeGuaranteedRef { engine in
            unsafe check(store, engine)
        }
    }

    private static func check(_ store: OpaquePointer, _ engine: TLSEngine) -> Int32 {
        guard let peer = engine.peer, !peer.pins.isEmpty else { return unsafe X509_verify_cert(store) }
        guard let own = unsafe X509_STORE_CTX_get0_cert(store) else { return 0 }
        if peer.trustsPinsAlone {
            if peer.pins.contains(where: { unsafe fits($0, own) }) { return unsafe accept(store) }
            return unsafe refuse(store, own, engine)
        }
        let verdict = unsafe X509_verify_cert(store)
        guard verdict > 0 else { return verdict }
        let chain = unsafe X509_STORE_CTX_get0_chain(store)
        for index in 0..<max(0, unsafe OPENSSL_sk_num(chain)) {
            // SAFETY: the chain holds certificates, and the index is in it.
            guard let raw = unsafe OPENSSL_sk_value(chain, index) else { continue }
            if peer.pins.contains(where: { unsafe fits($0, OpaquePointer(raw)) }) { return 1 }
        }
        return unsafe refuse(store, own, engine)
    }

    private static func accept(_ store: OpaquePointer) -> Int32 {
        unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }

    private static func refuse(_ store: OpaquePointer, _ own: OpaquePointer, _ engine: TLSEngine) -> Int32 {
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        let key = unsafe TLSPinText.base64(sha256(keyInfo(own)))
        engine.refusal = "it has none of the pinned keys; its own is pin-sha256=\(key)"
        return 0
    }

    private static func fits(_ pin: TLSPin, _ certificate: OpaquePointer) -> Bool {
        switch pin {
        case .key(let digest): unsafe sha256(keyInfo(certificate)) == digest
        case .certificate(let digest): unsafe sha256(signedPart(certificate)) == digest
        }
    }

    static func keyInfo(_ certificate: OpaquePointer) -> [UInt8] {
        unsafe bytes { unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), $0) }
    }

    /// The first element of the certificate's outer sequence, as it stands there.
    private static func signedPart(_ certificate: OpaquePointer) -> [UInt8] {
        let whole = unsafe bytes { unsafe i2d_X509(certificate, $0) }
        guard let outer = DERElement(whole, at: 0), let inner = DERElement(whole, at: outer.contentStart),
            inner.end <= outer.end
        else { return [] }
        return Array(whole[outer.contentStart..<inner.end])
    }

    /// What one of OpenSSL's functions writes, which says how much when it is given no place.
    static func bytes(_ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8] {
        let count = Int(write(nil))
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            var next = buffer.baseAddress
            written = max(0, Int(unsafe write(&next)))
        }
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            count = unsafe SHA256(bytes, bytes.count, buffer.baseAddress) == nil ? 0 : 32
        }
    }
}

/// Where an element of DER stands (X.690 8.1), with lengths of up to three bytes, which certificates keep to.
struct DERElement {
    /// The first byte of what is in it.
    let contentStart: Int
    /// The first byte after it.
    let end: Int

    /// The element that begins at an offset; nil where none does that ends within the bytes.
    init?(_ bytes: [UInt8], at start: Int) {
        guard start >= 0, start + 2 <= bytes.count else { return nil }
        let first = Int(bytes[start + 1])
        var (length, content) = (first, start + 2)
        if first >= 0x80 {
            let count = first - 0x80
            guard (1...3).contains(count), content + count <= bytes.count else { return nil }
            length = bytes[content..<content + count].reduce(0) { $0 << 8 | Int($1) }
            content += count
        }
        guard content + length <= bytes.count else { return nil }
        (contentStart, end) = (content, content + length)
    }
}

/// Digests as people write them.
enum TLSPinText {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Base64 with its filling (RFC 4648 4).
    static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
