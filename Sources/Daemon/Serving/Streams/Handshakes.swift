/// The TLS handshakes of one worker that are going on: each takes some tens of kilobytes, so that their number is bounded, for
/// each client and in all.
final class Handshakes {
    /// So many at once, for each worker.
    let limit: Int
    /// So many of them for one client.
    var clientLimit: Int { max(1, limit / 4) }
    /// Handshakes for which there was no place, or that lost it to others.
    private(set) var refusedCount: UInt64 = 0
    /// Those that are going on, the oldest first.
    private var connections: [StreamConnection] = []

    /// Places for handshakes.
    init(limit: Int = 256) {
        self.limit = limit
    }

    /// How many there are.
    var count: Int { connections.count }

    /// Notes that a connection begins with one: false where its client has too many. Where all places are taken the client with
    /// the most loses its oldest.
    func enter(_ connection: StreamConnection) -> Bool {
        guard connections.count(where: { $0.client == connection.client }) < clientLimit else {
            refusedCount &+= 1
            return false
        }
        if connections.count >= limit { makeRoom() }
        connections.append(connection)
        return true
    }

    /// Notes that a connection's handshake is over; nothing where it had none.
    func leave(_ connection: StreamConnection) {
        guard let index = connections.firstIndex(where: { $0 === connection }) else { return }
        connections.remove(at: index)
    }

    private func makeRoom() {
        var counts: [UInt128: Int] = [:]
        for connection in connections { counts[connection.client, default: 0] += 1 }
        guard let most = counts.values.max(), let victim = connections.first(where: { counts[$0.client] == most }) else { return }
        refusedCount &+= 1
        victim.end(.brokenOff)
        leave(victim)
    }
}
