internal import Green

/// The places for stream connections of one worker, so that no client takes them all: they are counted for each client
/// address (a /56 of IPv6), a client has a quarter of them at most, and at the limit the client with the most loses one.
/// What connections make the worker keep is bounded in the same way, by bytes.
final class StreamPlaces {
    /// One client, as far as it has connections.
    final class Client {
        /// Its connections.
        fileprivate(set) var members: [StreamConnection] = []
        /// Bytes that are kept for them.
        fileprivate(set) var heldBytes = 0
        /// Where the next look at its connections begins.
        fileprivate var hand = 0
        /// Its places among those with as many connections, and among those for which about as much is kept.
        fileprivate var countRank = ClientRanks.Place(), heldRank = ClientRanks.Place()

        /// How many they are.
        var count: Int { members.count }
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
    private var hand = 0
    /// Connections that were looked at for one that was to be closed.
    private(set) var looks: UInt64 = 0
    /// The clients by how many connections they have, and by the logarithm of what is kept for them.
    private var byCount = ClientRanks(\.countRank), byHeld = ClientRanks(\.heldRank)
    private var clients: [UInt128: Client] = [:]
    /// Bytes that are kept for all of them.
    private(set) var heldBytes = 0

    /// So many bytes may be kept for the connections of a worker.
    static let mostHeld = 16 << 20
    /// So many connections, or clients, are looked at for one that is to be closed; the next look begins behind them.
    static let mostLooks = 256

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

    /// The most that one client has.
    var mostOfClient: Int { byCount.highest }

    /// How many clients have any.
    var clientCount: Int { clients.count }

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
        clients[connection.client] = client
        connection.place = (connections.count, client.count, client)
        connections.append(connection)
        client.members.append(connection)
        byCount.put(client, at: client.count)
        return true
    }

    /// Counts a connection that has a place to another client from now on, where that may have one more: says so.
    func move(_ connection: StreamConnection, to number: UInt128) -> Bool {
        guard let former = connection.place?.client, connection.client != number else { return connection.place != nil }
        let client = clients[number] ?? Client()
        guard client.count < clientLimit || closeIdle(of: client) else { return refuse() }
        let held = connection.heldBytes
        hold(connection, bytes: 0)
        leave(former, connection)
        connection.client = number
        clients[number] = client
        connection.place?.client = client
        connection.place?.member = client.count
        client.members.append(connection)
        byCount.put(client, at: client.count)
        hold(connection, bytes: held)
        return true
    }

