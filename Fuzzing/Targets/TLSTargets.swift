import COpenSSL
import DNSWire
import Green

@testable import Daemon
@testable import GreenTLS

/// What is read of TLS before anybody is known: certificates, and the names that clients ask for.
enum TLSTargets {
    /// A certificate as a peer shows it (DER): what it says is bounded, and no name hides another behind a NUL.
    static func certificate(_ bytes: [UInt8]) {
        for start in bytes.indices {
            guard let element = DERElement(bytes, at: start) else { continue }
            promise(start < element.contentStart && element.contentStart <= element.end, "an element has a head")
            promise(element.end <= bytes.count, "an element ends within the bytes")
        }
        let parsed = bytes.withUnsafeBytes { bytes in
            var place = bytes.bindMemory(to: UInt8.self).baseAddress
            return d2i_X509(nil, &place, bytes.count)
        }
        ERR_clear_error()
        guard let parsed else { return }
        defer { X509_free(parsed) }
        let certificate = TLSCertificate(parsed)
        promise(certificate.bytes.count <= bytes.count + 16, "a certificate is as long as its bytes")
        promise(certificate.keyDigest.count == 32, "a digest is whole")
        promise(!certificate.hosts.contains { $0.utf8.contains(0) }, "no host has a NUL in it")
        promise(certificate.commonName?.utf8.contains(0) != true, "no common name has a NUL in it")
        ERR_clear_error()
    }

    /// What a client says first to a server over TLS: an end of some kind, and a name that is one or nobody's.
    static func serverName(_ bytes: [UInt8]) {
        guard let context, let engine = try? TLSEngine(context, peer: nil) else { return }
        for start in stride(from: 0, to: bytes.count, by: 300) {
            let piece = Array(bytes[start..<min(bytes.count, start + 300)])
            guard (try? piece.withUnsafeBytes { try engine.feed($0) }) != nil else { return }
            if case .failed = engine.handshake() { break }
        }
        if let host = engine.requestedHost {
            promise(!host.utf8.contains(0) && host.utf8.count <= 65_535, "a name ends where it ends")
            let name = ClientName(host)
            promise(name == .none || host.utf8.count <= ClientName.longest, "a client's name is short")
            let isPlain = host.utf8.allSatisfy { $0 < 128 }
            promise(!isPlain || ClientName(host.lowercased()) == ClientName(host.uppercased()), "letters have no case")
        }
        var output = [UInt8](repeating: 0, count: TLSEngine.chunk)
        var total = 0
        while case let count = output.withUnsafeMutableBytes({ engine.takeOutput(into: $0) }), count > 0 { total += count }
        promise(total < 1 << 16, "what is said to somebody unknown is bounded")
    }

    /// A server's context, which is dear; nobody uses its key for anything else.
    private static let context = try? TLSContext.server(
        TLSServerOptions(identity: TLSIdentity(certificatePEM: certificatePEM, keyPEM: keyPEM)))

    private static let certificatePEM = """
        -----BEGIN CERTIFICATE-----
        MIIBozCCAUqgAwIBAgIUV/HAYucLPelY++TNDSe6Sgc8y+0wCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIZG5zLnRlc3QwIBcNMjYxMTI4MDcwOTQ3WhgPMjEyNjExMDQw
        NzA5NDdaMBMxETAPBgNVBAMMCGRucy50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAE583SQDPJryAEPOEsbtfDRcem23SmxR3lidff7d5lIJEsjZR0O8pRbePy
        Ppwshz0CmUFkwiOehxArsm4CIF9DCaN6MHgwHQYDVR0OBBYEFINNzNdG5/xl2xw2
        Srh5vMOMtEsTMB8GA1UdIwQYMBaAFINNzNdG5/xl2xw2Srh5vMOMtEsTMA8GA1Ud
        EwEB/wQFMAMBAf8wJQYDVR0RBB4wHIIIZG5zLnRlc3SCCiouZG5zLnRlc3SHBH8A
        AAEwCgYIKoZIzj0EAwIDRwAwRAIgEivolt8IJG487pizUZOgaDlcI0BjFqjpnhb6
        WX+UEwwCIBu+v/SSZKipLu9KB0pGWQqR46nXOWytT042ppBYe9dJ
        -----END CERTIFICATE-----
        """
    private static let keyPEM = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQWXHpMJM02I2Lszo
        PNYHccWHCU6Y6QSp09sABv9fFS2hRANCAATnzdJAM8mvIAQ84Sxu18NFx6bbdKbF
        HeWJ19/t3mUgkSyNlHQ7ylFt4/I+nCyHPQKZQWTCI56HECuybgIgX0MJ
        -----END PRIVATE KEY-----
        """
}
