internal import Observation
internal import Resolver

extension Worker {
    /// Reads what this worker holds for clients.
    func readAccounts(_ read: Account.Reader) {
        resolver.readAccounts(read)
        read(Account("connections", places.count, of: places.limit))
        read(Account("connections of one client", places.mostOfClient, of: places.clientLimit))
        read(Account("clients with connections", places.clientCount))
        read(Account("bytes kept for connections", places.heldBytes, of: places.heldLimit))
        for server in streamServers {
            read(Account("handshakes", server.handshakes.count, of: server.handshakes.limit))
            read(Account("lingering closes", server.lingering.count, of: LingeringCloses.limit))
        }
    }
}
