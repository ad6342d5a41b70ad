import Green
import Testing

@testable import GreenHTTP

/// One reading of every message: what could be read in two ways is refused.
@Suite struct GrammarTests {
    /// Requests, and the status that each gets.
    static let requests: [(text: String, status: Int)] = [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ("GET http://h/x?y HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 200),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nTrailer: x\r\n\r\n", 200),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 200),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: h\n\n", 400),
        ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\tx HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400),
        ("G\u{E9}T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
        ("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\nHost: h\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "a:\r\n", count: 300) + "\r\n", 431),
    ]

    @Test(arguments: World.allCases) func `what can be read in two ways is refused, and the rest is read`(_ world: World) throws {
        try onHub(world) { hub throws in
            let server = try HTTPServer { request in HTTPResponse(text: "\(request.method) \(request.path)") }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            for (text, status) in Self.requests {
                // Another request behind it is another's only where this one was read to its end.
                let reply = try exchange(text, with: address, closes: true)
                #expect(reply.split(separator: " ").dropFirst().first == "\(status)", "\(text.prefix(60)): \(reply.prefix(60))")
            }
            try server.stop(within: .seconds(1))
        }
    }

    @Test(arguments: 0..<40) func `bytes cut anywhere are read alike`(_ seed: Int) throws {
        let world = VirtualWorld(seed: UInt64(seed))
        try world.run { hub throws in
            let server = try HTTPServer { request in HTTPResponse(text: String(decoding: request.body, as: UTF8.self)) }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let text = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
            let both = Array((text + "GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").utf8)
            let socket = try StreamSocket.connect(to: address, until: hub.soon)
            var (start, random) = (0, SeededGenerator(seed: UInt64(seed)))
            while start < both.count {
                let end = min(both.count, start + Int.random(in: 1...9, using: &random))
                try socket.write(both[start..<end])
                if Bool.random(using: &random) { try sleep(.milliseconds(1)) }
                start = end
            }
            let reply = String(decoding: try BufferedReader(socket).readAll(until: hub.soon), as: UTF8.self)
            #expect(reply.split(separator: "HTTP/1.1 200 OK").count == 2 && reply.contains("\r\n\r\nabcde"))
            try server.stop(within: .seconds(1))
        }
    }

    @Test func `a head or a body that trickles in is given up`() throws {
        try onHub(.simulated) { hub throws in
            var limits = HTTPLimits()
            limits.idle = .seconds(10)
            limits.bodyTime = .seconds(30)
            let server = try HTTPServer(limits: limits) { _ in HTTPResponse(text: "whole") }
            let address = try server.listen(at: SocketAddress(.loopback, port: 0))
            let head = "POST / HTTP/1.1\r\nHost: h\r\n"
            for (text, longest) in [(head + "Content-Length: 100\r\n\r\n", 45), (head + "X: ", 25)] {
                let socket = try StreamSocket.connect(to: address, until: hub.soon)
                try socket.write(text)
                let begin = Instant.now
                let trickle = spawn { while true { try sleep(.seconds(1)); try socket.write("a") } }
                let reply = try? BufferedReader(socket).readAll(until: .in(.seconds(1_000)))
                trickle.kill()
                #expect(reply?.isEmpty ?? true)
                #expect(Instant.now - begin < .seconds(longest))
            }
            #expect(server.requestCount == 0)
            try server.stop(within: .seconds(1))
        }
    }

    @Test func `addresses of the web are read, and what leads on from them`() throws {
        let url = try #require(HTTPURL("https://example.org/a/b?c#d"))
        #expect(url.isSecure && url.host == "example.org" && url.port == 443 && url.target == "/a/b?c")
        #expect("\(url)" == "https://example.org/a/b?c")
        #expect(HTTPURL("http://[::1]:8080")?.authority == "[::1]:8080")
        #expect(HTTPURL("HTTP://h?x")?.target == "/?x")
        let refused = [
            "ftp://h/", "h/x", "http://", "http://h:0/", "http://h:99999/", "http://h:+1/", "http://u@h/", "http://h\0.evil/",
            "http://h/a b", "http://h/\r\nX: y", "http://[::1/", "http://[h]/",
        ]
        for text in refused { #expect(HTTPURL(text) == nil, "\(text)") }
        let leads = [
            ("/x", "https://example.org/x"), ("x", "https://example.org/a/x"), ("?q", "https://example.org/a/b?q"),
            ("//other/y", "https://other/y"), ("http://z", "http://z/"), ("", "https://example.org/a/b"),
        ]
        for (reference, whole) in leads { #expect(url.resolving(reference).map { "\($0)" } == whole) }
        #expect(url.resolving("/a\r\nb") == nil)
    }

    @Test func `dates are written as HTTP has them`() {
        #expect(HTTPDate.text(784_111_777_000_000_000) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(951_782_400_000_000_000) == "Tue, 29 Feb 2000 00:00:00 GMT")
        #expect(HTTPDate.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(.min) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(.max).hasSuffix(" GMT"))
    }
}
