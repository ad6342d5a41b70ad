internal import DNSWire
internal import Green
internal import TestSupport

/// An answer that a client got.
struct ClientAnswer {
    let bytes: [UInt8]
    let transport: ScenarioTransport
    let client: IPAddress
}

/// A client that asks once and takes whatever comes for a while.
struct ScenarioClient {
    /// Who asks.
    let address: IPAddress
    /// What.
    let query: [UInt8]
    /// Over what.
    let transport: ScenarioTransport
    /// So long it listens.
    static let patience = Duration.seconds(60)

    /// The daemon, as this client reaches it.
    private var server: SocketAddress {
        SocketAddress(address.family == .v4 ? ScenarioMachines.daemon.v4 : ScenarioMachines.daemon.v6, port: 53)
    }

    /// Asks on the running hub; `answered` gets every answer.
    func ask(_ answered: (ClientAnswer) -> Void) throws {
        let deadline = Hub.current.loop.now().advanced(by: Self.patience)
        if transport == .tcp {
            let connection = try StreamSocket.connect(to: server, until: deadline)
            defer { connection.close() }
            try connection.writeMessage(query)
            while let bytes = try connection.readMessage(until: deadline) {
                answered(ClientAnswer(bytes: bytes, transport: .tcp, client: address))
            }
        } else {
            let socket = try DatagramSocket(connectedTo: server)
            defer { socket.close() }
            guard var datagram = Datagram(hub: Hub.current) else { return }
            datagram.fill(query)
            socket.send(datagram)
            while Hub.current.loop.now() < deadline {
                var answers: [[UInt8]] = []
                _ = try socket.receive(until: deadline) { answers.append([UInt8](copying: $0.bytes)) }
                for bytes in answers { answered(ClientAnswer(bytes: bytes, transport: .udp, client: address)) }
            }
        }
    }
}
