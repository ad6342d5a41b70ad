internal import AnswerCache
package import Green
package import Resolver

/// What a daemon finds around it beside its loop: threads, interfaces, the service manager, a user to become. A simulated machine
/// has its own of all that.
package struct Surroundings: Sendable {
    /// An address of an interface, and how long its network's prefix is.
    package typealias InterfaceAddress = (address: IPAddress, prefixLength: Int)

    /// Who runs the workers' hubs.
    let starter: any HubStarter
    /// The addresses of the machine's interfaces. May block.
    let interfaces: @Sendable () -> [InterfaceAddress]
    /// Who is told how the daemon is doing.
    let service: ServiceNotifier
    /// Whether the process may be root, and may have been handed sockets and an environment.
    let isProcess: Bool
    /// What the instance is called among those at one Redis; nil for a name after machine and process.
    let instanceName: String?
    /// What the process has given up.
    var sandbox: Sandbox?
    /// The sockets that a service manager has handed over.
    var inherited = InheritedSockets()
    /// Shown what the workers share, once it is made.
    let shares: @Sendable (SharedState) -> Void

    /// Those of a process of the system.
    static let system = Surroundings(
        starter: ThreadStarter(), interfaces: { Interfaces.addresses() }, service: .system, isProcess: true, instanceName: nil,
        shares: { _ in })

    /// The addresses of the machine's interfaces alone.
    var addresses: @Sendable () -> [IPAddress] { { [interfaces] in interfaces().map(\.address) } }

    /// The networks of the machine's interfaces.
    var networks: @Sendable () -> [AddressPrefix] { { [interfaces] in AccessPart.networks(of: interfaces()) } }

    /// Those of a simulated machine: hubs run by `starter`, and `notified` told what a service manager would be (sd_notify(3)).
    package static func simulated(
        _ starter: any HubStarter, addresses: [InterfaceAddress], instanceName: String,
        notified: @escaping @Sendable (String) -> Void, shares: @escaping @Sendable (SharedState) -> Void
    ) -> Surroundings {
        Surroundings(
            starter: starter, interfaces: { addresses }, service: ServiceNotifier(notified), isProcess: false,
            instanceName: instanceName, shares: shares)
    }
}
