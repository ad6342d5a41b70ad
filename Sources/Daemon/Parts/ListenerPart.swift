internal import Green

/// The listening sockets: bound at the start, and handed to the workers.
final class ListenerPart: Part {
    let name = "listeners"
    private let hub = Hub.current
    private let settings: Settings
    private var bound: ListenerSet?

    /// The part for what `settings` listen on; a reload does not change it.
    init(_ settings: Settings) {
        self.settings = settings
    }

    /// Each worker's share.
    var shares: [ListenerSet.Share] { bound?.shares ?? [] }

    /// Where the daemon listens, with the ports that were really taken.
    var addresses: [SocketAddress] { bound?.addresses ?? [] }

    func start() throws {
        bound = try ListenerSet(settings.listen, workers: settings.workers, loop: hub.loop)
    }

    func status() throws -> [StatusField] {
        [StatusField("addresses", addresses.map(\.description).joined(separator: ", "))]
    }
}
