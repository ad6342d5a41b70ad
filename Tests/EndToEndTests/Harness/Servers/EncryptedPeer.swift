import DNSWire
import Foundation

/// A resolver of another maker that speaks DNS over TLS and HTTPS, in front of an authoritative server, with a certificate
/// for dns.test and 127.0.0.1 that an authority of its own has signed.
final class EncryptedPeer: Sendable {
    /// The resolvers that there are.
    enum Kind: String, CaseIterable {
        case unbound, dnsdist
    }

    let kind: Kind
    /// Where it speaks TLS, HTTPS, and plain DNS.
    let tlsPort = FreePort.take()
    let httpsPort = FreePort.take()
    let plainPort = FreePort.take()
    private let directory: TestDirectory
    let process: ManagedProcess

    /// The authority's certificate.
    var authority: String { directory.file("ca.pem") }

    private static let path = ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"]

    /// Starts one that asks a server on `authority`'s port, and waits until it answers. `isExpired` says of its certificate.
    init(_ kind: Kind, authority port: UInt16, isExpired: Bool = false) throws {
        self.kind = kind
        directory = try TestDirectory()
        try Self.makeCertificates(directory, isExpired: isExpired)
        let (certificate, key) = (directory.file("server.pem"), directory.file("server.key"))
        switch kind {
        case .unbound:
            let text = """
                server:
                  interface: 127.0.0.1@\(plainPort)
                  interface: 127.0.0.1@\(tlsPort)
                  interface: 127.0.0.1@\(httpsPort)
                  tls-port: \(tlsPort)
                  https-port: \(httpsPort)
                  tls-service-pem: "\(certificate)"
                  tls-service-key: "\(key)"
                  username: ""
                  chroot: ""
                  directory: "\(directory.path)"
                  pidfile: ""
                  use-syslog: no
                  num-threads: 1
                  module-config: "iterator"
                  do-not-query-localhost: no
                  do-ip6: no
                remote-control:
                  control-enable: no
                stub-zone:
                  name: "types.example."
                  stub-addr: 127.0.0.1@\(port)

                """
            process = try ManagedProcess(
                ["unbound", "-d", "-p", "-c", try directory.write(text, to: "unbound.conf")], environment: Self.path)
        case .dnsdist:
            let text = """
                setLocal('127.0.0.1:\(plainPort)')
                setACL('127.0.0.0/8')
                newServer{address='127.0.0.1:\(port)', checkName='types.example.'}
                addTLSLocal('127.0.0.1:\(tlsPort)', '\(certificate)', '\(key)')
                addDOHLocal('127.0.0.1:\(httpsPort)', '\(certificate)', '\(key)', {'/dns-query'})

                """
            process = try ManagedProcess(
                ["dnsdist", "--supervised", "--disable-syslog", "-C", try directory.write(text, to: "dnsdist.conf")],
                environment: Self.path)
        }
        let (process, client) = (process, DNSClient(port: plainPort))
        try eventually("\(kind.rawValue) to answer; it says: \(process.errors)", within: .seconds(20)) {
            if let exit = process.exit { throw TimedOut(what: "\(kind.rawValue), which ended with \(exit): \(process.errors)") }
            let reply = try? client.ask(.query("types.example.", .soa), within: .milliseconds(200))
            return reply?.answers.isEmpty == false ? true : nil
        }
    }

    static func makeCertificates(_ directory: TestDirectory, isExpired: Bool) throws {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        let file = directory.file
        for arguments in [
            ["req", "-x509", "-days", "2", "-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=Test CA"] + key,
            ["req", "-keyout", file("server.key"), "-out", file("server.csr"), "-subj", "/CN=dns.test"] + key
                + ["-addext", "subjectAltName=DNS:dns.test,IP:127.0.0.1"],
            [
                "x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial",
                "-copy_extensions", "copy", "-days", isExpired ? "-1" : "2", "-out", file("server.pem"),
            ],
        ] {
            let tool = try Tool(["openssl"] + arguments)
            guard tool.exit == .code(0) else { throw TimedOut(what: "openssl \(arguments): \(tool.errors)") }
        }
        // Servers may give up root's rights before they read it.
        chmod(directory.file("server.key"), 0o644)
    }
}
