internal import Glibc
internal import Green
internal import Logging

/// The listening sockets: bound at the start, and handed to the workers.
final class ListenerPart: Part {
    let name = "listeners"
    private let hub = Hub.current
    private let logger: Logger
    private let settings: Settings
    private let surroundings: Surroundings
    private let notOpened: [ListenAddress]
    private var bound: ListenerSet?

    /// The part for what `settings` listen on, with socket units' addresses in place of their own, of which `notOpened` are left
    /// out; a reload does not change it. The service manager keeps the sockets over a restart.
    init(_ settings: Settings, notOpened: [ListenAddress], _ logger: Logger, _ surroundings: Surroundings) {
        self.settings = settings
        self.notOpened = notOpened
        self.logger = logger
        self.surroundings = surroundings
    }

    /// Each worker's share.
    var shares: [ListenerSet.Share] { bound?.shares ?? [] }

    /// Where the daemon listens, with the ports that were really taken.
    var addresses: [ListenAddress] { bound?.addresses ?? [] }

    func start() throws {
        let (inherited, service) = (surroundings.inherited, surroundings.service)
        for fault in inherited.faults { logger.warning("nothing to listen on was handed over", metadata: ["fault": "\(fault)"]) }
        let places = settings.writtenListen
        for address in notOpened {
            logger.warning("a socket unit opens what is listened on, and not this", metadata: ["listen": "\(address)"])
        }
        if !settings.tls.isGiven, let first = places.first(where: \.transport.isEncrypted) {
            throw DaemonError.certificate(
                "\(first)", "a socket that was handed over needs a certificate; expected tls, or no such socket")
        }
        var bound = try ListenerSet(
            places, areNamed: settings.namesListeners, workers: settings.workers,
            loop: hub.loop, inherited: inherited)
        // What is no longer listened on is not kept either, and the rest again: a name is removed as a whole.
        for name in bound.closeOthers() { service.remove(name) }
        for (name, descriptors) in bound.kept { service.store(descriptors, as: name) }
        bound.bound(connections: settings.connections, proxies: settings.proxies)
        self.bound = bound
        warnOfDescriptors()
        for (address, error) in bound.leftOut {
            logger.warning("not listening there", metadata: ["address": "\(address)", "error": "\(error.reason)"])
        }
        for address in bound.awaited {
            logger.warning(
                "this machine does not have the address yet; queries to it are answered once it does",
                metadata: ["address": "\(address)"])
        }
    }

    /// Says so where the process may not have as many descriptors as there may be connections.
    private func warnOfDescriptors() {
        guard surroundings.isProcess else { return }
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            let warning = Self.warning(
                connections: settings.connections, workers: settings.workers, descriptors: UInt64(limit.rlim_cur))
        else { return }
        logger.warning("\(warning)")
    }

    /// What is said of a limit of descriptors; nil where it leaves room for all connections, and for files, upstreams and listeners.
    static func warning(connections: Int, workers: Int, descriptors: UInt64) -> String? {
        let wanted = UInt64(connections) * UInt64(workers) + otherDescriptors
        guard descriptors < wanted else { return nil }
        return
            "this process may have \(descriptors) descriptors, and connections (\(connections) for each of \(workers) workers) may take "
            + "\(wanted): further clients are not accepted then; expected ulimit -n or LimitNOFILE of at least that"
    }

    /// So many descriptors are for other things than clients' connections.
    private static let otherDescriptors: UInt64 = 1_024

    func status() throws -> [StatusField] {
        [StatusField("addresses", addresses.map(\.description).joined(separator: ", "))]
    }
}
