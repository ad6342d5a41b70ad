// The daemon in a simulated world: all of it, from the YAML text of its settings to its sockets, on a host of its own.
//
//     let world = VirtualWorld(seed: 7)
//     try world.run { hub in
//         let daemon = SimulatedDaemon(in: world, settings: "listen: [10.0.0.53]\nupstreams: [10.0.0.8]")
//         try daemon.start()                       // returns when it serves
//         …                                        // clients and upstreams are hubs on hosts of their own (`Machines`)
//         try daemon.reload("…")                   // SIGHUP
//         try daemon.kill(); try daemon.start()    // a crash; files stay, for they are the host's
//         try daemon.stop()                        // SIGTERM
//     }
//
// Its main hub and its workers are hubs on `host`, started by a `HostStarter`. What it tells its service manager says when it
// serves and when a reload is over. It writes no real file, knows no real address, and logs into `log`.

internal import Daemon
package import Green
internal import Logging
package import Resolver

/// A daemon on a host of a simulated world. All calls come from the root hub's greenlets, and may wait.
package final class SimulatedDaemon: @unchecked Sendable {
    // SAFETY: touched on the world's own thread only; what other hubs do with it is between their turns.
    /// Where it runs, with its files.
    package let host: VirtualHost
    /// The settings, as the next start or reload reads them.
    package var settings: String
    /// What was logged, a line each.
    package var log: [String] { journal.lines.withLock { $0 } }
    /// What the workers share, while it runs.
    package private(set) var shared: SharedState?
    /// What ended it, where it was not told to end.
    package private(set) var failure: (any Error)?
    /// Whether it runs.
    package private(set) var isRunning = false
    /// How many sockets it had not closed when it last ended in good order.
    package private(set) var leftSockets = 0
    /// Called with each line of the log.
    package var onLine: (String) -> Void {
        get { journal.onLine.withLock { $0.call } }
        set { journal.onLine.withLock { $0 = Journal.Listener(call: newValue) } }
    }

    let world: VirtualWorld
    private let journal = Journal()
    private let starter: HostStarter
    private let addresses: [IPAddress]
    private let hub = Hub.current
    private var mainLoop: VirtualLoop?
    private var readyCount = 0
    private var starts = 0
    private let progress: Event
    /// One for a process: it has a thread, which writes nothing here.
    private static let level = Log(level: .info)

    /// A daemon that does not run yet, on a new host.
    package init(
        in world: VirtualWorld, name: String = "daemon", addresses: [IPAddress] = [IPAddress("10.0.0.53")!], settings: String
    ) {
        self.world = world
        self.settings = settings
        self.addresses = addresses
        host = world.addHost(name, addresses)
        starter = HostStarter(world, host)
        progress = Event(hub: hub)
    }

    /// The hubs that run, the main one first.
    package var hubs: [Hub] { starter.hubs }

    /// Starts it, and waits until it serves. Throws what keeps it from that.
    package func start() throws {
        Journal.bootstrap()
        Journal.current = journal
        let loader = loader()
        let loaded = try loader.load()
        starts += 1
        (failure, isRunning, readyCount) = (nil, true, 0)
        let mailbox = hub.mailbox
        let surroundings = Surroundings.simulated(
            starter, addresses: addresses.map { ($0, 24) }, instanceName: "\(host.name)/\(starts)",
            notified: { line in mailbox.post { [weak self] in self?.note(line) } },
            shares: { [weak self] in self?.shared = $0 })
        let level = Self.level
        starter.start(name: "main") {
            try Hub(loop: self.starter.makeLoop(), options: HubOptions())
        } body: {
            self.mainLoop = Hub.current.loop as? VirtualLoop
            try Daemon.serve(loaded, log: level, in: surroundings) { () throws(ConfigurationError) in try loader.load() }
        } ended: { error in
            mailbox.post { [weak self] in self?.end(error) }
        }
        try wait { $0.readyCount > 0 || !$0.isRunning }
        if let failure { throw failure }
    }

    /// Gives it other settings, as SIGHUP does; what is wrong with them is in the log. Waits until they are in force.
    package func reload(_ text: String) throws {
        settings = text
        let before = readyCount
        mainLoop?.raise(1)
        try wait { $0.readyCount > before || !$0.isRunning }
    }

    /// Ends it in good order, as SIGTERM does.
    package func stop() throws {
        guard isRunning else { return }
        mainLoop?.raise(15)
        try wait { !$0.isRunning }
        try settle()
    }

    /// Ends it as a crash does: sockets are gone, nothing is written any more; files stay.
    package func kill() throws {
        guard isRunning else { return }
        world.crash(host)
        world.schedule(after: .zero) { [world, host] in world.endHubs(on: host) }
        try wait { !$0.isRunning }
        failure = nil
        try settle()
    }

    /// Waits until none of its hubs is left.
    private func settle() throws {
        let deadline = hub.loop.now().advanced(by: .seconds(30))
        while !starter.hubs.isEmpty {
            guard hub.loop.now() < deadline else { throw SimulationError("hubs of the daemon do not end") }
            try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(1)))
        }
        (shared, mainLoop) = (nil, nil)
        // What the kernel does for a process that ends.
        leftSockets = world.socketCount(of: host)
        world.closeSockets(of: host)
    }

    private func loader() -> ConfigurationLoader {
        let addresses = addresses
        return ConfigurationLoader(text: { [weak self] in self?.settings ?? "" }, machine: { addresses })
    }

    private func note(_ line: String) {
        if line == "READY=1" { readyCount += 1 }
        progress.set()
    }

    private func end(_ error: (any Error)?) {
        (isRunning, failure) = (false, error)
        progress.set()
    }

    private func wait(_ condition: (SimulatedDaemon) -> Bool) throws {
        let deadline = hub.loop.now().advanced(by: .seconds(60))
        while !condition(self) {
            progress.clear()
            guard try progress.wait(until: deadline) else { throw SimulationError("the daemon does nothing for a minute") }
        }
    }
}

/// What is wrong with a simulation itself, or with a daemon that hangs.
package struct SimulationError: Error, CustomStringConvertible {
    /// In words.
    package let description: String

    /// An error in words.
    package init(_ description: String) { self.description = description }
}
