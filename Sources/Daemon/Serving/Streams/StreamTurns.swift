internal import Green

/// How much the stream connections of a listener do before others have their turn. What a thousand clients send at the same
/// moment would hold up everybody's datagrams for the time that all its answers take: above a measure they wait, in the order in
/// which they came, and the loop looks for events between.
final class StreamTurns {
    private let hub: Hub
    private let order: Green.Semaphore
    /// When the present turn began, and what was done in it.
    private var began = Instant(nanoseconds: 0)
    private var done = 0

    /// So many bytes of answers are written in a turn, and what was begun by then.
    static let mostInTurn = 256 << 10
    /// A question that waits, and so takes a greenlet, counts as so many bytes.
    static let waitingQuestion = 1 << 10

    /// A step of a handshake counts as so many bytes: what a processor does for it in the time.
    static let handshake = 64 << 10

    init(hub: Hub) {
        self.hub = hub
        order = Green.Semaphore(1, hub: hub)
    }

    /// Whether more may be done in this turn.
    var hasRoom: Bool {
        if began != hub.now { (began, done) = (hub.now, 0) }
        return done < Self.mostInTurn
    }

    /// Notes that so much was done.
    func note(_ bytes: Int) { done += bytes }

    /// Waits for a turn in which there is room.
    func wait() throws {
        try order.withPermit {
            guard !hasRoom else { return }
            try hub.yield(afterEvents: true)
            // Whatever the clock says.
            (began, done) = (hub.now, 0)
        }
    }
}
