import Foundation

/// A network of a test's own, with loopback alone, in which it may send what no program may.
enum PrivateNetwork {
    /// Whether this process may make one.
    static let isAllowed: Bool = {
        nonisolated(unsafe) var result = false
        onThread { result = leave() }
        return result
    }()

    /// Whether a shell can be given namespaces of its own, and there is what tests do there.
    static let isAllowedToShells =
        (try? Tool(["unshare", "--net", "--mount-proc", "--pid", "--fork", "true"]))?.exit == .code(0) && Tool.exists("ip")
        && Tool.exists("dig")

    /// Runs lines of shell as process 1 of namespaces of their own, with a network in which loopback is down.
    static func shell(_ lines: String) throws -> Tool {
        try Tool(
            ["unshare", "--net", "--mount-proc", "--pid", "--fork", "--kill-child", "sh", "-c", lines], within: .seconds(40))
    }

    /// Runs `body` on a thread whose sockets and processes are in the network, and waits for it.
    static func run<Success>(_ body: @escaping () throws -> Success) throws -> Success {
        nonisolated(unsafe) var result: Result<Success, any Error> = .failure(POSIXError(.EPERM))
        // It escapes: the thread may hold it a moment longer than it takes to say that it has run.
        nonisolated(unsafe) let body = body
        onThread {
            guard leave() else { return }
            result = Result {
                try raiseLoopback()
                return try body()
            }
        }
        return try result.get()
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            body()
            ended.signal()
        }
        ended.wait()
    }

    /// Takes the calling thread out of the machine's network.
    private static func leave() -> Bool {
        // Swift's Glibc does not show `unshare`.
        guard let symbol = dlsym(nil, "unshare") else { return false }
        let unshare = unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
        return unshare(0x4000_0000) == 0
    }

    private static func raiseLoopback() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var request = ifreq()
        withUnsafeMutableBytes(of: &request.ifr_ifrn) { $0.copyBytes(from: "lo".utf8) }
        request.ifr_ifru.ifru_flags = Int16(IFF_UP | IFF_LOOPBACK | IFF_RUNNING)
        guard ioctl(descriptor, UInt(SIOCSIFFLAGS), &request) == 0 else { throw POSIXError(.EIO) }
    }
}

/// Who forges ICMP messages from 127.0.0.66: "port unreachable", about datagrams from guessed ports of 127.0.0.1.
final class Forger {
    private let descriptor: Int32
    private var message: [UInt8]

    /// Forges about datagrams to a port of 127.0.0.1.
    init(of peer: UInt16) throws {
        let quoted: [UInt8] =
            [0x45, 0, 0, 68, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0, 0]
            + [UInt8(peer >> 8), UInt8(peer & 255), 0, 48, 0, 0] + [UInt8](repeating: 0, count: 40)
        message = [3, 3, 0, 0, 0, 0, 0, 0] + quoted
        descriptor = socket(AF_INET, Int32(SOCK_RAW.rawValue), 1)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        var source = loopback(0)
        source.sin_addr.s_addr = inet_addr("127.0.0.66")
        let code = Self.with(source) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// One message, about a datagram from a port.
    func forge(from local: UInt16) {
        (message[28], message[29]) = (UInt8(local >> 8), UInt8(local & 255))
        (message[2], message[3]) = (0, 0)
        var sum = 0
        for index in stride(from: 0, to: message.count, by: 2) { sum += Int(message[index]) << 8 | Int(message[index + 1]) }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        (message[2], message[3]) = (UInt8(~sum >> 8 & 255), UInt8(~sum & 255))
        _ = Self.with(loopback(0)) {
            sendto(descriptor, message, message.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }

    private static func with<Result>(_ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        withUnsafePointer(to: address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
    }
}
