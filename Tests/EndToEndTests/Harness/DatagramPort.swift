import Foundation

/// A port of the loopback network at which a test's own server takes datagrams and answers them.
struct DatagramPort: Sendable {
    let port: UInt16
    let descriptor: Int32

    /// A free port.
    init() throws {
        port = FreePort.take()
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    /// What has come, and from whom; nil where nothing has.
    func take(_ buffer: inout [UInt8]) -> ([UInt8], sockaddr_in)? {
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        return count < 0 ? nil : (Array(buffer.prefix(count)), peer)
    }

    /// Sends bytes to somebody.
    func send(_ bytes: [UInt8], to peer: sockaddr_in) {
        var peer = peer
        _ = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The answer to a query with one A record: the question as it came, with its letters (RFC 1035 4.1).
    static func answer(_ query: [UInt8], ip: [UInt8], ttl: UInt32) -> [UInt8]? {
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        end += 5
        guard end <= query.count else { return nil }
        let header = Array(query[0..<2]) + [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        let seconds = (0..<4).map { UInt8(truncatingIfNeeded: ttl >> (24 - 8 * UInt32($0))) }
        return header + query[12..<end] + [0xC0, 12, 0, 1, 0, 1] + seconds + [0, 4] + ip
    }
}
