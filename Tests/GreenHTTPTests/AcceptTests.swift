import Foundation
import Green
import GreenHTTP
import Testing

@Suite struct AcceptTests {
    @Test func `a server out of descriptors rests, says so once, and serves who waited when there are some`() async {
        await #expect(processExitsWith: .success) {
            let messages = Locked<[LibraryMessage]>([])
            LibraryMessages.handle { message in messages.withLock { $0.append(message) } }
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                let server = try HTTPServer { _ in HTTPResponse(text: "here\n") }
                let address = try server.listen(at: SocketAddress(.loopback, port: 0))
                let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var limit = rlimit(rlim_cur: 0, rlim_max: 0)
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var few = limit
                few.rlim_cur = 3
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
                var to = sockaddr_in()
                to.sin_family = sa_family_t(AF_INET)
                to.sin_port = address.port.bigEndian
                to.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                let isConnected = withUnsafePointer(to: &to) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    }
                }
                guard isConnected else { fatalError("no connection") }
                let deadline = hub.loop.now().advanced(by: .seconds(20))
                var turns = 0
                while messages.withLock({ $0.isEmpty }) || turns < 50 {
                    guard hub.loop.now() < deadline else { fatalError("nothing was said") }
                    turns += 1
                    try sleep(.milliseconds(1))
                }
                guard messages.withLock({ $0.count }) == 1 else { fatalError("\(messages.withLock { $0 })") }
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                let request = Array("GET / HTTP/1.0\r\n\r\n".utf8)
                guard write(client, request, request.count) == request.count else { fatalError("not sent") }
                var answer: [UInt8] = []
                var piece = [UInt8](repeating: 0, count: 1000)
                while hub.loop.now() < deadline {
                    let count = recv(client, &piece, piece.count, Int32(MSG_DONTWAIT))
                    if count == 0 { break }
                    if count > 0 { answer += piece[..<count] } else { try sleep(.milliseconds(1)) }
                }
                close(client)
                guard String(decoding: answer, as: UTF8.self).hasSuffix("here\n") else { fatalError("not served") }
                // That it is over is said later.
                guard messages.withLock({ $0.map(\.level) }) == [.warning] else { fatalError("\(messages.withLock { $0 })") }
                try server.stop(within: .seconds(1))
            }
        }
    }

    @Test func `what a handler throws is told to the report, and not to the client`() async {
        await #expect(processExitsWith: .success) {
            let reported = Locked<[String]>([])
            var options = HubOptions()
            options.report = { name, error in reported.withLock { $0.append("\(name): \(error)") } }
            struct Secret: Error {}
            try Hub(loop: LibeventLoop(), options: options).run {
                let hub = Hub.current
                let server = try HTTPServer { request in
                    if request.path == "/header" { return HTTPResponse(.bytes([120]), headers: [HTTPField("X-Cut", "a\0b")]) }
                    throw Secret()
                }
                let address = try server.listen(at: SocketAddress(.loopback, port: 0))
                func get(_ path: String) throws -> String {
                    let deadline = hub.loop.now().advanced(by: .seconds(20))
                    let client = try StreamSocket.connect(to: address, until: deadline)
                    try client.write(Array("GET \(path) HTTP/1.0\r\n\r\n".utf8))
                    var answer: [UInt8] = []
                    while case let bytes = try client.read(upTo: 1000, until: deadline), !bytes.isEmpty { answer += bytes }
                    return String(decoding: answer, as: UTF8.self)
                }
                let answer = try get("/secret")
                guard answer.hasPrefix("HTTP/1.0 500 "), !answer.contains("Secret") else { fatalError(answer) }
                guard reported.withLock({ $0 }) == ["http request /secret: Secret()"] else { fatalError("not reported") }
                guard try !get("/header").contains("X-Cut"), reported.withLock({ $0.count }) == 2 else { fatalError("cut") }
                try server.stop(within: .seconds(1))
            }
        }
    }
}
