internal import Green

/// The header of a proxy, before everything else on a connection: before the handshake, as HAProxy sends it, or inside TLS, as
/// dnsdist does.
extension StreamConnection {
    /// Reads bytes as they come over the socket, those of a header left out: how many, 0 at the end, nil where nothing has come.
    final func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        while let kept = proxyBytes, !hasInnerHeader {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[kept.count...])
            guard let got = try unsafe socket.readNow(into: room) else { return nil }
            guard got > 0 else { throw SocketError.closed }
            let count = try unsafe takeHeader(from: buffer, kept.count + got)
            if count > 0 { return count }
        }
        return try unsafe socket.readNow(into: buffer)
    }

    /// Looks for a header in plain bytes that came over TLS: how many are left without it.
    final func takeInnerHeader(from buffer: UnsafeMutableRawBufferPointer, _ count: Int) throws -> Int {
        guard hasInnerHeader, count > 0, let kept = proxyBytes else { return count }
        let moved = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[kept.count...])
        unsafe moved.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return try unsafe takeHeader(from: buffer, kept.count + count)
    }

    /// Takes a header from the front of bytes, of which those kept before are yet to be put there: how many are left without it.
    private func takeHeader(from buffer: UnsafeMutableRawBufferPointer, _ count: Int) throws -> Int {
        if let proxyBytes { unsafe buffer.copyBytes(from: proxyBytes) }
        // SAFETY: nothing waits, and nothing else uses the buffer, while it is looked at.
        let bytes = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        switch ProxyHeader.read(bytes) {
        case .incomplete:
            proxyBytes = unsafe Array(buffer[..<count])
            return 0
        case .wrong: throw SocketError.reset
        case .absent where server.context != nil && !hasInnerHeader:
            (proxyBytes, hasInnerHeader) = ([], true)
            return count
        case .absent:
            // Requests may have one: they say in a field whom they are for.
            guard server.listener.transport.isHTTP else { throw SocketError.reset }
            proxyBytes = nil
            return count
        case .header(let length, let client):
            proxyBytes = nil
            if let client { try become(client) }
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[length..<count]))
            return count - length
        }
    }

    /// Is the connection of another from now on: of whom its proxy asks for.
    private func become(_ ip: IPAddress) throws(SocketError) {
        identify(ip)
        let mayAsk = mayAsk || server.isProxy(address)
        let newClient = mayAsk ? StreamPlaces.client(at: ip) : 0
        // A handshake is not worth it for who may not ask.
        guard mayAsk || server.context == nil || hasInnerHeader else {
            server.gate.refusedCount &+= 1
            throw .closed
        }
        guard server.places.move(self, to: newClient) else { throw .closed }
    }

    /// Whether who asks is answered.
    final var mayAsk: Bool { isForwarded ? server.gate.admitsForwarded(address) : server.gate.admits(address) }
}
