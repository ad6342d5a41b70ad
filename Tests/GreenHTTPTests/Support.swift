import Foundation
import Green
import GreenHTTP
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
func onHub<Success>(_ world: World, _ body: @escaping (Hub) throws -> Success) throws -> Success {
    let simulated = VirtualWorld(seed: 1)
    simulated.names.set("server.test", [.loopback])
    let hub = Hub(loop: world == .libevent ? LibeventLoop() : simulated.host.makeLoop())
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

extension Hub {
    /// A moment so far from now that only a test that fails gets there.
    var soon: Instant { loop.now() + .seconds(20) }
}

/// Sends bytes on a connection of their own: all that comes back.
func exchange(_ text: String, with address: SocketAddress, closes: Bool = false) throws -> String {
    let socket = try StreamSocket.connect(to: address, until: Hub.current.soon)
    try socket.write(text)
    if closes { socket.shutdownWrite() }
    return String(decoding: try BufferedReader(socket).readAll(until: Hub.current.soon), as: UTF8.self)
}

/// A certificate for localhost, gone when its object is.
final class Certificate {
    private let directory: String
    /// The file of the certificate.
    var file: String { "\(directory)/http.pem" }
    /// Who has it.
    var identity: TLSIdentity { TLSIdentity(certificateFile: file, keyFile: "\(directory)/http.key") }

    init() throws {
        directory = NSTemporaryDirectory() + "green-http-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
            "\(directory)/http.key", "-out", file, "-subj", "/CN=http", "-addext",
            "subjectAltName=DNS:localhost,DNS:server.test,IP:127.0.0.1",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }
}
