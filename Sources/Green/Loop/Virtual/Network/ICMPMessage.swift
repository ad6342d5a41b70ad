internal import Glibc

/// An ICMP or ICMPv6 message that says why a datagram did not arrive.
public enum ICMPMessage: Sendable, Hashable {
    /// No route to the network.
    case networkUnreachable
    /// No way to the machine.
    case hostUnreachable
    /// Nobody listens there.
    case portUnreachable
    /// A router may not let it through.
    case prohibited
    /// A packet larger than so many bytes.
    case tooBig(mtu: UInt32)

    /// Its type and code (RFC 792, RFC 4443), and the error that the kernel makes of it.
    func numbers(_ family: IPAddress.Family) -> (type: UInt8, code: UInt8, errno: Int32) {
        switch (self, family) {
        case (.networkUnreachable, .v4): (3, 0, ENETUNREACH)
        case (.networkUnreachable, .v6): (1, 0, ENETUNREACH)
        case (.hostUnreachable, .v4): (3, 1, EHOSTUNREACH)
        case (.hostUnreachable, .v6): (1, 3, EHOSTUNREACH)
        case (.portUnreachable, .v4): (3, 3, ECONNREFUSED)
        case (.portUnreachable, .v6): (1, 4, ECONNREFUSED)
        case (.prohibited, .v4): (3, 13, EHOSTUNREACH)
        case (.prohibited, .v6): (1, 1, EACCES)
        case (.tooBig, .v4): (3, 4, EMSGSIZE)
        case (.tooBig, .v6): (2, 0, EMSGSIZE)
        }
    }

    /// Whether a connected socket without an error queue hears of it.
    var isFatal: Bool {
        switch self {
        case .portUnreachable, .tooBig: true
        case .networkUnreachable, .hostUnreachable, .prohibited: false
        }
    }
}

extension VirtualWorld {
    /// Has an ICMP message arrive at a host, which quotes a datagram that the host is said to have sent from `local` to
    /// `peer`. Anybody can send such a message: the kernel looks only for a socket between these two, and nothing happens
    /// where there is none. `payload` is what it quotes of the datagram's bytes.
    public func deliver(
        _ message: ICMPMessage, to host: VirtualHost, from local: SocketAddress, to peer: SocketAddress, quoting payload: [UInt8],
        reporter: IPAddress? = nil
    ) {
        check()
        note("icmp", host.number, Int(local.port))
        plan(after: 0) { [unowned host] in
            let sockets = host.ports[VirtualPort(kind: .datagram, number: local.port)] ?? []
            for case let socket as VirtualDatagramSocket in sockets where socket.peer == peer && socket.local.ip == local.ip {
                socket.hear(message, from: reporter ?? peer.ip, quoting: payload)
            }
        }
    }

    /// Gives a host other addresses besides loopback. What a socket sends from one that is gone meets EINVAL, and what is
    /// sent there ENETUNREACH.
    public func setAddresses(_ addresses: [IPAddress], of host: VirtualHost) {
        check()
        let others = hosts.filter { $0 !== host }.flatMap(\.addresses)
        require(Set(others).isDisjoint(with: addresses), "an address of two hosts")
        note("addresses", host.number, addresses.count)
        host.addresses = addresses
    }

    /// Has each send of a host to `destination` fail with that number (EPERM, ENOBUFS, ENETUNREACH), until it is called
    /// with nil; without a destination, to all that is not loopback. Where the number says that there is no route,
    /// connecting fails as well.
    public func setSendError(_ errno: Int32?, from host: VirtualHost, to destination: IPAddress? = nil) {
        check()
        note("send error", host.number, Int(errno ?? 0))
        host.sendErrors[destination] = errno
    }
}

extension VirtualHost {
    /// Whether the kernel knows no way to `destination` at present.
    func lacksRoute(to destination: IPAddress) -> Bool {
        [ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN].contains(sendError(to: destination))
    }
}

extension VirtualDatagramSocket {
    /// An ICMP message that fits this socket has come.
    func hear(_ message: ICMPMessage, from reporter: IPAddress, quoting payload: [UInt8]) {
        guard let peer else { return }
        let numbers = message.numbers(peer.ip.family)
        // Without path-MTU discovery the kernel takes no notice of "too big" for IPv6.
        if case .tooBig = message, peer.ip.family == .v6 { return }
        guard keepsReports || message.isFatal else { return }
        if keepsReports {
            var mtu: UInt32 = 0
            if case .tooBig(let size) = message { mtu = size }
            let quoted = Array(payload.prefix(peer.ip.family == .v4 ? 520 : 1184))
            // The queue shares its room with the datagrams that have arrived.
            let size = quoted.count + 512
            guard arrivedBytes + size <= capacity else { return }
            arrivedBytes += size
            reports.append(
                DatagramReport(
                    errno: numbers.errno, type: numbers.type, code: numbers.code, mtu: mtu, reporter: reporter, payload: quoted))
        }
        pendingError = numbers.errno
        signal(readable: true, writable: true)
    }

    /// The next entry of the error queue. As in the kernel, the pending error is that of the entry after it.
    func takeReport() -> DatagramReport? {
        guard !reports.isEmpty else { return nil }
        let report = reports.removeFirst()
        arrivedBytes -= report.payload.count + 512
        pendingError = reports.first?.errno ?? 0
        if !reports.isEmpty { signal(readable: true, writable: true) }
        return report
    }
}
