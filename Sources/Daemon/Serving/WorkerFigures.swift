/// What a worker counts, added up over its servers.
struct WorkerFigures: Sendable, Equatable {
    /// Connections for which there was no place.
    var refusedConnections: UInt64 = 0
    /// Connections that lost their place to others.
    var closedConnections: UInt64 = 0
    /// Datagrams for which there was no greenlet.
    var shedDatagrams: UInt64 = 0
    /// Queries of clients that may not ask.
    var refusedQueries: UInt64 = 0
    /// Queries that got SERVFAIL because too many were asked, or waited, at once.
    var turnedAwayQueries: UInt64 = 0

    /// TLS handshakes that failed.
    var failedHandshakes: UInt64 = 0

    /// Connections of clients that are open.
    var connections = 0
    /// Clients that wait for an answer.
    var waitingClients = 0
    /// Greenlets that there are.
    var greenlets = 0
    /// How long the worker took to come to what it was asked, in nanoseconds: what any event waits for on its loop.
    var lag: UInt64 = 0

    /// Adds another worker's; of the lag, the longest.
    mutating func add(_ other: WorkerFigures) {
        refusedConnections &+= other.refusedConnections
        closedConnections &+= other.closedConnections
        shedDatagrams &+= other.shedDatagrams
        refusedQueries &+= other.refusedQueries
        turnedAwayQueries &+= other.turnedAwayQueries
        failedHandshakes &+= other.failedHandshakes
        connections += other.connections
        waitingClients += other.waitingClients
        greenlets += other.greenlets
        lag = max(lag, other.lag)
    }

    /// A kind of trouble: what is counted, and what is said when it begins and when it is over.
    struct Trouble: Sendable {
        /// How often it has happened.
        let count: @Sendable (WorkerFigures) -> UInt64
        /// Said at once.
        let begun: String
        /// Said when it has not happened for a while, with the count.
        let over: String
    }

    /// What an operator is told of.
    static let troubles = [
        Trouble(
            count: { $0.refusedConnections },
            begun: "TCP clients are turned away: all places, or all of one client, are taken by connections at work",
            over: "TCP clients are no longer turned away"),
        Trouble(
            count: { $0.closedConnections },
            begun: "TCP connections are closed to make room for others", over: "TCP connections are no longer closed for others"),
        Trouble(
            count: { $0.shedDatagrams },
            begun: "queries are dropped: too many wait for their answers", over: "queries are no longer dropped"),
        Trouble(
            count: { $0.turnedAwayQueries },
            begun: "queries get SERVFAIL: too many are being asked upstream or wait for their answers",
            over: "queries get no SERVFAIL for want of places any more"),
        Trouble(
            count: { $0.refusedQueries },
            begun: "queries are refused: their clients are not among those that `allow` names",
            over: "no queries are refused any more"),
    ]
}
