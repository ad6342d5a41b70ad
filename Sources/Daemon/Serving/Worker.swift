internal import Green
internal import GreenTLS
internal import Observation
internal import Resolver

/// What one thread does: its hub, its resolver, and the servers of its listeners.
final class Worker {
    let resolver: Resolver
    private let datagramServers: [QueryServer]
    let streamServers: [QueryStreamServer]
    /// How much clients may ask.
    private let limits: ClientLimits
    /// Where it is entered among those that hold something for clients.
    private var holder: AccountHolders.Holder?
    /// The places of stream connections.
    let places: StreamPlaces

    /// Queries in flight get this long to be answered when the daemon stops.
    static let farewell = Duration.seconds(2)
    /// So many batches of what has arrived are taken then; more than a socket's buffer holds.
    static let lastTurns = 200

    /// Starts to serve a share of the listeners, on the running hub.
    init(
        _ share: ListenerSet.Share, shared: SharedState, policy: Policy, rules: ClientRules,
        certificates: ServerCertificates? = nil
    ) throws(SocketError) {
        let hub = Hub.current
        let resolver = Resolver(hub: hub, shared: shared, policy: policy)
        self.resolver = resolver
        places = StreamPlaces(limit: share.connections)
        limits = ClientLimits(share.rates, counting: resolver.figures)
        var datagramServers: [QueryServer] = []
        for listener in share.datagrams {
            let socket = try DatagramSocket(hub: hub, listener: listener)
            let gate = ClientGate(rules.access(at: listener.address), at: listener.address, except: share.proxies)
            datagramServers.append(
                QueryServer(
                    socket: socket, resolver: resolver, limits: limits, admitting: (gate, share.proxies),
                    isIPv6: listener.address.ip.family == .v6))
        }
        var streamServers: [QueryStreamServer] = []
        let isEncrypted = share.streams.contains { $0.listen.transport.isEncrypted }
        let streams = QueryStreamServer.Shared(
            resolver: resolver, places: places, proxies: share.proxies, wire: isEncrypted ? TLSWire() : nil)
        for stream in share.streams {
            let address = stream.listener.address
            let gate = ClientGate(rules.access(at: address), at: address, limits: limits)
            streamServers.append(try QueryStreamServer(stream, streams, gate: gate, certificates: certificates))
        }
        self.datagramServers = datagramServers
        self.streamServers = streamServers
        adopt(rules)
        holder = shared.holders.enter { [unowned self] read in readAccounts(read) }
        for server in datagramServers { server.start() }
        for server in streamServers { server.start() }
    }

    deinit { if let holder { resolver.holders.remove(holder) } }

    /// Goes on with another policy.
    func adopt(_ policy: Policy) { resolver.adopt(policy) }

    /// Answers others from now on.
    func adopt(_ rules: ClientRules) {
        limits.adopt(rules)
        for server in datagramServers {
            server.gate.adopt(rules.access(at: server.gate.listener), limited: rules.limited)
        }
        for server in streamServers { server.gate.adopt(rules.access(at: server.gate.listener)) }
    }

    /// Shows clients other certificates from now on.
    func adopt(_ certificates: ServerCertificates) {
        for server in streamServers { server.adopt(certificates) }
    }

    /// What it has counted so far.
    var figures: WorkerFigures {
        var figures = WorkerFigures()
        figures.refusedConnections = places.refusedCount
        figures.closedConnections = places.closedCount
        figures.turnedAwayQueries = resolver.turnedAwayCount
        figures.connections = places.count
        figures.waitingClients = resolver.waitingCount
        figures.greenlets = resolver.hub.greenletCount
        for server in datagramServers {
            figures.shedDatagrams &+= server.shedCount
            figures.refusedQueries &+= server.gate.refusedCount
        }
        for server in streamServers {
            figures.refusedQueries &+= server.gate.refusedCount
            figures.failedHandshakes &+= server.failedHandshakes
        }
        return figures
    }

    /// Takes no more queries and waits until those in flight are answered, for `farewell` at most.
    func finish() throws(Interruption) {
        let hub = resolver.hub
        // What has already arrived is still served: the loop says of a socket that something has come, and each turn takes a
        // batch of it. Who goes on asking does not keep the worker for ever.
        try hub.yield(afterEvents: true)
        var turns = 0
        repeat {
            try hub.yield(afterEvents: true)
            turns += 1
        } while turns < Self.lastTurns && datagramServers.contains { $0.isBehind }
        for server in datagramServers { server.stop() }
        for server in streamServers { server.stop() }
        // Clients go elsewhere at once.
        places.endIdle()
        let deadline = hub.loop.now().advanced(by: Self.farewell)
        while unfinishedCount > 0, hub.loop.now() < deadline {
            try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(5)))
        }
        places.endIdle()
    }

    private var unfinishedCount: Int {
        resolver.waitingCount + places.unfinishedCount
    }
}