    /// Takes a connection's place back; nothing where it has none.
    func leave(_ connection: StreamConnection) {
        guard let (index, _, client) = connection.place else { return }
        hold(connection, bytes: 0)
        leave(client, connection)
        connection.place = nil
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.place?.index = index
        }
    }

    /// Takes a connection from its client.
    private func leave(_ client: Client, _ connection: StreamConnection) {
        guard let member = connection.place?.member else { return }
        let last = client.members.removeLast()
        if last !== connection {
            client.members[member] = last
            last.place?.member = member
        }
        byCount.put(client, at: client.count)
        if client.count == 0 { clients[connection.client] = nil }
    }

    /// Notes how many bytes are kept for a connection. Above the limit the connections lose theirs for which the most is kept,
    /// of the client for which the most is kept.
    func hold(_ connection: StreamConnection, bytes: Int) {
        guard let client = connection.place?.client, bytes != connection.heldBytes else { return }
        let change = bytes - connection.heldBytes
        connection.heldBytes = bytes
        client.heldBytes += change
        heldBytes += change
        byHeld.put(client, at: client.heldBytes == 0 ? 0 : Int.bitWidth - client.heldBytes.leadingZeroBitCount)
        while change > 0, heldBytes > heldLimit, let worst = heaviest() { close(worst) }
    }

    /// The connection for which the most is kept, of the client for which the most is kept.
    private func heaviest() -> StreamConnection? {
        let client = byHeld.best(looks: Self.mostLooks) { $0.heldBytes < $1.heldBytes }
        return client.flatMap { client in look(at: client.members, from: &client.hand) { $0.heldBytes > $1.heldBytes } }
    }

    /// Closes a connection of the client with the most, so that a descriptor is free.
    func makeRoom() { _ = makeRoom(for: nil) }

    // MARK: - Making room

    /// Closes the longest idle connection of the client with the most. A client that has more than another loses even one that
    /// is at work to it.
    private func makeRoom(for newcomer: Client?) -> Bool {
        guard let most = byCount.best(looks: 1, { $0.count < $1.count }) else { return false }
        if closeIdle(of: most) { return true }
        if let newcomer, most.count > newcomer.count + 1,
            let victim = look(at: most.members, from: &most.hand, { $0.lastUse < $1.lastUse })
        {
            close(victim)
            return true
        }
        guard let victim = look(at: connections, from: &hand, where: \.isIdle, { $0.lastUse < $1.lastUse }) else { return false }
        close(victim)
        return true
    }

    /// Closes the connection of a client that has been idle for longest.
    private func closeIdle(of client: Client) -> Bool {
        guard let victim = look(at: client.members, from: &client.hand, where: \.isIdle, { $0.lastUse < $1.lastUse }) else {
            return false
        }
        close(victim)
        return true
    }

    /// The best of some connections, of which so many are looked at as one look may cost.
    private func look(
        at connections: [StreamConnection], from hand: inout Int, where isMeant: (StreamConnection) -> Bool = { _ in true },
        _ isBetter: (StreamConnection, StreamConnection) -> Bool
    ) -> StreamConnection? {
        var found: StreamConnection?
        for _ in 0..<min(connections.count, Self.mostLooks) {
            hand = hand + 1 < connections.count ? hand + 1 : 0
            let connection = connections[hand]
            looks &+= 1
            if isMeant(connection), found.map({ isBetter(connection, $0) }) ?? true { found = connection }
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

    /// Ends the connections that are owed nothing, so that clients go elsewhere at once.
    func endIdle() {
        for connection in connections.reversed() where connection.isIdle { connection.endPolitely() }
    }
}

/// Clients by a small number, so that those with the highest are found at once.
struct ClientRanks {
    /// Where a client stands.
    struct Place {
        fileprivate var rank = 0
        fileprivate var index = 0
    }

    private var ranks: [[StreamPlaces.Client]] = [[]]
    /// The highest number that a client has.
    private(set) var highest = 0
    private var hand = 0
    private let place: ReferenceWritableKeyPath<StreamPlaces.Client, Place>

    /// None, with where each client keeps its place.
    fileprivate init(_ place: ReferenceWritableKeyPath<StreamPlaces.Client, Place>) { self.place = place }

    /// Puts a client where it belongs; at 0 it is not kept.
    fileprivate mutating func put(_ client: StreamPlaces.Client, at rank: Int) {
        let (old, index) = (client[keyPath: place].rank, client[keyPath: place].index)
        guard old != rank else { return }
        if old > 0 {
            let last = ranks[old].removeLast()
            if last !== client {
                ranks[old][index] = last
                last[keyPath: place].index = index
            }
        }
        while ranks.count <= rank { ranks.append([]) }
        client[keyPath: place] = Place(rank: rank, index: ranks[rank].count)
        if rank > 0 { ranks[rank].append(client) }
        highest = max(highest, rank)
        while highest > 0, ranks[highest].isEmpty { highest -= 1 }
    }

    /// One of the highest rank: the greatest of those that are looked at.
    fileprivate mutating func best(
        looks: Int, _ isLess: (StreamPlaces.Client, StreamPlaces.Client) -> Bool
    ) -> StreamPlaces.Client? {
        let clients = ranks[highest]
        var found: StreamPlaces.Client?
        for _ in 0..<min(looks, clients.count) {
            hand = hand + 1 < clients.count ? hand + 1 : 0
            if found.map({ isLess($0, clients[hand]) }) ?? true { found = clients[hand] }
        }
        return found
    }
}
