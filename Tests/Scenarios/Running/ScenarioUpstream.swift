internal import DNSWire
internal import Green
internal import TestSupport

/// Takes what the daemon asks at one address and port, over UDP and TCP. It lives on a hub of its own.
final class ScenarioUpstream {
    private let address: SocketAddress
    /// Told of each question, on this hub.
    private let asked: (PendingQuery) -> Void
    private let hub = Hub.current
    private var datagrams: Datagrams?
    private var streams: StreamServer?

    /// Starts to listen, on the running hub.
    init(_ address: SocketAddress, asked: @escaping (PendingQuery) -> Void) throws {
        self.address = address
        self.asked = asked
        let socket = try DatagramSocket(listener: hub.loop.listen(.datagram, at: address, options: ListenOptions()))
        let stream = try hub.loop.listen(.stream, at: address, options: ListenOptions())
        datagrams = Datagrams(socket: socket, upstream: self)
        streams = try StreamServer(listener: stream, limit: 100) { [unowned self] in try serve($0) }
        datagrams?.start()
        streams?.start()
    }

    /// Notes a question; `write` sends a reply, on this hub.
    private func take(_ bytes: [UInt8], over transport: ScenarioTransport, write: @escaping ([UInt8]) throws -> Void) {
        guard let message = try? Message(bytes.span) else { return }
        let mailbox = hub.mailbox
        let box = Replies(write: write)
        asked(
            PendingQuery(message, over: transport, at: address.ip) { replies in
                mailbox.post {
                    Hub.current.spawn(name: "reply") {
                        for (bytes, delay) in replies {
                            if delay > .zero { try sleep(delay) }
                            try box.write(bytes)
                        }
                    }
                }
            })
    }

    private func serve(_ connection: StreamSocket) throws {
        while let bytes = try connection.readMessage() {
            take(bytes, over: .tcp) { try connection.writeMessage($0) }
        }
    }

    /// Carries a closure through the mailbox.
    private final class Replies: @unchecked Sendable {
        // SAFETY: touched on the world's own thread only.
        let write: ([UInt8]) throws -> Void

        init(write: @escaping ([UInt8]) throws -> Void) {
            self.write = write
        }
    }

    private final class Datagrams: DatagramServer {
        private unowned let upstream: ScenarioUpstream

        init(socket: DatagramSocket, upstream: ScenarioUpstream) {
            self.upstream = upstream
            super.init(socket: socket)
        }

        override func handle(_ datagram: consuming Datagram) {
            let bytes = [UInt8](copying: datagram.bytes)
            let path = datagram.returnPath
            _ = consume datagram
            let socket = socket
            upstream.take(bytes, over: .udp) { reply in
                guard let answer = Datagram(reply, hub: socket.hub) else { return }
                answer.setReturnPath(path)
                socket.send(answer)
            }
        }
    }
}
