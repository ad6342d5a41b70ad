internal import Green

/// The machines of a run: the daemon's, those that are upstreams, and those of clients, by address.
final class ScenarioMachines {
    private let world: VirtualWorld
    private let daemon: VirtualHost
    private var hosts: [IPAddress: VirtualHost] = [:]

    /// The addresses of the daemon.
    static let daemon = (v4: IPAddress("10.0.0.53")!, v6: IPAddress("fd00::53")!)
    /// Who asks where a step names nobody.
    static let client = IPAddress(ScenarioSettings.usualClient)!

    init(_ world: VirtualWorld, daemon: VirtualHost) {
        self.world = world
        self.daemon = daemon
    }

    /// The machine that has an address; loopback is the daemon's own.
    func host(_ address: IPAddress) -> VirtualHost {
        if address.isLoopback || address == Self.daemon.v4 || address == Self.daemon.v6 { return daemon }
        if let host = hosts[address] { return host }
        // The world has a machine of its own, which has addresses that a script may name too.
        if world.host.addresses.contains(address) { return world.host }
        let host = world.addHost(address.description, [address])
        hosts[address] = host
        return host
    }

    /// The address that a step names; nil for one that is none. What is between @ and the end is a port, which clients pick
    /// themselves.
    static func address(of text: String?) -> IPAddress? {
        guard let text, text != "127.0.0.1", text != "::1" else { return client }
        return IPAddress(String(text.split(separator: "@")[0]))
    }
}
