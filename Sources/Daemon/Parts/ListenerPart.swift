internal import Green
internal import Logging

/// The listening sockets: bound at the start, and handed to the workers.
final class ListenerPart: Part {
    let name = "listeners"
    private let hub = Hub.current
    private let logger: Logger
    private let settings: Settings
    private var bound: ListenerSet?

    /// The part for what `settings` listen on; a reload does not change it.
    init(_ settings: Settings, _ logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Each worker's share.
    var shares: [ListenerSet.Share] { bound?.shares ?? [] }

    /// Where the daemon listens, with the ports that were really taken.
    var addresses: [ListenAddress] { bound?.addresses ?? [] }

    func start() throws {
        var bound = try ListenerSet(
            settings.writtenListen, areNamed: settings.namesListeners, workers: settings.workers, loop: hub.loop)
        bound.bound(connections: settings.connections, proxies: settings.proxies)
        self.bound = bound
        for (address, error) in bound.leftOut {
            logger.warning("not listening there", metadata: ["address": "\(address)", "error": "\(error.reason)"])
        }
        for address in bound.awaited {
            logger.warning(
                "this machine does not have the address yet; queries to it are answered once it does",
                metadata: ["address": "\(address)"])
        }
    }

    func status() throws -> [StatusField] {
        [StatusField("addresses", addresses.map(\.description).joined(separator: ", "))]
    }
}
