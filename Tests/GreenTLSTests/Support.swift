import Foundation
import Green
import GreenTLS
import Testing

/// What a test's hub stands on.
enum World: CaseIterable, CustomTestStringConvertible {
    case libevent
    case simulated

    var testDescription: String { self == .libevent ? "on libevent" : "simulated" }
}

/// Runs `body` as the root greenlet of a fresh hub, which must be idle afterwards.
@discardableResult
func onHub<Success>(_ world: World = .libevent, _ body: @escaping (Hub) throws -> Success) throws -> Success {
    let simulated = VirtualWorld(seed: 1)
    let loop: any Loop = world == .libevent ? LibeventLoop() : simulated.host.makeLoop()
    let hub = Hub(loop: loop)
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

extension Hub {
    /// A moment so far from now that only a test that fails gets there.
    var soon: Instant { loop.now().advanced(by: .seconds(20)) }
    /// A moment shortly after now.
    func after(_ duration: Duration) -> Instant { loop.now().advanced(by: duration) }
}

/// Runs a program to its end, off the hub's thread, with `input`; returns what it wrote to standard output.
@discardableResult
func run(_ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let standardInput = Pipe()
    let output = Pipe()
    process.standardInput = standardInput
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    let all = try output.fileHandleForReading.readToEnd() ?? Data()
    try standardInput.fileHandleForWriting.close()
    process.waitUntilExit()
    return String(decoding: all, as: UTF8.self)
}

/// Certificates in a directory that is gone when the tests end: one that tests trust, and one that nobody should.
final class Certificates: Sendable {
    static let shared = Certificates()
    let directory: String

    private init() {
        directory = NSTemporaryDirectory() + "green-tls-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in ["good", "other"] {
            _ = try! run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).pem", "-subj", "/CN=green.test",
                "-addext", "subjectAltName=DNS:green.test,IP:127.0.0.1",
            ])
        }
        atexit { try? FileManager.default.removeItem(atPath: Certificates.shared.directory) }
    }

    /// The file of a certificate, or of its key.
    func file(_ name: String) -> String { "\(directory)/\(name)" }

    /// An identity.
    func identity(_ name: String = "good") -> TLSIdentity {
        TLSIdentity(certificateFile: file("\(name).pem"), keyFile: file("\(name).key"))
    }

    /// A client that trusts the good certificate.
    func client(_ change: (inout TLSClientOptions) -> Void = { _ in }) throws -> TLSContext {
        var options = TLSClientOptions()
        options.trust = .file(file("good.pem"))
        change(&options)
        return try TLSContext.client(options)
    }

    /// A server with an identity.
    func server(_ name: String = "good", _ change: (inout TLSServerOptions) -> Void = { _ in }) throws -> TLSContext {
        var options = TLSServerOptions(identity: identity(name))
        change(&options)
        return try TLSContext.server(options)
    }
}

/// A server on a free port of the loopback address, started.
func serve(
    _ hub: Hub, _ context: TLSContext, handler: @escaping (TLSSocket) throws -> Void
) throws -> TLSServer {
    try GreenTLS.serve(0, tls: context, limit: 100, handler)
}

/// A client's connection to it.
func connect(_ hub: Hub, to server: StreamServer, _ context: TLSContext, host: String = "green.test") throws -> TLSSocket {
    let stream = try StreamSocket.connect(to: server.address, until: hub.soon)
    return try TLSSocket.connect(over: stream, host: host, context: context, until: hub.soon)
}

/// Sends back what comes, until the end.
func echo(_ socket: TLSSocket) throws {
    while case let bytes = try socket.read(upTo: 5000, until: socket.hub.soon), !bytes.isEmpty {
        try socket.write(bytes, until: socket.hub.soon)
    }
}
