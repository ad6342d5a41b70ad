import DNSWire
import Green

@testable import Daemon
@testable import GreenHTTP

/// What is said over HTTP/1.1, by clients of DNS over HTTPS and by servers that lists come from.
enum WebTargets {
    /// The target of a request: what `dns=` holds stands for one message, which has one text (RFC 8484 4.1).
    static func dnsParameter(_ bytes: [UInt8]) {
        let target = String(decoding: bytes, as: UTF8.self)
        guard let (path, query) = HTTPTarget.parts(of: target, method: "GET") else { return }
        promise(HTTPTarget.decode(path).utf8.count <= 3 * path.utf8.count, "a path grows by what is no UTF-8 alone")
        for field in HTTPTarget.fields(ofQuery: query) {
            var message = [UInt8](repeating: 0, count: 512)
            guard let count = read(field.value, &message) else { continue }
            promise(count <= message.count, "a message fits where it is put")
            promise(PresentationText.base64URL(Array(message[..<count])) == field.value, "a message has one text")
        }
    }

    private static func read(_ text: String, _ message: inout [UInt8]) -> Int? {
        let digits = Array(text.utf8)
        var span = message.mutableSpan
        return Base64Text.readURL(digits.span, into: &span)
    }

    /// What a server answers to a client's request: the same response, or none, however its bytes come.
    static func response(_ bytes: [UInt8]) {
        let whole = response(bytes, pieces: bytes.count)
        promise(response(bytes, pieces: 7) == whole, "a response is one however its bytes are cut")
    }

    private static func response(_ bytes: [UInt8], pieces: Int) -> [UInt8]? {
        let world = VirtualWorld(seed: 1)
        let hub = Hub(loop: world.host.makeLoop())
        let body = try? hub.run { () throws -> [UInt8]? in
            let server = try serve(0) { connection in
                _ = try connection.read(upTo: 4096, until: soon())
                for start in stride(from: 0, to: bytes.count, by: max(1, pieces)) {
                    try connection.write(Array(bytes[start..<min(bytes.count, start + max(1, pieces))]), until: soon())
                }
            }
            defer { server.stop() }
            var options = HTTPClientOptions()
            (options.redirects, options.bodyBytes, options.headerBytes) = (0, 2_048, 1_024)
            let client = HTTPClient(options)
            defer { client.close() }
            guard let response = try? client.get("http://127.0.0.1:\(server.address.port)/", until: soon()) else { return nil }
            promise(response.body.count <= 2_048, "a body is within bounds")
            return Array("\(response.status)".utf8) + response.body
        }
        promise(hub.greenletCount == 0, "nothing is left of a connection")
        return body ?? nil
    }

    private static func soon() -> Instant { Hub.current.loop.now() + .seconds(60) }
}
