internal import Glibc

extension VirtualWorld {
    /// Puts a datagram on its way; 0, or the number of the error that the sender sees at once.
    func send(_ bytes: [UInt8], from socket: VirtualDatagramSocket, source: IPAddress?, to peer: SocketAddress) -> Int32 {
        guard bytes.count <= 65507 else { return EMSGSIZE }
        let host = socket.host
        let to = peer.ip.isWildcard ? SocketAddress(peer.ip.family == .v4 ? .loopback : .loopbackV6, port: peer.port) : peer
        let chosen = source ?? (socket.local.ip.isWildcard ? nil : socket.local.ip) ?? host.source(for: to.ip)
        guard let chosen, let target = target(of: to.ip, from: host) else { return ENETUNREACH }
        if host.sendError(to: to.ip) != 0 { return host.sendError(to: to.ip) }
        // The address that the socket is bound to is gone.
        if !host.has(chosen) { return EINVAL }
        let from = SocketAddress(chosen, port: socket.local.port)
        let link = conditions(host, target)
        note("datagram sent", Int(socket.number), bytes.count)
        if isCut(host, target) || generator.chance(link.loss) {
            note("datagram lost", Int(socket.number), bytes.count)
            return 0
        }
        let copies = generator.chance(link.duplication) ? 2 : 1
        for _ in 0..<copies {
            var delay = generator.nanoseconds(in: link.latency)
            if generator.chance(link.reordering) { delay += 4 * link.latency.upperBound.clampedNanoseconds }
            let packet = VirtualDatagramSocket.Packet(bytes: bytes, from: from, to: to.ip)
            plan(after: delay) { [self, weak socket] in arrive(packet, at: to, on: target, sender: socket, link) }
        }
        return 0
    }

    private func arrive(
        _ packet: VirtualDatagramSocket.Packet, at address: SocketAddress, on target: VirtualHost,
        sender: VirtualDatagramSocket?, _ link: LinkConditions
    ) {
        guard let socket = target.receiver(.datagram, at: address, from: packet.from) as? VirtualDatagramSocket else {
            note("datagram refused", Int(address.port), packet.bytes.count)
            guard let sender, sender.peer != nil, !isCut(sender.host, target) else { return }
            plan(after: generator.nanoseconds(in: link.latency)) { [weak sender] in
                sender?.hear(.portUnreachable, from: address.ip, quoting: packet.bytes)
            }
            return
        }
        // The kernel counts some overhead for each datagram as well.
        let size = packet.bytes.count + 512
        guard socket.arrivedBytes + size <= min(socket.capacity, link.datagramQueue) else {
            note("datagram dropped", Int(socket.number), packet.bytes.count)
            return
        }
        note("datagram arrived", Int(socket.number), packet.bytes.count)
        socket.arrived.append(packet)
        socket.arrivedBytes += size
        socket.signal(readable: true)
    }
}
