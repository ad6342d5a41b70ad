internal import AnswerCache
internal import Green
internal import Logging

/// Who may ask, by the settings and by the networks that this machine is in; those are looked at now and then.
final class AccessPart: Part {
    let name = "access"
    private let logger: Logger
    private let readNetworks: @Sendable () -> [AddressPrefix]
    private var settings: Settings
    private var networks: [AddressPrefix] = []
    private let looking: PeriodicLook
    /// What is in force.
    private(set) var rules = ClientRules(.nobody)
    /// Called with what takes its place.
    var changed: (ClientRules) -> Void = { _ in }

    /// From one look at the interfaces to the next.
    private static let interval = Duration.seconds(10)

    /// The part for some settings; `networks` gives those of this machine's interfaces, and may block.
    init(
        _ settings: Settings, _ logger: Logger,
        networks: @escaping @Sendable () -> [AddressPrefix] = Surroundings.system.networks
    ) {
        self.settings = settings
        self.logger = logger
        readNetworks = networks
        looking = PeriodicLook("interfaces", every: Self.interval, logger)
    }

    /// The networks of interfaces. A short prefix is no network of ours, but a tunnel's or a mistake that would
    /// let in half the internet.
    static func networks(of interfaces: [Surroundings.InterfaceAddress]) -> [AddressPrefix] {
        interfaces.compactMap { address, length in
            length >= (address.family == .v4 ? 8 : 32) ? AddressPrefix(address, length: length) : nil
        }
    }

    func start() throws {
        try look()
        warn()
        looking.start { [weak self] in
            try self?.look()
            return false
        }
    }

    func adopt(_ settings: Settings) throws {
        let former = self.settings
        self.settings = settings
        try look()
        if former.allow != settings.allow { warn() }
    }

    func status() throws -> [StatusField] {
        [StatusField("allow", settings.allow.map(\.description).joined(separator: ", "))]
            + (settings.deny.isEmpty ? [] : [StatusField("deny", settings.deny.map(\.description).joined(separator: ", "))])
    }

    func stop() throws {
        looking.stop()
    }

    /// Finds out who may ask now, and says so where it is not as before. Interfaces are asked for only where they matter.
    private func look() throws {
        if settings.needsNetworks {
            let readNetworks = readNetworks
            networks = try blocking { readNetworks() }
        }
        var new = ClientRules(ClientAccess(allow: settings.allow, deny: settings.deny, networks: networks))
        for listener in settings.listenerAccess.keys {
            let rules = settings.rules(at: listener)
            new.accessAt[listener] = ClientAccess(allow: rules.allow, deny: rules.deny, networks: networks)
        }
        // Of the networks of interfaces only private ones: a public one has strangers in it.
        let exempt = settings.rateLimit.exempt(
            allowing: settings.allow + settings.listenerAccess.keys.flatMap { settings.rules(at: $0).allow })
        new.exempt = ClientAccess(allow: exempt, deny: [], networks: [])
        new.limits = settings.rateLimit.limits
        guard new != rules else { return }
        rules = new
        changed(new)
    }

    private func warn() {
        guard settings.answersEverybody else { return }
        logger.warning(
            "everybody who reaches this server may ask it (allow: any): an open resolver is used to attack others; name the networks that may ask",
            metadata: [
                "listen": "\(settings.allAddresses.filter { !$0.ip.isLoopback }.map(\.description).joined(separator: ", "))"
            ])
    }
}

extension Settings {
    /// Whether a listener that others reach answers whoever asks.
    package var answersEverybody: Bool {
        allAddresses.contains { !$0.ip.isLoopback && rules(at: $0).allow.contains(where: \.isNearlyEverybody) }
    }

    /// Whether it matters which networks this machine is in.
    fileprivate var needsNetworks: Bool {
        allAddresses.contains { listener in
            guard !listener.ip.isLoopback else { return false }
            let rules = rules(at: listener)
            return (rules.allow + rules.deny).contains(.local)
        }
    }
}
