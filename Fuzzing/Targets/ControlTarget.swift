import AnswerCache
import Green
import GreenHTTP
import Upstream

@testable import Daemon

/// The control socket: any bytes as requests over HTTP/1.1 to the API of a cache.
enum ControlTarget {
    /// Sends the bytes to a server in a simulated world, and reads all that comes back.
    static func control(_ bytes: [UInt8]) {
        let world = VirtualWorld(seed: 1)
        let hub = Hub(loop: world.host.makeLoop())
        let answer = try? hub.run { try ask(bytes) }
        guard let answer else { return }
        promise(answer.isEmpty || answer.starts(with: Array("HTTP/1.".utf8)), "an answer is one of HTTP")
        promise(hub.greenletCount == 0, "nothing is left of a connection")
    }

    private static func ask(_ bytes: [UInt8]) throws -> [UInt8] {
        guard let cache else { return [] }
        let tiers = CacheTiers(
            memory: cache, redis: nil, fleet: { nil }, upstreams: { UpstreamDirectory([:]) }, remove: { _ in 0 })
        let api = ControlAPI(tiers)
        let server = try HTTPServer { try api.answer($0) }
        let address = try server.listen(at: SocketAddress(.loopback, port: 0))
        let socket = try StreamSocket.connect(to: address, until: soon())
        defer { socket.close() }
        try socket.write(bytes, until: soon())
        socket.shutdownWrite()
        let answer = try? BufferedReader(socket).readAll(until: soon())
        try server.stop(within: .seconds(1))
        return answer ?? []
    }

    private static func soon() -> Instant { Hub.current.loop.now() + .seconds(60) }

    /// Where a cache of its own for each input would cost most of the time.
    private static let cache = try? MemoryCache(sizeBytes: 4 << 20, seed: 1)
}
