import Foundation
import Testing

@testable import Daemon

@Suite struct ServiceNotifierTests {
    /// A datagram socket at an address, and what came to it.
    private func said(at path: String, _ body: (ServiceNotifier) -> Void) throws -> [String] {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(2 + bytes.count + (bytes[0] == 0 ? 0 : 1)))
            }
        }
        try #require(bound == 0)
        defer { if bytes[0] != 0 { unlink(path) } }
        body(ServiceNotifier(path: path))
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 200)
        while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        return messages
    }

    @Test func `the service manager hears of each step, by a path or an abstract name`() throws {
        let unique = UUID().uuidString.prefix(8)
        for path in [NSTemporaryDirectory() + "notify-\(unique)", "@vireo-notify-\(unique)"] {
            let messages = try said(at: path) { service in
                service.ready()
                service.reloading(at: 5_000_000)
                service.stopping()
                service.extendTimeout(by: .seconds(10))
                service.alive()
                service.status("all is well")
            }
            #expect(
                messages == [
                    "READY=1", "RELOADING=1\nMONOTONIC_USEC=5000", "STOPPING=1", "EXTEND_TIMEOUT_USEC=10000000", "WATCHDOG=1",
                    "STATUS=all is well",
                ])
        }
    }

    @Test func `nobody is told where nobody listens, and nothing comes of it`() {
        for path in [nil, "", "/nonexistent/socket", String(repeating: "x", count: 200)] {
            ServiceNotifier(path: path).ready()
        }
    }
}
