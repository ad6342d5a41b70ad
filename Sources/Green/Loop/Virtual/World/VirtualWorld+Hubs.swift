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

    /// Ends the greenlets of all hubs on a host but the root hub, as after `crash`: they get no further than to clean up. From outside
    /// of any hub, by `schedule`.
    package func endHubs(on host: VirtualHost) {
        check()
        for stepped in steppedHubs where stepped.isOn(host) { stepped.end() }
    }

    /// Closes what sockets a host has, as the kernel does where a process ends: peers are told. None of its hubs is left by then.
    package func closeSockets(of host: VirtualHost) {
        check()
        for socket in sockets.values.filter({ $0.host === host }).sorted(by: { $0.number < $1.number }) {
            // A listener takes those along that wait there.
            if sockets[socket.number] != nil { socket.close() }
        }
    }

    /// How many sockets a host has.
    package func socketCount(of host: VirtualHost) -> Int {
        sockets.values.count { $0.host === host }
    }

    /// A loop on the world's own host.
    public func makeLoop() -> any Loop { host.makeLoop() }
}
