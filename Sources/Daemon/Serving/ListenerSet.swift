internal import Glibc
internal import Green

/// The listening sockets of the daemon: for each address one for datagrams and one for streams, and each of those once
/// for every worker. They belong to the daemon, not to the workers.
struct ListenerSet {
    /// What one worker listens on.
    struct Share: Sendable {
        var datagrams: [Listener] = []
        var streams: [Stream] = []
        /// So many connections at once.
        var connections = 1_000
        /// Whose word is believed about whom they ask for.
        var proxies = ClientAccess.nobody
        /// What clients have asked lately, of all workers.
        var rates = RateTables()
    }

    /// A listener for streams, and what is spoken there.
    struct Stream: Sendable {
        let listener: Listener
        let listen: ListenAddress
        /// The paths of requests, where they are HTTP's.
        let paths: [String]
    }

    private(set) var shares: [Share]
    /// The addresses that the machine does not have and that nobody insists on, and why there is no listener.
    private(set) var leftOut: [(address: ListenAddress, error: SocketError)] = []
    /// The addresses that the operator names and the machine does not have yet: queries arrive there once it does.
    private(set) var awaited: [ListenAddress] = []

    /// What a service manager has opened or kept.
    private(set) var inherited: InheritedSockets

    /// So much of its answers the kernel takes for a client on TCP that reads slowly.
    private static let unsentBytes: Int32 = 128 << 10

    /// Binds all addresses. The first socket of an address is bound alone, so that another server there is noticed,
    /// also another instance of this one; only then do the other workers' sockets share its port. What the machine lacks is
    /// left out where nobody insists on it, as long as one address is left, and else waited for; `areNamed` says whether the
    /// operator named them.
    init(
        _ addresses: [ListenAddress], areNamed: Bool = true, workers: Int, loop: any Loop,
        inherited: InheritedSockets = InheritedSockets()
    ) throws(DaemonError) {
        self.inherited = inherited
        shares = Array(repeating: Share(), count: workers)
        var wanted: [(listen: ListenAddress, paths: [String])] = []
        for address in addresses {
            // Several paths at one place have one listener.
            if let index = wanted.firstIndex(where: { $0.listen.address == address.address && address.transport.isHTTP }) {
                wanted[index].paths.append(address.path)
            } else {
                wanted.append((address, [address.path]))
            }
        }
        for (address, paths) in wanted {
            let before = shares
            do throws(DaemonError) {
                try open(address, paths, loop)
            } catch {
                guard case .listen(_, _, let reason) = error else { throw error }
                shares = before
                if Self.mayLeaveOut(address.address, isNamed: areNamed, reason), leftOut.count + 1 < wanted.count {
                    leftOut.append((address, reason))
                } else if reason == .addressNotAvailable, areNamed {
                    try open(address, paths, loop, mayComeLater: true)
                    awaited.append(address)
                } else {
                    throw error
                }
            }
        }
    }

    /// Whether the daemon may start without a listener that it cannot have: one that only the default names, or that stands
    /// for all addresses of a family that the machine does not have.
    static func mayLeaveOut(_ address: SocketAddress, isNamed: Bool, _ reason: SocketError) -> Bool {
        guard reason == .addressNotAvailable || reason == SocketError(errno: EAFNOSUPPORT, call: "socket") else { return false }
        return !isNamed || address.ip.isWildcard
    }

    /// Binds one address for every worker.
    private mutating func open(
        _ listen: ListenAddress, _ paths: [String], _ loop: any Loop, mayComeLater: Bool = false
    ) throws(DaemonError) {
        let address = listen.address
        var options = ListenOptions()
        options.mayComeLater = mayComeLater
        options.packetInfo = address.ip.isWildcard
        options.unsentBytes = Self.unsentBytes
        var bound = address
        for worker in shares.indices {
            options.sharesPort = worker > 0
            var listen = listen
            listen.address = bound
            if listen.transport == .plain {
                let datagrams = try bind(.datagram, listen, options, loop)
                // A port chosen by the kernel holds for all sockets of the address.
                bound = datagrams.address
                shares[worker].datagrams.append(datagrams)
            }
            listen.address = bound
            let stream = try bind(.stream, listen, options, loop)
            bound = stream.address
            shares[worker].streams.append(Stream(listener: stream, listen: listen, paths: paths))
        }
    }

    /// Where the daemon listens, with the ports that were really taken.
    var addresses: [ListenAddress] {
        (shares.first?.streams ?? []).flatMap { stream in
            stream.paths.map { ListenAddress(stream.listener.address, transport: stream.listen.transport, path: $0) }
        }
    }

    /// Bounds the connections of each worker.
    mutating func bound(connections: Int, proxies: [AccessRule]) {
        let rates = RateTables()
        for worker in shares.indices {
            shares[worker].rates = rates
            shares[worker].connections = connections
            shares[worker].proxies = ClientAccess(allow: proxies, deny: [], networks: [])
        }
    }

    /// Closes what was handed over and nobody has taken: the names by which the service manager knows it.
    mutating func closeOthers() -> Set<String> { inherited.closeOthers() }

    /// The sockets that the service manager may keep over a restart, by name: all but those that are its own.
    var kept: [(name: String, descriptors: [Int32])] {
        var result: [(name: String, descriptors: [Int32])] = []
        for stream in shares.first?.streams ?? [] {
            let address = stream.listener.address
            let listeners = shares.flatMap { share in
                (stream.listen.transport == .plain ? share.datagrams : []) + share.streams.map(\.listener)
            }
            let own = listeners.filter { $0.address == address && !inherited.isOfUnit($0) }
            if !own.isEmpty {
                result.append((InheritedSockets.keptName(stream.listen.transport, address), own.map(\.descriptor)))
            }
        }
        return result
    }

    /// The socket for a place: one that was handed over, else a new one.
    private mutating func bind(
        _ kind: SocketKind, _ listen: ListenAddress, _ options: ListenOptions, _ loop: any Loop
    ) throws(DaemonError) -> Listener {
        do throws(SocketError) {
            if let listener = try inherited.take(kind, listen, options) { return listener }
            return try loop.listen(kind, at: listen.address, options: options)
        } catch {
            throw .listen(listen.address, kind == .datagram ? "udp" : "tcp", error)
        }
    }
}
