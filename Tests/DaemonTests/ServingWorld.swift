import AnswerCache
import DNSWire
import Green
import Resolver
import TestSupport
import Testing
import Upstream

@testable import Daemon

/// A worker that serves 127.0.0.1:53 in a simulated world, and its upstream.
final class ServingWorld {
    static let address = SocketAddress(.loopback, port: 53)
    /// Where it speaks TLS, HTTPS, and HTTP without TLS, where there are certificates.
    static let tlsAddress = SocketAddress(.loopback, port: 853)
    static let httpsAddress = SocketAddress(.loopback, port: 443)
    static let httpAddress = SocketAddress(.loopback, port: 80)
    let world: VirtualWorld
    let hub: Hub
    let upstream: ScriptedUpstream
    let worker: Worker
    let shared: SharedState

    private init(
        _ world: VirtualWorld, _ hub: Hub, listen: SocketAddress, rules: ClientRules, tls: TLSSettings?, proxies: [String]
    ) throws {
        self.world = world
        self.hub = hub
        upstream = try ScriptedUpstream()
        var policy = Policy()
        policy.cookies = ServerCookies(.answer, keys: [], origin: .random())
        let server = Policy.Upstream(UpstreamAddress(upstream.address), id: 1)
        policy.routes = [Policy.Route(domain: [0], upstreams: [server])]
        shared = SharedState(cache: try MemoryCache(sizeBytes: 8 << 20, seed: 99))
        var wanted = [ListenAddress(listen)]
        if tls != nil {
            wanted.append(ListenAddress(Self.tlsAddress, transport: .tls))
            for path in ["/dns-query", "/other", "/clients/{client}"] {
                wanted.append(ListenAddress(Self.httpsAddress, transport: .https, path: path))
            }
            wanted.append(ListenAddress(Self.httpAddress, transport: .http, path: "/dns-query"))
        }
        var listeners = try ListenerSet(wanted, workers: 1, loop: hub.loop)
        listeners.bound(connections: 1_000, proxies: proxies.map { AccessRule($0)! })
        let certificates = try tls.map { try ServerCertificates($0, hub.loop.files) }
        worker = try Worker(
            listeners.shares[0], shared: shared, policy: policy, rules: rules, certificates: certificates)
    }

    /// Runs a test in a world of its own.
    static func run(
        listen: SocketAddress = address, access: ClientAccess = .everybody, tls: TLSSettings? = nil, proxies: [String] = [],
        _ body: @escaping (ServingWorld) throws -> Void
    ) throws {
        try run(listen: listen, rules: ClientRules(access), tls: tls, proxies: proxies, body)
    }

    /// The same, with limits.
    static func run(
        listen: SocketAddress = address, rules: ClientRules, tls: TLSSettings? = nil, proxies: [String] = [],
        _ body: @escaping (ServingWorld) throws -> Void
    ) throws {
        let world = VirtualWorld(seed: 5)
        try world.run { hub in try body(ServingWorld(world, hub, listen: listen, rules: rules, tls: tls, proxies: proxies)) }
    }

    /// Runs `body` on a hub of another machine, which has this address, and waits for its end.
    func onMachine(_ ip: String, _ body: @escaping @Sendable (Hub) throws -> Void) throws {
        let machine = world.addHost(ip, [IPAddress(ip)!])
        nonisolated(unsafe) let ended = Event()
        nonisolated(unsafe) var problem: (any Error)?
        let mailbox = hub.mailbox
        HubGroup(starter: world).start(name: ip, loop: { machine.makeLoop() }) {
            try body(Hub.current)
        } ended: { error in
            problem = error
            mailbox.post { ended.set() }
        }
        _ = try ended.wait(until: soon)
        if let problem { throw problem }
    }

    /// A moment that only a test that fails comes to.
    var soon: Instant { hub.loop.now().advanced(by: .seconds(30)) }

    /// A client on a stream.
    func connect() throws -> StreamSocket {
        try StreamSocket.connect(to: Self.address, until: soon)
    }

    /// The answer to a query over UDP.
    func ask(_ query: Message) throws -> Message? { try Self.ask(query, at: Self.address) }

    /// The answer of a server to a query over UDP, on the running hub.
    static func ask(_ query: Message, at address: SocketAddress) throws -> Message? {
        let hub = Hub.current
        let socket = try DatagramSocket(connectedTo: address)
        defer { socket.close() }
        guard var datagram = Datagram(hub: hub) else { return nil }
        datagram.fill(query.wire)
        socket.send(datagram)
        var answer: [UInt8] = []
        _ = try socket.receive(until: hub.loop.now().advanced(by: .seconds(7))) { answer = [UInt8](copying: $0.bytes) }
        return answer.isEmpty ? nil : try Message(answer.span)
    }
}

extension StreamSocket {
    /// Asks without waiting for the answer.
    func send(_ query: Message) throws { try writeMessage(query.wire) }

    /// The next answer; nil at the end of the stream.
    func answer() throws -> Message? {
        guard let bytes = try readMessage(until: hub.loop.now().advanced(by: .seconds(30))) else { return nil }
        return try Message(bytes.span)
    }

    /// Whether the other side ends or breaks the connection within a time, without a word more.
    func isEnded(within limit: Duration) -> Bool {
        do {
            return try read(upTo: 1, until: hub.loop.now().advanced(by: limit)).isEmpty
        } catch {
            return error as? SocketError != .timedOut
        }
    }
}
