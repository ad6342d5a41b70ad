internal import TestSupport

/// What is drawn of TLS, in four of ten seeds.
extension Plan {
    /// How TLS is spoken.
    package struct Encryption: Sendable {
        /// Whether the daemon listens with TLS.
        var isServed = false
        /// Whether the keys of session tickets come from a file, so that sessions outlive the daemon.
        var hasSecret = false
        /// Whether upstreams are known by their key, else by their name and who vouches for it.
        var isPinned = false
        /// Whether upstreams over HTTP are asked by GET.
        var usesGet = false
    }

    /// The file of the secret, on the daemon's host.
    static let secretFile = "/etc/vireo/session-secret"

    /// Draws it, from numbers of its own: what else the seed stands for stays as it is.
    mutating func drawEncryption() {
        var numbers = SeededNumbers(seed: seed &* 0x9FB2_1C65_1E98_DF25 ^ 0xF8)
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        func chance(_ percent: Int) -> Bool { draw(0..<100) < percent }
        guard chance(40) else { return }
        encryption = Encryption(isServed: true, hasSecret: chance(50), isPinned: chance(30), usesGet: chance(50))
        for index in clients.indices {
            switch clients[index].transport {
            case .udp where chance(30), .tcp where chance(70): clients[index].transport = .tls
            case .http2 where chance(80): clients[index].transport = [.https, .https, .http1, .https1][draw(0..<4)]
            default: break
            }
        }
        for index in upstreams.indices where chance(60) { upstreams[index].transport = chance(50) ? .tls : .https }
    }

    /// Where the daemon listens.
    var listeners: [String] {
        ["10.0.0.53", "http://10.0.0.53:80/dns-query"]
            + (encryption.isServed ? ["tls://10.0.0.53:853", "https://10.0.0.53:443/dns-query"] : [])
    }

    /// What clients over TLS are shown.
    var tlsSettings: String {
        guard encryption.isServed else { return "" }
        let (certificate, key) = (SimulatedCertificates.certificateFile, SimulatedCertificates.keyFile)
        let secret = encryption.hasSecret ? ", session-secret: \(Self.secretFile)" : ""
        return "tls: {certificate: \(certificate), key: \(key)\(secret)}\n"
    }

    /// An upstream as the settings have it.
    func upstreamURL(_ index: Int) -> String {
        let transport = upstreams[index].transport
        let place = "10.0.1.\(index + 1)"
        guard transport.isEncrypted else { return transport == .udp ? place : "tcp://\(place)" }
        var options =
            encryption.isPinned
            ? ["pin-sha256=\(SimulatedCertificates.upstreamPin)"]
            : ["ca=\(SimulatedCertificates.authorityFile)", "tls-name=\(SimulatedCertificates.upstreamName)"]
        if transport == .https { options.append("method=\(encryption.usesGet ? "get" : "post")") }
        return "\(transport)://\(place)\(transport == .https ? "/dns-query" : "")?\(options.joined(separator: "&"))"
    }
}
