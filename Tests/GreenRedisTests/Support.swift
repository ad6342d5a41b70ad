import Foundation
import Green
import GreenRedis
import Testing

/// Runs `body` as the root greenlet of a fresh hub, which must be idle afterwards.
@discardableResult
func onHub<Success>(_ body: @escaping (Hub) throws -> Success) throws -> Success {
    let hub = Hub(loop: LibeventLoop())
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

/// Waits until a condition holds.
func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    let hub = Hub.current
    let deadline = hub.soon
    while try !condition() {
        guard hub.loop.now() < deadline else { throw Missing(what: what) }
        try sleep(.milliseconds(2))
    }
}

/// What a test waited for and did not get.
struct Missing: Error {
    let what: String
}

/// A real redis-server on a free port and a Unix socket, with a directory of its own. It is killed at the latest when its
/// object goes away, or when the tests end.
final class RedisServer {
    let port: UInt16
    let directory: String
    private let arguments: [String]
    private(set) var process: Process?
    nonisolated(unsafe) private static var living: Set<Int32> = []
    private static let killAtExit: Void = { atexit { RedisServer.living.forEach { kill($0, SIGKILL) } } }()
    private static let lock = NSLock()

    init(_ more: String...) throws {
        _ = Self.killAtExit
        port = freePort()
        directory = NSTemporaryDirectory() + "green-redis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        arguments =
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", "\(directory)/redis.sock", "--save",
                "",
                "--appendonly", "no", "--dir", directory,
            ] + more
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The URL for TCP.
    var url: RedisURL { RedisURL(.tcp(host: "127.0.0.1", port: port)) }
    /// The URL for its Unix socket.
    var socketURL: RedisURL { RedisURL(.unix(path: "\(directory)/redis.sock")) }

    /// Starts it, on the same port as before.
    func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        _ = Self.lock.withLock { Self.living.insert(process.processIdentifier) }
    }

    /// Kills it at once, and sees that it is gone.
    func stop() {
        guard let process else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        _ = Self.lock.withLock { Self.living.remove(process.processIdentifier) }
        self.process = nil
    }

    func send(_ signal: Int32) {
        if let process { kill(process.processIdentifier, signal) }
    }
}

/// A connection to a server that may just be starting, ready.
func connection(_ url: RedisURL, _ change: (inout RedisOptions) -> Void = { _ in }) throws -> RedisConnection {
    var options = RedisOptions(url)
    options.firstPause = .milliseconds(5)
    options.longestPause = .milliseconds(50)
    change(&options)
    let connection = RedisConnection(options)
    try eventually("a connection to \(url)") { connection.state == .ready }
    return connection
}

/// A port of the loopback address that was free a moment ago.
func freePort() -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            bind(descriptor, raw, size)
            getsockname(descriptor, raw, &size)
        }
        return UInt16(bigEndian: pointer.pointee.sin_port)
    }
}

/// A certificate for 127.0.0.1, gone when its object is.
final class Certificate {
    private let directory: String
    /// The file of the certificate.
    var file: String { "\(directory)/redis.pem" }
    /// The file of its key.
    var keyFile: String { "\(directory)/redis.key" }

    init() throws {
        directory = NSTemporaryDirectory() + "green-redis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
            keyFile, "-out", file, "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }
}
