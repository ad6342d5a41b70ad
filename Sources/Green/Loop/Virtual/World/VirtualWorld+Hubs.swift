extension VirtualWorld: HubStarter {
    /// Runs a hub in this world, beside the root hub: `HubGroup(starter: world)`. The hub's loop must be of this world.
    public func start(
        name: String, hub: @escaping @Sendable () throws -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    ) {
        check()
        let made = Result { try hub() }
        guard case .success(let hub) = made else {
            if case .failure(let error) = made { ended(error) }
            return
        }
        guard let loop = hub.loop as? VirtualLoop, loop.world === self else {
            halt("a hub of a simulated world needs a loop of that world")
        }
        steppedHubs.append(SteppedHub(hub: hub, loop: loop, body, ended: ended))
    }

    /// A loop on the world's own host.
    public func makeLoop() -> any Loop { host.makeLoop() }
}
