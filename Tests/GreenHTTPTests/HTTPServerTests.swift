import Foundation
import Green
import Testing

@testable import GreenHTTP

@Suite struct HTTPServerTests {
    /// Answers with what it was asked.
    @Sendable private static func echo(_ request: HTTPRequest) -> HTTPResponse {
        let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
        let body = String(decoding: request.body, as: UTF8.self)
        return HTTPResponse(text: "\(request.method) \(request.path) [\(query)] \(request.header("X-Test") ?? "-") \(body)")
    }

    @Test func `a request reaches the handler with path, query, headers and body`() throws {
        try ServerThread.use(handler: Self.echo) { server in
            let reply = server.exchange(
                "POST /a%20b?x=1%262&y&z=a+b HTTP/1.1\r\nHost: h\r\nx-test: yes\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
            )
            #expect(reply.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(reply.hasSuffix("POST /a b [x=1&2;y=;z=a b] yes body"))
        }
    }

    @Test func `a connection serves one request after the other`() throws {
        try ServerThread.use(handler: Self.echo) { server in
            let connection = server.connect()
            for number in 0..<3 {
                connection.send("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(connection.read(until: "[] - ").contains("GET /\(number) [] - "))
            }
            #expect(server.onServer { $0.connectionCount } == 1)
            #expect(server.onServer { $0.requestCount } == 3)
        }
    }

    @Test func `pieces are sent as chunks, and to HTTP 1.0 as they are`() throws {
        let handler: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            var pieces = [Array("one".utf8), [], Array("two".utf8)]
            return HTTPResponse(.pieces { pieces.isEmpty ? nil : pieces.removeFirst() })
        }
        try ServerThread.use(handler: handler) { server in
            let reply = server.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(reply.hasSuffix("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"))
            #expect(server.exchange("GET / HTTP/1.0\r\n\r\n").hasSuffix("\r\n\r\nonetwo"))
        }
    }

    @Test func `HEAD gets the headers alone`() throws {
        try ServerThread.use(handler: Self.echo) { server in
            let reply = server.exchange("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(reply.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(reply.hasSuffix("\r\n\r\n"))
            #expect(reply.contains("Content-Length: 12\r\n"))
        }
    }

    @Test func `a large body at hand arrives whole`() throws {
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: 5_000_000)
        try ServerThread.use(handler: { _ in HTTPResponse(.bytes(body)) }) { server in
            let reply = server.exchange("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(reply.split(separator: "\r\n\r\n").last?.count == body.count)
        }
    }

    @Test func `an error of the handler becomes the status it names, or 500`() throws {
        let handler: @Sendable (HTTPRequest) throws -> HTTPResponse = { request in
            if request.path == "/named" { throw HTTPError(404, "no such thing") }
            throw SocketError.refused
        }
        try ServerThread.use(handler: handler) { server in
            let named = server.exchange("GET /named HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(named.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
            #expect(named.hasSuffix("no such thing\n"))
            #expect(server.exchange("GET / HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.0 500 "))
        }
    }

    @Test func `a body that fails in the middle never looks whole`() throws {
        let handler: @Sendable (HTTPRequest) -> HTTPResponse = { _ in
            var count = 0
            return HTTPResponse(
                .pieces {
                    count += 1
                    if count == 3 { throw SocketError.reset }
                    return Array("part".utf8)
                })
        }
        try ServerThread.use(handler: handler) { server in
            let reply = server.exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(reply.contains("part"))
            #expect(!reply.contains("0\r\n\r\n"))
            #expect(server.eventually { $0.connectionCount == 0 && $0.activeCount == 0 })
        }
    }

    @Test func `a handler may wait while others are answered`() throws {
        let handler: @Sendable (HTTPRequest) throws -> HTTPResponse = { request in
            if request.path == "/slow" { try sleep(.milliseconds(200)) }
            return HTTPResponse(text: request.path)
        }
        try ServerThread.use(handler: handler) { server in
            let slow = server.connect()
            slow.send("GET /slow HTTP/1.0\r\n\r\n")
            #expect(server.eventually { $0.activeCount == 1 })
            #expect(server.exchange("GET /quick HTTP/1.0\r\n\r\n").hasSuffix("/quick"))
            #expect(server.onServer { $0.activeCount } == 1)
            #expect(slow.readAll().hasSuffix("/slow"))
        }
    }

    @Test func `a stop lets a request in progress end and then refuses connections`() throws {
        let handler: @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in
            try sleep(.milliseconds(100))
            return HTTPResponse(text: String(repeating: "y", count: 300_000))
        }
        try ServerThread.use(handler: handler) { server in
            let connection = server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(server.eventually { $0.activeCount == 1 })
            server.stop()
            let reply = connection.readAll()
            #expect(reply.split(separator: "\r\n\r\n").last?.count == 300_000)
            server.waitForEnd()
            #expect(access(server.path, F_OK) == -1)
        }
    }

    @Test func `a stop breaks off what does not end in time`() throws {
        let handler: @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in
            HTTPResponse(
                .pieces {
                    try sleep(.milliseconds(1))
                    return Array("more".utf8)
                })
        }
        try ServerThread.use(farewell: .milliseconds(50), handler: handler) { server in
            let connection = server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = connection.read(until: "more")
            server.stop()
            #expect(!connection.readAll().contains("0\r\n\r\n"))
            server.waitForEnd()
        }
    }

