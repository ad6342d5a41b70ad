import Foundation
import Synchronization
import TestSupport

/// A service manager's socket, and what was said to it.
final class FakeServiceManager: Sendable {
    let path: String
    private let descriptor: Int32
    private let directory: TestDirectory
    private let heard = Mutex<[String]>([])

    init() throws {
        directory = try TestDirectory()
        path = directory.file("notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(3 + bytes.count)) }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// What has been said of start and stop, a message each. What comes when it likes is left out: figures, the watchdog's
    /// food, descriptors to keep.
    func messages() -> [String] {
        heard.withLock { messages in
            var buffer = [UInt8](repeating: 0, count: 500)
            while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
                let message = String(decoding: buffer[..<count], as: UTF8.self)
                if !["STATUS=", "WATCHDOG=", "FDSTORE"].contains(where: message.hasPrefix) { messages.append(message) }
            }
            return messages
        }
    }
}
