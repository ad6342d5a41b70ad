/// The loop of a hub in a simulated world: sockets, clocks, jobs, files and signals of a `VirtualHost`.
public final class VirtualLoop: Loop {
    /// The host that the hub runs on.
    public let host: VirtualHost
    /// The world around it.
    public let world: VirtualWorld
    /// Its own random numbers, so that a draw more here changes nothing elsewhere.
    private var generator: SeededGenerator
    weak var hub: Hub!
    /// Until when the hub waits, when it is one of those that the world gives their turns.
    private(set) var deadline: UInt64 = 0
    var signalWatches: [SignalWatch] = []

    init(host: VirtualHost) {
        self.host = host
        world = unsafe host.world
        generator = unsafe SeededGenerator(seed: host.world.generator.next())
    }

    /// Whether the hub has nothing to do but wait.
    var isIdle: Bool { unsafe hub.core.pointee.mayWait }

    /// As ``Loop`` says.
    public func attach(_ hub: Hub) {
        self.hub = hub
    }

    /// As ``Loop`` says.
    public func wait(until deadline: Instant) {
        if world.isStepping {
            self.deadline = deadline.nanoseconds
        } else {
            world.drive(self, until: deadline.nanoseconds)
        }
    }

    /// As ``Loop`` says.
    public func makeWaker() -> any LoopWaker { VirtualWaker(self) }

    /// As ``Loop`` says.
    public func now() -> Instant { world.now }
    /// As ``Loop`` says.
    public func bootTime() -> UInt64 { world.clock + world.bootOffset }
    /// As ``Loop`` says.
    public func wallTime() -> Int64 { world.wallTime }
    /// As ``Loop`` says.
    public func random() -> UInt64 { generator.next() }
    /// The host's files.
    public var files: any FileAccess { host.files }

    /// The world's names.
    public var names: any NameAccess { world.names }

    /// Runs `job` at once when its time has come: on one of the host's four pool threads for that kind, as far as time
    /// goes.
    public func submit(_ job: @escaping @Sendable () -> Void, as kind: BlockingKind) throws(SocketError) {
        if let refusal = host.threadError { throw SocketError(errno: refusal, call: "pthread_create") }
        world.submit(job, on: host, as: kind)
    }

    /// As ``Loop`` says.
    @discardableResult
    public func onSignals(
        _ signals: [Int32], _ handler: @escaping (Int32) -> Void
    ) throws(SocketError) -> SignalWatch {
        let watch = SignalWatch(signals, handler)
        signalWatches.append(watch)
        return watch
    }

    /// As ``Loop`` says.
    public func end(_ watch: SignalWatch) {
        signalWatches.removeAll { $0 === watch }
    }

    /// Has a signal arrive, as if somebody had sent it to the process; nothing happens where nobody handles it.
    public func raise(_ signal: Int32) {
        world.plan(after: 0) { [weak self] in
            guard let self, let hub else { return }
            world.note("signal", Int(signal))
            hub.asCurrent {
                for watch in self.signalWatches where watch.signals.contains(signal) { watch.handler(signal) }
            }
        }
    }
}

/// Wakes a hub of a simulated world.
private final class VirtualWaker: LoopWaker, @unchecked Sendable {
    // SAFETY: `wake` checks that it is called on the world's own thread.
    private weak var loop: VirtualLoop?

    init(_ loop: VirtualLoop) {
        self.loop = loop
    }

    func wake() {
        guard let loop else { return }
        loop.world.check()
        loop.hub?.notePosts()
    }
}

extension VirtualWorld {
    /// Runs `job` after a while, outside of any hub.
    func submit(_ job: @escaping @Sendable () -> Void, on host: VirtualHost, as kind: BlockingKind) {
        var threads = host.poolThreads[kind] ?? [UInt64](repeating: 0, count: 4)
        let thread = threads.indices.min { threads[$0] < threads[$1] }!
        let begin = max(clock, threads[thread])
        let end = begin + generator.nanoseconds(in: jobTime)
        threads[thread] = end
        host.poolThreads[kind] = threads
        agenda.add(at: end) { [self] in
            note("job", host.number, thread)
            Hub.asNone(job)
        }
    }
}
