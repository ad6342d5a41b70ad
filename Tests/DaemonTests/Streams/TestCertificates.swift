import Foundation
import Green
import GreenTLS

@testable import Daemon

/// Certificates that are made for the tests, in a directory that is gone when they end: an authority's, `dns` (dns.test,
/// 127.0.0.1) and `other` (other.test), both signed by it.
final class TestCertificates: Sendable {
    static let shared = TestCertificates()
    let directory: String

    private init() {
        directory = NSTemporaryDirectory() + "vireo-daemon-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        run(["req", "-x509", "-days", "2", "-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=Test CA"] + Self.key)
        make("dns", "DNS:dns.test,IP:127.0.0.1", days: 30)
        make("other", "DNS:other.test,DNS:*.wild.test", days: 30)
        atexit { try? FileManager.default.removeItem(atPath: TestCertificates.shared.directory) }
    }

    private static let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    /// The file of a certificate, or of its key.
    func file(_ name: String) -> String { "\(directory)/\(name)" }

    /// Makes a certificate for some names, in place of one that is there.
    func make(_ name: String, _ hosts: String, days: Int) {
        run(
            ["req", "-keyout", file("\(name).key"), "-out", file("\(name).csr"), "-subj", "/CN=\(name)"] + Self.key
                + ["-addext", "subjectAltName=\(hosts)"])
        run([
            "x509", "-req", "-in", file("\(name).csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial",
            "-copy_extensions", "copy", "-days", "\(days)", "-out", file("\(name).pem"),
        ])
    }

    /// Settings with some of them.
    func settings(_ names: String...) -> TLSSettings {
        var settings = TLSSettings()
        settings.pairs = names.map { TLSSettings.Pair(certificate: file("\($0).pem"), key: file("\($0).key")) }
        return settings
    }

    /// A client that trusts the authority.
    func client(protocols: [String] = ["dot"], identity: String? = nil) throws -> TLSContext {
        var options = TLSClientOptions()
        options.trust = .file(file("ca.pem"))
        options.protocols = protocols
        if let identity {
            options.identity = TLSIdentity(certificateFile: file("\(identity).pem"), keyFile: file("\(identity).key"))
        }
        return try TLSContext.client(options)
    }

    private func run(_ arguments: [String]) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try! process.run()
        process.waitUntilExit()
        precondition(process.terminationStatus == 0, "openssl \(arguments)")
    }
}
