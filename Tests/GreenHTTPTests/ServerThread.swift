import Foundation
import Green
import GreenHTTP

/// A server on a thread of its own, at a Unix socket; stopped and gone when `use` returns.
final class ServerThread: Sendable {
    let path: String
    /// What the hub's thread lends to jobs that are posted there.
    private final class Box: @unchecked Sendable {
        // SAFETY: touched on the hub's thread alone.
        var server: HTTPServer!
        var stop: Event!
    }
    private let box = Box()
    private let group = HubGroup()
    private let ended = DispatchSemaphore(value: 0)
    private let failure = Locked<String?>(nil)

    /// Runs `body` with a server whose handler is `handler`.
    static func use<Result>(
        limits: HTTPLimits = HTTPLimits(), mode: UInt32 = 0o600, farewell: Duration = .seconds(5),
        handler: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse, _ body: (ServerThread) throws -> Result
    ) throws -> Result {
        let thread = ServerThread()
        let serving = DispatchSemaphore(value: 0)
        thread.group.start(name: "http") { [box = thread.box, path = thread.path] in
            box.stop = Event()
            box.server = try HTTPServer(limits: limits, handler: handler)
            try box.server.listen(path: path, mode: mode)
            serving.signal()
            try box.stop.wait()
            try box.server.stop(within: farewell)
            box.server = nil
        } ended: { [failure = thread.failure, ended = thread.ended] error in
            failure.withLock { $0 = error.map { "\($0)" } }
            ended.signal()
            serving.signal()
        }
        serving.wait()
        defer {
            thread.stop()
            thread.waitForEnd()
        }
        return try body(thread)
    }

    private init() {
        path = NSTemporaryDirectory() + "green-http-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
    }

    /// Asks the server to stop; does not wait.
    func stop() {
        group.postToAll { [box] in box.stop.set() }
    }

    func waitForEnd() {
        ended.wait()
        ended.signal()
    }

    /// Runs `job` with the server on its thread, and gives what it gives.
    func onServer<Value: Sendable>(_ job: @escaping @Sendable (HTTPServer) -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let result = Locked<Value?>(nil)
        group.postToAll { [box] in
            let value = job(box.server)
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return result.withLock { $0! }
    }

    /// Waits until a condition holds on the server's thread.
    func eventually(_ condition: @escaping @Sendable (HTTPServer) -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if onServer(condition) { return true }
            usleep(2_000)
        }
        return false
    }

    func connect() -> RawConnection { RawConnection(path) }

    /// Sends bytes on a connection of their own and gives all that comes back until the end.
    func exchange(_ text: String) -> String {
        let connection = connect()
        connection.send(text)
        return connection.readAll()
    }
}

/// A blocking connection that sends and reads bytes.
final class RawConnection {
    let descriptor: Int32

    init(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(code == 0, "no server at \(path)")
    }

    deinit { close(descriptor) }

    /// Sends all of it, as far as the other side takes it.
    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            start += count
        }
    }

    /// Reads until `end` has come, or the stream ends, or ten seconds have passed.
    func read(until end: String) -> String {
        var bytes: [UInt8] = []
        while !String(decoding: bytes, as: UTF8.self).contains(end) {
            guard let more = read() else { break }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads to the end of the stream.
    func readAll() -> String {
        var bytes: [UInt8] = []
        while let more = read() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What comes next; nil at the end, or after ten seconds.
    func read() -> [UInt8]? {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, 10_000) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}
