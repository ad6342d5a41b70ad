import Foundation
import Green
import GreenHTTP
import Testing

@Suite struct HostileClientTests {
    private static let small: HTTPLimits = {
        var limits = HTTPLimits()
        limits.headerBytes = 2048
        limits.bodyBytes = 4096
        limits.connections = 4
        limits.idle = .milliseconds(300)
        limits.stalled = .milliseconds(300)
        return limits
    }()

    @Sendable private static func hello(_ request: HTTPRequest) -> HTTPResponse { HTTPResponse(text: "hello") }

    /// Whether the server still answers.
    private func isAlive(_ server: ServerThread) -> Bool {
        server.exchange("GET / HTTP/1.0\r\n\r\n").hasSuffix("hello")
    }

    @Test func `headers above the limit are refused`() throws {
        try ServerThread.use(limits: Self.small, handler: Self.hello) { server in
            let long = String(repeating: "a", count: 5_000)
            #expect(!server.exchange("GET / HTTP/1.1\r\nHost: h\r\nX: \(long)\r\n\r\n").contains("hello"))
            #expect(!server.exchange("GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n").contains("hello"))
            let many = String(repeating: "X: y\r\n", count: 1_000)
            #expect(!server.exchange("GET / HTTP/1.1\r\n\(many)\r\n").contains("hello"))
            #expect(isAlive(server))
        }
    }

    @Test func `a body above the limit is refused before it comes`() throws {
        try ServerThread.use(limits: Self.small, handler: Self.hello) { server in
            let reply = server.exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
            #expect(reply.hasPrefix("HTTP/1.1 413 "))
            let chunked = server.exchange(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n")
            #expect(chunked.hasPrefix("HTTP/1.1 413 "))
            #expect(isAlive(server))
        }
    }

    @Test func `half a request is given up after a while`() throws {
        try ServerThread.use(limits: Self.small, handler: Self.hello) { server in
            for part in ["", "GET", "GET / HTTP/1.1\r\nHos", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"] {
                let connection = server.connect()
                connection.send(part)
                #expect(connection.read() == nil)
            }
            #expect(server.eventually { $0.connectionCount == 0 })
            #expect(isAlive(server))
        }
    }

    @Test func `bytes that are no HTTP harm nobody`() throws {
        try ServerThread.use(limits: Self.small, handler: Self.hello) { server in
            var random = SeededGenerator(seed: 7)
            let sample = Array("POST /x?y=%4 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
            for round in 0..<2_000 {
                var bytes = sample
                if round % 4 == 0 {
                    bytes = (0..<Int.random(in: 1...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                } else {
                    for _ in 0..<Int.random(in: 1...6, using: &random) {
                        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                    }
                }
                let connection = server.connect()
                bytes.withUnsafeBytes { _ = send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                shutdown(connection.descriptor, Int32(SHUT_WR))
                if round % 3 == 0 { _ = connection.readAll() }
            }
            #expect(server.eventually { $0.connectionCount == 0 && $0.activeCount == 0 })
            #expect(isAlive(server))
        }
    }

    @Test func `requests sent ahead while one is answered are answered in turn`() throws {
        let handler: @Sendable (HTTPRequest) throws -> HTTPResponse = { request in
            try sleep(.milliseconds(20))
            var pieces = 3
            return HTTPResponse(
                .pieces {
                    pieces -= 1
                    try sleep(.milliseconds(2))
                    return pieces < 0 ? nil : Array(request.path.utf8)
                })
        }
        try ServerThread.use(handler: handler) { server in
            let connection = server.connect()
            connection.send(String(repeating: "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", count: 10))
            usleep(10_000)
            connection.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let reply = connection.readAll()
            #expect(reply.split(separator: "HTTP/1.1 200 OK").count == 11)
            #expect(reply.contains("/last"))
        }
    }

    @Test func `a client that reads nothing makes no more than a few pieces, and is cut off`() throws {
        let pieces = Locked(0)
        let handler: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            HTTPResponse(
                .pieces {
                    pieces.withLock { $0 += 1 }
                    return [UInt8](repeating: 32, count: 32_768)
                })
        }
        try ServerThread.use(limits: Self.small, handler: handler) { server in
            let connection = server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(server.eventually { $0.activeCount == 1 })
            #expect(server.eventually { $0.activeCount == 0 && $0.connectionCount == 0 })
            // What the kernel keeps for the socket, and one more.
            #expect(pieces.withLock { $0 } < 64)
        }
    }

    @Test func `a client that goes away ends its handler`() throws {
        let interrupted = Locked(0)
        let handler: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            var first = true
            return HTTPResponse(
                .pieces {
                    if first {
                        first = false
                        return Array("first".utf8)
                    }
                    do { try sleep(.seconds(3600)) } catch {
                        interrupted.withLock { $0 += 1 }
                        throw error
                    }
                    return nil
                })
        }
        try ServerThread.use(handler: handler) { server in
            do {
                let connection = server.connect()
                connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = connection.read(until: "first")
            }
            #expect(server.eventually { $0.activeCount == 0 && $0.connectionCount == 0 })
            #expect(interrupted.withLock { $0 } == 1)
        }
    }

    @Test func `connections beyond the limit wait until there is room`() throws {
        try ServerThread.use(limits: Self.small, handler: Self.hello) { server in
            let idle = (0..<10).map { _ in server.connect() }
            #expect(server.eventually { $0.connectionCount == 4 })
            // Those that send nothing make room after a while.
            #expect(isAlive(server))
            #expect(server.onServer { $0.connectionCount } <= 4)
            _ = idle
        }
    }

    @Test func `thousands of connections leave nothing behind`() throws {
        var patient = Self.small
        // None of them is idle, however long this thread is kept from the processor.
        (patient.idle, patient.stalled) = (.seconds(10), .seconds(10))
        try ServerThread.use(limits: patient, handler: Self.hello) { server in
            let before = openDescriptors()
            for _ in 0..<3_000 { #expect(isAlive(server)) }
            #expect(server.eventually { $0.connectionCount == 0 })
            // Other tests of this process open some as well.
            #expect(openDescriptors() <= before + 500)
        }
    }

    private func openDescriptors() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }
}
