import AnswerCache
import DNSWire
import Green
import Testing
import Upstream

@testable import Resolver

/// An upstream of a simulated world that does what it is told.
final class StubUpstream: @unchecked Sendable {
    // SAFETY: a simulated world has one thread.
    /// What it does with a question.
    enum Conduct {
        case answer(ttl: UInt32, last: UInt8)
        case nxDomain
        case noData
        case servFail
        case silence
        /// What a test makes of the query.
        case reply((Message) throws -> Message)
    }

    var conduct = Conduct.silence
    /// How long an answer takes.
    var delay = Duration.milliseconds(10)
    /// The names it was asked for, datagrams sent again not counted.
    private(set) var asked: [UInt16: Int] = [:]
    var questionCount: Int { asked.count }
    /// How many of them one question can come to where nobody answers: it is tried anew until it is given up.
    let triesOfOneQuestion = 1...3
    static let address = SocketAddress(IPAddress("10.0.0.2")!, port: 53)

    /// The reply to a query; nil for none.
    func reply(to query: Span<UInt8>) throws -> [UInt8]? {
        let asks = try Message(query)
        asked[asks.id, default: 0] += 1
        var reply = Message(id: asks.id)
        reply.flags.isResponse = true
        reply.flags.recursionAvailable = true
        reply.questions = asks.questions
        let name = asks.questions[0].name
        switch conduct {
        case .silence: return nil
        case .reply(let make):
            reply = try make(asks)
            (reply.id, reply.questions) = (asks.id, asks.questions)
        case .servFail: reply.flags.responseCode = .servFail
        case .answer(let ttl, let last):
            reply.answers = [try ResourceRecord(text: "\(name) \(ttl) IN A 192.0.2.\(last)")]
        case .nxDomain, .noData:
            if case .nxDomain = conduct { reply.flags.responseCode = .nxDomain }
            let soa = "example. 300 IN SOA ns.example. host.example. 1 3600 900 86400 300"
            reply.authorities = [try ResourceRecord(text: soa)]
        }
        return try reply.encoded()
    }

    /// Serves on a host of its own.
    func start(in world: VirtualWorld) {
        let host = world.addHost("upstream", [Self.address.ip])
        HubGroup(starter: world).start(name: "upstream", loop: { host.makeLoop() }) {
            let hub = Hub.current
            let listener = try hub.loop.listen(.datagram, at: Self.address, options: ListenOptions())
            let server = Server(socket: try DatagramSocket(hub: hub, listener: listener))
            server.script = self
            server.start()
            try sleep(.seconds(86_400))
        }
    }

    private final class Server: DatagramServer {
        var script: StubUpstream!

        override func handle(_ datagram: consuming Datagram) {
            guard let reply = try? script.reply(to: datagram.bytes), (try? sleep(script.delay)) != nil else { return }
            var buffer = datagram.buffer
            for index in reply.indices { buffer[index] = reply[index] }
            datagram.count = reply.count
            socket.send(datagram)
        }
    }
}

/// A resolver in a simulated world, with one upstream that does as it is told.
struct StaleWorld {
    let hub: Hub
    let resolver: Resolver
    let upstream: StubUpstream

    /// Runs `body` in a world of its own.
    static func run(_ change: (inout Policy) -> Void = { _ in }, _ body: @escaping (StaleWorld) throws -> Void) throws {
        let world = VirtualWorld(seed: 11)
        let upstream = StubUpstream()
        upstream.start(in: world)
        var policy = Policy()
        let address = Policy.Upstream(UpstreamAddress(StubUpstream.address), id: 7)
        policy.routes = [Policy.Route(domain: [0], upstreams: [address])]
        change(&policy)
        try world.run { hub in
            let cache = try MemoryCache(sizeBytes: 1 << 20, seed: 5)
            cache.staleSeconds = 86_400
            let resolver = Resolver(hub: hub, shared: SharedState(cache: cache), policy: policy)
            try sleep(.milliseconds(1))
            try body(StaleWorld(hub: hub, resolver: resolver, upstream: upstream))
        }
    }

    /// The answer to a question, and how long it took.
    func ask(
        _ name: String = "www.example.", _ type: RecordType = .a, edns: EDNS? = EDNS(), checkingDisabled: Bool = false
    ) throws -> (Message, Duration) {
        var query = Message(id: 77)
        query.flags.recursionDesired = true
        query.flags.checkingDisabled = checkingDisabled
        query.questions = [Question(Name(name)!, type, .internet)]
        query.edns = edns
        let bytes = try query.encoded()
        var buffer = bytes + [UInt8](repeating: 0, count: 1500 - bytes.count)
        var span = buffer.mutableSpan
        var view = QueryView()
        let start = hub.loop.now()
        switch resolver.begin(&view, length: bytes.count, in: &span, from: 0) {
        case .answered(let count):
            return (try Message(span.span.extracting(first: count)), start.duration(to: hub.loop.now()))
        case .wait, .tooLong:
            let pending = PendingQuery(&view, bytes.span)
            let resolution = resolver.resolve(pending)
            let count = resolver.write(pending, resolution, into: &span, limit: 1232)
            return (try Message(span.span.extracting(first: count)), start.duration(to: hub.loop.now()))
        case .drop: break
        }
        throw CancellationError()
    }

    /// Fills the cache with one address and lets its time pass.
    func expire(_ name: String = "www.example.", ttl: UInt32 = 300) throws {
        upstream.conduct = .answer(ttl: ttl, last: 1)
        _ = try ask(name)
        try sleep(.seconds(Int(ttl) + 1))
    }
}
