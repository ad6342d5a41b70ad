package import Green

/// Runs hubs on one host of a simulated world, and knows them.
package final class HostStarter: HubStarter, @unchecked Sendable {
    // SAFETY: touched on the world's own thread only.
    private let world: VirtualWorld
    private let host: VirtualHost
    /// Those that run, the first that was started first.
    package private(set) var hubs: [Hub] = []

    /// A starter for a host.
    package init(_ world: VirtualWorld, _ host: VirtualHost) {
        self.world = world
        self.host = host
    }

    /// As ``HubStarter`` says.
    package func start(
        name: String, hub: @escaping @Sendable () throws -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    ) {
        let place = Place()
        world.start(name: name) {
            let made = try hub()
            place.hub = made
            self.hubs.append(made)
            return made
        } body: {
            try body()
        } ended: { error in
            self.hubs.removeAll { $0 === place.hub }
            place.hub = nil
            ended(error)
        }
    }

    /// A loop on the host.
    package func makeLoop() throws -> any Loop { host.makeLoop() }

    /// A hub, once it is made.
    private final class Place: @unchecked Sendable {
        // SAFETY: touched on the world's own thread only.
        var hub: Hub?
    }
}
