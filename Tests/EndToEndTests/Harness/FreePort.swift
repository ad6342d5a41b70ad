import Foundation
import Synchronization

/// Ports that nobody uses, below those that the system gives to clients.
enum FreePort {
    private static let next = Atomic<Int>(Int(getpid()) &* 37 % 12_000)

    /// A port of 127.0.0.1 that is free for UDP and TCP alike, and is given out once.
    static func take() -> UInt16 {
        while true {
            let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
            let port = UInt16(20_000 + number % 12_000)
            if isFree(port, SOCK_STREAM), isFree(port, SOCK_DGRAM) { return port }
        }
    }

    private static func isFree(_ port: UInt16, _ type: __socket_type) -> Bool {
        let descriptor = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// 127.0.0.1 with a port, as the kernel wants it.
func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}
