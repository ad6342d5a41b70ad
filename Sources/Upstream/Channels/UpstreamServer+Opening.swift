internal import Green
internal import GreenTLS
internal import Observation

/// Making connections.
extension UpstreamServer {
    /// A connection as the upstream is spoken to: one that is written as encrypted is, or there is none. Waits. Throws
    /// `TLSError` where it did not prove who it is.
    func openStream(until limit: Instant) throws -> any ByteStream {
        let stream = try openPlain(until: limit)
        figures.connections.add()
        guard address.transport.isEncrypted else { return stream }
        guard let encryption = address.encryption, let tls else {
            stream.close()
            throw TLSError.configuration("\(address)", reason: "no certificates to check it by")
        }
        do {
            let peer = encryption.peer(at: "\(stream.peer)")
            let socket = try TLSSocket.connect(over: stream, to: peer, context: tls, until: limit)
            figures.handshakes.add()
            if socket.isResumed { figures.resumptions.add() }
            if address.transport == .https, socket.negotiatedProtocol != "h2" {
                socket.close()
                throw TLSError.protocolFailure("the server does not speak HTTP/2 there")
            }
            hosts?.noteSuccess(stream.peer.ip)
            return socket
        } catch {
            hosts?.noteFailure(stream.peer.ip)
            throw error
        }
    }

    /// A connection to where it is, or to one of the addresses of its name.
    private func openPlain(until limit: Instant) throws -> StreamSocket {
        guard let hosts else { return try StreamSocket.connect(to: address.socketAddress, hub: hub, until: limit) }
        let found = try hosts.addresses(until: limit)
        guard !found.isEmpty else { throw SocketError.notFound }
        do {
            return try StreamSocket.connect(toFirstOf: found.map { SocketAddress($0, port: address.address.port) }, until: limit)
        } catch {
            hosts.noteFailure()
            throw error
        }
    }
}
