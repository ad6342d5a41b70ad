internal import Green

/// The listening sockets of the daemon: for each address one for datagrams and one for streams, and each of those once
/// for every worker. They belong to the daemon, not to the workers.
struct ListenerSet {
    /// What one worker listens on.
    struct Share: Sendable {
        var datagrams: [Listener] = []
        var streams: [Listener] = []
    }

    private(set) var shares: [Share]

    /// So much of its answers the kernel takes for a client on TCP that reads slowly.
    private static let unsentBytes: Int32 = 128 << 10

    /// Binds all addresses. The first socket of an address is bound alone, so that another server there is noticed,
    /// also another instance of this one; only then do the other workers' sockets share its port.
    init(_ addresses: [SocketAddress], workers: Int, loop: any Loop) throws(DaemonError) {
        shares = Array(repeating: Share(), count: workers)
        for address in addresses {
            var options = ListenOptions()
            options.packetInfo = address.ip.isWildcard
            options.unsentBytes = Self.unsentBytes
            var bound = address
            for worker in 0..<workers {
                options.sharesPort = worker > 0
                let datagrams = try Self.bind(.datagram, bound, options, loop)
                // A port chosen by the kernel holds for all sockets of the address.
                bound = datagrams.address
                let streams = try Self.bind(.stream, bound, options, loop)
                shares[worker].datagrams.append(datagrams)
                shares[worker].streams.append(streams)
            }
        }
    }

    /// Where the daemon listens, with the ports that were really taken.
    var addresses: [SocketAddress] { shares.first.map { $0.datagrams.map(\.address) } ?? [] }

    private static func bind(
        _ kind: SocketKind, _ address: SocketAddress, _ options: ListenOptions, _ loop: any Loop
    ) throws(DaemonError) -> Listener {
        do {
            return try loop.listen(kind, at: address, options: options)
        } catch {
            throw .listen(address, kind == .datagram ? "udp" : "tcp", error)
        }
    }
}
