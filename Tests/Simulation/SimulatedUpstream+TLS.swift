internal import DNSWire
internal import Green
internal import GreenHTTP2
internal import GreenTLS
internal import TestSupport

/// What an upstream does that is asked over TLS, or over HTTPS.
extension SimulatedUpstream {
    /// What becomes of a handshake.
    private enum Greeting: CaseIterable {
        case honest
        /// Nothing is said to it, for ever.
        case silence
        /// The connection ends before anything is said, or breaks.
        case end, reset
        /// The certificate is somebody else's.
        case otherCertificate
        /// Noise comes instead, or right behind it.
        case noise, laterNoise
    }

    /// The server that it has for that; nil where it is asked in the clear.
    func makeSecureServer(_ hub: Hub) throws -> StreamServer? {
        guard transport.isEncrypted else { return nil }
        let address = SocketAddress(host.addresses[0], port: transport == .tls ? 853 : 443)
        let own = try SimulatedCertificates.upstream(transport, isOther: false)
        let other = try SimulatedCertificates.upstream(transport, isOther: true)
        let listener = try hub.loop.listen(.stream, at: address, options: ListenOptions())
        let server = try StreamServer(listener: listener, limit: 1_000) { [unowned self] in
            do {
                try serveSecurely($0, own, other)
            } catch is TLSError {
                // The other side found something wrong, as it should where there is.
            } catch is HTTP2Error {}
        }
        server.start()
        return server
    }

    /// How it meets who comes now.
    private func greeting() -> Greeting {
        switch behaviour {
        case .dead: [.honest, .silence, .end, .reset, .otherCertificate].randomElement(using: &random)!
        case .garbage: [.honest, .noise, .laterNoise].randomElement(using: &random)!
        default: .honest
        }
    }

    private func serveSecurely(_ connection: StreamSocket, _ own: TLSContext, _ other: TLSContext) throws {
        let greeting = greeting()
        if greeting != .honest { judge.log.say("\(host.name) meets a connection with \(greeting)") }
        switch greeting {
        case .silence:
            while try !connection.read(upTo: 4096).isEmpty {}
            return
        case .end: return
        case .reset: return connection.abort()
        case .noise:
            try connection.write(noise(200))
            // Who closes while something is unread resets: the noise is to arrive.
            while try !connection.read(upTo: 4096).isEmpty {}
            return
        case .honest, .otherCertificate, .laterNoise: break
        }
        if behaviour == .slow { try sleep(.milliseconds(Int.random(in: 1...100, using: &random))) }
        let hub = connection.hub
        let context = greeting == .otherCertificate ? other : own
        let socket = try TLSSocket.accept(over: connection, context: context, until: hub.now.advanced(by: .seconds(20)))
        if greeting == .laterNoise {
            try connection.write(noise(200))
            while try !connection.read(upTo: 4096).isEmpty {}
            return
        }
        if transport == .tls { try serve(socket) } else { try serveRequests(socket) }
        // Some go without a farewell, as many servers do.
        if Bool.random(using: &random) { socket.finish(until: hub.now.advanced(by: .seconds(1))) }
    }

    private func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }

    // MARK: - HTTP/2

    private func serveRequests(_ socket: TLSSocket) throws {
        var count = 0
        try HTTP2Server.serve(socket, idleLimit: .seconds(300)) { [unowned self] request in
            count += 1
            guard let wire = Self.query(in: request), let query = try? Message(wire.span), query.questions.count == 1 else {
                return HTTP2Response(status: 400)
            }
            return try response(to: query, count, over: socket)
        }
    }

    private func response(to query: Message, _ number: Int, over socket: TLSSocket) throws -> HTTP2Response {
        switch try word(to: query, questionOfStream: number) {
        case .nothing:
            say(query, "says nothing over HTTPS")
            // Until the client gives the request up.
            try sleep(.seconds(10_000_000))
            return HTTP2Response(status: 504)
        case .end:
            say(query, "closes the connection")
            // What was answered before is to go out, or three that ask at once would never get on.
            try sleep(.milliseconds(100))
            socket.close()
            return HTTP2Response(status: 500)
        case .bytes(let bytes):
            say(query, "says nothing of it over HTTPS")
            guard behaviour == .garbage else { return Self.response(bytes) }
            switch Int.random(in: 0..<5, using: &random) {
            case 0: return HTTP2Response(status: 500)
            case 1: return HTTP2Response(status: 200, [("content-type", "text/html")], body: bytes)
            case 2: return HTTP2Response(status: 302, [("location", "https://other.test/")])
            case 3: try socket.write(bytes)
            default: break
            }
            return Self.response(bytes)
        case .truth(let truth, let reply, let era):
            say(query, "says \(Chronicle.brief(reply)) over HTTPS")
            noteTold(truth, query, era: era)
            return Self.response(try reply.encoded())
        }
    }

    private static func response(_ bytes: [UInt8]) -> HTTP2Response {
        HTTP2Response(status: 200, [("content-type", "application/dns-message")], body: bytes)
    }

    /// The query that a request carries.
    private static func query(in request: HTTP2Message) -> [UInt8]? {
        if request.fields[":method"] == "POST" { return request.body }
        guard let path = request.fields[":path"], let mark = path.firstRange(of: "?dns=") else { return nil }
        return bytes(ofBase64: path[mark.upperBound...])
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// What each byte stands for as a digit.
    private static let values: [Int?] = (0..<256).map { byte in digits.firstIndex(of: UInt8(byte)) }

    /// What the base64 of URLs stands for (RFC 4648 5).
    private static func bytes(ofBase64 text: Substring) -> [UInt8]? {
        var (bits, count, bytes) = (0, 0, [UInt8]())
        for digit in text.utf8 {
            guard let value = values[Int(digit)] else { return nil }
            (bits, count) = (bits << 6 | value, count + 6)
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count & 0xFF))
                bits &= (1 << count) - 1
            }
        }
        return bytes
    }
}
