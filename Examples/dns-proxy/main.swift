// A caching DNS proxy: one greenlet for each query, a dictionary as the cache. `dns-proxy LISTEN UPSTREAM`, such as
// `dns-proxy 127.0.0.1:5353 9.9.9.9:53`; then `dig @127.0.0.1 -p 5353 www.example.org`.
import Glibc
import Green

/// Answers from memory what it knows, and asks `upstream` for the rest.
final class CachingProxy: DatagramServer {
    let upstream: SocketAddress
    /// Answers by question, with the moment until which they count.
    var cache: [[UInt8]: (answer: [UInt8], until: Instant)] = [:]
    /// Questions that are being asked, so that each is asked once.
    var asked: [[UInt8]: AsyncResult<[UInt8]>] = [:]

    init(socket: DatagramSocket, upstream: SocketAddress) {
        self.upstream = upstream
        super.init(socket: socket)
    }

    override func handle(_ datagram: consuming Datagram) {
        let (query, path) = (datagram.copy(), datagram.returnPath)
        guard query.count > 12, let answer = try? answer(to: query), let reply = makeDatagram(answer) else { return }
        reply.setReturnPath(path)
        socket.send(reply)
    }

    /// The answer to a query, with the query's own id.
    func answer(to query: [UInt8]) throws -> [UInt8] {
        let question = Array(query[2...])
        if let known = cache[question], known.until > socket.hub.now { return Array(query[..<2] + known.answer[2...]) }
        if let pending = asked[question] { return Array(query[..<2] + (try pending.get())[2...]) }
        let result = AsyncResult<[UInt8]>()
        asked[question] = result
        defer { asked[question] = nil }
        do {
            let answer = try ask(query)
            if cache.count >= 10_000 { cache = [:] }
            cache[question] = (answer, socket.hub.now.advanced(by: .seconds(60)))
            result.set(answer)
            return answer
        } catch {
            result.fail(error)
            throw error
        }
    }

    /// Asks upstream, twice at most, a second each.
    func ask(_ query: [UInt8]) throws -> [UInt8] {
        for _ in 0..<2 {
            let connection = try DatagramSocket(connectedTo: upstream)
            guard let datagram = makeDatagram(query) else { break }
            connection.send(datagram)
            var answer: [UInt8] = []
            let deadline = socket.hub.loop.now().advanced(by: .seconds(1))
            while try connection.receive(until: deadline, { answer = $0.copy() }) > 0 {
                if answer.count > 12, answer[..<2] == query[..<2] { return answer }
            }
        }
        throw SocketError.timedOut
    }
}

/// A datagram with these bytes; nil when the hub is out of buffers, or they are too many.
func makeDatagram(_ bytes: [UInt8]) -> Datagram? {
    guard var datagram = Datagram(hub: .current), bytes.count <= datagram.capacity else { return nil }
    var buffer = datagram.buffer
    for index in bytes.indices { buffer[index] = bytes[index] }
    datagram.count = bytes.count
    return datagram
}

extension Datagram {
    /// Its bytes, to be kept.
    func copy() -> [UInt8] { (0..<bytes.count).map { bytes[$0] } }
}

let arguments = CommandLine.arguments.dropFirst().compactMap { SocketAddress($0, defaultPort: 53) }
guard arguments.count == 2 else { fatalError("usage: dns-proxy LISTEN UPSTREAM") }
let hub = Hub(loop: LibeventLoop())
try hub.run {
    let listener = try hub.loop.listen(.datagram, at: arguments[0], options: ListenOptions())
    let proxy = CachingProxy(socket: try DatagramSocket(listener: listener), upstream: arguments[1])
    proxy.start()
    print("listening on \(listener.address)")
    fflush(nil)
    for _ in try Signals([SIGINT, SIGTERM]) { break }
    print("bye")
}
