import Foundation
import Green
import GreenTLS
import Testing

/// The other side is OpenSSL's own program.
@Suite struct OpenSSLTests {
    static let certificates = Certificates.shared

    @Test(arguments: ["-tls1_3", "-tls1_2"]) func `s_client gets its lines back`(_ version: String) throws {
        try onHub { hub in
            let server = try serve(hub, Self.certificates.server { $0.protocols = ["dot"] }) { socket in
                let line = try socket.read(upTo: 100, until: hub.soon)
                try socket.write(Array("\(socket.version) \(socket.negotiatedProtocol ?? "-") ".utf8) + line, until: hub.soon)
            }
            let port = server.address.port
            let certificate = Self.certificates.file("good.pem")
            let output = try blocking {
                try run(
                    [
                        "timeout", "20", "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", certificate, "-quiet",
                        "-verify_return_error", "-verify_hostname", "green.test", "-alpn", "h2,dot", version,
                    ], input: "hello\n")
            }
            #expect(output == "\(version == "-tls1_3" ? "TLSv1.3" : "TLSv1.2") dot hello\n")
            server.stop()
        }
    }

    @Test func `s_client with an old version is refused`() throws {
        try onHub { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            let port = server.address.port
            _ = try blocking {
                try run(["timeout", "20", "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-quiet", "-tls1_1"])
            }
            #expect(server.failedHandshakes == 1)
            server.stop()
        }
    }

    @Test(arguments: ["-tls1_3", "-tls1_2"]) func `s_server answers and its session is resumed`(_ version: String) throws {
        try onHub { hub in
            let port = freePort()
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", Self.certificates.file("good.pem"), "-key",
                Self.certificates.file("good.key"), "-rev", "-quiet", version,
            ]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer { kill(process.processIdentifier, SIGKILL) }
            let context = try Self.certificates.client()
            for isResumed in [false, true] {
                let stream = try connectWhenReady(hub, port)
                let socket = try TLSSocket.connect(over: stream, host: "green.test", context: context, until: hub.soon)
                try socket.write(Array("olleh\n".utf8), until: hub.soon)
                #expect(try socket.read(upTo: 100, until: hub.soon) == Array("hello\n".utf8))
                #expect(socket.isResumed == isResumed)
                socket.finish(until: hub.soon)
            }
        }
    }

    private func connectWhenReady(_ hub: Hub, _ port: UInt16) throws -> StreamSocket {
        let deadline = hub.soon
        while true {
            do {
                return try StreamSocket.connect(to: SocketAddress(.loopback, port: port), until: deadline)
            } catch SocketError.refused where hub.loop.now() < deadline {
                try sleep(.milliseconds(10))
            }
        }
    }
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
