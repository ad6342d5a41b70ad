internal import Green

/// The places for stream connections of one worker, so that no client takes them all: they are counted for each client
/// address (a /56 of IPv6), a client has a quarter of them at most, and at the limit the client with the most loses one.
/// What connections make the worker keep is bounded in the same way, by bytes.
final class StreamPlaces {
    /// One client, as far as it has connections.
    final class Client {
        /// Its connections.
        fileprivate(set) var count = 0
        /// Bytes that are kept for them.
        fileprivate(set) var heldBytes = 0
    }

    /// So many connections at once, for each worker.
    let limit: Int
    /// So many of them for one client.
    var clientLimit: Int { limit / 4 }
    /// So many bytes may be kept for all connections: parts of messages, and answers that are not sent yet.
    var heldLimit: Int
    /// Connections that were closed to make room, and newcomers for whom there was none.
    private(set) var closedCount: UInt64 = 0
    private(set) var refusedCount: UInt64 = 0
    /// Those that have a place.
    private var connections: [StreamConnection] = []
    private var clients: [UInt128: Client] = [:]
    /// Bytes that are kept for all of them.
    private(set) var heldBytes = 0

    /// So many bytes may be kept for the connections of a worker.
    static let mostHeld = 16 << 20

    /// Places without connections.
    init(limit: Int = 1000, heldLimit: Int = mostHeld) {
        self.limit = limit
        self.heldLimit = heldLimit
    }

    /// What tells one client from another: the address as `IPAddress.number` has it, of IPv6 the first 56 bits.
    static func client(at address: IPAddress) -> UInt128 {
        address.family == .v6 ? (address.number >> 72) << 72 : address.number
    }

    /// How many have a place.
    var count: Int { connections.count }

    /// How many of them are owed answers.
    var unfinishedCount: Int { connections.reduce(0) { $0 + ($1.isIdle ? 0 : 1) } }

    /// Gives a new connection a place, where need be by closing another; says whether there is one.
    func take(_ connection: StreamConnection) -> Bool {
        let client = clients[connection.client] ?? Client()
        if client.count >= clientLimit {
            guard closeIdle(of: client) else { return refuse() }
        } else if connections.count >= limit {
            guard makeRoom(for: client) else { return refuse() }
        }
        client.count += 1
        clients[connection.client] = client
        connection.place = (connections.count, client)
        connections.append(connection)
        return true
    }

    /// Counts a connection that has a place to another client from now on, where that may have one more: says so.
    func move(_ connection: StreamConnection, to number: UInt128) -> Bool {
        guard let (index, former) = connection.place, connection.client != number else { return connection.place != nil }
        let client = clients[number] ?? Client()
        guard client.count < clientLimit || closeIdle(of: client) else { return refuse() }
        let held = connection.heldBytes
        former.count -= 1
        former.heldBytes -= held
        if former.count == 0 { clients[connection.client] = nil }
        client.count += 1
        client.heldBytes += held
        clients[number] = client
        connection.client = number
        connection.place = (connection.place?.index ?? index, client)
        return true
    }

    /// Takes a connection's place back; nothing where it has none.
    func leave(_ connection: StreamConnection) {
        guard let (index, client) = connection.place else { return }
        hold(connection, bytes: 0)
        connection.place = nil
        client.count -= 1
        if client.count == 0 { clients[connection.client] = nil }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.place?.index = index
        }
    }

    /// Notes how many bytes are kept for a connection. Above the limit the connections lose theirs for which the most is kept,
    /// of the client for which the most is kept.
    func hold(_ connection: StreamConnection, bytes: Int) {
        guard let client = connection.place?.client, bytes != connection.heldBytes else { return }
        let change = bytes - connection.heldBytes
        connection.heldBytes = bytes
        client.heldBytes += change
        heldBytes += change
        while change > 0, heldBytes > heldLimit, let worst = connections.max(by: Self.holdsLess) { close(worst) }
    }

    /// Closes a connection of the client with the most, so that a descriptor is free.
    func makeRoom() { _ = makeRoom(for: nil) }

    // MARK: - Making room

    /// Closes the longest idle connection of the client with the most. A client that has more than another loses even one that
    /// is at work to it.
    private func makeRoom(for newcomer: Client?) -> Bool {
        guard let most = connections.max(by: { $0.clientCount < $1.clientCount })?.place?.client else { return false }
        if closeIdle(of: most) { return true }
        if let newcomer, most.count > newcomer.count + 1, let victim = oldest({ $0.place?.client === most }) {
            close(victim)
            return true
        }
        return closeIdle(of: nil)
    }

    /// Closes the connection that has been idle for longest, of one client or of all.
    private func closeIdle(of client: Client?) -> Bool {
        guard let victim = oldest({ $0.isIdle && (client == nil || $0.place?.client === client) }) else { return false }
        close(victim)
        return true
    }

    private func oldest(_ isMeant: (StreamConnection) -> Bool) -> StreamConnection? {
        var found: StreamConnection?
        for connection in connections where isMeant(connection) {
            if found.map({ connection.lastUse < $0.lastUse }) ?? true { found = connection }
        }
        return found
    }

    private func close(_ connection: StreamConnection) {
        closedCount += 1
        leave(connection)
        connection.close()
    }

    private func refuse() -> Bool {
        refusedCount += 1
        return false
    }

    private static func holdsLess(_ one: StreamConnection, _ other: StreamConnection) -> Bool {
        let (first, second) = (one.place?.client.heldBytes ?? 0, other.place?.client.heldBytes ?? 0)
        return first == second ? one.heldBytes < other.heldBytes : first < second
    }
}

extension StreamConnection {
    /// How many connections its client has.
    fileprivate var clientCount: Int { place?.client.count ?? 0 }
}
