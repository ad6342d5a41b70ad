internal import Glibc

extension VirtualWorld {
    /// Begins to connect a stream from `host`.
    func connect(from host: VirtualHost, to peer: SocketAddress) throws(SocketError) -> VirtualStream {
        let to = peer.ip.isWildcard ? SocketAddress(peer.ip.family == .v4 ? .loopback : .loopbackV6, port: peer.port) : peer
        guard let source = host.source(for: to.ip), let target = target(of: to.ip, from: host),
            !host.lacksRoute(to: to.ip)
        else { throw .unreachable }
        let local = try host.bind(.stream, at: SocketAddress(source, port: 0), shared: false)
        let stream = VirtualStream(
            host: host, local: local, peer: peer, outgoing: VirtualPipe(from: host, to: target),
            incoming: VirtualPipe(from: target, to: host), phase: .connecting
        )
        host.enter(stream)
        knock(stream, from: local, at: target, retry: 1_000_000_000) { [unowned target] in
            target.receiver(.stream, at: to, from: local) as? VirtualListener
        }
        return stream
    }

    /// Begins to connect a stream to the Unix socket of that name.
    func connect(from host: VirtualHost, toPath path: String) throws(SocketError) -> VirtualStream {
        guard let listener = host.paths[path] else { throw .notFound }
        let nowhere = SocketAddress(.any, port: 0)
        let stream = VirtualStream(
            host: host, local: nowhere, peer: nowhere, outgoing: VirtualPipe(from: host, to: host),
            incoming: VirtualPipe(from: host, to: host), phase: .connecting
        )
        knock(stream, from: nowhere, at: host, retry: 1_000_000_000) { [weak listener] in listener }
        return stream
    }

    /// Asks for a connection; asks again after a while where that is lost, and gives up after two minutes.
    private func knock(
        _ stream: VirtualStream, from local: SocketAddress, at target: VirtualHost, retry: UInt64,
        _ find: @escaping () -> VirtualListener?
    ) {
        let host = stream.host
        let link = conditions(host, target)
        note("connecting", Int(stream.number))
        let isLost = isCut(host, target) || generator.chance(link.loss)
        let delay = generator.nanoseconds(in: link.latency)
        plan(after: isLost ? retry : delay) { [self, weak stream] in
            guard let stream else { return }
            let listener = isLost ? nil : find()
            if isLost || (listener.map { $0.waiting.count >= $0.backlog } ?? false) {
                guard retry < 64_000_000_000 else { return stream.finishConnect(ETIMEDOUT) }
                knock(stream, from: local, at: target, retry: retry * 2, find)
            } else if let listener {
                admit(stream, from: local, to: listener)
            } else {
                plan(after: generator.nanoseconds(in: link.latency)) { [weak stream] in stream?.finishConnect(ECONNREFUSED) }
            }
        }
    }

    /// Makes the listener's end of a connection, and tells the other end.
    private func admit(_ stream: VirtualStream, from local: SocketAddress, to listener: VirtualListener) {
        let target = listener.host
        let answer = generator.nanoseconds(in: conditions(stream.host, target).latency)
        stream.incoming.holdBack(until: clock + answer)
        let own = VirtualStream(
            host: target, local: SocketAddress(stream.peer.ip, port: listener.local.port), peer: local,
            outgoing: stream.incoming, incoming: stream.outgoing, phase: .connected
        )
        listener.waiting.append(own)
        note("knocked", Int(listener.number), Int(own.number))
        listener.signal(readable: true)
        plan(after: answer) { [weak stream, weak own] in
            if let stream {
                stream.finishConnect(0)
            } else {
                own?.breakOff(ECONNRESET)
            }
        }
    }
}
