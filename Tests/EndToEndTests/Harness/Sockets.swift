import Foundation

/// A plain UDP socket of a client.
final class UDPSocket: Sendable {
    private let descriptor: Int32

    /// A socket that talks to a port of 127.0.0.1, from another address of the loopback network where one is given.
    init(to port: UInt16, from source: String? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var size: Int32 = 8 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        try connectToLoopback(descriptor, port, from: source)
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// The next datagram; nil when none comes in time.
    func receive(within limit: Duration) -> [UInt8]? {
        guard waitReadable(descriptor, limit) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_535)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer.prefix(count))
    }
}

/// A plain TCP connection of a client, with DNS's two bytes of length before each message.
final class TCPConnection: Sendable {
    private let descriptor: Int32

    /// A connection to a port of 127.0.0.1, from another address of the loopback network where one is given.
    init(to port: UInt16, from source: String? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try connectToLoopback(descriptor, port, from: source)
    }

    /// The port that it has.
    var localPort: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// Sends a message with its length.
    func send(_ message: [UInt8]) {
        sendRaw([UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message)
    }

    /// Sends bytes as they are.
    func sendRaw(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            start += count
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next message; nil when it does not come in time or the connection ends.
    func receive(within limit: Duration) -> [UInt8]? {
        let deadline = ContinuousClock.now + limit
        guard let head = read(2, until: deadline) else { return nil }
        return read(Int(head[0]) << 8 | Int(head[1]), until: deadline)
    }

    /// Whether the other side ends the connection in time; what it sends before is thrown away.
    func isClosed(within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while waitReadable(descriptor, deadline - .now) {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            if recv(descriptor, &buffer, buffer.count, 0) <= 0 { return true }
        }
        return false
    }

    private func read(_ count: Int, until deadline: ContinuousClock.Instant) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard waitReadable(descriptor, deadline - .now) else { return nil }
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let got = recv(descriptor, &buffer, buffer.count, 0)
            if got <= 0 { return nil }
            bytes += buffer.prefix(got)
        }
        return bytes
    }
}

/// Waits until there is something to read; false when the time has passed.
func waitReadable(_ descriptor: Int32, _ limit: Duration) -> Bool {
    let parts = limit.components
    let milliseconds = parts.seconds * 1_000 + parts.attoseconds / 1_000_000_000_000_000
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&wanted, 1, Int32(max(0, milliseconds))) > 0
}

private func connectToLoopback(_ descriptor: Int32, _ port: UInt16, from source: String?) throws {
    if let source {
        var address = loopback(0)
        address.sin_addr.s_addr = inet_addr(source)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
    var address = loopback(port)
    let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