    @Test func `the socket has the mode asked for, takes a dead one's place and no living one's`() throws {
        try ServerThread.use(mode: 0o660, handler: Self.echo) { server in
            var info = stat()
            stat(server.path, &info)
            #expect(info.st_mode & 0o7777 == 0o660)
            #expect(throws: SocketError.addressInUse) {
                try Hub(loop: LibeventLoop()).run { try HTTPServer(handler: Self.echo).listen(path: server.path) }
            }
            // Still the first one's.
            #expect(server.exchange("GET /still HTTP/1.0\r\n\r\n").contains("/still"))
        }
        let path = NSTemporaryDirectory() + "green-http-dead-\(getpid()).sock"
        let descriptor = try UnixListener(path: path, mode: 0o600, backlog: 1).descriptor
        close(descriptor)
        try Hub(loop: LibeventLoop()).run {
            let server = try HTTPServer(handler: Self.echo)
            try server.listen(path: path)
            try server.stop(within: .zero)
        }
        #expect(access(path, F_OK) == -1)
    }

    // The umask is the process's, and other tests make files meanwhile: it is not changed here.
    @Test func `the socket is made with its mode, whatever the umask, and not changed after`() throws {
        let directory = NSTemporaryDirectory() + "green-http-\(getpid())-mode"
        mkdir(directory, 0o700)
        defer { rmdir(directory) }
        let watch = inotify_init1(Int32(IN_NONBLOCK))
        defer { close(watch) }
        inotify_add_watch(watch, directory, UInt32(IN_CREATE | IN_ATTRIB))
        let listener = try UnixListener(path: directory + "/s", mode: 0o660, backlog: 1)
        defer { close(listener.descriptor) }
        var info = stat()
        #expect(lstat(directory + "/s", &info) == 0 && info.st_mode & 0o7777 == 0o660)
        var events = [UInt8](repeating: 0, count: 4096)
        let count = read(watch, &events, events.count)
        // One event, with room for the name: it was made.
        #expect(count == 32 && events[4..<8].withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } == UInt32(IN_CREATE))
        listener.removeFile()
    }

    @Test func `it listens on TCP as well`() throws {
        try Hub(loop: LibeventLoop()).run {
            let server = try HTTPServer(handler: Self.echo)
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let socket = try StreamSocket.connect(to: address, until: .never)
            try socket.write(Array("GET /tcp HTTP/1.0\r\n\r\n".utf8))
            var reply: [UInt8] = []
            while case let more = try socket.read(upTo: 4096), !more.isEmpty { reply += more }
            #expect(String(decoding: reply, as: UTF8.self).hasSuffix("GET /tcp [] - "))
            try server.stop(within: .seconds(1))
        }
    }
}
