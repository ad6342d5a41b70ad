import Foundation
import GreenTLS

@testable import Upstream

/// Certificates that are made for the tests, in a directory that is gone when they end: of an authority that tests trust
/// `good` (DNS:dns.test, 127.0.0.1), `wrong` (DNS:other.test) and `expired`, and `self`, which nobody vouches for.
final class Certificates: Sendable {
    static let shared = Certificates()
    let directory: String

    private init() {
        directory = NSTemporaryDirectory() + "vireo-upstream-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run(["req", "-x509", "-days", "2", "-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=Test CA"] + key)
        for (name, hosts, days) in [("good", Self.hosts, "2"), ("wrong", "DNS:other.test", "2"), ("expired", Self.hosts, "-1")] {
            run(
                ["req", "-keyout", file("\(name).key"), "-out", file("\(name).csr"), "-subj", "/CN=\(name)"] + key
                    + ["-addext", "subjectAltName=\(hosts)"])
            run([
                "x509", "-req", "-in", file("\(name).csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial",
                "-copy_extensions", "copy", "-days", days, "-out", file("\(name).pem"),
            ])
        }
        run(
            ["req", "-x509", "-days", "2", "-keyout", file("self.key"), "-out", file("self.pem"), "-subj", "/CN=self"] + key
                + ["-addext", "subjectAltName=\(Self.hosts)"])
        atexit { try? FileManager.default.removeItem(atPath: Certificates.shared.directory) }
    }

    private static let hosts = "DNS:dns.test,IP:127.0.0.1"

    /// The file of a certificate, or of its key.
    func file(_ name: String) -> String { "\(directory)/\(name)" }

    /// A server with one of the certificates.
    func server(_ name: String = "good", protocols: [String] = [], clientTrust: TLSTrust? = nil) throws -> TLSContext {
        let identity = TLSIdentity(certificateFile: file("\(name).pem"), keyFile: file("\(name).key"))
        var options = TLSServerOptions(identity: identity)
        options.protocols = protocols
        options.clientTrust = clientTrust
        return try TLSContext.server(options)
    }

    /// A client that trusts the tests' authority, and shows a certificate where one is named.
    func client(_ name: String? = nil, protocols: [String] = ["dot"]) throws -> TLSContext {
        var options = TLSClientOptions()
        options.trust = .file(file("ca.pem"))
        options.protocols = protocols
        if let name {
            options.identity = TLSIdentity(certificateFile: file("\(name).pem"), keyFile: file("\(name).key"))
        }
        return try TLSContext.client(options)
    }

    /// The SHA-256 of a certificate's key, as openssl finds it.
    func keyDigest(_ name: String) -> [UInt8] {
        digest(["x509", "-in", file("\(name).pem"), "-pubkey", "-noout"], ["pkey", "-pubin", "-outform", "der"])
    }

    /// The SHA-256 of the part of a certificate that is signed.
    func signedDigest(_ name: String) -> [UInt8] {
        let whole = Array(run(["x509", "-in", file("\(name).pem"), "-outform", "der"]))
        // Both lengths of these certificates take two bytes: 30 82 .. .. and again.
        let length = Int(whole[6]) << 8 | Int(whole[7])
        return Array(run(["dgst", "-sha256", "-binary"], Data(whole[4..<8 + length])))
    }

    private func digest(_ first: [String], _ second: [String]) -> [UInt8] {
        Array(run(["dgst", "-sha256", "-binary"], run(second, run(first))))
    }

    /// What openssl writes when it is asked for something.
    @discardableResult private func run(_ arguments: [String], _ input: Data = Data()) -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let (given, written) = (Pipe(), Pipe())
        process.standardInput = given
        process.standardOutput = written
        process.standardError = FileHandle.nullDevice
        try! process.run()
        try! given.fileHandleForWriting.write(contentsOf: input)
        try! given.fileHandleForWriting.close()
        let output = (try? written.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        precondition(process.terminationStatus == 0, "openssl \(arguments)")
        return output
    }
}
