internal import COpenSSL
public import Green

/// A certificate that a peer has shown: whose it is, who signed it, and for how long it counts. That it was shown does not mean
/// that it is to be trusted: that is what the handshake checks, as `TLSVerification` says.
public struct TLSCertificate: Hashable, Sendable, CustomStringConvertible {
    /// The certificate itself (DER).
    public let bytes: [UInt8]
    /// Whose it is, such as `CN=www.example.org,O=Example`, the narrowest part first (RFC 2253).
    public let subject: String
    /// Who signed it, in the same form.
    public let issuer: String
    /// The common name of `subject`; nil where there is none, or one with a NUL in it.
    public let commonName: String?
    /// The names of hosts that it is for, as they stand there: wildcards too.
    public let hosts: [String]
    /// The addresses that it is for.
    public let addresses: [IPAddress]
    /// From when on it counts, in seconds since 1970.
    public let begin: Int64
    /// Until when.
    public let end: Int64
    /// SHA-256 of its public key, as ``TLSPin/key(_:)`` wants it.
    public let keyDigest: [UInt8]

    /// One line for a log.
    public var description: String { "\(subject), signed by \(issuer)" }

    /// Copies what one of OpenSSL's certificates says.
    init(_ certificate: OpaquePointer) {
        unsafe bytes = CertificateCheck.bytes { unsafe i2d_X509(certificate, $0) }
        unsafe subject = Self.text(X509_get_subject_name(certificate))
        unsafe issuer = Self.text(X509_get_issuer_name(certificate))
        unsafe commonName = TLSEngine.commonName(of: certificate)
        unsafe begin = TLSContext.seconds(X509_get0_notBefore(certificate))
        unsafe end = TLSContext.seconds(X509_get0_notAfter(certificate))
        unsafe keyDigest = CertificateCheck.sha256(CertificateCheck.keyInfo(certificate))
        unsafe (hosts, addresses) = Self.alternatives(of: certificate)
    }

    /// A distinguished name as text, cut at 4 KiB.
    private static func text(_ name: OpaquePointer?) -> String {
        guard let name = unsafe name, let buffer = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(buffer) }
        guard unsafe green_tls_print_name(buffer, name) >= 0 else { return "" }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4_096) { room, count in
            count = max(0, Int(unsafe BIO_read(buffer, room.baseAddress, Int32(room.count))))
        }
        return text(bytes, isCut: bytes.count == 4_096)
    }

    /// Bytes as text; of a character that was cut in the middle nothing stays.
    static func text(_ bytes: [UInt8], isCut: Bool) -> String {
        guard isCut, let head = bytes.lastIndex(where: { $0 & 0xC0 != 0x80 }), bytes.count - head < 4 else {
            return String(decoding: bytes, as: UTF8.self)
        }
        let length = bytes[head] < 0xC0 ? 1 : bytes[head] < 0xE0 ? 2 : bytes[head] < 0xF0 ? 3 : 4
        return String(decoding: bytes.count - head < length ? bytes[..<head] : bytes[...], as: UTF8.self)
    }

    /// The names and addresses of its subjectAltName (RFC 5280 4.2.1.6); a name with a NUL in it is left out.
    private static func alternatives(of certificate: OpaquePointer) -> (hosts: [String], addresses: [IPAddress]) {
        var (hosts, addresses) = ([String](), [IPAddress]())
        guard let list = unsafe green_tls_alternatives(certificate) else { return (hosts, addresses) }
        defer { unsafe green_tls_free_alternatives(list) }
        for index in 0..<max(0, unsafe green_tls_alternative_count(list)) {
            var (kind, count) = (Int32(0), Int32(0))
            guard let data = unsafe green_tls_alternative(list, index, &kind, &count), count > 0 else { continue }
            // SAFETY: OpenSSL says how many bytes there are.
            let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: Int(count)))
            if kind == GEN_DNS, !bytes.contains(0) { hosts.append(String(decoding: bytes, as: UTF8.self)) }
            if kind == GEN_IPADD, let address = IPAddress(bytes: bytes) { addresses.append(address) }
        }
        return (hosts, addresses)
    }
}

extension TLSSocket {
    /// The certificate that the peer has shown; nil where it has shown none, as clients mostly do. Costs a copy of it.
    public var peerCertificate: TLSCertificate? { engine.peerCertificate }
}
