internal import Green
internal import GreenTLS
internal import Observation
internal import Resolver

/// TLS of a connection, where its listener speaks that.
extension StreamConnection {
    /// Whether the handshake is still to be done.
    final var isShakingHands: Bool { server.context != nil && tls?.isEstablished != true }

    /// Reads plain bytes: how many, and whether they are the last; nil where nothing has come.
    final func read(into buffer: UnsafeMutableRawBufferPointer) throws -> (count: Int, isLast: Bool)? {
        guard let context = server.context, let wire = server.wire else {
            return try unsafe receive(into: buffer).map { ($0, $0 == 0) }
        }
        guard let got = try unsafe receive(into: server.scratch.sealed) else { return nil }
        guard got > 0 else { return (0, true) }
        if tls == nil {
            guard server.handshakes.enter(self) else { throw SocketError.closed }
            tls = try TLSEngine(context, over: wire)
        }
        guard let tls else { return nil }
        let wasEstablished = tls.isEstablished
        if !wasEstablished { server.turns.note(StreamTurns.handshake) }
        let (count, progress) = unsafe tls.receive(UnsafeRawBufferPointer(rebasing: server.scratch.sealed[..<got]), into: buffer)
        // Alerts too, for the client to know why.
        unsafe try wire.takeOutput { bytes throws(SocketError) in unsafe try push(bytes) }
        if case .failed(let error) = progress {
            if !wasEstablished { server.failedHandshakes &+= 1 }
            throw error
        }
        idleBytes += got
        if idleBytes > Self.mostIdleBytes { throw TLSError.protocolFailure("too much that carries nothing") }
        if !wasEstablished, tls.isEstablished {
            server.handshakes.leave(self)
            server.resolver.figures.handshakes.add()
            if tls.isResumed { server.resolver.figures.resumptions.add() }
            lastUse = server.hub.now
            noteName(tls)
            try established()
        }
        let plain = try unsafe takeInnerHeader(from: buffer, count)
        if case .ended = progress { return (plain, true) }
        return (plain, false)
    }

    /// Ends an idle connection with all the farewells there are.
    final func endPolitely() {
        guard !isHandedOver else { return }
        if !isShakingHands { sayFarewell() }
        end(.saidAll)
    }

    /// Says farewell as TLS does.
    final func sayFarewell(_ tls: TLSEngine) {
        guard let wire = server.wire else { return }
        tls.sayFarewell()
        _ = unsafe wire.takeOutput { unsafe pushLast($0) }
    }

    /// Hands the last bytes of a connection to the kernel, which may take them in parts; false where it does not take them all at
    /// once, for nobody waits for that. What follows bytes that were cut would be noise.
    final func pushLast(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var done = 0
        while done < bytes.count {
            guard let sent = unsafe try? socket.writeNow(UnsafeRawBufferPointer(rebasing: bytes[done...])), sent > 0 else {
                return false
            }
            done += sent
        }
        return true
    }
}
