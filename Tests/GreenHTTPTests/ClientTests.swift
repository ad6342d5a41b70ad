import Foundation
import Green
import GreenHTTP
import GreenTLS
import Testing

/// The client, against our own server and against hostile ones.
@Suite struct ClientTests {
    private static func echo(_ request: HTTPRequest) throws -> HTTPResponse {
        let name = request.header("X-Name") ?? "-"
        let port = request.peer?.port ?? 0
        switch request.path {
        case "/pieces":
            var left = 5
            return HTTPResponse(
                .pieces {
                    left -= 1; return left < 0 ? nil : Array("piece\(left) ".utf8)
                })
        case "/to": return HTTPResponse(status: 302, headers: [HTTPField("Location", "/from?\(request.query("n") ?? "")")])
        case "/loop": return HTTPResponse(status: 301, headers: [HTTPField("Location", "/loop")])
        case "/none": throw HTTPError(404, "no such page")
        default:
            let body = String(decoding: request.body, as: UTF8.self)
            return HTTPResponse(text: "\(request.method) \(request.path) \(name) \(port) \(body)")
        }
    }

    @Test(arguments: World.allCases) func `pages are got over a connection that is kept`(_ world: World) throws {
        try onHub(world) { hub throws in
            let server = try HTTPServer(handler: Self.echo)
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let client = HTTPClient()
            var ports = Set<Substring>()
            for number in 0..<5 {
                let response = try client.get(
                    "http://\(address)/x\(number)", headers: [HTTPField("X-Name", "anna")], until: hub.soon)
                #expect(response.status == 200 && response.text.hasPrefix("GET /x\(number) anna "))
                ports.insert(response.text.split(separator: " ")[3])
            }
            #expect(ports.count == 1 && server.connectionCount == 1 && !ports.contains("0"))
            #expect(
                try client.request("POST", "http://\(address)/p", body: Array("body".utf8), until: hub.soon).text.hasSuffix(
                    "body"))
            #expect(try client.get("http://\(address)/pieces", until: hub.soon).text == "piece4 piece3 piece2 piece1 piece0 ")
            #expect(try client.request("HEAD", "http://\(address)/h", until: hub.soon).body.isEmpty)
            #expect(try client.get("http://\(address)/to?n=1", until: hub.soon).text.hasPrefix("GET /from"))
            #expect(try client.get("http://\(address)/none", until: hub.soon).status == 404)
            #expect(throws: HTTPError.self) { try client.get("http://\(address)/loop", until: hub.soon) }
            #expect(throws: HTTPError.self) { try client.get("gopher://x/", until: hub.soon) }
            #expect(throws: HTTPError.self) {
                try client.get("http://\(address)/", headers: [HTTPField("X", "a\r\nY: b")], until: hub.soon)
            }
            #expect(server.connectionCount == 1)
            // Side by side each has its own.
            let both = try (0..<8).map { number in
                spawn { try client.get("http://\(address)/y\(number)", until: hub.soon).status }
            }
            .map { try $0.get() }
            #expect(both == Array(repeating: 200, count: 8))
            client.close()
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `TLS is spoken by both, and its certificate is checked`(_ world: World) throws {
        let certificate = try Certificate()
        try onHub(world) { hub throws in
            let server = try HTTPServer(handler: Self.echo)
            let context = try TLSContext.server(TLSServerOptions(identity: certificate.identity))
            let address = try server.listen(at: SocketAddress(.loopback, port: 0), tls: context)
            var trusting = TLSClientOptions()
            trusting.trust = .file(certificate.file)
            var options = HTTPClientOptions()
            options.tls = try TLSContext.client(trusting)
            let client = HTTPClient(options)
            for _ in 0..<3 {
                #expect(try client.get("https://\(address)/tls", until: hub.soon).text.hasPrefix("GET /tls "))
            }
            #expect(server.connectionCount == 1)
            options.tls = try TLSContext.client()
            #expect(throws: TLSError.self) { try HTTPClient(options).get("https://\(address)/", until: hub.soon) }
            // Without TLS there is nothing to be had.
            #expect(throws: (any Error).self) { try HTTPClient().get("http://\(address)/", until: hub.soon) }
            client.close()
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `a renewed certificate is shown to who comes`(_ world: World) throws {
        let certificates = [try Certificate(), try Certificate()]
        let contexts = try certificates.map { try TLSContext.server(TLSServerOptions(identity: $0.identity)) }
        let clients = try certificates.map { certificate in
            var (options, trusting) = (HTTPClientOptions(), TLSClientOptions())
            trusting.trust = .file(certificate.file)
            options.tls = try TLSContext.client(trusting)
            return options
        }
        try onHub(world) { hub throws in
            let server = try HTTPServer(handler: Self.echo)
            let plain = try server.listen(at: SocketAddress(.loopback, port: 0))
            let address = try server.listen(at: SocketAddress(.loopback, port: 0), tls: contexts[0])
            let early = HTTPClient(clients[0])
            #expect(try early.get("https://\(address)/", until: hub.soon).status == 200)
            server.renew(contexts[1])
            #expect(try HTTPClient(clients[1]).get("https://\(address)/", until: hub.soon).status == 200)
            #expect(throws: TLSError.self) { try HTTPClient(clients[0]).get("https://\(address)/", until: hub.soon) }
            // A connection that stands, and one without TLS, go on as they are.
            #expect(try early.get("https://\(address)/", until: hub.soon).status == 200)
            #expect(try HTTPClient().get("http://\(plain)/", until: hub.soon).status == 200)
            early.close()
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `who reads a body waits no longer than asked`(_ world: World) throws {
        try onHub(world) { hub throws in
            let server = try HTTPServer(streaming: { _, body in
                do {
                    while try body.next(until: .in(.milliseconds(5))) != nil {}
                } catch let error where error.isTimeout {
                    return HTTPResponse(text: "too slow", status: 408)
                }
                return HTTPResponse(text: "all")
            })
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let head = "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            #expect(try exchange(head + "Content-Length: 3\r\n\r\nabc", with: address).hasSuffix("all"))
            #expect(try exchange(head + "Content-Length: 3\r\n\r\nab", with: address).hasPrefix("HTTP/1.1 408 "))
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `who reads a whole body waits no longer than asked`(
        _ world: World
    ) throws {
        try onHub(world) { hub throws in
            let server = try HTTPServer(streaming: { _, body in
                do {
                    _ = try body.readAll(until: .in(.milliseconds(5)))
                } catch let error where error.isTimeout {
                    return HTTPResponse(text: "too slow", status: 408)
                }
                return HTTPResponse(text: "all")
            })
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let head = "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            let chunks = head + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
            #expect(try exchange(head + "Content-Length: 3\r\n\r\nabc", with: address).hasSuffix("all"))
            #expect(try exchange(head + "Content-Length: 3\r\n\r\nab", with: address).hasPrefix("HTTP/1.1 408 "))
            #expect(try exchange(chunks, with: address).hasPrefix("HTTP/1.1 408 "))
            #expect(try exchange(chunks + "0\r\n\r\n", with: address).hasSuffix("all"))
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `bodies are streamed both ways`(_ world: World) throws {
        try onHub(world) { hub throws in
            var seen: [HTTPLogEntry] = []
            // Sums up what comes, and takes no body of /early.
            let server = try HTTPServer(streaming: { request, body in
                if request.path == "/early" { return HTTPResponse(text: "enough", status: 413) }
                if request.path == "/sum" { #expect(request.header("Content-Type") == "text/plain") }
                var count = 0
                while let piece = try body.next() { count += piece.count }
                return HTTPResponse(text: "\(count)")
            })
            server.onResponse = { seen.append($0) }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let client = HTTPClient()
            let large = [UInt8](repeating: 7, count: 1_000_000)
            #expect(try client.post("http://\(address)/sum", large, type: "text/plain", until: hub.soon).text == "1000000")
            let head = "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
            // A client that asks before it sends is told when the body is wanted, and not where it is not.
            let socket = try StreamSocket.connect(to: address, until: hub.soon)
            try socket.write(head + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            let reader = BufferedReader(socket)
            #expect(try reader.readLine(until: hub.soon) == "HTTP/1.1 100 Continue")
            try socket.write("abc")
            #expect(String(decoding: try reader.readAll(until: hub.soon), as: UTF8.self).hasSuffix("\r\n\r\n3"))
            let early = "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            let reply = try exchange(early, with: address)
            #expect(reply.hasPrefix("HTTP/1.1 413 ") && reply.contains("Connection: close"))
            #expect(seen.map(\.path) == ["/sum", "/x", "/early"] && seen.map(\.bytes) == [7, 1, 6])
            #expect(seen.allSatisfy { $0.isWhole && $0.peer.ip == .loopback })
            client.close()
            try server.stop(within: .seconds(5))
        }
    }

    @Test(arguments: World.allCases) func `a response is taken as it comes`(_ world: World) throws {
        try onHub(world) { hub throws in
            let more = Event()
            let server = try HTTPServer { _ in
                var count = 0
                return HTTPResponse(
                    .pieces {
                        count += 1
                        if count == 2 { try more.wait() }
                        return count > 3 ? nil : Array("\(count)".utf8)
                    })
            }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let client = HTTPClient()
            let pieces = try client.withResponse(to: HTTPRequest("GET", "http://\(address)/"), until: hub.soon) {
                response, body in
                #expect(response.status == 200)
                #expect(try body.next() == Array("1".utf8))
                more.set()
                return try body.readAll()
            }
            #expect(pieces == Array("23".utf8) && server.connectionCount == 1)
            client.close()
            try server.stop(within: .seconds(5))
        }
    }

    /// What hostile servers send, and whether a client may take it for a response.
    static let replies: [(text: String, body: String?)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        ("HTTP/1.1 200\r\n\r\nto the end", "to the end"),
        ("HTTP/1.0 200 OK\r\n\r\nold", "old"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", nil),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncut", nil),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", nil),
        ("HTTP/1.1 20 OK\r\n\r\n", nil), ("HTTP/1.1 2x0 OK\r\n\r\n", nil), ("HTTP/3 200 OK\r\n\r\n", nil), ("", nil),
        ("\r\n\r\n\r\n", nil), ("HTTP/1.1 101 Switching\r\n\r\n", nil), ("HTTP/1.1 200 OK\r\nX", nil),
        (String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 50), nil),
        ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 70_000) + "\r\n\r\n", nil),
        ("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", nil),
    ]

    @Test(arguments: World.allCases)
    func `what a hostile server sends is a response or an error, and no more is kept than allowed`(
        _ world: World
    ) throws {
        try onHub(world) { hub throws in
            for (text, body) in Self.replies {
                let server = try serve(0) { connection in
                    _ = try connection.read(upTo: 4_096)
                    try connection.write(text)
                }
                let client = HTTPClient()
                let response = try? client.get("http://\(server.address)/", until: hub.soon)
                #expect(response?.text == body, "\(text.prefix(60))")
                client.close()
                server.stop()
            }
        }
    }

    @Test(arguments: World.allCases) func `a connection that the server has closed is replaced, once nothing was done`(
        _ world: World
    )
        throws
    {
        try onHub(world) { hub throws in
            var requests = 0
            // Answers one request, keeps the connection for a moment, and closes it when the next one comes.
            let server = try serve(0) { connection in
                let reader = BufferedReader(connection)
                while let line = try reader.readLine(), !line.isEmpty {}
                requests += 1
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
                _ = try reader.readLine()
            }
            let client = HTTPClient()
            for _ in 0..<3 { #expect(try client.get("http://\(server.address)/", until: hub.soon).text == "x") }
            #expect(requests == 3)
            // What is not safe to repeat fails instead.
            #expect(throws: SocketError.self) { try client.request("POST", "http://\(server.address)/", until: hub.soon) }
            #expect(requests == 3)
            client.close()
            server.stop()
        }
    }

    @Test func `an error says whose server it was, and a silent one is given up`() throws {
        try onHub(.simulated) { hub throws in
            var options = HTTPClientOptions()
            options.silence = .seconds(3)
            let server = try serve(80) { _ in try sleep(.seconds(3600)) }
            let begin = Instant.now
            do {
                _ = try HTTPClient(options).get("http://server.test/x")
                Issue.record("a response")
            } catch {
                #expect(error.isTimeout && "\(error)".hasPrefix("server.test:80: "))
            }
            #expect(Instant.now - begin < .seconds(4))
            #expect(throws: SocketError.timedOut) { try HTTPClient().get("http://server.test/x", until: .in(.seconds(1))) }
            server.stop()
            #expect(throws: SocketError.notFound) { try HTTPClient().get("http://other.test/") }
        }
    }

    @Test func `a redirect to another server takes no secrets along, and none leads away from TLS`() throws {
        try onHub(.simulated) { hub throws in
            var headers: [[String]] = []
            func take(_ request: HTTPRequest) -> HTTPResponse {
                headers.append(request.headers.map { $0.name.lowercased() })
                return HTTPResponse(text: "there")
            }
            let other = try HTTPServer(handler: take)
            let there = try other.listen(at: SocketAddress(.loopback, port: 0))
            let server = try HTTPServer { _ in
                HTTPResponse(status: 307, headers: [HTTPField("Location", "http://\(there)/")])
            }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let client = HTTPClient()
            let secret = [HTTPField("Authorization", "Basic x"), HTTPField("Cookie", "a"), HTTPField("X-Kept", "1")]
            #expect(try client.get("http://\(address)/", headers: secret, until: hub.soon).text == "there")
            #expect(headers == [["host", "x-kept"]])
            client.close()
            try server.stop(within: .seconds(1))
            try other.stop(within: .seconds(1))
        }
        let certificate = try Certificate()
        try onHub(.libevent) { hub throws in
            let server = try HTTPServer { _ in HTTPResponse(status: 302, headers: [HTTPField("Location", "http://127.0.0.1/")]) }
            let context = try TLSContext.server(TLSServerOptions(identity: certificate.identity))
            let address = try server.listen(at: SocketAddress(.loopback, port: 0), tls: context)
            var trusting = TLSClientOptions()
            trusting.trust = .file(certificate.file)
            var options = HTTPClientOptions()
            options.tls = try TLSContext.client(trusting)
            #expect(throws: HTTPError.self) { try HTTPClient(options).get("https://\(address)/", until: hub.soon) }
            try server.stop(within: .seconds(1))
        }
    }
}
