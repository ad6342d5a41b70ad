/// A socket of a simulated world, as far as all kinds are alike.
@safe class VirtualSocket {
    let number: Int32
    let host: VirtualHost
    let kind: SocketKind
    /// Where it is bound.
    var local: SocketAddress
    /// What the hub's sockets know of it, once a loop has it.
    private(set) var handle: SocketHandle?
    /// The hub that `handle` belongs to.
    private(set) weak var hub: Hub?

    init(host: VirtualHost, kind: SocketKind, local: SocketAddress) {
        self.host = host
        self.kind = kind
        self.local = local
        number = unsafe host.world.takeNumber()
        unsafe host.world.sockets[number] = self
    }

    var world: VirtualWorld { unsafe host.world }

    /// A handle for the sockets of `hub`.
    func makeHandle(for hub: Hub) -> SocketHandle {
        let handle = unsafe hub.makeSocketRecord(descriptor: number)
        unsafe self.handle = unsafe handle
        self.hub = hub
        return unsafe handle
    }

    /// Tells the hub that something may be possible now. The network delivers between the turns of hubs, and who watches the
    /// socket is called as in a turn of its own hub.
    func signal(readable: Bool = false, writable: Bool = false) {
        guard let handle = unsafe handle, let hub else { return }
        hub.asCurrent { unsafe handle.signal(readable: readable, writable: writable) }
    }

    /// Lets go of all that the socket has.
    func close() {
        world.sockets[number] = nil
        host.unbind(self)
        unsafe handle = nil
    }
}

/// A bound or connected datagram socket.
final class VirtualDatagramSocket: VirtualSocket {
    /// A datagram that has arrived.
    struct Packet {
        let bytes: [UInt8]
        let from: SocketAddress
        /// The address that it was sent to.
        let to: IPAddress
    }

    let peer: SocketAddress?
    let capacity: Int
    var arrived: [Packet] = []
    /// Bytes that wait, of datagrams and reports, with the overhead that the kernel counts for each.
    var arrivedBytes = 0
    /// What the network said of an earlier datagram, for a connected socket.
    var pendingError: Int32 = 0
    /// The error queue, where there is one.
    var reports: [DatagramReport] = []
    let keepsReports: Bool

    init(host: VirtualHost, local: SocketAddress, peer: SocketAddress?, capacity: Int, keepsReports: Bool = false) {
        self.peer = peer
        self.capacity = capacity
        self.keepsReports = keepsReports
        super.init(host: host, kind: .datagram, local: local)
    }
}

/// A stream listener with the connections that wait to be accepted.
final class VirtualListener: VirtualSocket {
    var waiting: [VirtualStream] = []
    let backlog: Int
    /// Its name, for a Unix socket.
    var path: String?

    init(host: VirtualHost, local: SocketAddress, backlog: Int) {
        self.backlog = max(1, backlog)
        super.init(host: host, kind: .stream, local: local)
    }

    override func close() {
        if let path { host.paths[path] = nil }
        let left = waiting
        waiting = []
        super.close()
        for stream in left { stream.close() }
    }
}

extension VirtualWorld {
    /// A number for a new socket.
    func takeNumber() -> Int32 {
        lastNumber += 1
        return lastNumber
    }
}

extension VirtualHost {
    /// Where a new socket of that kind is bound when it asks for `address`: a free port for port 0.
    func bind(
        _ kind: SocketKind, at address: SocketAddress, shared: Bool, mayComeLater: Bool = false
    ) throws(SocketError) -> SocketAddress {
        guard mayComeLater || has(address.ip) else { throw .addressNotAvailable }
        if address.port != 0 {
            guard shared || isFree(kind, address) else { throw .addressInUse }
            return address
        }
        for _ in 0..<1000 {
            let port = unsafe UInt16.random(in: 10240...65535, using: &world.generator)
            let candidate = SocketAddress(address.ip, port: port)
            if isFree(kind, candidate) { return candidate }
        }
        throw .addressInUse
    }

    private func isFree(_ kind: SocketKind, _ address: SocketAddress) -> Bool {
        let others = ports[VirtualPort(kind: kind, number: address.port)] ?? []
        return !others.contains {
            $0.local.ip.family == address.ip.family
                && ($0.local.ip == address.ip || $0.local.ip.isWildcard || address.ip.isWildcard)
        }
    }

    /// Enters a bound socket.
    func enter(_ socket: VirtualSocket) {
        ports[VirtualPort(kind: socket.kind, number: socket.local.port), default: []].append(socket)
    }

    /// Forgets a bound socket.
    func unbind(_ socket: VirtualSocket) {
        ports[VirtualPort(kind: socket.kind, number: socket.local.port)]?.removeAll { $0 === socket }
    }

    /// The socket that gets what `peer` sends to `address`: a connected one before one that is bound to the address,
    /// that before one for all addresses; among those that share a port, the one that the peer's address falls on.
    func receiver(_ kind: SocketKind, at address: SocketAddress, from peer: SocketAddress) -> VirtualSocket? {
        let all = ports[VirtualPort(kind: kind, number: address.port)] ?? []
        if let connected = all.first(where: { ($0 as? VirtualDatagramSocket)?.peer == peer && $0.local.ip == address.ip }) {
            return connected
        }
        let open = all.filter { ($0 as? VirtualDatagramSocket)?.peer == nil && !($0 is VirtualStream) }
        var matching = open.filter { $0.local.ip == address.ip }
        if matching.isEmpty {
            matching = open.filter { $0.local.ip.isWildcard && $0.local.ip.family == address.ip.family }
        }
        guard !matching.isEmpty else { return nil }
        let hash = (peer.ip.low ^ UInt64(peer.port) &* 0x9E37_79B9_7F4A_7C15) >> 7
        return matching[Int(hash % UInt64(matching.count))]
    }
}
