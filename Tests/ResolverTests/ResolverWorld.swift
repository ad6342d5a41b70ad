import AnswerCache
import DNSWire
import Green
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// A resolver and its upstream in a simulated world, where seconds cost nothing.
final class ResolverWorld: @unchecked Sendable {
    // SAFETY: all of it is on the thread of its world.
    let world: VirtualWorld
    let hub: Hub
    let shared: SharedState
    let upstream: ScriptedUpstream
    let resolver: Resolver
    var policy: Policy

    private init(
        _ world: VirtualWorld, _ hub: Hub, flightLimit: Int, redis: RedisTier?, watch: UpstreamWatch,
        _ configure: (inout Policy) -> Void
    ) throws {
        self.world = world
        self.hub = hub
        upstream = try ScriptedUpstream()
        shared = SharedState(
            cache: try MemoryCache(sizeBytes: 8 << 20, seed: 99), redis: redis, upstreams: watch, flightLimit: flightLimit)
        policy = Policy()
        policy.routes = [Self.route(".", upstream.address)]
        configure(&policy)
        resolver = Resolver(hub: hub, shared: shared, policy: policy)
    }

    /// Runs a test in a world of its own.
    static func run(
        flightLimit: Int = 1000, redis: RedisTier? = nil, watch: UpstreamWatch = UpstreamWatch(),
        policy configure: @escaping (inout Policy) -> Void = { _ in },
        _ body: @escaping (ResolverWorld) throws -> Void
    ) throws {
        let world = VirtualWorld(seed: 7)
        try world.run { hub in
            try body(ResolverWorld(world, hub, flightLimit: flightLimit, redis: redis, watch: watch, configure))
        }
    }

    /// A route to one server for a domain.
    static func route(_ domain: String, _ address: SocketAddress, id: UInt16 = 1) -> Policy.Route {
        Policy.Route(domain: Name(domain)!.lowercased.wire, upstreams: [Policy.Upstream(UpstreamAddress(address), id: id)])
    }

    // MARK: - Asking, as a listener does

    /// What `begin` says to a message, and what stands in the buffer then.
    func begin(_ bytes: [UInt8], streams: Bool = false) -> (step: Resolver.Step, answer: [UInt8]) {
        resolver.begin(bytes, room: streams ? 65_535 : 4096, streams: streams)
    }

    /// The answer's bytes to a message; nil when none is due. Waits.
    func exchange(_ bytes: [UInt8], streams: Bool = false) -> [UInt8]? {
        resolver.exchange(bytes, streams: streams)
    }

    /// The answer to a question of the client at an address. Waits.
    func ask(_ name: String, _ type: RecordType = .a, from client: String) throws -> Message {
        let query = Message.query(name, type, edns: EDNS())
        let answer = try #require(resolver.exchange(query.wire, client: IPAddress(client)!.number))
        return try Message(answer.span)
    }

    /// The answer to a query. Waits.
    func ask(_ query: Message, streams: Bool = false) throws -> Message {
        let answer = try #require(exchange(query.wire, streams: streams))
        return try Message(answer.span)
    }

    /// The answer to a question. Waits.
    func ask(_ name: String, _ type: RecordType = .a, edns: EDNS? = nil, streams: Bool = false) throws -> Message {
        try ask(.query(name, type, edns: edns), streams: streams)
    }

    /// Asks from as many greenlets at once: their answers.
    func askAtOnce(_ count: Int, _ query: (Int) -> Message) throws -> [Message] {
        let queries = (0..<count).map(query)
        let greenlets = queries.map { query in hub.spawn { try self.ask(query) } }
        return try greenlets.map { try $0.get() }
    }
}

extension Resolver {
    /// What `begin` says to a message, and what stands in the buffer then.
    func begin(_ bytes: [UInt8], room: Int, streams: Bool, client: UInt128 = 0) -> (step: Step, answer: [UInt8]) {
        var query = QueryView()
        return begin(&query, bytes, room: room, streams: streams, client: client)
    }

    /// The same for a query that whoever asks reads later.
    private func begin(
        _ query: inout QueryView, _ bytes: [UInt8], room: Int, streams: Bool, client: UInt128
    ) -> (step: Step, answer: [UInt8]) {
        var buffer = bytes + [UInt8](repeating: 0xEE, count: max(0, room - bytes.count))
        var span = buffer.mutableSpan
        let step = begin(&query, length: bytes.count, in: &span, from: client, over: streams ? .tcp : .udp)
        guard case .answered(let count) = step else { return (step, []) }
        return (step, Array(buffer[..<count]))
    }

    /// The answer's bytes to a message, as a listener with a buffer of `room` bytes gets it; nil when none is due. Waits.
    func exchange(_ bytes: [UInt8], room: Int? = nil, streams: Bool = false, client: UInt128 = 0) -> [UInt8]? {
        let room = room ?? (streams ? 65_535 : 4096)
        var query = QueryView()
        let (step, answer) = begin(&query, bytes, room: room, streams: streams, client: client)
        switch step {
        case .answered: return answer
        case .drop: return nil
        case .wait, .tooLong: break
        }
        let pending = pending(&query, bytes.span, from: client, over: streams ? .tcp : .udp)
        let resolution = step == .tooLong ? .cached : resolve(pending)
        var buffer = [UInt8](repeating: 0xEE, count: room)
        var span = buffer.mutableSpan
        let limit = streams ? room : datagramLimit(pending)
        let count = write(pending, resolution, into: &span, limit: limit)
        return count == 0 ? nil : Array(buffer[..<count])
    }
}
